package mobile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// sectionBudget is how long a screen waits for its sections.
	sectionBudget = 2 * time.Second
	// staleLifetime is for how long an earlier answer may stand in for one that could not be had.
	staleLifetime = 10 * time.Minute
	// maxStale bounds the memory for earlier answers, in sections. When it is full it is emptied.
	maxStale = 20_000
	// retryHint is what an app is told when a section is missing.
	retryHint = 3 * time.Second
)

// Screens fetches sections. One serves all screens of a process.
type Screens struct {
	clock clock.Clock
	log   *slog.Logger

	mu   sync.Mutex
	last map[sectionKey]lastAnswer
}

type sectionKey struct{ tenant, person, name string }

type lastAnswer struct {
	value any
	at    time.Time
}

// NewScreens makes the fetcher of sections.
func NewScreens(clk clock.Clock, log *slog.Logger) *Screens {
	return &Screens{clock: clk, log: log, last: map[sectionKey]lastAnswer{}}
}

// compose runs the fetchers of a screen side by side under one deadline and waits for all.
func compose(ctx context.Context, fetchers ...func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, sectionBudget)
	defer cancel()
	var group sync.WaitGroup
	for _, fetch := range fetchers {
		group.Go(func() { fetch(ctx) })
	}
	group.Wait()
}

// fetch gets the content of a section and says how good it is. name tells sections of one person apart, such as "home.loans". When the
// content cannot be had, an answer of the last minutes stands in, marked STALE; the error is returned for screens that require the section.
func fetch[T any](ctx context.Context, s *Screens, name string, ask func(ctx context.Context) (T, error)) (T, *mobilev1.SectionStatus, error) {
	who := actor.Must(ctx)
	key := sectionKey{tenant: who.TenantID, person: who.PersonID, name: name}
	value, err := answerInTime(ctx, ask)
	if err == nil {
		s.keep(key, value)
		return value, &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_OK}, nil
	}
	status := &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_MISSING, Reason: reasonOf(err), RetryAfter: durationpb.New(retryHint)}
	if status.GetReason() == typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED {
		status.State, status.RetryAfter = mobilev1.SectionStatus_STATE_DENIED, nil
		return value, status, err
	}
	s.log.WarnContext(ctx, "section missing", "section", name, "reason", rpcerr.Name(status.GetReason()), "error", err.Error())
	if earlier, ok := s.recall(key); ok && transient(status.GetReason()) {
		status.State, status.AsOfTime = mobilev1.SectionStatus_STATE_STALE, timestamppb.New(earlier.at)
		return earlier.value.(T), status, nil
	}
	return value, status, err
}

// answerInTime asks and stops waiting when the screen's time is up, even if the backend does not notice.
func answerInTime[T any](ctx context.Context, ask func(ctx context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := ask(ctx)
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (s *Screens) keep(key sectionKey, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) >= maxStale {
		clear(s.last)
	}
	s.last[key] = lastAnswer{value: value, at: s.clock.Now()}
}

func (s *Screens) recall(key sectionKey) (lastAnswer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	earlier, ok := s.last[key]
	return earlier, ok && s.clock.Now().Sub(earlier.at) <= staleLifetime
}

// reasonOf is the reason that an app is shown for a section.
func reasonOf(err error) typev1.ErrorReason {
	if reason := rpcerr.PeerReason(err); reason != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return reason
	}
	if errors.Is(err, context.DeadlineExceeded) {
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

// required is the error of a screen whose required section failed.
func required(err error) error { return rpcerr.PassPeer(err) }
