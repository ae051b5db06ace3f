package edge

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// request begins a call: it gets an id, which the answer bears as X-Request-Id for error screens and support, and a span of the trace that
// the caller is in (W3C Trace Context); and it ends as one line in the log.
func (e *Edge) request(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{requestID: id.Format("req_", id.New()), start: e.deps.Clock.Now(), plan: e.plan.Load(), answer: statusRecorder{ResponseWriter: w, status: http.StatusOK}}
		if c.rpc = e.rpcs[r.URL.Path]; c.rpc != nil {
			c.method = c.rpc.method
		} else {
			e.findREST(r, c)
		}
		e.beginSpan(r, c)
		h := w.Header()
		h["X-Request-Id"] = []string{c.requestID}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(&c.answer, r.WithContext(c))
		e.finish(r, c)
	})
}

// beginSpan makes the call's context: the connection's, with a span under that of the caller when it told one.
func (e *Edge) beginSpan(r *http.Request, c *call) {
	ctx := r.Context()
	if r.Header["Traceparent"] != nil {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	name := r.URL.Path
	if c.rest != nil && c.rest.binding != nil { // Its path holds ids: a span's name must be one of few.
		name = c.rest.binding.pattern
	}
	c.Context, c.span = e.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
}

// finish ends the span, counts, and writes the log line.
func (e *Edge) finish(r *http.Request, c *call) {
	elapsed := e.deps.Clock.Now().Sub(c.start)
	procedure := "other"
	if c.rpc != nil {
		procedure = c.method.Procedure
	}
	switch {
	case c.rpc == nil:
		e.metrics.requests.WithLabelValues(procedure, c.outcome).Inc()
		e.metrics.seconds.WithLabelValues(procedure).Observe(elapsed.Seconds())
	case c.outcome == "":
		c.rpc.succeeded.Inc()
		c.rpc.seconds.Observe(elapsed.Seconds())
	default:
		e.metrics.requests.WithLabelValues(procedure, c.outcome).Inc()
		c.rpc.seconds.Observe(elapsed.Seconds())
	}
	e.logCall(r, c, procedure, elapsed)
	e.endSpan(r, c)
}

// logCall writes the line of the call. It goes to the handler directly, at the time that was read anyway: the Logger would look for the line of
// source that it is called from, which costs a microsecond and which nobody asks for. It holds no fraction, for slog has encoding/json write
// those, which costs another.
func (e *Edge) logCall(r *http.Request, c *call, procedure string, elapsed time.Duration) {
	handler := e.deps.Log.Handler()
	if !handler.Enabled(c, slog.LevelInfo) {
		return
	}
	line := slog.NewRecord(c.start.Add(elapsed), slog.LevelInfo, "request", 0)
	attrs := append(make([]slog.Attr, 0, 9),
		slog.String("request_id", c.requestID), slog.String("procedure", procedure), slog.String("method", r.Method), slog.Int("status", c.answer.status),
		slog.String("reason", c.outcome), slog.Int64("duration_us", elapsed.Microseconds()), slog.String("actor", c.actor.String()))
	if span := c.span.SpanContext(); span.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", span.TraceID().String()))
	}
	if c.tenant != nil {
		attrs = append(attrs, slog.String("tenant", c.tenant.ID))
	}
	line.AddAttrs(attrs...)
	_ = handler.Handle(c, line) // As with the Logger, nobody hears of a line that is lost.
}

// endSpan says on the span how the call went, in the names of OpenTelemetry's conventions for HTTP.
func (e *Edge) endSpan(r *http.Request, c *call) {
	if c.span.IsRecording() {
		c.span.SetAttributes(
			attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path),
			attribute.Int("http.response.status_code", c.answer.status), attribute.String("lendgate.reason", c.outcome))
		if c.answer.status >= http.StatusInternalServerError {
			c.span.SetStatus(codes.Error, c.outcome)
		}
	}
	c.span.End()
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
