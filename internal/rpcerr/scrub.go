package rpcerr

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"connectrpc.com/connect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Scrub is the last thing that happens to a handler's error before the caller sees it. Errors born here pass. A peer that was away, and a
// deadline, say so. Everything else becomes Internal with a reference; the cause is logged here and nowhere else.
func Scrub(ctx context.Context, log *slog.Logger, procedure, reference string, err error) error {
	switch {
	case err == nil:
		return nil
	case Known(err):
		return err
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return New(connect.CodeCanceled, typev1.ErrorReason_ERROR_REASON_CANCELED, "the caller went away")
	case errors.Is(err, context.DeadlineExceeded):
		return deadline()
	}
	if peer, ok := AsPeer(err); ok {
		switch peer.Err.Code() {
		case connect.CodeUnavailable, connect.CodeResourceExhausted:
			log.WarnContext(ctx, "peer unavailable", "procedure", procedure, "peer", peer.Procedure, "error", err.Error())
			return Unavailable("a part that this call needs does not answer")
		case connect.CodeDeadlineExceeded:
			return deadline()
		case connect.CodeAborted:
			return New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_CONFLICT, "changed at the same time; read it again",
				RetryAfter(100*time.Millisecond))
		}
	}
	log.ErrorContext(ctx, "internal error", "procedure", procedure, "reference", reference, "error", err.Error())
	return New(connect.CodeInternal, typev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error, ref="+reference, Meta("reference", reference))
}

func deadline() error {
	return New(connect.CodeDeadlineExceeded, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the answer did not come in time",
		RetryAfter(time.Second))
}
