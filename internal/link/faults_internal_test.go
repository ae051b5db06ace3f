package link

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
)

// httptestServer serves a handler until the test ends.
func httptestServer(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// wire is a link whose frames the test writes itself.
type wire struct {
	net net.Conn
	r   *bufio.Reader
	id  uint64
}

// wire begins a link to the rig's server.
func (r *rig) wire(t testing.TB) *wire {
	t.Helper()
	c, reader, err := r.peer.config.Address.upgrade(soon(t), r.door)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{net: c, r: reader}
}

// ask sends the content of a call and answers with what comes back.
func (w *wire) ask(t testing.TB, content []byte) (kind, []byte) {
	t.Helper()
	w.id++
	if _, err := w.net.Write(append(appendHead(nil, kindCall, w.id, len(content)), content...)); err != nil {
		t.Fatal(err)
	}
	for {
		k, id, answer := w.next(t)
		if k == kindAnswer || k == kindRefusal {
			if id != w.id {
				t.Fatalf("the answer is to %d, not to %d", id, w.id)
			}
			return k, answer
		}
	}
}

func (w *wire) next(t testing.TB) (kind, uint64, []byte) {
	t.Helper()
	var head [headSize]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		t.Fatal(err)
	}
	k, id, n, err := parseHead(head)
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, n)
	if _, err := io.ReadFull(w.r, content); err != nil {
		t.Fatal(err)
	}
	return k, id, content
}

// ended waits until the other side has closed.
func (w *wire) ended(t testing.TB, what string) {
	t.Helper()
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, w.r)
		over <- err
	}()
	receive(t, over, what+" ends the connection")
}

// good is the content of a call that is answered.
func (r *rig) good(t testing.TB) []byte {
	t.Helper()
	message, err := proto.Marshal(&loansv1.GetLoanRequest{LoanId: newLoan()})
	if err != nil {
		t.Fatal(err)
	}
	const procedure = loansv1connect.LoanServiceGetLoanProcedure
	proof := r.door.AppendProof(asPerson(t.Context()), nil, procedure, message)
	return append(appendAsked(nil, 0, oteltrace.SpanContext{}, procedure, proof), message...)
}

func TestBadFramesEndTheirConnectionAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, &loanStandIn{}, settings{})
	head := func(k kind, n uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, n)
		return append(b, byte(k), 0, 0, 0, 0, 0, 0, 0, 1)
	}
	for name, frames := range map[string][]byte{
		"text":                   []byte("GET / HTTP/1.1\r\nHost: example\r\n\r\n"),
		"zeros":                  make([]byte, 64),
		"a frame of 4 GB":        head(kindCall, 1<<32-1),
		"one byte too many":      head(kindCall, maxContent+1),
		"a kind of none":         head(kindGoaway+1, 0),
		"a ping with content":    append(head(kindPing, 1), 0),
		"an answer":              head(kindAnswer, 0),
		"goaway":                 head(kindGoaway, 0),
		"a call with nothing":    head(kindCall, 0),
		"a call of noise":        append(head(kindCall, 16), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...),
		"a procedure too long":   append(head(kindCall, 4), 0, 0, 0x7f, 1),
		"a trace of three bytes": append(head(kindCall, 6), 0, 3, 1, 2, 3, 0),
	} {
		w := r.wire(t)
		if _, err := w.net.Write(frames); err != nil {
			t.Fatal(err)
		}
		w.ended(t, name)
	}
	if err := r.call(soon(t)); err != nil {
		t.Errorf("the server has gone: %v", err)
	}
}

func TestTwoCallsWithOneIDEndTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }}, settings{})
	w, content := r.wire(t), r.good(t)
	frame := append(appendHead(nil, kindCall, 1, len(content)), content...)
	if _, err := w.net.Write(append(frame, frame...)); err != nil {
		t.Fatal(err)
	}
	w.ended(t, "the second call")
}

