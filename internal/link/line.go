package link

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/trace"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// spanOfCaller is the side of a call that a line is.
const spanOfCaller = trace.SpanKindClient

// errUnsent tells that none of a call was sent, so that it may be made again.
var errUnsent = errors.New("link: the connection ended before the call was sent")

// line is the caller's end of a connection.
type line struct {
	*conn
	maxCalls int

	// What follows is guarded by conn's mu.

	// calls are those under way, by id.
	calls  map[uint64]*waiter
	lastID uint64
	// leaving is set when the peer has said goaway: no more calls, and the end when the last is answered.
	leaving bool
}

// waiter is a call that waits for its answer.
type waiter struct {
	// begin is where in the stream of all bytes its frame begins.
	begin uint64
	// answered gets one answer. It has room for it, so that nobody waits for the caller.
	answered chan answer
}

// answer is what a waiter gets: a frame of kindAnswer or kindRefusal, or the error of its connection.
type answer struct {
	kind    kind
	content *room
	err     error
}

// waiters are waiters whose channel is empty.
var waiters = sync.Pool{New: func() any { return &waiter{answered: make(chan answer, 1)} }}

func newLine(c *conn, maxCalls int) *line {
	return &line{conn: c, maxCalls: maxCalls, calls: map[uint64]*waiter{}}
}

// open tells whether calls may still begin.
func (l *line) open() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err == nil && !l.leaving
}

// ask sends a call and waits for its answer. frame's id is filled in.
func (l *line) ask(ctx context.Context, frame []byte) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, gaveUp(ctx)
	}
	w := waiters.Get().(*waiter)
	id, err := l.begin(w, frame)
	if err != nil {
		waiters.Put(w)
		return answer{}, err
	}
	select {
	case a := <-w.answered:
		waiters.Put(w)
		return a, a.err
	case <-ctx.Done():
	}
	if l.forget(id) {
		waiters.Put(w)
		l.signal(kindCancel, id)
		return answer{}, gaveUp(ctx)
	}
	// The answer came at the same moment. It is in the channel, or will be at once.
	a := <-w.answered
	waiters.Put(w)
	return a, a.err
}

// begin hands the call to the writer.
func (l *line) begin(w *waiter, frame []byte) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.leaving {
		return 0, errUnsent
	}
	if len(l.calls) >= l.maxCalls {
		return 0, overloaded("too many calls of this process wait for the same peer")
	}
	l.lastID++
	setID(frame, l.lastID)
	w.begin = l.queued
	if err := l.sendLocked(frame); err != nil {
		return 0, overloaded("a peer does not read what this process sends to it")
	}
	l.calls[l.lastID] = w
	return l.lastID, nil
}

// forget takes a call out of those under way; false when it was answered meanwhile.
func (l *line) forget(id uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, waits := l.calls[id]
	delete(l.calls, id)
	l.leaveLocked()
	return waits
}

// leaveLocked ends a connection that the peer wants to leave, when nobody waits for it any more.
func (l *line) leaveLocked() {
	if l.leaving && len(l.calls) == 0 {
		go l.fail(errClosed) // It takes the lock that is held here.
	}
}

// handle takes a frame from the peer.
func (l *line) handle(k kind, id uint64, content *room) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch k {
	case kindAnswer, kindRefusal:
		w := l.calls[id]
		if w == nil { // Nobody waits any more.
			content.leave()
			return nil
		}
		delete(l.calls, id)
		w.answered <- answer{kind: k, content: content}
	case kindGoaway:
		content.leave()
		l.leaving = true
	default:
		return fmt.Errorf("%w: kind %d from a server", errFrame, k)
	}
	l.leaveLocked()
	return nil
}

// end tells all who wait that the connection is over.
func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, w := range l.calls {
		delete(l.calls, id)
		if w.begin >= l.taken {
			w.answered <- answer{err: errUnsent}
			continue
		}
		w.answered <- answer{err: connect.NewError(connect.CodeUnavailable, fmt.Errorf("the connection ended before the answer came, the outcome is unknown: %w", l.err))}
	}
}

// setID and setLength fill in the head of a frame.
func setID(frame []byte, id uint64) { binary.BigEndian.PutUint64(frame[5:headSize], id) }

func setLength(frame []byte) { binary.BigEndian.PutUint32(frame, uint32(len(frame)-headSize)) }

func spanContext(ctx context.Context) trace.SpanContext { return trace.SpanContextFromContext(ctx) }

// gaveUp is the error of a call whose caller no longer waits, as a door would have said it.
func gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return rpcerr.New(connect.CodeDeadlineExceeded, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the answer did not come in time")
	}
	return rpcerr.New(connect.CodeCanceled, typev1.ErrorReason_ERROR_REASON_CANCELED, "the caller went away")
}

func overloaded(why string) error {
	return rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_OVERLOADED, why)
}
