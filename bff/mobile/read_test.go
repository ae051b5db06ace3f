package mobile

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

func quiet() *Screens { return NewScreens(clock.System{}, slog.New(slog.DiscardHandler)) }

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// quietInBubble is quiet for a test in virtual time, which ends when its idle goroutines have.
func quietInBubble(t *testing.T) *Screens {
	t.Cleanup(func() { pass(2 * workerRest) })
	return quiet()
}

// away is how the absence of a backend comes back from its client.
func away() error {
	return rpcerr.MarkPeer("/lendgate.loans.v1.LoanService/GetLoan", rpcerr.Unavailable("away"))
}

// backendStandIn answers after as long as latency says, and counts.
type backendStandIn struct {
	latency func() time.Duration
	calls   atomic.Int64
}

func (b *backendStandIn) call(ctx context.Context, _ int) (int, error) {
	b.calls.Add(1)
	select {
	case <-time.After(b.latency()):
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// TestOddSlowReadsDoNotSlowTheScreen is goal R8 in virtual time: of three backends one answers every twentieth call half a second later. The
// naive screen asks each once and waits for all.
func TestOddSlowReadsDoNotSlowTheScreen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const screens = 4000
		ours, naive := stallingBackends(1), stallingBackends(1)
		s := quietInBubble(t)
		var fast, slow []time.Duration
		for range screens {
			fast = append(fast, elapsed(func() {
				s.compose(t.Context(), &mobilev1.GetHomeResponse{}, nil, sectionsOf(func(ctx context.Context, name string, b *backendStandIn) error {
					_, err := read(ctx, s, name, b.call, 0)
					return err
				}, ours)...)
			}))
			slow = append(slow, elapsed(func() {
				s.compose(t.Context(), &mobilev1.GetHomeResponse{}, nil, sectionsOf(func(ctx context.Context, _ string, b *backendStandIn) error {
					_, err := b.call(ctx, 0)
					return err
				}, naive)...)
			}))
		}
		ratio := float64(p99(fast)) / float64(p99(slow))
		t.Logf("p99 %v, naive %v, ratio %.3f", p99(fast), p99(slow), ratio)
		if ratio > 0.25 {
			t.Errorf("the ratio is %.3f, wanted at most 0.25", ratio)
		}
		var calls int64
		for _, b := range ours {
			calls += b.calls.Load()
		}
		if extra := calls - 3*screens; extra > 3*screens*hedgePercent/100+maxHedgeCredit/hedgePrice {
			t.Errorf("%d of %d reads were made twice", extra, 3*screens)
		}
	})
}

// stallingBackends answer within 2 to 30 ms; the last one stalls for 500 ms at every twentieth call.
func stallingBackends(seed uint64) []*backendStandIn {
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(seed, seed))
	roll := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return chance.IntN(n)
	}
	usual := func() time.Duration { return time.Duration(2+roll(29)) * time.Millisecond }
	return []*backendStandIn{{latency: usual}, {latency: usual}, {latency: func() time.Duration {
		if roll(20) == 0 {
			return usual() + 500*time.Millisecond
		}
		return usual()
	}}}
}

func sectionsOf(fill func(ctx context.Context, name string, b *backendStandIn) error, backends []*backendStandIn) []section {
	var out []section
	for i, name := range []string{"greeting", "loans", "notices"} {
		out = append(out, section{name, func(ctx context.Context) error { return fill(ctx, name+".x", backends[i]) }})
	}
	return out
}

func elapsed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func p99(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)*99/100]
}

// learn makes a source know that answers take 20 ms.
func learn(s *Screens, name string) {
	for range paceStep {
		s.source(name).pace.note(20 * time.Millisecond)
	}
}

func TestTheLoserOfAHedgeIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := quietInBubble(t)
		learn(s, "loans.x")
		var calls, cancelled atomic.Int64
		got, err := read(t.Context(), s, "loans.x", func(ctx context.Context, _ int) (string, error) {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				cancelled.Add(1)
				return "", ctx.Err()
			}
			return "second", nil
		}, 0)
		synctest.Wait()
		if got != "second" || err != nil || calls.Load() != 2 || cancelled.Load() != 1 {
			t.Errorf("got %q, %v after %d calls, %d cancelled", got, err, calls.Load(), cancelled.Load())
		}
	})
}

func TestAFailedCallWaitsForTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := quietInBubble(t)
		learn(s, "loans.x")
		var calls atomic.Int64
		got, err := read(t.Context(), s, "loans.x", func(context.Context, int) (string, error) {
			if calls.Add(1) == 2 {
				return "", away()
			}
			pass(100 * time.Millisecond)
			return "first", nil
		}, 0)
		if got != "first" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestARefusalIsNotAskedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := quietInBubble(t), &backendStandIn{latency: func() time.Duration { return 0 }}
		learn(s, "loans.x")
		refusal := rpcerr.MarkPeer("/x", rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND, "none"))
		_, err := read(t.Context(), s, "loans.x", func(ctx context.Context, _ int) (int, error) {
			b.calls.Add(1)
			return 0, refusal
		}, 0)
		if !errors.Is(err, refusal) || b.calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, b.calls.Load())
		}
	})
}

// TestHedgesStayWithinTheirBudget slows a backend down as a whole, as too much load does: asking twice would make it worse.
func TestHedgesStayWithinTheirBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const reads = 1000
		s, b := quietInBubble(t), &backendStandIn{latency: func() time.Duration { return 400 * time.Millisecond }}
		learn(s, "loans.x")
		for range reads {
			if _, err := read(t.Context(), s, "loans.x", b.call, 0); err != nil {
				t.Fatal(err)
			}
		}
		if extra := b.calls.Load() - reads; extra > reads*hedgePercent/100+maxHedgeCredit/hedgePrice {
			t.Errorf("%d hedges in %d reads", extra, reads)
		}
		if delay := s.source("loans.x").pace.delay(); delay < 400*time.Millisecond {
			t.Errorf("after %d slow answers it is still asked again after %v", reads, delay)
		}
	})
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := quietInBubble(t)
		answer := away()
		var calls int
		ask := func() error {
			_, err := read(t.Context(), s, "loans.x", func(context.Context, int) (int, error) { calls++; return 0, answer }, 0)
			return err
		}
		for range breakerReads {
			if _, isPeer := rpcerr.AsPeer(ask()); !isPeer {
				t.Fatal("it opened too soon")
			}
		}
		if err := ask(); connect.CodeOf(err) != connect.CodeUnavailable || calls != breakerReads {
			t.Errorf("an open breaker lets a call through: %v, %d calls", err, calls)
		}
		if _, err := read(t.Context(), s, "payments.x", func(context.Context, int) (int, error) { return 1, nil }, 0); err != nil {
			t.Errorf("it closes another backend off: %v", err)
		}
		pass(2 * breakerRest)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := read(gone, s, "loans.x", func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, 0); err == nil {
			t.Error("a caller that has gone got an answer")
		}
		pass(2 * breakerRest) // The probe whose caller had gone is settled, or no other would ever come.
		answer = nil
		for range breakerProbes {
			if err := ask(); err != nil {
				t.Fatalf("a probe: %v", err)
			}
		}
		if !s.backend("loans").breaker.IsClosed() {
			t.Error("good probes did not close it")
		}
	})
}

// TestCallersInAHurryDoNotOpenTheBreaker would otherwise let one phone with a deadline of a millisecond close a backend for everybody.
func TestCallersInAHurryDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := quietInBubble(t), &backendStandIn{latency: func() time.Duration { return 50 * time.Millisecond }}
		behindADoor := func(ctx context.Context, req int) (int, error) {
			got, err := b.call(ctx, req)
			if err != nil {
				err = rpcerr.MarkPeer("/x", rpcerr.New(connect.CodeDeadlineExceeded, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "no answer in time"))
			}
			return got, err
		}
		for range 3 * breakerReads {
			for _, call := range []func(context.Context, int) (int, error){b.call, behindADoor} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				read(ctx, s, "loans.x", call, 0)
				cancel()
			}
		}
		if _, err := read(t.Context(), s, "loans.x", b.call, 0); err != nil {
			t.Errorf("after callers in a hurry: %v", err)
		}
	})
}

// TestABackendThatHearsNothingHoldsAFewGoroutines fills a backend's places with calls that ignore their contexts.
func TestABackendThatHearsNothingHoldsAFewGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, release := quietInBubble(t), make(chan struct{})
		var running atomic.Int64
		deaf := func(context.Context, int) (int, error) {
			running.Add(1)
			<-release
			return 0, nil
		}
		done := make(chan error)
		for range 2 * maxReadsOfBackend {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := read(ctx, s, "loans.x", deaf, 0)
				done <- err
			}()
		}
		for range 2 * maxReadsOfBackend {
			if err := <-done; err == nil {
				t.Fatal("an answer from nowhere")
			}
		}
		if running.Load() > maxReadsOfBackend {
			t.Errorf("%d calls are stuck in the backend", running.Load())
		}
		close(release) // The test fails when a goroutine is left after this.
	})
}

func TestAPanicInACallIsAnError(t *testing.T) {
	t.Parallel()
	_, err := read(t.Context(), quiet(), "loans.x", func(context.Context, int) (int, error) { panic("demo") }, 0)
	if err == nil {
		t.Error("a panic was swallowed")
	}
}
