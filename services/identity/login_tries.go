package identity

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Wrong passwords and codes of one address are counted together, whether anybody has the address or not. From freeTries on each wrong one
// locks it, the first time for firstLock and then for twice as long each time, up to longestLock: about 30 tries a day. A login with both
// factors begins anew, a right password alone does not: it would buy new tries at the code.
const (
	freeTries   = 5
	firstLock   = 30 * time.Second
	longestLock = time.Hour
)

// loginPause is what a caller is told who came when too many others were logging in.
const loginPause = 2 * time.Second

// lockFor is for how long an address is locked after so many wrong tries.
func lockFor(wrong int32) time.Duration {
	lock := time.Duration(0)
	for n := int32(freeTries); n <= wrong && lock < longestLock; n++ {
		lock = min(max(2*lock, firstLock), longestLock)
	}
	return lock
}

// admitTry refuses while an address is locked. It costs nothing and is not kept.
func (s *Service) admitTry(ctx context.Context, tx pgx.Tx, emailIndex []byte) error {
	tries, err := s.loginTries(ctx, tx, emailIndex)
	if err != nil {
		return err
	}
	if wait := tries.LockTime.Sub(s.deps.Clock.Now()); wait > 0 {
		return rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_LOGIN_LOCKED, "too many wrong tries", rpcerr.RetryAfter(wait))
	}
	return nil
}

// countTry notes a wrong try and gives the refusal to answer with. The caller holds lockEmail.
func (s *Service) countTry(ctx context.Context, tx pgx.Tx, emailIndex []byte, refused *connect.Error) error {
	tries, err := s.loginTries(ctx, tx, emailIndex)
	if err != nil {
		return err
	}
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	err = s.queries.PutLoginTries(ctx, tx, identitydb.PutLoginTriesParams{
		TenantID: who.TenantID, EmailIndex: emailIndex, WrongTries: tries.WrongTries + 1, LockTime: now.Add(lockFor(tries.WrongTries + 1)),
		Actor: who.String(), Now: now,
	})
	if err != nil {
		return fmt.Errorf("count a wrong try: %w", err)
	}
	return refusal{refused}
}

// loginTries reads the wrong tries of an address; the zero row when there are none.
func (s *Service) loginTries(ctx context.Context, tx pgx.Tx, emailIndex []byte) (identitydb.LoginTry, error) {
	tries, err := s.queries.GetLoginTries(ctx, tx, identitydb.GetLoginTriesParams{TenantID: actor.Must(ctx).TenantID, EmailIndex: emailIndex})
	if errors.Is(err, pgx.ErrNoRows) {
		return identitydb.LoginTry{}, nil
	}
	if err != nil {
		return tries, fmt.Errorf("read wrong tries: %w", err)
	}
	return tries, nil
}

// lockEmail holds everybody else who logs in by an address until the transaction ends. In the order of locks it stands where a phone does:
// request, device, address, staff.
func (s *Service) lockEmail(ctx context.Context, tx pgx.Tx, emailIndex []byte) error {
	if err := s.queries.LockEmail(ctx, tx, "identity.email|"+actor.Must(ctx).TenantID+"|"+hex.EncodeToString(emailIndex)); err != nil {
		return fmt.Errorf("lock an address: %w", err)
	}
	return nil
}
