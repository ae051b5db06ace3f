package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// nonceTimeout bounds the wait for Redis.
	nonceTimeout = 300 * time.Millisecond
	// localNonces bounds the memory of this process, in nonces.
	localNonces = 100_000
)

// nonces remembers used nonces in Redis. When Redis is away, reads fall back to the memory of this process: a read that is replayed shows
// its caller what it showed before. Writes and money fail closed, since a replay there must not get past.
type nonces struct {
	redis redis.UniversalClient
	clock clock.Clock
	local *signature.MemoryNonces
}

func newNonces(client redis.UniversalClient, clk clock.Clock) *nonces {
	return &nonces{redis: client, clock: clk, local: signature.NewMemoryNonces(clk.Now, localNonces)}
}

// Consume uses up a nonce until the end of its signature's life.
func (n *nonces) Consume(ctx context.Context, keyID, nonce string, until time.Time) error {
	ttl := until.Sub(n.clock.Now())
	if ttl <= 0 {
		return signature.ErrReplay // It cannot be told from one that was forgotten.
	}
	redisCtx, cancel := context.WithTimeout(ctx, nonceTimeout)
	defer cancel()
	fresh, err := n.redis.SetNX(redisCtx, "nonce:"+callOf(ctx).tenant.ID+":"+keyID+":"+nonce, 1, ttl).Result()
	switch {
	case err == nil && fresh:
		// Also noted here, so that a read right after Redis goes away is still seen as a replay.
		return n.local.Consume(ctx, keyID, nonce, until)
	case err == nil:
		return signature.ErrReplay
	case isReadOnly(ctx):
		return n.local.Consume(ctx, keyID, nonce, until)
	default:
		return fmt.Errorf("nonce store: %w", err)
	}
}

type readOnlyKey struct{}

func withReadOnly(ctx context.Context, readOnly bool) context.Context {
	return context.WithValue(ctx, readOnlyKey{}, readOnly)
}

func isReadOnly(ctx context.Context) bool {
	readOnly, _ := ctx.Value(readOnlyKey{}).(bool)
	return readOnly
}
