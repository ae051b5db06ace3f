package identity

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// maxNonceLife is how far ahead a nonce may end: more than twice the longest life that a signature has.
const maxNonceLife = 5 * time.Minute

// ConsumeNonce uses up a nonce. The row bears the id of the request that wrote it, so it is the memory of the repeat, too, and no answer is
// kept beside it: while Redis is away, every write of the installation comes by here.
func (s *Service) ConsumeNonce(ctx context.Context, req *identityv1.ConsumeNonceRequest) (*identityv1.ConsumeNonceResponse, error) {
	now := s.deps.Clock.Now()
	request, err := uuid.Parse(req.GetRequestId())
	if err != nil || req.GetExpireTime().AsTime().After(now.Add(maxNonceLife)) {
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "the nonce would be kept for too long",
			rpcerr.Field("expire_time", "lies more than five minutes ahead"))
	}
	who := actor.Must(ctx)
	err = s.deps.DB.InTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.InsertNonce(ctx, tx, identitydb.InsertNonceParams{
			TenantID: who.TenantID, Digest: req.GetDigest(), RequestID: request, Actor: who.String(), Now: now,
			ExpireTime: req.GetExpireTime().AsTime(),
		})
		if err != nil {
			return fmt.Errorf("use a nonce: %w", err)
		}
		if rows == 1 {
			return nil
		}
		first, err := s.queries.GetNonceRequest(ctx, tx, identitydb.GetNonceRequestParams{TenantID: who.TenantID, Digest: req.GetDigest()})
		if err != nil {
			return fmt.Errorf("read a nonce: %w", err)
		}
		if first != request {
			return rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED, "this nonce was used before")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.ConsumeNonceResponse{}, nil
}
