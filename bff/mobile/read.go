package mobile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// maxReadsOfBackend bounds the reads that wait for one backend. Those that a caller no longer waits for count until the backend lets
	// go of them, so a backend that hears no cancellation can hold this many goroutines and no more.
	maxReadsOfBackend = 1024
	// fairWait is how long a backend must have had before its silence is held against it. A caller in a hurry proves nothing.
	fairWait = 500 * time.Millisecond

	// A breaker opens when at least breakerShare of at least breakerReads reads within breakerPeriod failed, lets nothing through for
	// breakerRest, give or take a quarter, and closes after breakerProbes good answers.
	breakerShare  = 0.5
	breakerReads  = 20
	breakerPeriod = 10 * time.Second
	breakerRest   = 2 * time.Second
	breakerProbes = 3
)

// source is where the content of a section comes from: a kind of read of a backend, with how long it usually takes.
type source struct {
	backend *backend
	pace    pace
	sourceCounters
}

// backend is a service, as all sections that read it have found it.
type backend struct {
	name    string
	breaker circuitbreaker.CircuitBreaker[any]
	waiting chan struct{} // A place for each read under way.
}

// source finds the source of a section's name, "backend.section" or "backend.section/id".
func (s *Screens) source(name string) *source {
	label := labelOf(name)
	if found, ok := s.sources.Load(label); ok {
		return found.(*source)
	}
	backendName, _, _ := strings.Cut(label, ".")
	made, _ := s.sources.LoadOrStore(label, &source{backend: s.backend(backendName), sourceCounters: s.metrics.of(label, backendName)})
	return made.(*source)
}

// labelOf is a section's name without the id: one of a closed list, fit for metrics.
func labelOf(name string) string {
	label, _, _ := strings.Cut(name, "/")
	return label
}

func (s *Screens) backend(name string) *backend {
	breaker := circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(breakerShare, breakerReads, breakerPeriod).
		WithDelay(breakerRest).WithJitterFactor(0.25).WithSuccessThreshold(breakerProbes).
		OnStateChanged(func(change circuitbreaker.StateChangedEvent) {
			s.metrics.breakers.WithLabelValues(name, change.NewState.String()).Inc()
			s.log.Warn("circuit breaker of a backend", "backend", name, "state", change.NewState.String())
		}).Build()
	made, _ := s.backends.LoadOrStore(name, &backend{name: name, breaker: breaker, waiting: make(chan struct{}, maxReadsOfBackend)})
	return made.(*backend)
}

// attempt is one call of a read: its answer and what it came to.
type attempt[Res any] struct {
	value Res
	outcome
}

type outcome struct {
	err   error
	hedge bool
	took  time.Duration
}

// read asks a backend for something that changes nothing, and is back when ctx ends even if the backend does not notice. A backend that has
// failed too often is not asked. A read that takes unusually long is asked once more beside the first; the first good answer counts and the
// other call is cancelled. It is for reads alone: a call may be made twice.
func read[Req, Res any](ctx context.Context, s *Screens, name string, call func(context.Context, Req) (Res, error), req Req) (Res, error) {
	from := s.source(name)
	var none Res
	if !from.backend.breaker.TryAcquirePermit() {
		from.refused.Inc()
		return none, rpcerr.Unavailable(from.backend.name + " rests")
	}
	began := s.clock.Now()
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan attempt[Res], 2) // Room for both, so that neither waits for somebody who has gone.
	ask := func(hedge bool) bool {
		select {
		case from.backend.waiting <- struct{}{}:
		default:
			return false
		}
		s.workers.run(func() {
			defer func() { <-from.backend.waiting }()
			answers <- try(calls, s.clock, call, req, hedge)
		})
		return true
	}
	s.budget.earn()
	if !ask(false) {
		from.backend.judge(ctx, context.DeadlineExceeded, fairWait)
		return none, rpcerr.Unavailable(from.backend.name + " holds too many calls")
	}
	timer := time.NewTimer(from.pace.delay())
	defer timer.Stop()
	for running := 1; ; {
		select {
		case a := <-answers:
			running--
			if a.err != nil && running > 0 && transient(reasonOf(a.err)) {
				continue // The other one may do better.
			}
			from.settle(ctx, a.outcome, s.clock.Now().Sub(began))
			return a.value, a.err
		case <-timer.C:
			if !s.budget.spend() {
				from.unhedged.Inc()
			} else if ask(true) {
				from.hedges.Inc()
				running++
			}
		case <-ctx.Done():
			from.backend.judge(ctx, ctx.Err(), s.clock.Now().Sub(began))
			return none, ctx.Err()
		}
	}
}

// try makes one call. A panic in it is an error, since nobody else could catch it here.
func try[Req, Res any](
	ctx context.Context, clk clock.Clock, call func(context.Context, Req) (Res, error), req Req, hedge bool,
) (a attempt[Res]) {
	began := clk.Now()
	defer func() {
		if cause := recover(); cause != nil {
			a.err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
		a.hedge, a.took = hedge, clk.Now().Sub(began)
	}()
	a.value, a.err = call(ctx, req)
	return a
}

// settle learns from the answer that counts.
func (s *source) settle(ctx context.Context, a outcome, waited time.Duration) {
	s.backend.judge(ctx, a.err, waited)
	if a.err != nil {
		return
	}
	s.pace.note(a.took)
	if a.hedge {
		s.hedgesWon.Inc()
	}
}

// judge tells the breaker what a read under ctx came to. A refusal is an answer; only silence, overload and absence are held against a backend.
func (b *backend) judge(ctx context.Context, err error, waited time.Duration) {
	switch {
	case err == nil:
		b.breaker.RecordSuccess()
	case ctx.Err() != nil && (errors.Is(ctx.Err(), context.Canceled) || waited < fairWait):
		// Its caller has gone, which says nothing about the backend. Only a probe must be settled, or the breaker would wait for it for ever.
		if b.breaker.IsHalfOpen() {
			b.breaker.RecordFailure()
		}
	case silent(err):
		b.breaker.RecordFailure()
	default:
		b.breaker.RecordSuccess()
	}
}

// silent tells whether an error means that nobody answered.
func silent(err error) bool {
	switch reasonOf(err) {
	case typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, typev1.ErrorReason_ERROR_REASON_OVERLOADED:
		return true
	default:
		return false
	}
}
