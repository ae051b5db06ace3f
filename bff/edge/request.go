package edge

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"go.opentelemetry.io/otel/trace"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"

	"connectrpc.com/connect"
)

// request begins a call: it gets an id, which the answer bears as X-Request-Id for error screens and support, and ends as one line in the
// log. The trace of the HTTP server around the edge is noted beside it.
func (e *Edge) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{requestID: id.Format("req_", id.New()), start: e.deps.Clock.Now()}
		ctx := context.WithValue(r.Context(), callKey{}, c)
		w.Header().Set("X-Request-Id", c.requestID)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r.WithContext(ctx))
		e.finish(ctx, r, c, recorder.status)
	})
}

// finish writes the log line and counts.
func (e *Edge) finish(ctx context.Context, r *http.Request, c *call, status int) {
	elapsed := e.deps.Clock.Now().Sub(c.start)
	procedure := c.method.Procedure
	if procedure == "" {
		procedure = "other"
	}
	e.metrics.requests.WithLabelValues(procedure, c.outcome).Inc()
	e.metrics.seconds.WithLabelValues(procedure).Observe(elapsed.Seconds())
	attrs := []any{
		"request_id", c.requestID, "procedure", procedure, "method", r.Method, "status", status,
		"reason", c.outcome, "duration_ms", float64(elapsed.Microseconds()) / 1000,
		"actor", c.actor.String(), "trace_id", trace.SpanContextFromContext(ctx).TraceID().String(),
	}
	if c.tenant != nil {
		attrs = append(attrs, "tenant", c.tenant.ID)
	}
	e.deps.Log.InfoContext(ctx, "request", attrs...)
}

// recover turns a panic of a link or a handler into an internal error. The stack is logged here and nowhere else.
func (e *Edge) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause) // The server's own way to break off an answer.
			}
			c := callOf(r.Context())
			e.deps.Log.ErrorContext(r.Context(), "panic", "request_id", c.requestID, "panic", cause, "stack", string(debug.Stack()))
			e.refuse(w, r, rpcerr.New(connect.CodeInternal, typev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error, ref="+c.requestID,
				rpcerr.Meta("reference", c.requestID)))
		}()
		next.ServeHTTP(w, r)
	})
}

// statusRecorder remembers the status of an answer for the log. It lets through what the websocket and streaming answers need.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the writer underneath.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Flush sends what is buffered.
func (s *statusRecorder) Flush() {
	if flusher, ok := s.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}
