package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// memoryTimeout bounds the wait for an answer of Redis.
	memoryTimeout = 300 * time.Millisecond
	// memoryPause is how long nobody asks Redis after it has failed, so that a request does not pay for what the last one learnt.
	memoryPause = time.Second
	// maxBatch bounds how many commands wait for the batch in flight. It lies above what the edge works on at once.
	maxBatch = 4096
	// epochKey holds since when Redis remembers everything, as "<run id of the server> <Unix time in ms>".
	epochKey = "edge:epoch"
)

// errMemoryAway says that Redis did not answer, or has lately not.
var errMemoryAway = errors.New("edge: Redis does not answer")

// memory is what all edges of an installation remember together: used nonces and requests in progress, as marks in Redis that end by
// themselves. Marks of concurrent requests leave in one pipeline: the first one leaves at once, and those that come while it is under way
// leave together after it. go-redis's own AutoPipeline does that too, but cannot end each batch with a look at the epoch.
//
// That look is what makes a mark count. It comes last in the pipeline, so a batch that sees an unchanged epoch was written to a Redis that
// has forgotten nothing since then. FLUSHALL and an empty restart drop the epoch; a failover that loses writes, or a restart from an older
// copy, changes the server's run id, which is asked for on each new connection. Whoever notices begins a new epoch, and all learn of it
// with their next batch. A proxy that hides failovers behind one connection takes that last protection away.
type memory struct {
	redis redis.UniversalClient
	clock clock.Clock
	log   *slog.Logger
	// dialed is set by each new connection, until the server's run id has been looked at.
	dialed atomic.Bool

	mu      sync.Mutex
	next    *batch // What gathers while another one is under way.
	flying  bool
	stuck   bool      // The one under way has taken too long.
	retryAt time.Time // Nobody asks before; zero when Redis answers.
	apart   time.Time // When Redis answered again after it had not.

	// These belong to the batch under way.
	runID string
	epoch string
	lost  time.Time
}

// batch is a pipeline of marks.
type batch struct {
	commands []redis.Cmder
	done     chan struct{}
	// over, err, lost and apart are set before done is closed, and commands hold answers then if err is nil.
	over        bool
	err         error
	lost, apart time.Time
}

// marked is what Redis says of a mark.
type marked struct {
	// fresh means that it was not there.
	fresh bool
	// lost is when Redis last lost its memory: what was marked before may be unknown to it.
	lost time.Time
	// apart is when this process last found Redis again: what it did without, Redis does not know. Zero when it never was without.
	apart time.Time
}

func newMemory(client redis.UniversalClient, clk clock.Clock, log *slog.Logger) *memory {
	m := &memory{redis: client, clock: clk, log: log}
	m.dialed.Store(true)
	client.AddHook(dialHook{dialed: &m.dialed})
	return m
}

// begin finds out since when Redis remembers, so that an epoch that must be new begins with the process and not with its first write. When
// Redis is away, the first batch does it.
func (m *memory) begin() {
	if b, err := m.join(); err == nil {
		<-b.done
	}
}

