package edge

import (
	"cmp"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// progressLifetime is how long a mark of work in progress outlives a server that died with it.
const progressLifetime = 40 * time.Second

// idempotency asks every mutation for its Idempotency-Key and refuses a second one while the first is being worked on. It only spares the
// backends the race: the truth about what was done is in their databases, under the same id, so nothing is lost when Redis is away.
func (e *Edge) idempotency(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		if c.method.ReadOnly {
			next.ServeHTTP(w, r)
			return
		}
		key, err := uuid.Parse(r.Header.Get(IdempotencyKeyHeader))
		if err != nil {
			e.refuse(w, r, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REQUIRED, "a mutation needs the header Idempotency-Key with a UUID"))
			return
		}
		// A device is one caller, whichever of its keys signs.
		name := "progress:" + c.tenant.ID + ":" + cmp.Or(c.actor.DeviceID, c.keyID) + ":" + c.method.Procedure + ":" + key.String()
		mark, err := e.memory.mark(name, progressLifetime)
		switch {
		case err != nil:
			e.deps.Log.WarnContext(r.Context(), "progress not marked", "request_id", c.requestID, "error", err.Error())
		case !mark.fresh:
			e.refuse(w, r, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS, "the same request is being worked on",
				rpcerr.RetryAfter(time.Second)))
			return
		default:
			defer e.memory.unmark(name)
		}
		next.ServeHTTP(w, r)
	})
}
