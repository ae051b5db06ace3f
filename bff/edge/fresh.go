package edge

import (
	"context"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// freshEntries and freshBytes bound the answers that are kept: home screens of about eight thousand people.
	freshEntries = 8192
	freshBytes   = 32 << 20
	// epochs is how many counters of changes there are. People share them; that costs one of them an answer now and then.
	epochs = 1 << 14
	// sharedTimeout bounds a call that several wait for: it has no caller of its own whose patience would.
	sharedTimeout = 10 * time.Second
)

// freshness keeps answers of RPCs that declare fresh_seconds, as bytes, each for its caller alone. An answer is good until its seconds are
// over or something of its caller's changes (a screen with a section missing not at all): each of their mutations through this edge, before and after it runs, and whatever Changed
// reports. Equal questions asked at once are one call.
//
// Several edges do not know of each other's mutations but through Changed, so between them an answer is at most fresh_seconds behind.
type freshness struct {
	answers *bounded[*answer]
	flights singleflight.Group
	seed    maphash.Seed
	changes []atomic.Uint64
}

func newFreshness() *freshness {
	return &freshness{answers: newBounded[*answer](freshEntries, freshBytes), seed: maphash.MakeSeed(), changes: make([]atomic.Uint64, epochs)}
}

// changed ends what is kept for a caller.
func (f *freshness) changed(lender, who string) { f.epoch(lender, who).Add(1) }

// epoch is the counter of a caller's changes.
func (f *freshness) epoch(lender, who string) *atomic.Uint64 {
	return &f.changes[(maphash.String(f.seed, lender)^maphash.String(f.seed, who))%epochs]
}

// Changed tells the edge that something of a person's has changed elsewhere, so that they are shown it at once. person is the wire id.
func (e *Edge) Changed(lender, person string) { e.fresh.changed(lender, person) }

// principal is whose data a caller sees: that of a person, of a partner, of one of the staff, or of nobody but the device.
func principal(who actor.Actor) string {
	switch {
	case who.PersonID != "":
		return who.PersonID
	case who.PartnerID != "":
		return who.PartnerID
	case who.StaffID != "":
		return who.StaffID
	default:
		return who.DeviceID
	}
}

// appendKey writes what an answer depends on: who asks, from which session, in which language, by which version of the app, and what.
func (c *call) appendKey(key []byte, x exchange) []byte {
	for _, part := range []string{c.method.Procedure, c.tenant.ID, string(c.actor.Kind), principal(c.actor), c.actor.SessionID, c.actor.DeviceID, c.locale, c.appVersion} {
		key = append(append(key, part...), 0) // None of them can hold a zero byte.
	}
	return append(append(key, byte(x.codec)), x.plain...)
}

// freshAnswer finds the caller's answer among those that are kept, or gets it together with everybody of theirs who asks the same now.
func (e *Edge) freshAnswer(c *call, x exchange, s *scratch) (*answer, error) {
	s.key = c.appendKey(s.key[:0], x)
	counter := e.fresh.epoch(c.tenant.ID, principal(c.actor))
	epoch := counter.Load()
	if kept, ok := e.fresh.answers.get(s.key); ok && kept.epoch == epoch && e.deps.Clock.Now().Before(kept.until) {
		return kept, nil
	}
	// The epoch is part of the flight's name: who has just changed something does not join a question that was asked before.
	key := string(s.key)
	name := strconv.FormatUint(epoch, 10) + "|" + key
	flight := func() (any, error) {
		made, err := e.askForAll(c, x)
		if err != nil {
			return nil, err
		}
		made.epoch, made.until = epoch, e.deps.Clock.Now().Add(c.method.Fresh)
		if made.whole && counter.Load() == epoch {
			e.fresh.answers.put(key, made, 2*len(made.content)) // Its packed forms are to come.
		}
		return made, nil
	}
	if x.timeout == 0 {
		// Who has time asks in their own goroutine: the stack of a new one would grow four times on the way down, which costs 9 µs.
		made, err, _ := e.fresh.flights.Do(name, flight)
		if err != nil {
			return nil, err
		}
		return made.(*answer), nil
	}
	return e.await(c, x.timeout, e.fresh.flights.DoChan(name, flight))
}

// await waits for a flight as long as its caller does.
func (e *Edge) await(c *call, timeout time.Duration, flight <-chan singleflight.Result) (*answer, error) {
	patience := time.NewTimer(timeout)
	defer patience.Stop()
	select {
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*answer), nil
	case <-patience.C:
		return nil, rpcerr.Scrub(c, e.deps.Log, c.method.Procedure, c.requestID, context.DeadlineExceeded)
	case <-c.Done():
		return nil, rpcerr.Scrub(c, e.deps.Log, c.method.Procedure, c.requestID, c.Err())
	}
}

// askForAll asks the handler in the name of everybody who waits: no one of them ends it by hanging up, or by being in more of a hurry.
func (e *Edge) askForAll(c *call, x exchange) (made *answer, err error) {
	defer func() {
		if cause := recover(); cause != nil { // Of the edge itself: the door catches those of handlers.
			err = rpcerr.Scrub(c, e.deps.Log, c.method.Procedure, c.requestID, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c), sharedTimeout)
	defer cancel()
	x.timeout = 0
	s := e.scratch.Get().(*scratch)
	defer e.release(s)
	if made, err = e.ask(ctx, c.rpc, x, s); err != nil {
		return nil, err
	}
	made.content = slices.Clone(made.content) // Out of scratch: it stays.
	made.stamp(c)
	return made, nil
}

// bounded keeps values up to a number and a size. It is made of two generations: when the younger is full it becomes the older, and the older
// is forgotten. What is asked for moves to the younger.
type bounded[V any] struct {
	maxEntries, maxBytes int

	mu         sync.Mutex
	young, old map[string]weighed[V]
	bytes      int // Of the younger.
}

type weighed[V any] struct {
	value V
	bytes int
}

// newBounded makes a store of at most so many entries, and bytes of values and keys, in both generations together.
func newBounded[V any](maxEntries, maxBytes int) *bounded[V] {
	return &bounded[V]{maxEntries: maxEntries / 2, maxBytes: maxBytes / 2, young: map[string]weighed[V]{}}
}

func (b *bounded[V]) get(key []byte) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.young[string(key)]
	if !ok {
		if found, ok = b.old[string(key)]; ok {
			b.add(string(key), found)
		}
	}
	return found.value, ok
}

// put keeps a value. One that is larger than a generation is not kept.
func (b *bounded[V]) put(key string, value V, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes += len(key); bytes <= b.maxBytes {
		b.add(key, weighed[V]{value, bytes})
	}
}

func (b *bounded[V]) add(key string, entry weighed[V]) {
	b.bytes += entry.bytes - b.young[key].bytes
	if b.bytes > b.maxBytes || len(b.young) >= b.maxEntries {
		b.young, b.old, b.bytes = make(map[string]weighed[V], len(b.young)), b.young, entry.bytes
	}
	b.young[key] = entry
}
