package admission

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
)

// Class is how important a request is. A higher one goes first and is refused last.
type Class int

// The classes, the least important first.
const (
	// Export is what nobody waits for in front of a screen.
	Export Class = iota
	// Background is what an app fetches before anybody asks for it.
	Background
	// User is what a person waits for.
	User
	// Money moves money, or tells that it moved.
	Money
	classes
)

// share is how much of the limit requests of a class may fill, in percent. The rest is kept for what is more important.
func (c Class) share() float64 { return [classes]float64{50, 80, 95, 100}[c] }

// patience is how long a request waits for a place: in a burst, and in a jam, which is a line that has not been empty for jamAfter. A burst
// passes, so waiting gets an answer; a jam does not, so that all would wait in vain ("Fail at Scale", ACM Queue 13(8), 2015).
func (c Class) patience(jam bool) time.Duration {
	if jam {
		return [classes]time.Duration{0, 0, 5 * time.Millisecond, 250 * time.Millisecond}[c]
	}
	return [classes]time.Duration{0, 25 * time.Millisecond, 250 * time.Millisecond, time.Second}[c]
}

const (
	jamAfter = 100 * time.Millisecond
	// maxWaiting bounds each line.
	maxWaiting = 1024
)

// Gate lets requests in. It is safe for concurrent use.
type Gate struct {
	clock clock.Clock

	mu    sync.Mutex
	limit limit
	inUse int
	lines [classes]line
}

// New makes a gate that works on at least least and at most most requests at once. It begins with a place for each of four times least.
func New(least, most int, clk clock.Clock) *Gate {
	least = max(1, min(least, most))
	return &Gate{clock: clk, limit: limit{
		least: float64(least), most: float64(most), value: float64(min(4*least, most)), began: clk.Now(),
	}}
}

// Pass is the place of a request that was let in.
type Pass struct{ began time.Time }

// Hopeless tells whether a request of the class would be refused at once, so that nothing need be read of it. It takes no place.
func (g *Gate) Hopeless(class Class) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.room(class) && g.wait(class, g.clock.Now()) <= 0
}

// Enter takes a place, after a wait if there is none. It answers false when there will be none in time, or when ctx ends. Whoever was let in
// gives the place back by Leave.
func (g *Gate) Enter(ctx context.Context, class Class) (Pass, bool) {
	g.mu.Lock()
	now := g.clock.Now()
	if g.room(class) {
		g.inUse++
		g.mu.Unlock()
		return Pass{began: now}, true
	}
	if g.limit.full(now) {
		g.admit() // The limit may have grown.
	}
	patience := g.wait(class, now)
	if patience <= 0 {
		g.mu.Unlock()
		return Pass{}, false
	}
	w := g.lines[class].join(now)
	g.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.admitted:
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.in {
		g.lines[class].leave(w)
		return Pass{}, false
	}
	return Pass{began: g.clock.Now()}, true
}

// Leave gives a place back. What it took is compared with what the like took before.
func (g *Gate) Leave(pass Pass, like *Pace) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	g.inUse--
	g.limit.learn(like.slow(now, now.Sub(pass.began), g.limit.isFull))
	g.limit.review(now)
	g.admit()
}

// State is how a gate stands.
type State struct {
	// Limit is how many requests may be worked on at once, InUse how many are, Waiting how many stand in line.
	Limit, InUse, Waiting int
}

// State tells how the gate stands.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Limit: int(g.limit.value), InUse: g.inUse}
	for class := range g.lines {
		s.Waiting += g.lines[class].live
	}
	return s
}

// room tells whether there is a place for a class. One is always left for Money, and at least one for everybody.
func (g *Gate) room(class Class) bool {
	return float64(g.inUse) < math.Max(1, math.Floor(g.limit.value*class.share()/100))
}

// wait is how long a newcomer may wait; 0 for not at all. Whoever is not waited for by a person does not stand behind those who are.
func (g *Gate) wait(class Class, now time.Time) time.Duration {
	if g.lines[class].live >= maxWaiting {
		return 0
	}
	if class < User && g.lines[User].live+g.lines[Money].live > 0 {
		return 0
	}
	return class.patience(g.lines[class].jammed(now))
}

// admit gives free places to those who wait, the most important first.
func (g *Gate) admit() {
	for class := Money; class >= Export; class-- {
		for g.lines[class].live > 0 && g.room(class) {
			g.lines[class].next()
			g.inUse++
		}
	}
}

// line is those of a class who wait, in order.
type line struct {
	waiters []*waiter // With those who have gone since.
	live    int
	since   time.Time // When it was empty last.
}

type waiter struct {
	admitted chan struct{}
	in, gone bool
}

func (l *line) jammed(now time.Time) bool { return l.live > 0 && now.Sub(l.since) > jamAfter }

func (l *line) join(now time.Time) *waiter {
	if l.live == 0 {
		l.since, l.waiters = now, l.waiters[:0]
	}
	w := &waiter{admitted: make(chan struct{})}
	l.waiters, l.live = append(l.waiters, w), l.live+1
	return w
}

func (l *line) leave(w *waiter) {
	w.gone = true
	l.live--
	for len(l.waiters) > 0 && l.waiters[0].gone {
		l.waiters = l.waiters[1:]
	}
}

// next lets the first one in. There is one.
func (l *line) next() {
	for l.waiters[0].gone {
		l.waiters = l.waiters[1:]
	}
	w := l.waiters[0]
	l.waiters, l.live = l.waiters[1:], l.live-1
	w.in = true
	close(w.admitted)
}
