package identity

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/lendgate/lendgate/internal/idempotency"
)

// refusal is an error whose transaction commits all the same: a wrong try is counted, a stolen session is ended. It is kept like an answer,
// so that a repeat of the request hears the same and costs nothing more.
type refusal struct{ err *connect.Error }

// Error says what the caller is told.
func (r refusal) Error() string { return r.err.Error() }

// settle is idempotency.Do for a mutation that may end in a refusal. What is kept is either the answer or the refusal.
func settle[Res proto.Message](ctx context.Context, keeper idempotency.Keeper, procedure string, req idempotency.Request, res Res, mutate func(tx pgx.Tx) (Res, error)) (Res, error) {
	var none Res
	kept, err := idempotency.Do(ctx, keeper, procedure, req, &anypb.Any{}, func(tx pgx.Tx) (*anypb.Any, error) {
		out, err := mutate(tx)
		var refused refusal
		switch {
		case errors.As(err, &refused):
			return anypb.New(toStatus(refused.err))
		case err != nil:
			return nil, err
		default:
			return anypb.New(out)
		}
	})
	if err != nil {
		return none, err
	}
	if refused := (&status.Status{}); kept.MessageIs(refused) {
		if err := kept.UnmarshalTo(refused); err != nil {
			return none, fmt.Errorf("read a kept refusal: %w", err)
		}
		return none, fromStatus(refused)
	}
	if err := kept.UnmarshalTo(res); err != nil {
		return none, fmt.Errorf("read a kept answer: %w", err)
	}
	return res, nil
}

// toStatus and fromStatus write and read a refusal with all its details: code, reason, facts, hints.
func toStatus(err *connect.Error) *status.Status {
	out := &status.Status{Code: int32(err.Code()), Message: err.Message()}
	for _, detail := range err.Details() {
		out.Details = append(out.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type(), Value: detail.Bytes()})
	}
	return out
}

func fromStatus(in *status.Status) error {
	out := connect.NewError(connect.Code(in.GetCode()), errors.New(in.GetMessage()))
	for _, packed := range in.GetDetails() {
		detail, err := connect.NewErrorDetail(packed)
		if err != nil {
			return fmt.Errorf("read a kept refusal: %w", err)
		}
		out.AddDetail(detail)
	}
	return out
}
