package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
)

// memoryLog is the Log of tests: exact, and able to misbehave on demand.
type memoryLog struct {
	mu      sync.Mutex
	streams map[streamKey]*memoryStream
	wakeups *memoryWakeups
	reads   atomic.Int64
	fail    error  // answers every read
	before  func() // runs before every read of demoChat, outside of the lock
	after   func() // runs behind every read of demoChat, before its result is returned
}

type memoryStream struct {
	epoch  string
	pubs   []Publication // pubs[i] has offset i+1, unless trimmed
	hole   uint64        // an offset that reads leave out
	denied bool
	// holeOnce ends the hole with the first read that leaves it out.
	holeOnce bool
}

func newMemoryLog() *memoryLog {
	return &memoryLog{streams: map[streamKey]*memoryStream{}, wakeups: &memoryWakeups{}}
}

// stream is called with l.mu held.
func (l *memoryLog) stream(tenant, name string) *memoryStream {
	key := streamKey{tenant, name}
	if l.streams[key] == nil {
		l.streams[key] = &memoryStream{epoch: "e1"}
	}
	return l.streams[key]
}

// change edits a stream.
func (l *memoryLog) change(name string, edit func(*memoryStream)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	edit(l.stream(demoTenant, name))
}

// publish appends {"n": offset} and, unless quiet, wakes the handlers.
func (l *memoryLog) publish(name string, quiet bool) uint64 {
	l.mu.Lock()
	st := l.stream(demoTenant, name)
	offset := uint64(len(st.pubs) + 1)
	st.pubs = append(st.pubs, demoPublication(offset))
	l.mu.Unlock()
	if !quiet {
		l.wakeups.send(Wakeup{Tenant: demoTenant, Stream: name, Offset: offset})
	}
	return offset
}

// demoPublication says its own offset in both encodings.
func demoPublication(offset uint64) Publication {
	return Publication{
		Offset: offset, Data: fmt.Appendf(nil, "n=%d", offset), JSON: json.RawMessage(fmt.Sprintf(`{"n":%d}`, offset)),
	}
}

func (l *memoryLog) Position(ctx context.Context, p Principal, stream string) (Position, error) {
	_, top, err := l.After(ctx, p, stream, 1<<60, 0)
	return top, err
}

func (l *memoryLog) After(ctx context.Context, p Principal, stream string, offset uint64, limit int) ([]Publication, Position, error) {
	l.reads.Add(1)
	l.mu.Lock()
	before, after := l.before, l.after
	l.mu.Unlock()
	if before != nil && stream == demoChat {
		before()
	}
	if after != nil && stream == demoChat {
		defer after()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, Position{}, l.fail
	}
	if err := ctx.Err(); err != nil {
		return nil, Position{}, err
	}
	st := l.stream(p.Tenant, stream)
	switch {
	case st.denied:
		return nil, Position{}, ErrDenied
	case strings.HasPrefix(stream, "unknown:"):
		return nil, Position{}, ErrUnknownStream
	}
	var out []Publication
	for i := offset; i < uint64(len(st.pubs)) && len(out) < limit; i++ {
		switch st.pubs[i].Offset {
		case 0: // trimmed
		case st.hole:
			if st.holeOnce {
				st.hole = 0
			}
		default:
			out = append(out, st.pubs[i])
		}
	}
	return out, Position{Offset: uint64(len(st.pubs)), Epoch: st.epoch}, nil
}

// memoryWakeups broadcasts to all who listen; a full listener misses hints, as with the real one.
type memoryWakeups struct {
	mu        sync.Mutex
	listeners map[chan Wakeup]bool
	lose      func() bool
}

func (w *memoryWakeups) Subscribe(ctx context.Context) (<-chan Wakeup, error) {
	ch := make(chan Wakeup, 1024)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners == nil {
		w.listeners = map[chan Wakeup]bool{}
	}
	w.listeners[ch] = true
	context.AfterFunc(ctx, func() { w.drop(ch) })
	return ch, nil
}

// hint makes everybody hear something that concerns nobody.
func (w *memoryWakeups) hint() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.listeners {
		ch <- Wakeup{}
	}
}

// heard waits until everybody who listens has heard everything.
func (w *memoryWakeups) heard(listeners int) {
	for {
		w.mu.Lock()
		waiting, count := 0, len(w.listeners)
		for ch := range w.listeners {
			waiting += len(ch)
		}
		w.mu.Unlock()
		if count >= listeners && waiting == 0 {
			return
		}
		runtime.Gosched()
	}
}

func (w *memoryWakeups) drop(ch chan Wakeup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners[ch] {
		delete(w.listeners, ch)
		close(ch)
	}
}

func (w *memoryWakeups) send(hint Wakeup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lose != nil && w.lose() {
		return
	}
	for ch := range w.listeners {
		select {
		case ch <- hint:
		default:
		}
	}
}

// memoryAuth knows tokens of the form person[/device][@seconds to live], and the words expired, invalid and down.
type memoryAuth struct{ clock clock.Clock }

func (a memoryAuth) Authenticate(_ context.Context, token string) (Principal, error) {
	switch token {
	case "expired":
		return Principal{}, ErrTokenExpired
	case "invalid", "":
		return Principal{}, ErrTokenInvalid
	case "down":
		return Principal{}, errors.New("demo outage")
	}
	p := Principal{Tenant: demoTenant}
	who, life, limited := strings.Cut(token, "@")
	if limited {
		d, err := time.ParseDuration(life)
		if err != nil {
			return Principal{}, ErrTokenInvalid
		}
		p.ExpireTime = a.clock.Now().Add(d)
	}
	p.PersonID, p.DeviceID, _ = strings.Cut(who, "/")
	return p, nil
}

// memoryAcks keeps the highest acknowledged offset per stream.
type memoryAcks struct{ last sync.Map }

func (a *memoryAcks) Ack(_ context.Context, _ Principal, stream string, at Position) error {
	a.last.Store(stream, at)
	return nil
}
