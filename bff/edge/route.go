package edge

import (
	"context"
	"net/http"
	"strconv"
	"strings"

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
		lender, ok := e.tenantOf(r)
		if !ok {
			c.tenant = e.deps.Tenants.Default()
			e.refuse(w, r, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TENANT_UNKNOWN, "no such lender"))
			return
		}
		c.tenant = lender
		c.locale = lender.Locale(r.Header.Get("Accept-Language"))
		c.actor.TenantID, c.actor.RequestID = lender.ID, c.requestID
		method, known := e.deps.Door.Methods().Get(r.URL.Path)
		_, mounted := e.rpcs.Handler(r)
		if !known || mounted == "" {
			e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC"))
			return
		}
		c.method = method
		if r.Method != http.MethodPost && (r.Method != http.MethodGet || !method.ReadOnly) {
			w.Header().Set("Allow", allowed(method.ReadOnly))
			e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED, "asked by the wrong HTTP method"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tenantOf finds the lender that a request names.
func (e *Edge) tenantOf(r *http.Request) (*tenant.Tenant, bool) {
	name := r.Header.Get(TenantHeader)
	if name == "" {
		return e.deps.Tenants.Default(), true
	}
	return e.deps.Tenants.Get(name)
}

func allowed(readOnly bool) string {
	if readOnly {
		return "GET, POST"
	}
	return "POST"
}

// maxVersionLength is what the contract allows for an app's version.
const maxVersionLength = 32

// appVersion refuses apps that are too old for the lender. A version that is not told, or not readable, passes: a gate that cannot tell
// must not lock people out.
func (e *Edge) appVersion(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, version := callOf(r.Context()), r.Header.Get(AppVersionHeader)
		if len(version) <= maxVersionLength {
			c.appVersion = version
		}
		minimum := c.tenant.MinAppVersions[r.Header.Get(AppPlatformHeader)]
		if olderThan(version, minimum) {
			e.refuse(w, r, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_APP_UPGRADE_REQUIRED, "this version of the app is no longer served",
				rpcerr.Meta("min_version", minimum)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// olderThan compares dotted numbers, such as "2.9" and "2.10.1". What cannot be read is not older.
func olderThan(version, minimum string) bool {
	if version == "" || minimum == "" {
		return false
	}
	have, want := strings.Split(version, "."), strings.Split(minimum, ".")
	for i := range max(len(have), len(want)) {
		h, w := 0, 0
		var err error
		if i < len(have) {
			if h, err = strconv.Atoi(have[i]); err != nil {
				return false
			}
		}
		if i < len(want) {
			if w, err = strconv.Atoi(want[i]); err != nil {
				return false
			}
		}
		if h != w {
			return h < w
		}
	}
	return false
}

// AppVersion is the version that the app told in its headers; "unknown" when it told none.
func AppVersion(ctx context.Context) string {
	if c := callOf(ctx); c != nil && c.appVersion != "" {
		return c.appVersion
	}
	return "unknown"
}
