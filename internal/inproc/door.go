// Package inproc is the door of every service: the checks that a call passes before it reaches a handler, the same whether it comes over
// the network or from the same process.
//
// In order: who calls (an actor in the context), the RPC's permission, the contract's rules (protovalidate), a deadline, the handler,
// and at the end the scrubbing of errors. In one process that costs microseconds and no serialization; over the network it is a Connect
// interceptor. The door knows RPCs only by their descriptors and options, so an RPC without options cannot be served.
package inproc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// maxDeadline bounds a call whose caller set no deadline, or too long a one.
const maxDeadline = 30 * time.Second

// Door guards the handlers of one process.
type Door struct {
	log       *slog.Logger
	clock     clock.Clock
	signer    *actor.Signer
	validator protovalidate.Validator
	methods   *Methods
	// instruments is nil until Instrument.
	instruments *instruments
}

// NewDoor makes a door. It fails when an RPC of the contract lacks its options.
func NewDoor(log *slog.Logger, clk clock.Clock, signer *actor.Signer) (*Door, error) {
	methods, err := LoadMethods()
	if err != nil {
		return nil, err
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("compile the contract's rules: %w", err)
	}
	return &Door{log: log, clock: clk, signer: signer, validator: validator, methods: methods}, nil
}

// Methods are the RPCs of the contract with their options.
func (d *Door) Methods() *Methods { return d.methods }

// CallFunc is how a generated in-process client reaches a handler: through Door.Call.
type CallFunc = func(ctx context.Context, procedure string, req proto.Message, handle func(context.Context) (proto.Message, error)) (proto.Message, error)

// Call is what a generated in-process client calls: the checks, the handler, and the marking of its error as a peer's.
func (d *Door) Call(ctx context.Context, procedure string, req proto.Message, handle func(context.Context) (proto.Message, error)) (proto.Message, error) {
	ctx, end := d.instruments.observe(ctx, procedure, true)
	res, err := d.serve(ctx, procedure, req, handle)
	end(err)
	return res, rpcerr.MarkPeer(procedure, err)
}

// Handle is an RPC as a plain function, as protoc-gen-inproc makes them.
type Handle = func(ctx context.Context, req proto.Message) (proto.Message, error)

// Serve runs a handler for a caller outside, whose actor is in the context already: what Interceptor does for calls that come through
// Connect's own handler. Its errors are the caller's to see.
func (d *Door) Serve(ctx context.Context, procedure string, req proto.Message, handle Handle) (proto.Message, error) {
	ctx, end := d.instruments.observe(ctx, procedure, false)
	res, err := d.serve(ctx, procedure, req, func(ctx context.Context) (proto.Message, error) { return handle(ctx, req) })
	end(err)
	return res, err
}

// serve runs a handler behind the checks.
func (d *Door) serve(ctx context.Context, procedure string, req proto.Message, handle func(context.Context) (proto.Message, error)) (res proto.Message, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
		if err != nil {
			err = rpcerr.Scrub(ctx, d.log, procedure, id.Format("ref_", id.New()), err)
		}
	}()
	ctx, err = d.authorize(ctx, procedure)
	if err != nil {
		return nil, err
	}
	if err := d.Validate(req); err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > maxDeadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxDeadline)
		defer cancel()
	}
	return handle(ctx)
}

// authorize asks for an actor with the RPC's permission. Staff go on with a note of whether it was one of theirs (actor.Admit).
func (d *Door) authorize(ctx context.Context, procedure string) (context.Context, error) {
	method, ok := d.methods.Get(procedure)
	if !ok {
		return nil, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "no such RPC")
	}
	who, ok := actor.From(ctx)
	if !ok || who.TenantID == "" {
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN, "no actor")
	}
	if !who.Holds(method.Permission) {
		if who.Kind == actor.KindAnonymous {
			return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED, "log in first")
		}
		return nil, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, "the caller does not hold "+method.Permission.String())
	}
	if who.Kind == actor.KindStaff {
		ctx = actor.With(ctx, who.Admit(method.Permission))
	}
	return ctx, nil
}

// Validate checks a request against the rules of its contract.
func (d *Door) Validate(req proto.Message) error {
	err := d.validator.Validate(req)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("run the rules of %s: %w", req.ProtoReflect().Descriptor().FullName(), err)
	}
	opts := make([]rpcerr.Option, 0, len(invalid.Violations))
	for _, violation := range invalid.Violations {
		opts = append(opts, rpcerr.Field(protovalidate.FieldPathString(violation.Proto.GetField()), violation.Proto.GetMessage()))
	}
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "the request breaks the contract", opts...)
}

// Interceptor is the door for calls whose actor is in the context already: behind Guard, or behind the edge's chain.
func (d *Door) Interceptor() connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			message, ok := req.Any().(proto.Message)
			if !ok {
				return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, "not a message")
			}
			ctx, end := d.instruments.observe(ctx, req.Spec().Procedure, false)
			var res connect.AnyResponse
			_, err := d.serve(ctx, req.Spec().Procedure, message, func(ctx context.Context) (proto.Message, error) {
				var err error
				res, err = next(ctx, req)
				return nil, err
			})
			end(err)
			if err != nil {
				return nil, err
			}
			return res, nil
		}
	}
}
