package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// exchange is a request that has been read off the protocol it came in, and how its answer is to be written. Every protocol that the edge
// speaks itself ends in one, so that what follows is the same for all.
type exchange struct {
	request proto.Message
	// plain are the bytes by which equal requests are known.
	plain []byte
	// codec writes the answer.
	codec codec
	// timeout is how long the caller waits; 0 when it did not say.
	timeout time.Duration
	// conditional is true for GET: the answer bears an ETag, and the caller may say which one it has.
	conditional bool
}

// dispatch is the end of the chain: it reads the request and has it answered, in the protocol it came in. Connect's unary calls, by far the
// most, are read and written here, once; gRPC and gRPC-Web go on to Connect's own handler.
func (e *Edge) dispatch(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	if !c.method.ReadOnly { // What its caller sees may change, even if it fails half-way.
		e.fresh.changed(c.tenant.ID, principal(c.actor))
		defer e.fresh.changed(c.tenant.ID, principal(c.actor))
	}
	if c.rest == nil && r.Method == http.MethodPost && isEnveloped(r.Header.Get("Content-Type")) {
		e.enveloped(w, r)
		return
	}
	read := e.readConnect
	if c.rest != nil {
		read = e.readREST
	}
	x, err := read(r)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	e.serve(w, r, x)
}

// serve answers an exchange.
func (e *Edge) serve(w http.ResponseWriter, r *http.Request, x exchange) {
	c := callOf(r.Context())
	if err := checkRequestID(r, c, x.request); err != nil {
		e.refuse(w, r, err)
		return
	}
	s := e.scratch.Get().(*scratch)
	defer e.release(s)
	var given *answer
	var err error
	if c.method.Fresh > 0 {
		given, err = e.freshAnswer(c, x, s)
	} else {
		given, err = e.ask(c, c.rpc, x, s)
	}
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	e.write(w, r, x, given, s)
}

// checkRequestID holds the request_id of a mutation against its Idempotency-Key: the chain has marked the one, the service will keep the
// other.
func checkRequestID(r *http.Request, c *call, request proto.Message) error {
	if c.method.ReadOnly {
		return nil
	}
	id := ""
	if c.rpc.requestID != nil {
		id = request.ProtoReflect().Get(c.rpc.requestID).String()
	}
	if strings.EqualFold(id, r.Header.Get(IdempotencyKeyHeader)) {
		return nil
	}
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_MISMATCH, "request_id is not the Idempotency-Key",
		rpcerr.Field("request_id", "must be the value of the header Idempotency-Key"))
}

// ask calls the handler behind the door. The answer lies in scratch. ctx holds the call.
func (e *Edge) ask(ctx context.Context, r *rpc, x exchange, s *scratch) (*answer, error) {
	c := callOf(ctx)
	ctx = actor.With(ctx, c.actor)
	if x.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.timeout)
		defer cancel()
	}
	response, err := e.deps.Door.Serve(ctx, r.method.Procedure, x.request, r.handle)
	if err != nil {
		return nil, err
	}
	content, err := x.codec.encode(r, response, s)
	if err != nil {
		return nil, rpcerr.Scrub(ctx, e.deps.Log, r.method.Procedure, c.requestID, fmt.Errorf("write the answer: %w", err))
	}
	return &answer{content: content, whole: r.whole(response)}, nil
}

// scratch is memory that one exchange after the other uses.
type scratch struct {
	key, wire, text, packed []byte
}

// maxScratchBytes is what is kept of it; larger answers are rare.
const maxScratchBytes = 256 << 10

// release gives scratch back for the next exchange.
func (e *Edge) release(s *scratch) {
	if cap(s.wire)+cap(s.text)+cap(s.packed) <= maxScratchBytes {
		e.scratch.Put(s)
	}
}
