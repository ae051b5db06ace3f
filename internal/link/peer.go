package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// minPause and maxPause bound how long a peer that could not be reached is left alone. Each failure doubles it.
	minPause = 25 * time.Millisecond
	maxPause = time.Second
	// noLinkFor is how long a peer that said it has no link is not asked again. It may be a newer one then.
	noLinkFor = time.Minute
)

// PeerConfig is what a peer is reached with.
type PeerConfig struct {
	Address Address
	// Door proves actors and notes calls.
	Door *inproc.Door
	Log  *slog.Logger
	// MaxCalls bounds the calls under way; those beyond it are refused with OVERLOADED. 0 means 4096.
	MaxCalls int
	Timing   Timing
}

// defaultMaxCalls bounds calls under way, at the caller to one peer and at a server from everybody.
const defaultMaxCalls = 4096

// Peer is another process of ours. It is dialled when the first call needs it, and again when the connection was lost.
type Peer struct {
	config PeerConfig
	// answers are the types of answers by procedure.
	answers sync.Map // string to protoreflect.MessageType
	// live is the connection that calls go out on; nil when there is none.
	live atomic.Pointer[line]

	mu sync.Mutex
	// dialling is closed when the dial that is under way has ended; nil when none is.
	dialling chan struct{}
	// refused is why calls fail at once; nil when they may dial. timer takes it back.
	refused error
	timer   *time.Timer
	// failures are the dials that failed since one went well.
	failures int
	closed   bool
	// lines are all connections that are not over, also those that only wait for their last answers.
	lines sync.WaitGroup
}

// NewPeer makes a peer. Close it.
func NewPeer(config PeerConfig) *Peer {
	config.Timing = config.Timing.orDefault()
	if config.MaxCalls == 0 {
		config.MaxCalls = defaultMaxCalls
	}
	return &Peer{config: config}
}

// Call asks the peer: over the link, or through over, which is a Connect client's method, when the peer has no link. It is an inproc.CallFunc, so
// the generated in-process clients carry it. Errors are a peer's (rpcerr.Peer).
func (p *Peer) Call(ctx context.Context, procedure string, req proto.Message, over func(context.Context) (proto.Message, error)) (proto.Message, error) {
	res, err := p.call(ctx, procedure, req)
	if errors.Is(err, errNoLink) {
		return over(ctx) // Its interceptors do what is done here.
	}
	return res, rpcerr.MarkPeer(procedure, err)
}

func (p *Peer) call(ctx context.Context, procedure string, req proto.Message) (proto.Message, error) {
	l, err := p.line(ctx)
	if err != nil {
		return nil, err
	}
	ctx, end := p.config.Door.Span(ctx, procedure, spanOfCaller)
	res, err := p.ask(ctx, l, procedure, req)
	end(err)
	return res, err
}

// ask makes one call, and once more when none of it was sent.
func (p *Peer) ask(ctx context.Context, l *line, procedure string, req proto.Message) (proto.Message, error) {
	kind, err := p.answerOf(procedure)
	if err != nil {
		return nil, err
	}
	frame, err := p.frameOf(ctx, procedure, req)
	if err != nil {
		return nil, err
	}
	defer frame.leave()
	answer, err := l.ask(ctx, frame.b)
	if errors.Is(err, errUnsent) {
		if l, err = p.line(ctx); err == nil {
			answer, err = l.ask(ctx, frame.b)
		}
	}
	switch {
	case errors.Is(err, errUnsent):
		return nil, away(err)
	case err != nil:
		return nil, err
	}
	defer answer.content.leave()
	if answer.kind == kindRefusal {
		return nil, parseRefusal(answer.content.b)
	}
	res := kind.New().Interface()
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(answer.content.b, res); err != nil { // It is empty: nothing is to be taken out of it.
		return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("read the answer of %s: %w", procedure, err))
	}
	return res, nil
}

