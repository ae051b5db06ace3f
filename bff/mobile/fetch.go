package mobile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// retryHint is what an app is told when a section is missing.
const retryHint = 3 * time.Second

// fetch gets the content of a section by one read of one backend. name is "backend.section", with "/id" behind it when it is of one thing.
func fetch[Req any, Res proto.Message](
	ctx context.Context, s *Screens, name string, call func(context.Context, Req) (Res, error), req Req,
) (Res, *mobilev1.SectionStatus, error) {
	return fetchBy(ctx, s, name, func(ctx context.Context) (Res, error) { return read(ctx, s, name, call, req) })
}

// fetchBy gets the content of a section and says how good it is; ask may read several backends. When the content cannot be had, an answer of
// the last minutes stands in, marked STALE. The error is for screens that require the section.
func fetchBy[Res proto.Message](ctx context.Context, s *Screens, name string, ask func(ctx context.Context) (Res, error)) (Res, *mobilev1.SectionStatus, error) {
	who := actor.Must(ctx)
	key := staleKey{tenant: who.TenantID, person: who.PersonID, locale: who.Locale, name: name}
	value, err := ask(ctx)
	status := statusOf(err)
	switch {
	case err == nil:
		s.stale.keep(key, value, proto.Size(value))
	case transient(status.GetReason()):
		if earlier, at, ok := s.stale.recall(key); ok {
			value = earlier.(Res)
			status.State, status.AsOfTime = mobilev1.SectionStatus_STATE_STALE, timestamppb.New(at)
		}
	}
	s.told(ctx, name, status, err)
	if status.GetState() == mobilev1.SectionStatus_STATE_STALE {
		err = nil
	}
	return value, status, err
}

// fetchFresh is fetch for content that must not be old, such as a quote of the day: none is kept, and none stands in.
func fetchFresh[Req, Res any](
	ctx context.Context, s *Screens, name string, call func(context.Context, Req) (Res, error), req Req,
) (Res, *mobilev1.SectionStatus, error) {
	value, err := read(ctx, s, name, call, req)
	status := statusOf(err)
	s.told(ctx, name, status, err)
	return value, status, err
}

// statusOf says how good a section is whose content, or the error instead, has just come.
func statusOf(err error) *mobilev1.SectionStatus {
	if err == nil {
		return &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_OK}
	}
	status := &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_MISSING, Reason: reasonOf(err), RetryAfter: durationpb.New(retryHint)}
	if status.GetReason() == typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED {
		status.State, status.RetryAfter = mobilev1.SectionStatus_STATE_DENIED, nil
	}
	return status
}

// told counts what a section said and logs why it is not fresh. A backend that is away is worth a warning; a caller's mistake, such as the
// id of another's loan, is not; and a refusal of our own was logged when the breaker opened.
func (s *Screens) told(ctx context.Context, name string, status *mobilev1.SectionStatus, err error) {
	s.source(name).states[status.GetState()].Inc()
	if err == nil {
		return
	}
	level := slog.LevelInfo
	switch {
	case rpcerr.Known(err), errors.Is(err, context.Canceled): // Or its caller has hung up.
		level = slog.LevelDebug
	case transient(status.GetReason()):
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, "section not fresh", "section", labelOf(name), "state", stateName(status.GetState().String()),
		"reason", rpcerr.Name(status.GetReason()), "error", err.Error())
}

// reasonOf is the reason that an app is shown for a section.
func reasonOf(err error) typev1.ErrorReason {
	if reason := rpcerr.PeerReason(err); reason != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return reason
	}
	peer, ok := rpcerr.AsPeer(err)
	if errors.Is(err, context.DeadlineExceeded) || ok && peer.Err.Code() == connect.CodeDeadlineExceeded {
		return typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED
	}
	return typev1.ErrorReason_ERROR_REASON_UNAVAILABLE
}

// transient tells whether an earlier answer is still true enough to show: the backend was away, it did not say no.
func transient(reason typev1.ErrorReason) bool {
	switch reason {
	case typev1.ErrorReason_ERROR_REASON_UNAVAILABLE, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		typev1.ErrorReason_ERROR_REASON_INTERNAL, typev1.ErrorReason_ERROR_REASON_OVERLOADED, typev1.ErrorReason_ERROR_REASON_CONFLICT:
		return true
	default:
		return false
	}
}
