package identity

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// limitWindow is the time over which codes and tries of a phone are counted.
const limitWindow = time.Hour

// admit decides whether another code may be sent to a phone. Every refusal says when to come back. recent is what recentChallenges gave.
func (c Config) admit(recent []identitydb.ListRecentChallengesRow, now time.Time) error {
	if len(recent) == 0 {
		return nil
	}
	if wait := recent[0].CreateTime.Add(c.ResendPause).Sub(now); wait > 0 {
		return rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_RESEND_TOO_SOON, "a code was sent a moment ago",
			rpcerr.RetryAfter(wait))
	}
	counted := 0
	oldest := now // Of the codes within the window: when it leaves, there is room again.
	for _, challenge := range recent {
		if challenge.CreateTime.After(now.Add(-limitWindow)) {
			counted, oldest = counted+1, challenge.CreateTime
		}
	}
	switch {
	case counted >= c.CodesPerPhoneHour:
		return codeLimitReached(oldest.Add(limitWindow).Sub(now))
	case wrongTries(recent) >= c.TriesPerPhoneHour:
		return codeLimitReached(recent[len(recent)-1].CreateTime.Add(limitWindow + c.CodeLifetime).Sub(now))
	default:
		return nil
	}
}

func codeLimitReached(wait time.Duration) error {
	return rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_LIMIT_REACHED, "too many codes for this phone",
		rpcerr.RetryAfter(wait))
}

// judge decides whether a code may be tried on a challenge at all. None of its refusals costs anything or is kept: they change nothing, and
// stay true on a repeat. wrong counts the wrong tries of the phone within the window.
func (c Config) judge(challenge identitydb.Challenge, wrong int, now time.Time) error {
	switch {
	case challenge.UseTime != nil:
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED, "the code has been used")
	case !now.Before(challenge.ExpireTime):
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED, "the code has ended; ask for a new one")
	case challenge.WrongTries >= challenge.MaxTries, wrong >= c.TriesPerPhoneHour:
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED, "too many wrong codes; ask for a new one")
	default:
		return nil
	}
}

// recentChallenges reads the codes of a phone and purpose that the limits look at, newest first: all that a try can have been made on within
// the window. The caller holds the lock of the phone.
func (s *Service) recentChallenges(ctx context.Context, tx pgx.Tx, index []byte, purpose string, now time.Time) ([]identitydb.ListRecentChallengesRow, error) {
	recent, err := s.queries.ListRecentChallenges(ctx, tx, identitydb.ListRecentChallengesParams{
		TenantID: actor.Must(ctx).TenantID, PhoneIndex: index, Purpose: purpose, Since: now.Add(-limitWindow - s.config.CodeLifetime),
	})
	if err != nil {
		return nil, fmt.Errorf("count codes: %w", err)
	}
	return recent, nil
}

func wrongTries(recent []identitydb.ListRecentChallengesRow) int {
	sum := 0
	for _, challenge := range recent {
		sum += int(challenge.WrongTries)
	}
	return sum
}

// codeWrong is the refusal of a wrong code, with the tries that are left after it.
func codeWrong(left int32) *connect.Error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CODE_WRONG, "the code is wrong", rpcerr.Field("code", "is wrong"),
		rpcerr.Meta("attempts_left", strconv.Itoa(int(left))))
}
