package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/localredis"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

var testNow = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// table stands for the nonces of identity.
type table struct {
	identityv1connect.DeviceServiceClient
	used sync.Map
}

func (s *table) ConsumeNonce(_ context.Context, req *identityv1.ConsumeNonceRequest) (*identityv1.ConsumeNonceResponse, error) {
	if _, used := s.used.LoadOrStore(string(req.GetDigest()), true); used {
		return nil, rpcerr.MarkPeer("ConsumeNonce", rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED, "used"))
	}
	return &identityv1.ConsumeNonceResponse{}, nil
}

// place is where the installation's Redis is, which a failover changes.
type place struct{ address atomic.Pointer[string] }

func (p *place) move(s *localredis.Server) { p.address.Store(new(s.Addr())) }

// startRedis runs a redis-server of the test's own.
func startRedis(t testing.TB) *localredis.Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	server, err := localredis.Start(t.Context(), localredis.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// connect gives the client of one process.
func (p *place) connect(t testing.TB) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		MaxRetries: -1, ReadTimeout: time.Second, DialerRetries: 1,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, *p.address.Load())
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// installation is a Redis with edges of two processes and one table.
type installation struct {
	clock        *clock.Fake
	server       *localredis.Server
	place        *place
	admin        *redis.Client
	table        *table
	first, other *nonces
}

// newInstallation makes an installation whose Redis has been there for long.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	i := &installation{clock: clock.NewFake(testNow.Add(-time.Hour)), server: startRedis(t), place: &place{}, table: &table{}}
	i.place.move(i.server)
	i.admin = i.place.connect(t)
	edge := func() *nonces {
		shared := newMemory(i.place.connect(t), i.clock, slog.New(slog.DiscardHandler))
		shared.begin()
		return newNonces(shared, i.clock, i.table)
	}
	i.first, i.other = edge(), edge()
	i.clock.Advance(time.Hour)
	return i
}

// end is what a store is told of a message that was signed at a time and lives a minute.
func end(signed time.Time) time.Time { return signed.Add(nonceLife) }

func writing(t *testing.T) context.Context {
	t.Helper()
	return calling(t, false)
}

func reading(t *testing.T) context.Context {
	t.Helper()
	return calling(t, true)
}

func calling(t *testing.T, readOnly bool) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), callKey{}, &call{tenant: &tenant.Tenant{ID: "demo"}, method: inproc.Method{ReadOnly: readOnly}})
}

// untilBack asks until Redis answers both edges again.
func (i *installation) untilBack(t *testing.T) {
	t.Helper()
	for n, memory := range []*memory{i.first.memory, i.other.memory} {
		for k := 0; ; k++ {
			if _, err := memory.mark(fmt.Sprintf("probe:%d:%d", n, k), time.Second); err == nil {
				break
			}
			if err := i.admin.Ping(t.Context()).Err(); err != nil && t.Context().Err() != nil {
				t.Fatal(err)
			}
			i.clock.Advance(memoryPause)
		}
	}
}

