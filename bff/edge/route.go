package edge

import (
	"net/http"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

// The headers that apps send beside the standard ones.
const (
	// TenantHeader names the lender. Without it the installation's first lender is meant.
	TenantHeader = "Lendgate-Tenant"
	// DeviceKeyHeader holds the public key that an enrolling request is signed by, as a JSON Web Key in base64url.
	DeviceKeyHeader = "Lendgate-Device-Key"
	// AppVersionHeader and AppPlatformHeader tell which app calls, such as "2.4.0" and "ios".
	AppVersionHeader  = "X-App-Version"
	AppPlatformHeader = "X-App-Platform"
	// IdempotencyKeyHeader holds the request_id of a mutation.
	IdempotencyKeyHeader = "Idempotency-Key"
)

// route finds the RPC and the lender, and refuses what is not mounted or asked by the wrong HTTP method.
func (e *Edge) route(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		lender, ok := tenantOf(c.plan.lenders, r)
		if !ok {
			c.tenant = c.plan.lenders.Default()
			e.refuse(w, r, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TENANT_UNKNOWN, "no such lender"))
			return
		}
		c.tenant = lender
		c.locale = e.locales.of(lender, r.Header.Get("Accept-Language"))
		c.actor.TenantID, c.actor.RequestID = lender.ID, c.requestID
		if c.rest != nil {
			if c.rpc == nil {
				e.refuseREST(w, r)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if c.rpc == nil {
			e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC"))
			return
		}
		if r.Method != http.MethodPost && (r.Method != http.MethodGet || !c.method.ReadOnly) {
			w.Header().Set("Allow", allowed(c.method.ReadOnly))
			e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED, "asked by the wrong HTTP method"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tenantOf finds the lender that a request names.
func tenantOf(lenders *tenant.Directory, r *http.Request) (*tenant.Tenant, bool) {
	name := r.Header.Get(TenantHeader)
	if name == "" {
		return lenders.Default(), true
	}
	return lenders.Get(name)
}

func allowed(readOnly bool) string {
	if readOnly {
		return "GET, POST"
	}
	return "POST"
}
