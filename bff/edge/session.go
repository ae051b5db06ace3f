package edge

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// sessionCache asks identity whose token it is and keeps the answer for a few seconds, under the token's hash.
type sessionCache struct {
	sessions identityv1connect.SessionServiceClient
	cache    *expiringCache[string, *identityv1.AuthenticateSessionResponse]
}

func newSessionCache(sessions identityv1connect.SessionServiceClient, clk clock.Clock, lifetime time.Duration) *sessionCache {
	return &sessionCache{sessions: sessions, cache: newExpiringCache[string, *identityv1.AuthenticateSessionResponse](clk, lifetime)}
}

func (s *sessionCache) look(ctx context.Context, lender, token string) (*identityv1.AuthenticateSessionResponse, error) {
	sum := sha256.Sum256([]byte(lender + "|" + token))
	return s.cache.get(string(sum[:]), func() (*identityv1.AuthenticateSessionResponse, error) {
		return s.sessions.AuthenticateSession(actor.AsService(ctx, lender, service), &identityv1.AuthenticateSessionRequest{AccessToken: token})
	})
}

// authenticate finds out who calls. A token is good on the device of its session alone, so a stolen one is of no use without the key that
// never leaves the device. Without a token the caller is the device. A partner is known by its key.
func (e *Edge) authenticate(next http.Handler) http.Handler {
	asPartner := e.admitPartner(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		if c.method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER {
			asPartner.ServeHTTP(w, r)
			return
		}
		if c.outsideStaffNetworks() {
			e.refuseNetwork(w, r, c)
			return
		}
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || c.method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_NONE {
			c.actor.Kind = actor.KindAnonymous
			next.ServeHTTP(w, r)
			return
		}
		if len(token) > maxTokenBytes {
			e.refuse(w, r, sessionExpired())
			return
		}
		found, err := e.sessions.look(r.Context(), c.tenant.ID, token)
		if err != nil {
			switch rpcerr.PeerReason(err) {
			case typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST:
				e.refuse(w, r, sessionExpired())
			default: // Nobody knows: the token may be good, and a phone must not log out.
				e.refuse(w, r, rpcerr.Scrub(r.Context(), e.deps.Log, c.method.Procedure, c.requestID, err))
			}
			return
		}
		session := found.GetSession()
		if session.GetDeviceId() != c.actor.DeviceID || !e.deps.Clock.Now().Before(session.GetExpireTime().AsTime()) {
			e.refuse(w, r, sessionExpired())
			return
		}
		c.admitSession(session)
		if found.GetLocale() != "" && r.Header.Get("Accept-Language") == "" {
			c.locale = e.locales.of(c.tenant, found.GetLocale())
		}
		next.ServeHTTP(w, r)
	})
}

func sessionExpired() error {
	return rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "the access token is not valid; refresh it")
}

// permit checks the RPC's permission. The end of the chain puts the actor into the context, where handlers and backends find it.
func (e *Edge) permit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		c.actor.Locale = c.locale
		if !c.mayCall() {
			if c.actor.Kind == actor.KindAnonymous {
				e.refuse(w, r, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED, "log in first"))
				return
			}
			e.refuse(w, r, e.denied(r, c))
			return
		}
		next.ServeHTTP(w, r)
	})
}
