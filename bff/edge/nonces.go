package edge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// localNonces bounds the record of this process, in nonces: those of two minutes at 800 requests a second, about 13 MB. The oldest go.
	localNonces = 100_000
	// databaseTimeout bounds the wait for the table that stands in for Redis.
	databaseTimeout = time.Second
)

// What a nonce's end says of the time when it was signed. A store is told until when a message could be accepted: the end of its life plus
// the skew of clocks (signature.Policy). Our signers give a message a minute, so it was usually signed nonceLife before that end. A caller
// who gives it more looks as if it had signed later, one who gives it less as if earlier; the rules below hold for either.
const (
	usualLife = time.Minute
	nonceSkew = 31 * time.Second
	nonceLife = usualLife + nonceSkew
	// earlyAfter is from which lead on a message counts as signed early: its nonce outlives what a loss of memory refuses, so it is also
	// noted in PostgreSQL.
	earlyAfter = time.Second
	// doubtAfterLoss is what may have been used before a loss of memory without being early: earlyAfter, and a second for clocks of
	// servers that differ.
	doubtAfterLoss = 2 * time.Second
	// longestLead is how long before its usual time a message may have been used: it may be dated 30 s ahead and live 30 s longer.
	longestLead = time.Minute
	// readWindow is how old a read may be while there is nothing but the record of this process.
	readWindow = 30 * time.Second
)

var (
	errForgotten = errors.New("edge: Redis has lost the nonces of this time; sign again in a moment")
	errTooOld    = errors.New("edge: signed too long ago for a time without Redis; sign again")
)

// nonces remembers used nonces: in this process, which refuses most replays without asking anybody; in Redis, which all edges share; and
// in PostgreSQL, when Redis cannot vouch for a nonce. What cannot be told is refused as unavailable, and never let past:
//
//   - Redis is slow or gone: writes and money ask PostgreSQL; reads go on with the record of this process and a window of 30 s.
//   - Redis has lost its memory: writes signed before that are refused (UNAVAILABLE, at most three seconds), those signed after it are also
//     asked for in PostgreSQL, which knows the ones that could have been used before, dated ahead. Reads go on with the record.
//   - Redis is back: for a minute writes ask both, since neither knows all.
//
// What remains is a partition in which only some edges reach Redis: a write that one of them took to PostgreSQL may reach another one again.
// There the idempotency key answers it with its first answer.
type nonces struct {
	memory *memory
	clock  clock.Clock
	// devices is where the table of nonces lives.
	devices identityv1connect.DeviceServiceClient
	seed    maphash.Seed
	record  *lru.Cache[uint64, struct{}]
}

func newNonces(shared *memory, clk clock.Clock, devices identityv1connect.DeviceServiceClient) *nonces {
	record, _ := lru.New[uint64, struct{}](localNonces) // Fails for sizes below one alone.
	return &nonces{memory: shared, clock: clk, devices: devices, seed: maphash.MakeSeed(), record: record}
}

// Consume uses up a nonce until the end of its signature's life.
func (n *nonces) Consume(ctx context.Context, keyID, nonce string, until time.Time) error {
	now := n.clock.Now()
	life := until.Sub(now)
	if life <= 0 {
		return signature.ErrReplay // It cannot be told from one that was forgotten.
	}
	key := "nonce:" + callOf(ctx).tenant.ID + ":" + keyID + ":" + nonce
	hash := maphash.String(n.seed, key)
	if used, _ := n.record.ContainsOrAdd(hash, struct{}{}); used {
		return signature.ErrReplay
	}
	err := n.consumeShared(ctx, key, now, until)
	if err != nil && !errors.Is(err, signature.ErrReplay) {
		n.record.Remove(hash) // Nobody has used it, and nobody may blame the caller for having tried.
	}
	return err
}

// consumeShared uses up a nonce that is new to this process.
func (n *nonces) consumeShared(ctx context.Context, key string, now, until time.Time) error {
	signed := until.Add(-nonceLife)
	mark, err := n.memory.mark(key, until.Sub(now))
	switch {
	case err == nil && !mark.fresh:
		return signature.ErrReplay
	case isReadOnly(ctx) && err == nil:
		return nil
	case isReadOnly(ctx) && signed.Before(now.Add(-readWindow)):
		return errTooOld
	case isReadOnly(ctx):
		return nil
	case err == nil && !signed.After(mark.lost.Add(doubtAfterLoss)):
		return errForgotten
	case err == nil && n.vouches(mark, signed, now):
		return nil
	default:
		return n.consumeStored(ctx, key, until)
	}
}

// vouches tells whether a fresh mark in Redis is enough: nobody can have used the nonce where Redis did not see it, nor need ask for it
// after a loss.
func (n *nonces) vouches(mark marked, signed, now time.Time) bool {
	early := signed.After(now.Add(earlyAfter))
	return !early && signed.After(mark.lost.Add(longestLead)) && signed.After(mark.apart.Add(longestLead))
}

// consumeStored uses up a nonce in PostgreSQL, at identity.
func (n *nonces) consumeStored(ctx context.Context, key string, until time.Time) error {
	ctx, cancel := context.WithTimeout(actor.AsService(ctx, callOf(ctx).tenant.ID, service), databaseTimeout)
	defer cancel()
	digest := sha256.Sum256([]byte(key))
	_, err := n.devices.ConsumeNonce(ctx, &identityv1.ConsumeNonceRequest{
		RequestId: uuid.NewString(), Digest: digest[:], ExpireTime: timestamppb.New(until),
	})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_REPLAYED {
		return signature.ErrReplay
	}
	if err != nil {
		return fmt.Errorf("nonce in PostgreSQL: %w", err)
	}
	return nil
}

func isReadOnly(ctx context.Context) bool { return callOf(ctx).method.ReadOnly }