// answerOf finds the type that a procedure answers with.
func (p *Peer) answerOf(procedure string) (protoreflect.MessageType, error) {
	if found, ok := p.answers.Load(procedure); ok {
		return found.(protoreflect.MessageType), nil
	}
	method, ok := p.config.Door.Methods().Get(procedure)
	if !ok {
		return nil, fmt.Errorf("link: there is no RPC %s", procedure)
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.Descriptor.Output().FullName())
	if err != nil {
		return nil, err // A method that is linked in has its messages linked in.
	}
	p.answers.Store(procedure, kind)
	return kind, nil
}

// frameOf writes a call. Its id is that of no call yet.
func (p *Peer) frameOf(ctx context.Context, procedure string, req proto.Message) (*room, error) {
	message, proof, frame := takeRoom(), takeRoom(), takeRoom()
	defer message.leave()
	defer proof.leave()
	var err error
	if message.b, err = (proto.MarshalOptions{}).MarshalAppend(message.b, req); err != nil {
		frame.leave()
		return nil, fmt.Errorf("write the request of %s: %w", procedure, err)
	}
	if len(message.b) > inproc.MaxContent {
		frame.leave()
		return nil, inproc.TooLarge()
	}
	var left time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		left = max(time.Until(deadline), time.Microsecond)
	}
	proof.b = p.config.Door.AppendProof(ctx, proof.b, procedure, message.b)
	frame.b = appendHead(frame.b, kindCall, 0, 0)
	frame.b = appendAsked(frame.b, left, spanContext(ctx), procedure, proof.b)
	frame.b = append(frame.b, message.b...)
	setLength(frame.b)
	return frame, nil
}

// line answers with the connection to use. Without one it dials, once for all who ask at the same time.
func (p *Peer) line(ctx context.Context) (*line, error) {
	if l := p.live.Load(); l != nil && l.open() {
		return l, nil
	}
	p.mu.Lock()
	switch l := p.live.Load(); {
	case l != nil && l.open():
		p.mu.Unlock()
		return l, nil
	case p.closed:
		p.mu.Unlock()
		return nil, away(errClosed)
	case p.refused != nil:
		defer p.mu.Unlock()
		return nil, p.refused
	case p.dialling == nil:
		p.dialling = make(chan struct{})
		go p.dial(p.dialling)
	}
	dialled := p.dialling
	p.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	case <-dialled:
	}
	if l := p.live.Load(); l != nil && l.open() {
		return l, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused != nil {
		return nil, p.refused
	}
	return nil, away(errClosed) // It was lost as soon as it was there.
}

// dial begins a connection, for whoever waits for done.
func (p *Peer) dial(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), p.config.Timing.Dial)
	defer cancel()
	c, r, err := p.config.Address.upgrade(ctx, p.config.Door)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(done)
	p.dialling = nil
	switch {
	case p.closed && err == nil:
		c.Close()
	case errors.Is(err, errNoLink):
		p.config.Log.Info("peer has no link; it is called by Connect", "peer", p.config.Address.Address)
		p.failures = 0
		p.refuse(errNoLink, noLinkFor)
	case err != nil:
		pause := min(maxPause, minPause<<min(p.failures, 10))
		p.failures++
		p.refuse(away(err), pause/2+rand.N(pause))
	default:
		p.failures = 0
		l := newLine(newConn(c, p.config.Timing), p.config.MaxCalls)
		p.live.Store(l)
		p.lines.Go(func() {
			err := l.run(r, l.handle)
			l.end()
			p.config.Log.Debug("link ended", "peer", p.config.Address.Address, "error", err.Error())
		})
	}
}

// refuse makes calls fail with err for a while.
func (p *Peer) refuse(err error, pause time.Duration) {
	p.refused = err
	p.timer = time.AfterFunc(pause, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refused = nil
	})
}

// Close ends the connections. Calls under way fail; call it when there are none.
func (p *Peer) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	l := p.live.Load()
	p.mu.Unlock()
	if l != nil {
		l.fail(errClosed)
	}
	p.lines.Wait()
}

// away is the error of a call that the peer has not heard of.
func away(err error) error {
	return connect.NewError(connect.CodeUnavailable, fmt.Errorf("the peer cannot be reached: %w", err))
}
