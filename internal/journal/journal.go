package journal

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// New writes JSON lines with the trace they belong to, several at a time. flush writes those that wait: call it at the end.
func New(w io.Writer, level slog.Level) (log *slog.Logger, flush func()) {
	lines := newLines(w)
	return slog.New(handler{slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level}), lines.flush}), lines.flush
}

// handler adds the trace of the context to each line, and has warnings and errors written at once.
type handler struct {
	slog.Handler
	flush func()
}

// Handle adds trace_id when there is one and the line has none yet.
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		seen := false
		record.Attrs(func(a slog.Attr) bool { seen = a.Key == "trace_id"; return !seen })
		if !seen {
			record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
		}
	}
	if record.Level >= slog.LevelWarn {
		defer h.flush()
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps the wrapping.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.flush}
}

// WithGroup keeps the wrapping.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.flush}
}
