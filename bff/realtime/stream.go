package realtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readBatch is how many publications one read for fan-out takes.
	readBatch = 256
	// maxStalls is how often in a row a log may name a top without handing out what is below it.
	maxStalls = 3
	// readRetryMin is the first pause after a failed read; it doubles up to the check interval.
	readRetryMin = 250 * time.Millisecond
)

// stream reads one stream of the log for all of its subscriptions in this process.
//
// It remembers no position of its own. Each read starts at the lowest offset that some live subscription waits for, and each
// subscription skips what it has. So there is no state that could disagree with what clients were given.
type stream struct {
	hub *hub
	key streamKey
	id  int64 // the numeric channel id, unique in this process

	subs map[*subscription]struct{} // guarded by hub.mu

	reads atomic.Uint64 // counts reads, to tell whether a subscription was live before one
	idle  atomic.Int32  // ticks of the check loop since the last read

	mu      sync.Mutex
	running bool // a pump runs
	again   bool // and shall read once more
	force   bool // even if no hint promises anything new
	checked bool // only a check asked, no wake-up
	hint    uint64
	top     uint64 // as of the last read
	stalls  int
	fails   int
}

// wake asks for a read; offset 0 reads in any case.
func (st *stream) wake(offset uint64) {
	st.mu.Lock()
	st.hint = max(st.hint, offset)
	st.force = st.force || offset == 0
	st.checked = false
	st.start()
}

// check asks for a read in case a wake-up was lost.
func (st *stream) check() {
	st.idle.Store(0)
	st.mu.Lock()
	st.checked = !st.again
	st.force = true
	st.start()
}

// start makes the pump read, starting it if needed. It is called with st.mu held and releases it.
func (st *stream) start() {
	st.again = true
	starts := !st.running
	st.running = true
	st.mu.Unlock()
	if starts {
		go st.pump()
	}
}

// known is the highest offset that the stream has heard of.
func (st *stream) known() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return max(st.top, st.hint)
}

// pump reads until nobody asks for more. One runs at a time, so publications reach each session in order.
func (st *stream) pump() {
	for {
		st.mu.Lock()
		if !st.again || st.hub.ctx.Err() != nil {
			st.running = false
			st.mu.Unlock()
			return
		}
		ask := asked{hint: st.hint, force: st.force, checked: st.checked}
		st.again, st.force, st.hint = false, false, 0
		st.mu.Unlock()

		select {
		case st.hub.slots <- struct{}{}:
			st.read(ask)
			<-st.hub.slots
		case <-st.hub.ctx.Done():
		}
	}
}

// asked is why a read happens.
type asked struct {
	hint           uint64
	force, checked bool
}

// batch is what one read brought.
type batch struct {
	read uint64 // its number
	top  Position
	pubs []*prepared
	// stalled says that the log does not hand out what its own top promises.
	stalled bool
}

// read reads what the hindmost live subscription waits for, once, and delivers it to all.
func (st *stream) read(ask asked) {
	number := st.reads.Add(1) // before looking at positions: see subscription.liveAt
	reader, from := st.hindmost()
	if reader == nil {
		st.mu.Lock()
		st.top = max(st.top, ask.hint) // for those who are joining
		st.mu.Unlock()
		return
	}
	if !ask.force && ask.hint <= from {
		return
	}
	ctx, cancel := context.WithTimeout(st.hub.ctx, st.hub.cfg.PortTimeout)
	pubs, top, err := st.hub.cfg.Log.After(ctx, reader.session.who(), st.key.name, from, readBatch)
	cancel()
	if err != nil {
		st.readFailed(reader, err)
		return
	}
	st.hub.cfg.Metrics.reads.WithLabelValues("ok").Inc()
	st.idle.Store(0)
	if ask.checked {
		st.hub.cfg.Metrics.repaired.Add(float64(len(pubs)))
	}
	b := &batch{read: number, top: top, pubs: st.prepare(pubs)}
	if b.stalled = st.noteTop(b, from); len(pubs) == 0 && top.Offset > from && !b.stalled {
		st.wake(0) // a log that is not quite consistent gets another chance
		return
	}
	st.deliver(b)
	if len(pubs) == readBatch {
		st.wake(0)
	}
}

// hindmost finds the live subscription that waits for the lowest offset, and the offset before it.
func (st *stream) hindmost() (*subscription, uint64) {
	var reader *subscription
	var lowest uint64
	for _, sub := range st.members() {
		if next, live := sub.position(); live && (reader == nil || next < lowest) {
			reader, lowest = sub, next
		}
	}
	if reader == nil {
		return nil, 0
	}
	return reader, lowest - 1
}

// noteTop remembers the top and reports whether the log has stalled below it.
func (st *stream) noteTop(b *batch, from uint64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.fails = 0
	st.top = b.top.Offset
	if len(b.pubs) > 0 || b.top.Offset <= from {
		st.stalls = 0
		return false
	}
	st.stalls++
	return st.stalls >= maxStalls
}

// deliver hands the batch to everyone who is subscribed now, which may be more than when the read began.
func (st *stream) deliver(b *batch) {
	var lost []*subscription
	again := false
	for _, sub := range st.members() {
		switch sub.deliver(b) {
		case verdictLost:
			lost = append(lost, sub)
		case verdictAgain:
			again = true
		case verdictFine:
		}
	}
	if again {
		st.wake(0)
	}
	st.hub.lose(lost)
}

// readFailed drops a subscription that lost its right to read, and otherwise tries again later.
func (st *stream) readFailed(reader *subscription, err error) {
	st.hub.cfg.Metrics.reads.WithLabelValues("failed").Inc()
	if errors.Is(err, ErrDenied) || errors.Is(err, ErrUnknownStream) {
		reader.session.revoked(reader)
		st.wake(0) // for the others
		return
	}
	st.mu.Lock()
	pause := min(readRetryMin<<min(st.fails, 16), st.hub.cfg.CheckInterval)
	st.fails++
	st.mu.Unlock()
	st.hub.cfg.Logger.WarnContext(st.hub.ctx, "realtime log read failed", "tenant", st.key.tenant, "retry_in", pause, "error", err)
	time.AfterFunc(pause, func() { st.wake(0) })
}

// prepare makes publications ready to be shared, and measures how long they took to come here.
func (st *stream) prepare(pubs []Publication) []*prepared {
	out := make([]*prepared, len(pubs))
	now := st.hub.cfg.Clock.Now()
	for i, p := range pubs {
		out[i] = &prepared{Publication: p, stream: st.key.name, id: st.id}
		if !p.Time.IsZero() {
			st.hub.cfg.Metrics.delay.Observe(now.Sub(p.Time).Seconds())
		}
	}
	return out
}

// members returns the subscriptions of this moment.
func (st *stream) members() []*subscription {
	st.hub.mu.Lock()
	defer st.hub.mu.Unlock()
	subs := make([]*subscription, 0, len(st.subs))
	for sub := range st.subs {
		subs = append(subs, sub)
	}
	return subs
}
