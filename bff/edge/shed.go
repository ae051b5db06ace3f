package edge

import (
	"net/http"
	"time"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// shed refuses work that could not be done in time: everything new while the edge drains, and under load the least important first.
// It runs before anything is read, so that an answer costs next to nothing.
func (e *Edge) shed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.draining.Load() {
			w.Header().Set("Connection", "close")
			e.refuse(w, r, rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, "this server is going away; connect again",
				rpcerr.RetryAfter(time.Second)))
			return
		}
		busy := e.inFlight.Add(1)
		defer e.inFlight.Add(-1)
		e.metrics.inFlight.Set(float64(busy))
		if busy > e.share(r) {
			e.refuse(w, r, rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_OVERLOADED, "too much at once; try again",
				rpcerr.RetryAfter(2*time.Second)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// share is how much of the edge a request of its priority may fill: money all of it, screens 95 %, the rest 80 %.
func (e *Edge) share(r *http.Request) int64 {
	method, _ := e.deps.Door.Methods().Get(r.URL.Path)
	switch method.Priority {
	case typev1.Priority_PRIORITY_MONEY:
		return e.config.MaxInFlight
	case typev1.Priority_PRIORITY_BACKGROUND:
		return e.config.MaxInFlight * 80 / 100
	default:
		return e.config.MaxInFlight * 95 / 100
	}
}