// settle waits until a write that is signed from now on need not be refused for what Redis has forgotten.
func (m *memory) settle(ctx context.Context) {
	b, err := m.join()
	if err != nil {
		return
	}
	<-b.done
	wait := b.lost.Add(doubtAfterLoss + time.Second).Sub(m.clock.Now()) // Signatures bear whole seconds.
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// mark sets a mark for a while, if it is not there. Any error means that nobody knows.
func (m *memory) mark(key string, life time.Duration) (marked, error) {
	set := redis.NewBoolCmd(context.Background(), "set", key, "1", "px", life.Milliseconds(), "nx")
	b, err := m.join(set)
	if err != nil {
		return marked{}, err
	}
	<-b.done
	if b.err != nil {
		return marked{}, b.err
	}
	fresh, err := set.Result()
	if err != nil {
		return marked{}, fmt.Errorf("mark in Redis: %w", err)
	}
	return marked{fresh: fresh, lost: b.lost, apart: b.apart}, nil
}

// unmark drops a mark with a later batch. Nobody waits for it: a mark that stays ends by itself.
func (m *memory) unmark(key string) {
	_, _ = m.join(redis.NewIntCmd(context.Background(), "del", key))
}

// join adds commands to the batch that leaves next, and sends it off when none is under way.
func (m *memory) join(commands ...redis.Cmder) (*batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stuck || !m.retryAt.IsZero() && m.clock.Now().Before(m.retryAt) {
		return nil, errMemoryAway
	}
	if m.next == nil {
		m.next = &batch{done: make(chan struct{})}
	}
	b := m.next
	if len(b.commands)+len(commands) > maxBatch {
		return nil, errMemoryAway
	}
	b.commands = append(b.commands, commands...)
	if !m.flying {
		m.flying = true
		go m.fly()
	}
	return b, nil
}

// fly sends batches until none waits.
func (m *memory) fly() {
	for {
		runtime.Gosched() // Whoever is ready to join does so first: a batch costs as much for sixteen as for one.
		m.mu.Lock()
		b := m.next
		m.next = nil
		if b == nil {
			m.flying = false
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
		watchdog := time.AfterFunc(memoryTimeout, func() { m.giveUp(b) })
		err := m.send(b)
		watchdog.Stop()
		m.land(b, err)
	}
}

// send asks Redis. A pipeline's commands have their answers afterwards, unless it fails.
func (m *memory) send(b *batch) error {
	// The batch ends by its watchdog, not by the patience of the request that happened to come first.
	ctx := context.Background()
	pipe := m.redis.Pipeline()
	for _, command := range b.commands {
		_ = pipe.Process(ctx, command) // Queues; the answer is the command's.
	}
	epoch := pipe.Get(ctx, epochKey)
	_, _ = pipe.Exec(ctx) // Its error is that of the first command that has one; each is looked at by whoever asked.
	text, err := epoch.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("%w: %w", errMemoryAway, err)
	}
	if m.dialed.Swap(false) {
		if err := m.identify(ctx); err != nil {
			m.dialed.Store(true)
			return err
		}
		return m.remember(ctx, text)
	}
	if text != m.epoch {
		return m.remember(ctx, text)
	}
	return nil
}

// identify finds out which run of which server answers. A stand-in that has no run id is taken for one that never changes.
func (m *memory) identify(ctx context.Context) error {
	info, err := m.redis.Info(ctx, "server").Result()
	if err != nil {
		var refused redis.Error
		if errors.As(err, &refused) {
			return nil
		}
		return fmt.Errorf("%w: %w", errMemoryAway, err)
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			m.runID = strings.TrimSpace(id)
		}
	}
	return nil
}

// remember takes over the epoch that Redis holds, or begins one when it holds none, or that of another run.
func (m *memory) remember(ctx context.Context, text string) error {
	runID, began, ok := parseEpoch(text)
	if !ok || runID != m.runID {
		began = m.clock.Now()
		text = m.runID + " " + strconv.FormatInt(began.UnixMilli()+1, 10) // Never before the loss.
		if err := m.redis.Set(ctx, epochKey, text, 0).Err(); err != nil {
			return fmt.Errorf("%w: %w", errMemoryAway, err)
		}
		m.log.WarnContext(ctx, "Redis has no memory of earlier nonces; writes that were signed before are refused")
	}
	m.epoch = text
	if began.After(m.lost) {
		m.lost = began
	}
	return nil
}

func parseEpoch(text string) (runID string, began time.Time, ok bool) {
	runID, millis, found := strings.Cut(text, " ")
	at, err := strconv.ParseInt(millis, 10, 64)
	return runID, time.UnixMilli(at), found && err == nil
}

// land hands a batch its outcome.
func (m *memory) land(b *batch, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	if err != nil {
		m.fail(b, err, now)
	} else if m.stuck || !m.retryAt.IsZero() {
		m.apart, m.retryAt = now, time.Time{}
	}
	m.stuck = false
	b.finish(nil, m.lost, m.apart)
}

// giveUp lets those go who wait for a batch that takes too long, and those who wait behind it.
func (m *memory) giveUp(b *batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.over {
		return
	}
	m.stuck = true
	m.fail(b, errMemoryAway, m.clock.Now())
}

// fail ends a batch and the one behind it. The caller holds the lock.
func (m *memory) fail(b *batch, err error, now time.Time) {
	m.retryAt = now.Add(memoryPause)
	b.finish(err, time.Time{}, time.Time{})
	if m.next != nil {
		m.next.finish(err, time.Time{}, time.Time{})
		m.next = nil
	}
}

// finish ends a batch; only the first outcome counts. The caller holds the memory's lock.
func (b *batch) finish(err error, lost, apart time.Time) {
	if b.over {
		return
	}
	b.over, b.err, b.lost, b.apart = true, err, lost, apart
	close(b.done)
}

// dialHook notes each new connection.
type dialHook struct{ dialed *atomic.Bool }

// DialHook notes the connection once it stands.
func (h dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		h.dialed.Store(true)
		return conn, err
	}
}

// ProcessHook changes nothing.
func (h dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook changes nothing.
func (h dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
