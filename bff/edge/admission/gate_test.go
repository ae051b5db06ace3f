package admission_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lendgate/lendgate/bff/edge/admission"
	"github.com/lendgate/lendgate/internal/clock"
)

// machine is something that can do so much: workers, each busy for service with one request. Whoever comes while all are busy waits inside.
type machine struct {
	workers int
	service time.Duration
	busy    chan struct{}
	rng     *rand.Rand
}

func newMachine() *machine {
	return &machine{workers: 4, service: 2 * time.Millisecond, busy: make(chan struct{}, 4), rng: rand.New(rand.NewPCG(1, 2))}
}

// capacity is requests a second.
func (m *machine) capacity() float64 { return float64(m.workers) / m.service.Seconds() }

// outcome of an open run, by class, counted after the gate had time to learn.
type outcome struct {
	sent, good [4]int
	// slowestRefusal is the longest that anybody waited to hear no, in a jam.
	slowestRefusal [4]time.Duration
}

const (
	runTime, learnTime = 20 * time.Second, 5 * time.Second
	personsPatience    = 500 * time.Millisecond
)

// run offers load times the capacity: one in twenty requests moves money, of the rest half are a person's and half are background.
func (m *machine) run(gate *admission.Gate, load float64) outcome {
	type result struct {
		class   admission.Class
		good    bool
		counted bool
		waited  time.Duration
	}
	rate := load * m.capacity()
	n := int(rate * runTime.Seconds())
	results := make(chan result, n)
	paces := [4]admission.Pace{}
	started := time.Now()
	for i := range n {
		due := started.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		timer := time.NewTimer(time.Until(due))
		<-timer.C
		class := admission.Background + admission.Class(i%2)
		if i%20 == 0 {
			class = admission.Money
		}
		work := time.Duration(float64(m.service) * (0.5 + m.rng.Float64()))
		go func() {
			r := result{class: class, counted: due.Sub(started) > learnTime}
			pass, ok := gate.Enter(context.Background(), class)
			if !ok {
				r.waited = time.Since(due)
				results <- r
				return
			}
			m.busy <- struct{}{}
			done := time.NewTimer(work)
			<-done.C
			<-m.busy
			gate.Leave(pass, &paces[class])
			r.good = time.Since(due) <= personsPatience
			results <- r
		}()
	}
	var o outcome
	for range n {
		r := <-results
		if !r.counted {
			continue
		}
		o.sent[r.class]++
		if r.good {
			o.good[r.class]++
		}
		o.slowestRefusal[r.class] = max(o.slowestRefusal[r.class], r.waited)
	}
	return o
}

func TestGoodputOfPeopleStandsUnderOverload(t *testing.T) {
	t.Parallel()
	var peak, double float64
	for _, load := range []float64{0.75, 1, 1.5, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			gate := admission.New(8, 512, clock.System{})
			m := newMachine()
			o := m.run(gate, load)
			share := func(class admission.Class) float64 { return float64(o.good[class]) / float64(o.sent[class]) }
			users := float64(o.good[admission.User]) / (runTime - learnTime).Seconds() / m.capacity()
			t.Logf("load %.2f: served of background %.3f, of people %.3f, of money %.3f; people get %.3f of the machine; refused within %v; %+v",
				load, share(admission.Background), share(admission.User), share(admission.Money), users, o.slowestRefusal, gate.State())
			peak = max(peak, users)
			if load == 2 {
				double = users
			}
			if share(admission.Money) < 0.999 {
				t.Errorf("at load %.2f money is served %.4f of the time", load, share(admission.Money))
			}
			if share(admission.User)+0.001 < share(admission.Background) {
				t.Errorf("at load %.2f background is served more often than people", load)
			}
			if load >= 1.5 && o.slowestRefusal[admission.User] > 300*time.Millisecond {
				t.Errorf("at load %.2f somebody waited %v to be refused", load, o.slowestRefusal[admission.User])
			}
		})
	}
	if double < 0.98*peak {
		t.Errorf("goodput of people at twice the capacity is %.3f of the peak", double/peak)
	}
}

func TestABurstIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate, m, pace := admission.New(8, 512, clock.System{}), newMachine(), &admission.Pace{}
		served := make(chan bool, 300)
		for range cap(served) { // 150 ms of work, all at once.
			go func() {
				pass, ok := gate.Enter(t.Context(), admission.User)
				if ok {
					m.busy <- struct{}{}
					done := time.NewTimer(m.service)
					<-done.C
					<-m.busy
					gate.Leave(pass, pace)
				}
				served <- ok
			}()
		}
		for range cap(served) {
			if !<-served {
				t.Fatal("somebody of a burst that passes was refused")
			}
		}
		if got := gate.State(); got.InUse != 0 || got.Waiting != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func TestPlacesGoToTheMostImportant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate, pace := admission.New(1, 1, clock.System{}), &admission.Pace{}
		pass, ok := gate.Enter(t.Context(), admission.User)
		if !ok {
			t.Fatal("an empty gate refuses")
		}
		order := make(chan admission.Class, 3)
		enter := func(class admission.Class) {
			go func() {
				if pass, ok := gate.Enter(t.Context(), class); ok {
					order <- class
					gate.Leave(pass, pace)
				}
			}()
			synctest.Wait()
		}
		enter(admission.Background)
		enter(admission.User)
		enter(admission.Money)
		if !gate.Hopeless(admission.Export) || !gate.Hopeless(admission.Background) || gate.Hopeless(admission.User) {
			t.Error("with people in line the less important are to be refused at once, and people are not")
		}
		gate.Leave(pass, pace)
		for _, want := range []admission.Class{admission.Money, admission.User, admission.Background} {
			if got := <-order; got != want {
				t.Errorf("%d went before %d", got, want)
			}
		}
	})
}

func TestWhoGivesUpLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate, pace := admission.New(1, 1, clock.System{}), &admission.Pace{}
		pass, _ := gate.Enter(t.Context(), admission.User)
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan bool)
		go func() {
			_, ok := gate.Enter(ctx, admission.User)
			refused <- !ok
		}()
		synctest.Wait()
		cancel()
		if !<-refused {
			t.Error("a caller that hung up was let in")
		}
		if got := gate.State(); got.Waiting != 0 || got.InUse != 1 {
			t.Errorf("afterwards: %+v", got)
		}
		gate.Leave(pass, pace)
		if _, ok := gate.Enter(t.Context(), admission.User); !ok {
			t.Error("the place is lost")
		}
	})
}

// TestSlowByItselfIsNotOverload holds all places for long: the gate opens further, because shutting it would help nobody.
func TestSlowByItselfIsNotOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate, pace := admission.New(4, 64, clock.System{}), &admission.Pace{}
		hold := make(chan struct{})
		for range 400 {
			go func() {
				if pass, ok := gate.Enter(t.Context(), admission.User); ok {
					<-hold
					gate.Leave(pass, pace)
				}
			}()
			gap := time.NewTimer(25 * time.Millisecond)
			<-gap.C
		}
		if got := gate.State(); got.Limit < 30 {
			t.Errorf("after ten seconds: %+v", got)
		}
		close(hold)
		synctest.Wait()
		if got := gate.State(); got.InUse != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func BenchmarkGate(b *testing.B) {
	gate := admission.New(16, 512, clock.System{})
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		pace := &admission.Pace{}
		for pb.Next() {
			if gate.Hopeless(admission.User) {
				continue
			}
			if pass, ok := gate.Enter(ctx, admission.User); ok {
				gate.Leave(pass, pace)
			}
		}
	})
}
