package link

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"connectrpc.com/connect"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// session is the server's end of a connection.
type session struct {
	*conn
	server *Server
	// workers answer calls. One that has nothing to do waits for the next, since a new one would have to grow its stack again; idle counts those.
	workers sync.WaitGroup
	work    chan job
	idle    atomic.Int64

	// cancels end the calls under way, by id. It has a lock of its own, since the writer's is held for other things.
	cancelling sync.Mutex
	cancels    map[uint64]context.CancelFunc
}

// maxIdle bounds the workers that wait for work on one connection.
const maxIdle = 64

// job is a call to answer. content is left when it has been answered; message is a part of it.
type job struct {
	ctx     context.Context
	id      uint64
	target  rpc
	message []byte
	content *room
}

func newSession(server *Server, c *conn) *session {
	return &session{conn: c, server: server, work: make(chan job), cancels: map[uint64]context.CancelFunc{}}
}

// handle takes a frame from the caller. It does what is cheap and bounded itself, above all the check of who calls, so that a stranger occupies no
// more than one frame at a time.
func (s *session) handle(ctx context.Context, k kind, id uint64, content *room) error {
	switch k {
	case kindCall:
		return s.call(ctx, id, content)
	case kindCancel:
		content.leave()
		s.cancel(id)
		return nil
	default:
		return fmt.Errorf("%w: kind %d from a caller", errFrame, k)
	}
}

// call begins to answer a call.
func (s *session) call(ctx context.Context, id uint64, content *room) error {
	call, err := parseAsked(content.b)
	if err != nil {
		return err
	}
	target, who, err := s.admit(call)
	if err != nil {
		content.leave()
		s.refuse(id, err)
		return nil
	}
	ctx = actor.With(ctx, who)
	if call.trace.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, call.trace)
	}
	var cancel context.CancelFunc
	if call.left > 0 {
		ctx, cancel = context.WithTimeout(ctx, call.left)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	if !s.remember(id, cancel) {
		cancel()
		s.server.underway.Add(-1)
		return fmt.Errorf("%w: two calls with one id", errFrame)
	}
	s.begin(job{ctx: ctx, id: id, target: target, message: call.messageWire, content: content})
	return nil
}

// begin gives a call to a worker that is free, or to a new one.
func (s *session) begin(j job) {
	select {
	case s.work <- j:
	default:
		s.workers.Go(func() { s.answerFrom(j) })
	}
}

// answerFrom answers a call and then those that come while it is free.
func (s *session) answerFrom(j job) {
	for {
		s.answer(j)
		s.cancel(j.id)
		s.server.underway.Add(-1)
		j = job{} // What it held is not to be held while it waits.
		if s.idle.Add(1) > maxIdle {
			s.idle.Add(-1)
			return
		}
		select {
		case j = <-s.work:
			s.idle.Add(-1)
		case <-s.ended:
			return
		}
	}
}

// admit tells which RPC is called and by whom, when the call may pass. It counts the call as under way.
func (s *session) admit(call asked) (rpc, actor.Actor, error) {
	target, known := s.server.rpcs[string(call.procedure)]
	procedure := target.procedure
	if !known {
		procedure = string(call.procedure)
	}
	who, err := s.server.config.Door.Proven(call.proof, procedure, call.messageWire)
	switch {
	case err != nil:
		return target, who, err
	case !known:
		return target, who, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC")
	}
	if s.server.underway.Add(1) > int64(s.server.config.MaxCalls) {
		s.server.underway.Add(-1)
		return target, who, overloaded("the process has too much to do")
	}
	return target, who, nil
}

// answer runs the handler and sends what it says.
func (s *session) answer(j job) {
	door, target := s.server.config.Door, j.target
	ctx, end := door.Span(j.ctx, target.procedure, trace.SpanKindServer)
	res, err := door.ServeContent(ctx, target.procedure, j.message, target.request.New().Interface(), target.handle)
	end(err)
	j.content.leave()
	if err != nil {
		s.refuse(j.id, err)
		return
	}
	frame := takeRoom()
	defer frame.leave()
	frame.b, err = proto.MarshalOptions{}.MarshalAppend(appendHead(frame.b, kindAnswer, j.id, 0), res)
	if err == nil && len(frame.b)-headSize > maxContent {
		err = errLarge
	}
	if err != nil {
		s.refuse(j.id, door.Scrub(j.ctx, target.procedure, fmt.Errorf("write the answer: %w", err)))
		return
	}
	setLength(frame.b)
	s.reply(frame.b)
}

// refuse answers a call with an error.
func (s *session) refuse(id uint64, err error) {
	frame := takeRoom()
	defer frame.leave()
	frame.b = appendRefusal(appendHead(frame.b, kindRefusal, id, 0), err)
	setLength(frame.b)
	s.reply(frame.b)
}

// reply hands an answer to the writer. A caller that leaves so much unread that it does not fit loses the connection: what it asked is done, and
// it will hear that the outcome is unknown.
func (s *session) reply(frame []byte) {
	if err := s.send(frame); err != nil {
		s.fail(err)
	}
}

// remember notes how a call is ended; false when its id is taken.
func (s *session) remember(id uint64, cancel context.CancelFunc) bool {
	s.cancelling.Lock()
	defer s.cancelling.Unlock()
	if _, taken := s.cancels[id]; taken {
		return false
	}
	s.cancels[id] = cancel
	return true
}

// cancel ends a call's context. It is no fault when the call is over.
func (s *session) cancel(id uint64) {
	s.cancelling.Lock()
	cancel := s.cancels[id]
	delete(s.cancels, id)
	s.cancelling.Unlock()
	if cancel != nil {
		cancel()
	}
}