func TestOneOfFiftyEqualNoncesPasses(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	var passed atomic.Int32
	var group sync.WaitGroup
	for n := range 50 {
		edge := []*nonces{i.first, i.other}[n%2]
		group.Go(func() {
			switch err := edge.Consume(writing(t), "key", "nonce", end(testNow)); {
			case err == nil:
				passed.Add(1)
			case !errors.Is(err, signature.ErrReplay):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestNoncesBelongToTheirKey(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	for _, key := range []string{"one", "two"} {
		if err := i.first.Consume(writing(t), key, "nonce", end(testNow)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestAFlushOpensNoHole(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	lead := testNow.Add(25 * time.Second)
	for nonce, signed := range map[string]time.Time{"usual": testNow, "ahead": lead} {
		if err := i.first.Consume(writing(t), "key", nonce, end(signed)); err != nil {
			t.Fatalf("%s: %v", nonce, err)
		}
	}
	if err := i.admin.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := i.other.Consume(writing(t), "key", "usual", end(testNow)); !errors.Is(err, errForgotten) {
		t.Errorf("a write of before, at another edge: %v", err)
	}
	if err := i.first.Consume(reading(t), "key", "usual", end(testNow)); !errors.Is(err, signature.ErrReplay) {
		t.Errorf("a read of before, at the edge that saw it: %v", err)
	}
	i.clock.Advance(25 * time.Second)
	if err := i.other.Consume(writing(t), "key", "ahead", end(lead)); !errors.Is(err, signature.ErrReplay) {
		t.Errorf("a write that was dated ahead, at another edge: %v", err)
	}
	for _, edge := range []*nonces{i.first, i.other} {
		if err := edge.Consume(writing(t), "key", fmt.Sprintf("%p", edge), end(i.clock.Now())); err != nil {
			t.Errorf("a new write: %v", err)
		}
	}
}

func TestAPausedRedisOpensNoHole(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	if err := i.first.Consume(writing(t), "key", "before", end(testNow)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(i.server.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(i.server.PID(), syscall.SIGCONT)
	for _, edge := range []*nonces{i.first, i.other} {
		if err := edge.Consume(reading(t), "key", fmt.Sprintf("read by %p", edge), end(testNow)); err != nil {
			t.Errorf("a read: %v", err)
		}
		if err := edge.Consume(writing(t), "key", fmt.Sprintf("write by %p", edge), end(testNow)); err != nil {
			t.Errorf("a write: %v", err)
		}
	}
	if err := i.other.Consume(writing(t), "key", fmt.Sprintf("write by %p", i.first), end(testNow)); !errors.Is(err, signature.ErrReplay) {
		t.Errorf("the write of another edge again: %v", err)
	}
	if err := i.first.Consume(writing(t), "key", "while paused", end(testNow)); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(i.server.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	i.untilBack(t)
	for _, nonce := range []string{"before", "while paused"} {
		if err := i.other.Consume(writing(t), "key", nonce, end(testNow)); !errors.Is(err, signature.ErrReplay) {
			t.Errorf("%s: after the pause: %v", nonce, err)
		}
	}
}

func TestAFailoverThatLosesWritesOpensNoHole(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	if err := i.first.Consume(writing(t), "key", "lost", end(testNow)); err != nil {
		t.Fatal(err)
	}
	epoch, err := i.admin.Get(t.Context(), epochKey).Result()
	if err != nil {
		t.Fatal(err)
	}
	// The replica has the epoch and has not got the nonce when it takes over.
	replica := startRedis(t)
	there := redis.NewClient(&redis.Options{Addr: replica.Addr()})
	defer there.Close()
	if err := there.Set(t.Context(), epochKey, epoch, 0).Err(); err != nil {
		t.Fatal(err)
	}
	i.place.move(replica)
	if err := i.server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The first write after it meets the broken connection and is taken to the table, or the new server.
	err = i.other.Consume(writing(t), "key", "first", end(testNow))
	if err != nil && !errors.Is(err, errForgotten) {
		t.Errorf("the first write: %v", err)
	}
	i.untilBack(t)
	if err := i.other.Consume(writing(t), "key", "lost", end(testNow)); !errors.Is(err, errForgotten) {
		t.Errorf("the nonce that was lost: %v", err)
	}
	i.clock.Advance(3 * time.Second)
	if err := i.other.Consume(writing(t), "key", "new", end(i.clock.Now())); err != nil {
		t.Errorf("a new write: %v", err)
	}
}

func TestAKilledRedisLetsWritesGoOn(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	if err := syscall.Kill(i.server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-i.server.Done()
	if err := i.first.Consume(writing(t), "key", "write", end(testNow)); err != nil {
		t.Error(err)
	}
	if err := i.other.Consume(writing(t), "key", "write", end(testNow)); !errors.Is(err, signature.ErrReplay) {
		t.Errorf("at another edge: %v", err)
	}
	if err := i.first.Consume(reading(t), "key", "old read", end(testNow.Add(-31*time.Second))); !errors.Is(err, errTooOld) {
		t.Errorf("an old read: %v", err)
	}
}

// countBatches counts the pipelines that leave a client.
type countBatches struct{ batches, commands atomic.Int64 }

func (*countBatches) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*countBatches) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (c *countBatches) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		c.batches.Add(1)
		c.commands.Add(int64(len(commands)))
		return next(ctx, commands)
	}
}

func TestMarksOfConcurrentRequestsShareBatches(t *testing.T) {
	t.Parallel()
	place := &place{}
	place.move(startRedis(t))
	client := place.connect(t)
	shared := newMemory(client, clock.NewFake(testNow), slog.New(slog.DiscardHandler))
	counted := &countBatches{}
	client.AddHook(counted)
	const marks = 500
	var group sync.WaitGroup
	for n := range marks {
		group.Go(func() {
			name := fmt.Sprintf("mark:%d", n)
			if got, err := shared.mark(name, time.Minute); err != nil || !got.fresh {
				t.Errorf("%v, %v", got, err)
			}
			shared.unmark(name)
		})
	}
	group.Wait()
	if got, err := shared.mark("last", time.Minute); err != nil || !got.fresh {
		t.Errorf("%v, %v", got, err)
	}
	if got := client.DBSize(t.Context()).Val(); got != 2 { // The epoch and the last mark.
		t.Errorf("%d keys are left", got)
	}
	if got := counted.batches.Load(); got > marks/2 {
		t.Errorf("%d batches for %d marks", got, marks)
	}
}

// BenchmarkMark is what a nonce costs, beside what it cost before: one command and one round trip each.
func BenchmarkMark(b *testing.B) {
	place := &place{}
	place.move(startRedis(b))
	client := place.connect(b)
	var serial atomic.Int64
	run := func(name string, mark func(key string) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := processTime(b)
			b.SetParallelism(8) // Sixteen callers on two cores.
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := mark(fmt.Sprintf("nonce:demo:key:%d", serial.Add(1))); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64((processTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
	run("alone", func(key string) error { return client.SetNX(b.Context(), key, 1, time.Minute).Err() })
	shared := newMemory(place.connect(b), clock.System{}, slog.New(slog.DiscardHandler))
	run("batched", func(key string) error {
		_, err := shared.mark(key, time.Minute)
		return err
	})
	piped, err := place.connect(b).AutoPipeline()
	if err != nil {
		b.Fatal(err)
	}
	run("go-redis AutoPipeline", func(key string) error { return piped.SetNX(b.Context(), key, 1, time.Minute).Err() })
}

// processTime is the CPU time of this process.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
