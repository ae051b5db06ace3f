package mobile

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// paceWindow is how many answers are remembered; after every paceStep of them the usual time is reckoned anew.
	paceWindow = 128
	paceStep   = 16
	// minHedgeDelay is the shortest wait before a read is asked again: below it nobody would notice the gain.
	minHedgeDelay = 10 * time.Millisecond
	// hedgePercent of the reads may be asked again, over all sections. What is not used is saved up for maxHedgeCredit/hedgePrice of them.
	hedgePercent   = 5
	hedgePrice     = 100
	maxHedgeCredit = 10 * hedgePrice
)

// pace knows how long a kind of read usually takes, by its last answers.
type pace struct {
	usual atomic.Int64 // Nine of ten answers took no longer, in nanoseconds. 0 until enough are known.

	mu    sync.Mutex
	ring  [paceWindow]time.Duration
	count int
}

// note remembers how long an answer took.
func (p *pace) note(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring[p.count%paceWindow] = took
	p.count++
	if p.count%paceStep != 0 {
		return
	}
	known := slices.Sorted(slices.Values(p.ring[:min(p.count, paceWindow)]))
	p.usual.Store(int64(known[len(known)*9/10]))
}

// delay is how long to wait for an answer before asking again: half as long again as nine of ten take. The tail beyond that is where one
// more call helps; a plain 95th percentile would lie inside of the very stalls that it should catch as soon as one read in twenty stalls, and
// would spend the budget on answers that are about to come. Until enough is known it is longer than any section waits.
func (p *pace) delay() time.Duration {
	usual := time.Duration(p.usual.Load())
	if usual == 0 {
		return screenBudget
	}
	return max(minHedgeDelay, usual*3/2)
}

// hedgeBudget keeps hedges a small share of all reads, so that they cannot double the load of a backend that is slow because it has too much.
type hedgeBudget struct{ credit atomic.Int64 }

// earn saves a twentieth of a hedge for a read.
func (b *hedgeBudget) earn() {
	if b.credit.Load() < maxHedgeCredit {
		b.credit.Add(hedgePercent)
	}
}

// spend takes a hedge out of the savings, if there is one.
func (b *hedgeBudget) spend() bool {
	if b.credit.Add(-hedgePrice) >= 0 {
		return true
	}
	b.credit.Add(hedgePrice)
	return false
}