func TestACallThatBreaksOffInItsFrameIsNone(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	r := newRig(t, &loanStandIn{answer: func(context.Context, string) error { called <- struct{}{}; return nil }}, settings{})
	content := r.good(t)
	frame := append(appendHead(nil, kindCall, 1, len(content)), content...)
	w := r.wire(t)
	if _, err := w.net.Write(frame[:len(frame)-1]); err != nil {
		t.Fatal(err)
	}
	w.net.Close()
	if err := r.server.Drain(soon(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-called:
		t.Error("the handler was called")
	default:
	}
}

// TestTheOutcomeOfALostAnswerIsUnknown kills the connection while a handler works: the caller hears Unavailable at once, and the next call
// goes out on a new connection.
func TestTheOutcomeOfALostAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	goOn := make(chan struct{})
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		began <- struct{}{}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-goOn:
			return nil
		}
	}}, settings{})
	errs := make(chan error)
	go func() { errs <- r.call(soon(t)) }()
	receive(t, began, "the handler begins")
	r.server.mu.Lock()
	for one := range r.server.sessions {
		one.net.Close()
	}
	r.server.mu.Unlock()
	err := receive(t, errs, "the caller hears")
	if connect.CodeOf(peerError(err)) != connect.CodeUnavailable || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("the caller hears %v", err)
	}
	close(goOn)
	go func() { <-began }()
	if err := r.call(soon(t)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestWhatWasNotSentIsSentOnceMore blocks the writer of a connection in a first call, lets a second wait behind it and kills the connection: the
// second has an answer from the next connection, the first is unknown.
func TestWhatWasNotSentIsSentOnceMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, &loanStandIn{}, settings{})
	ours, theirs := net.Pipe() // Without buffers: what nobody reads is not sent.
	l := newLine(newConn(ours, Timing{}.orDefault()), 10)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = l.run(bufio.NewReader(ours), l.handle)
		l.end()
	}()
	r.peer.live.Store(l)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- r.call(soon(t)) }()
	if _, err := theirs.Read(make([]byte, 1)); err != nil { // The writer has taken the first call.
		t.Fatal(err)
	}
	go func() { second <- r.call(soon(t)) }()
	for ctx := soon(t); ; { // The second call waits behind it.
		l.mu.Lock()
		n := len(l.calls)
		l.mu.Unlock()
		if n == 2 {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("the second call does not begin")
		}
		runtime.Gosched()
	}
	theirs.Close()
	if err := receive(t, first, "the first call"); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("the first: %v", err)
	}
	if err := receive(t, second, "the second call"); err != nil {
		t.Errorf("the second: %v", err)
	}
	receive(t, over, "the end")
}

// TestAPeerThatFallsSilentIsGone has a peer that took the connection and whose machine then vanished: no answers, no pongs, no end.
func TestAPeerThatFallsSilentIsGone(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	url := httptestServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		raw, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer raw.Close()
		_, _ = io.WriteString(raw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n")
		<-hold
	}))
	r := &rig{door: newDoor(t)}
	r.dial(t, url, settings{timing: hasty})
	err := r.call(soon(t))
	if connect.CodeOf(peerError(err)) != connect.CodeUnavailable || !strings.Contains(err.Error(), errSilent.Error()) {
		t.Errorf("the caller hears %v", err)
	}
}

// TestACallerThatFallsSilentIsGone is the same for the server, which must not keep dead connections.
func TestACallerThatFallsSilentIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, &loanStandIn{}, settings{timing: hasty})
	r.wire(t).ended(t, "silence")
}

// TestAnIdleLinkStays is two ends that have nothing to say to each other for an hour. The time is virtual.
func TestAnIdleLinkStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		ours, theirs := newConn(a, Timing{}.orDefault()), newConn(b, Timing{}.orDefault())
		ends := make(chan error, 2)
		for _, c := range []*conn{ours, theirs} {
			go func() {
				ends <- c.run(bufio.NewReader(c.net), func(k kind, _ uint64, _ *room) error { return fmt.Errorf("heard %d", k) })
			}()
		}
		<-time.After(time.Hour)
		for _, c := range []*conn{ours, theirs} {
			if err := c.why(); err != nil {
				t.Errorf("it ended: %v", err)
			}
		}
		ours.fail(errClosed)
		for range 2 {
			if err := <-ends; !errors.Is(err, errClosed) && !errors.Is(err, io.EOF) {
				t.Errorf("it ended with %v", err)
			}
		}
	})
}

// TestACallerThatDoesNotReadLosesItsConnection asks and asks and never reads an answer, while another caller is served.
func TestACallerThatDoesNotReadLosesItsConnection(t *testing.T) {
	t.Parallel()
	slow := hasty
	slow.Tick = patient // Not for its silence.
	r := newRig(t, &loanStandIn{note: strings.Repeat("x", 256<<10)}, settings{timing: slow})
	w, content := r.wire(t), r.good(t)
	var err error
	ctx := soon(t)
	for id := uint64(1); err == nil && ctx.Err() == nil; id++ {
		_, err = w.net.Write(append(appendHead(nil, kindCall, id, len(content)), content...))
		if id%20 == 0 {
			if err := r.call(soon(t)); err != nil {
				t.Fatalf("another caller: %v", err)
			}
		}
	}
	if err == nil {
		t.Error("it can ask for ever")
	}
}

// TestAPeerThatIsAwayIsLeftAloneForAMoment: calls fail at once, and go through soon after the peer is back.
func TestAPeerThatIsAwayIsLeftAloneForAMoment(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{door: newDoor(t)}
	r.dial(t, "http://"+listener.Addr().String(), settings{})
	listener.Close()
	for range 100 {
		if err := r.call(soon(t)); connect.CodeOf(peerError(err)) != connect.CodeUnavailable {
			t.Fatalf("nobody is there: %v", err)
		}
	}
	if r.peer.failures > 50 {
		t.Errorf("it dialled %d times", r.peer.failures)
	}
	back, err := net.Listen("tcp", listener.Addr().String())
	if err != nil {
		t.Skip("the port was taken by somebody else")
	}
	server := &http.Server{Handler: newServer(r.door, &loanStandIn{}, settings{}).Handler(http.NotFoundHandler())}
	go server.Serve(back)
	t.Cleanup(func() { server.Close() })
	ctx := soon(t)
	for err := r.call(ctx); err != nil; err = r.call(ctx) {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}
