package admission

import (
	"math"
	"time"
)

const (
	// window and enough are how long, and over how many requests, one opinion is formed.
	window = 50 * time.Millisecond
	enough = 16
	// stuckAfter is when a gate that is full and hears of too few ends opens further: what it waits for is slow by itself, not by our doing.
	stuckAfter = 500 * time.Millisecond
	// slowFactor is how many times the usual time is slow.
	slowFactor = 2
	// shrink is what remains of the limit after a window in which most requests were slow.
	shrink = 0.9
)

// limit is how many requests are worked on at once. It grows by the root of itself while it is used up and requests take what they usually
// take, and shrinks by a tenth when most of them take twice as long. That is additive increase and multiplicative decrease, with requests
// compared with their own kind, so that a slow kind among quick ones means nothing.
type limit struct {
	least, most, value float64

	began      time.Time
	seen, late int
	// isFull is true when somebody found no place in this window. A limit that is not used up is left as it is.
	isFull bool
}

// full notes that somebody found no place, and tells whether the limit was looked at again.
func (l *limit) full(now time.Time) bool {
	l.isFull = true
	return l.review(now)
}

// learn counts a request that has ended.
func (l *limit) learn(slow bool) {
	l.seen++
	if slow {
		l.late++
	}
}

// review changes the limit when the window is over.
func (l *limit) review(now time.Time) bool {
	elapsed := now.Sub(l.began)
	if elapsed < window || l.seen < enough && elapsed < stuckAfter {
		return false
	}
	switch {
	case !l.isFull:
	case l.seen >= enough && 2*l.late > l.seen:
		l.value = math.Max(l.least, l.value*shrink)
	default:
		l.value = math.Min(l.most, l.value+math.Sqrt(l.value)/2)
	}
	l.began, l.seen, l.late, l.isFull = now, 0, 0, false
	return true
}

const (
	// paceEvery bounds how often a pace learns, so that it follows time and not traffic.
	paceEvery = 10 * time.Millisecond
	// paceUp and paceDown are the steps by which a pace follows what it sees: together they settle where one request in three is quicker.
	paceUp, paceDown = 0.01, 0.02
	// paceCrowded is the step up while the gate is full, when requests are slow by our own doing: it doubles in five minutes, so that a change
	// that lasts is believed in the end.
	paceCrowded = 0.000025
)

// Pace is how long requests of one kind usually take. The zero value knows nothing yet. A gate guards it: a pace belongs to one gate.
type Pace struct {
	usual   float64 // Nanoseconds.
	changed time.Time
}

// slow tells whether a request took far longer than usual, and learns from it.
func (p *Pace) slow(now time.Time, took time.Duration, crowded bool) bool {
	t := float64(took)
	if p.usual == 0 {
		p.usual, p.changed = t, now
		return false
	}
	slow := t > slowFactor*p.usual
	if now.Sub(p.changed) < paceEvery {
		return slow
	}
	p.changed = now
	switch {
	case t < p.usual:
		p.usual *= 1 - paceDown
	case crowded:
		p.usual *= 1 + paceCrowded
	default:
		p.usual *= 1 + paceUp
	}
	return slow
}
