package edge

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/bff/signature"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// verify checks the signature that the RPC's class asks for, over the bytes of the wire, and uses up its nonce. What failed is for the log
// and the metrics; the caller learns only that it failed, and what is wanted (Accept-Signature).
func (e *Edge) verify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		verifier := e.verifier
		switch c.method.Signature {
		case typev1.SignatureClass_SIGNATURE_CLASS_NONE:
			next.ServeHTTP(w, r)
			return
		case typev1.SignatureClass_SIGNATURE_CLASS_ENROL:
			verifier.Keys = presentedKey(r.Header.Get(DeviceKeyHeader))
		default:
			verifier.Keys = c.rpc.keys
			if c.rpc.takesSessionKeys {
				verifier.Keys = phoneKeys{devices: c.rpc.keys, sessions: e.sessionKeys, authorization: r.Header.Get("Authorization")}
			}
		}
		if verifier.Keys == nil { // INTERNAL has no keys here, and none of it is mounted.
			e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC"))
			return
		}
		policy := c.rpc.policy
		verified, err := verifier.Verify(c, r, c.body, policy)
		if err != nil {
			e.refuseSignature(w, r, policy, err)
			return
		}
		c.keyID = verified.KeyID
		if c.method.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER {
			c.actor.PartnerID = verified.Owner
		} else {
			c.actor.DeviceID = verified.Owner
		}
		next.ServeHTTP(w, r)
	})
}

func (e *Edge) refuseSignature(w http.ResponseWriter, r *http.Request, policy signature.Policy, err error) {
	cause := signature.ReasonOf(err)
	e.metrics.signatures.WithLabelValues(string(cause)).Inc()
	e.deps.Log.WarnContext(r.Context(), "signature refused", "request_id", callOf(r.Context()).requestID, "cause", string(cause), "error", err.Error())
	if errors.Is(err, errSessionEnded) {
		e.refuse(w, r, sessionExpired())
		return
	}
	switch cause {
	case signature.ReasonReplay:
		e.refuse(w, r, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED, "this nonce was used before"))
	case signature.ReasonUnavailable:
		e.refuse(w, r, rpcerr.Unavailable("signatures cannot be checked now"))
	case signature.ReasonClockSkew, signature.ReasonExpired:
		// Signed, whether or not it was asked for: a phone that believed a forged time would sign for a later one.
		e.signed(w, r, func(w http.ResponseWriter) {
			w.Header().Set("Date", e.deps.Clock.Now().Format(http.TimeFormat))
			e.refuse(w, r, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CLOCK_SKEW, "signed at another time than now",
				rpcerr.Meta("server_time", e.deps.Clock.Now().Format(time.RFC3339))))
		})
	default:
		w.Header().Set("Accept-Signature", signature.AcceptSignature(policy))
		e.refuse(w, r, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SIGNATURE_INVALID, "not signed as this RPC asks"))
	}
}

// presentedKey is the key store of an enrolling request: it knows one key, the one that the request presents. Its id is its own thumbprint,
// so the header needs no protection of its own.
type presentedKey string

// Key reads the presented key and answers with it when it is the one asked for.
func (p presentedKey) Key(_ context.Context, keyID string) (signature.Key, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(p)))
	if err != nil {
		return signature.Key{}, signature.ErrUnknownKey
	}
	key, err := signature.ParseJWK(raw)
	if err != nil || key.Algorithm != signature.ECDSAP256SHA256 || key.Private != nil {
		return signature.Key{}, signature.ErrUnknownKey
	}
	thumbprint, err := key.Thumbprint()
	if err != nil || thumbprint != keyID {
		return signature.Key{}, signature.ErrUnknownKey
	}
	key.ID = keyID
	return key, nil
}
