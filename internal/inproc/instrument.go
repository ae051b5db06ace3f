package inproc

import (
	"context"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/lendgate/lendgate/internal/rpcerr"
)

// instruments are what a door notes of each call. A door without them notes nothing.
type instruments struct {
	tracer  trace.Tracer
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	// found are the meters of procedures that were called before, so that a call does not look them up by their labels.
	found sync.Map // string to *meters
}

// meters are what a procedure's calls are noted with.
type meters struct {
	succeeded prometheus.Counter
	seconds   prometheus.Observer
}

// metersOf finds the meters of a procedure.
func (i *instruments) metersOf(procedure string) *meters {
	if found, ok := i.found.Load(procedure); ok {
		return found.(*meters)
	}
	made := &meters{succeeded: i.calls.WithLabelValues(procedure, ""), seconds: i.seconds.WithLabelValues(procedure)}
	i.found.Store(procedure, made)
	return made
}

// Instrument makes the door note every call as a span and in metrics by procedure and reason. It is called once, before the door serves.
func (d *Door) Instrument(tracing trace.TracerProvider, registry prometheus.Registerer) {
	d.instruments = &instruments{
		tracer: tracing.Tracer("lendgate"),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lendgate_rpc_calls_total", Help: "Calls that reached a service's door, by procedure and reason of refusal; an empty reason is a success.",
		}, []string{"procedure", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lendgate_rpc_seconds", Help: "Time behind a service's door, by procedure.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"procedure"}),
	}
	registry.MustRegister(d.instruments.calls, d.instruments.seconds)
}

// observe begins a call; the answer ends it. Spans are made for calls in this process; those over the network bear the one of their server.
func (i *instruments) observe(ctx context.Context, procedure string, inProcess bool) (context.Context, func(err error)) {
	if i == nil {
		return ctx, func(error) {}
	}
	span := trace.SpanFromContext(ctx)
	if inProcess {
		ctx, span = i.tracer.Start(ctx, strings.TrimPrefix(procedure, "/"), trace.WithSpanKind(trace.SpanKindInternal))
	}
	began := time.Now() //nolint:forbidigo // A measurement, not a date.
	return ctx, func(err error) {
		meters := i.metersOf(procedure)
		if err != nil {
			reason := rpcerr.Name(rpcerr.ReasonOf(err))
			span.SetAttributes(attribute.String("lendgate.reason", reason))
			if connect.CodeOf(err) == connect.CodeInternal {
				span.SetStatus(codes.Error, reason)
			}
			i.calls.WithLabelValues(procedure, reason).Inc()
		} else {
			meters.succeeded.Inc()
		}
		meters.seconds.Observe(time.Since(began).Seconds())
		if inProcess {
			span.End()
		}
	}
}
