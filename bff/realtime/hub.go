package realtime

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// checkTicks is how many ticks of the background loop make a check interval, so that checks of many streams spread out.
	checkTicks = 8
	// crowd is how many lost subscriptions of one stream are told at once; more are spread by crowdStep each, up to crowdMax.
	crowd     = 16
	crowdStep = 2 * time.Millisecond
	crowdMax  = 5 * time.Second
	// listenRetryMin and Max bound the pause before a failed source of wake-ups is asked again.
	listenRetryMin, listenRetryMax = 200 * time.Millisecond, 5 * time.Second
)

// hub knows which streams somebody in this process is subscribed to.
//
// Lock order: hub.mu, stream.mu and session.mu are never held together.
type hub struct {
	cfg    *Config
	ctx    context.Context // ends with the handler
	random func() float64
	slots  chan struct{} // bounds simultaneous reads of the log

	mu      sync.Mutex
	streams map[streamKey]*stream
	lastID  int64
}

// streamKey keeps tenants apart.
type streamKey struct{ tenant, name string }

// newHub makes an empty hub; it hears nothing before run.
func newHub(ctx context.Context, cfg *Config) *hub {
	return &hub{
		cfg: cfg, ctx: ctx, random: rand.Float64,
		slots:   make(chan struct{}, cfg.ConcurrentReads),
		streams: make(map[streamKey]*stream),
	}
}

// join registers a subscription with its stream.
func (h *hub) join(sub *subscription, tenant string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := streamKey{tenant, sub.name}
	st := h.streams[key]
	if st == nil {
		h.lastID++
		st = &stream{hub: h, key: key, id: h.lastID, subs: make(map[*subscription]struct{})}
		h.streams[key] = st
	}
	st.subs[sub] = struct{}{}
	sub.stream = st
	h.cfg.Metrics.subscriptions.Inc()
}

// leave undoes join; a second call does nothing.
func (h *hub) leave(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := sub.stream
	if _, ok := st.subs[sub]; !ok {
		return
	}
	delete(st.subs, sub)
	h.cfg.Metrics.subscriptions.Dec()
	if len(st.subs) == 0 {
		delete(h.streams, st.key)
	}
}

// settled is called when a subscription has gone live: what the stream learned while it was joining may be more than it got.
func (h *hub) settled(sub *subscription, again bool) {
	next, live := sub.position()
	if live && (again || sub.stream.known() >= next) {
		sub.stream.wake(0)
	}
}

// wake passes a hint on, if anybody here cares.
func (h *hub) wake(w Wakeup) {
	h.mu.Lock()
	st := h.streams[streamKey{w.Tenant, w.Stream}]
	h.mu.Unlock()
	if st != nil {
		h.cfg.Metrics.wakeups.Inc()
		st.wake(w.Offset)
	}
}

// all returns the streams of this moment.
func (h *hub) all() []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	streams := make([]*stream, 0, len(h.streams))
	for _, st := range h.streams {
		streams = append(streams, st)
	}
	return streams
}

// run listens to wake-ups and checks positions until ctx ends.
func (h *hub) run(ctx context.Context) {
	var group errgroup.Group
	group.Go(func() error { h.listen(ctx); return nil })
	group.Go(func() error { h.check(ctx); return nil })
	_ = group.Wait()
}

// listen keeps a subscription to the wake-ups. Whenever it had to be made anew, hints may have been lost in between.
func (h *hub) listen(ctx context.Context) {
	pause := listenRetryMin
	for ctx.Err() == nil {
		hints, err := h.cfg.Wakeups.Subscribe(ctx)
		if err == nil {
			pause = listenRetryMin
			for _, st := range h.all() {
				st.check()
			}
			for w := range hints {
				h.wake(w)
			}
		}
		if ctx.Err() != nil {
			return
		}
		h.cfg.Logger.WarnContext(ctx, "realtime wake-ups lost, relying on position checks meanwhile", "error", err, "retry_in", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, listenRetryMax)
	}
}

// check compares every stream that was not read for an interval with the log: per stream and not per connection.
func (h *hub) check(ctx context.Context) {
	ticker := time.NewTicker(max(h.cfg.CheckInterval/checkTicks, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, st := range h.all() {
				if st.idle.Add(1) >= checkTicks {
					st.check()
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// lose tells subscriptions that they missed something. Their clients subscribe again at once and without backoff, so a crowd
// is spread over time.
func (h *hub) lose(subs []*subscription) {
	if len(subs) <= crowd {
		for _, sub := range subs {
			sub.session.insufficient(sub)
		}
		return
	}
	window := min(time.Duration(len(subs))*crowdStep, crowdMax)
	for _, sub := range subs {
		time.AfterFunc(time.Duration(h.random()*float64(window)), func() { sub.session.insufficient(sub) })
	}
}
