package edge

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"
	memorystore "github.com/ulule/limiter/v3/drivers/store/memory"
	redisstore "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// limitPeriod is the window of all limits.
	limitPeriod = time.Minute
	// leaseShare is the part of a limit that a process takes at once: a twentieth. What it does not use is lost to the others until the end
	// of the window, so this bounds how far the limit is from exact. Limits below 40 are counted one by one.
	leaseShare = 20
	// maxAllowances bounds how many callers' leases a process keeps. One that is pushed out costs the caller the rest of its lease.
	maxAllowances = 50_000
)

// limitStores are where counts are kept: in Redis for all processes together, and in this one while Redis is away, so that nobody has
// unlimited calls then.
type limitStores struct{ shared, local limiter.Store }

func newLimitStores(client redis.UniversalClient, shared *memory) (limitStores, error) {
	store, err := redisstore.NewStoreWithOptions(batchedClient{UniversalClient: client, memory: shared}, limiter.StoreOptions{Prefix: "limit"})
	if err != nil {
		return limitStores{}, fmt.Errorf("rate limits: %w", err)
	}
	return limitStores{shared: store, local: memorystore.NewStore()}, nil
}

// batchedClient lets the counter's script ride in the batches of the memory.
type batchedClient struct {
	redis.UniversalClient
	memory *memory
}

// EvalSha runs a script in the batch that leaves next.
func (c batchedClient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	line := append(make([]any, 0, 4+len(args)), "evalsha", sha, len(keys))
	for _, key := range keys {
		line = append(line, key)
	}
	command := redis.NewCmd(ctx, append(line, args...)...)
	b, err := c.memory.join(command)
	if err == nil {
		<-b.done
		err = b.err
	}
	if err != nil {
		command = redis.NewCmd(ctx) // The other one may still be in somebody's hands.
		command.SetErr(err)
	}
	return command
}

// ScriptLoad gives the script to Redis. Its name is its SHA-1 whether or not Redis is there: a script that is missing later is loaded then.
func (c batchedClient) ScriptLoad(ctx context.Context, script string) *redis.StringCmd {
	ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
	defer cancel()
	command := c.UniversalClient.ScriptLoad(ctx, script)
	if command.Err() != nil {
		sum := sha1.Sum([]byte(script))
		command = redis.NewStringCmd(ctx)
		command.SetVal(hex.EncodeToString(sum[:]))
	}
	return command
}

// counter is one limit. Each process takes calls of a caller from the store by the lease and counts them by itself.
type counter struct {
	name, policy  string
	limit, lease  int64
	shared, local *limiter.Limiter
	clock         clock.Clock
	open          *lru.Cache[string, *allowance]
}

// allowance is what one caller has in this process, until the end of its window.
type allowance struct {
	mu sync.Mutex
	// left is what remains of the lease, others what the store had besides it when it was taken.
	left, others int64
	reset        time.Time
}

// quota is what a call is told of its limit.
type quota struct {
	remaining int64
	reset     time.Duration
	reached   bool
}

func newCounter(name string, limit int64, stores limitStores, clk clock.Clock) *counter {
	rate := limiter.Rate{Period: limitPeriod, Limit: limit}
	open, _ := lru.New[string, *allowance](maxAllowances) // Fails for sizes below one alone.
	quoted := strconv.Quote(name)
	return &counter{
		name: quoted, policy: fmt.Sprintf("%s;q=%d;w=%d", quoted, limit, int(limitPeriod.Seconds())),
		limit: limit, lease: max(1, limit/leaseShare), shared: limiter.New(stores.shared, rate), local: limiter.New(stores.local, rate),
		clock: clk, open: open,
	}
}

// take counts one call. Calls of one caller at once wait for each other while a lease is taken.
func (c *counter) take(ctx context.Context, key string) quota {
	a, ok := c.open.Get(key)
	if !ok {
		a = &allowance{}
		if earlier, found, _ := c.open.PeekOrAdd(key, a); found {
			a = earlier
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := c.clock.Now()
	fresh := now.Before(a.reset)
	if !fresh || a.left == 0 && a.others > 0 {
		c.renew(ctx, key, a, fresh, now)
	}
	reset := a.reset.Sub(now)
	if a.left == 0 {
		return quota{reset: reset, reached: true} // Nobody is asked again until the window has ended.
	}
	a.left--
	return quota{remaining: a.left + a.others, reset: reset}
}

// renew takes the next lease. Towards the end of a limit it takes calls one by one, so that no process keeps what another one could use.
func (c *counter) renew(ctx context.Context, key string, a *allowance, fresh bool, now time.Time) {
	want := c.lease
	if fresh && a.others < 2*c.lease {
		want = 1
	}
	state, err := c.increment(ctx, key, want)
	if err == nil && state.Reached && want > 1 {
		// Fewer were left than a lease, and the store does not say how many: it gets the lease back and is asked for one.
		if _, err = c.increment(ctx, key, -want); err == nil {
			want = 1
			state, err = c.increment(ctx, key, want)
		}
	}
	if err != nil {
		a.left, a.others = 0, 0 // Neither store fails both its ways; if they do, the caller waits.
		return
	}
	a.left, a.others = want, state.Remaining
	if state.Reached {
		a.left, a.others = 0, 0
	}
	// The library reads its own clock; what it says is held to the window as ours sees it.
	a.reset = now.Add(min(max(time.Unix(state.Reset, 0).Sub(now), time.Second), limitPeriod))
}

// increment counts in Redis, or here while Redis is away.
func (c *counter) increment(ctx context.Context, key string, count int64) (limiter.Context, error) {
	state, err := c.shared.Increment(ctx, key, count)
	if err != nil {
		return c.local.Increment(ctx, key, count)
	}
	return state, nil
}
