package edge

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/lendgate/lendgate/internal/clock"
)

// limits makes the counter of one process on the installation's Redis.
func limits(t *testing.T, place *place, clk clock.Clock, limit int64) *counter {
	t.Helper()
	client := place.connect(t)
	shared := newMemory(client, clk, slog.New(slog.DiscardHandler))
	stores, err := newLimitStores(client, shared)
	if err != nil {
		t.Fatal(err)
	}
	return newCounter("device", limit, stores, clk)
}

// passes counts the calls that pass of so many.
func passes(t *testing.T, c *counter, calls int) int64 {
	t.Helper()
	var passed atomic.Int64
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			if !c.take(t.Context(), "caller").reached {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	return passed.Load()
}

func TestALimitIsExactInOneProcess(t *testing.T) {
	t.Parallel()
	place := &place{}
	place.move(startRedis(t))
	for _, limit := range []int64{1, 3, 39, 40, 100, 601} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			clk := clock.NewFake(testNow)
			c := limits(t, place, clk, limit)
			last := limit
			for range limit {
				got := c.take(t.Context(), "one by one")
				if got.reached || got.remaining != last-1 || got.reset > limitPeriod {
					t.Fatalf("with %d left: %+v", last, got)
				}
				last = got.remaining
			}
			if got := c.take(t.Context(), "one by one"); !got.reached || got.remaining != 0 || got.reset <= 0 {
				t.Errorf("beyond the limit: %+v", got)
			}
			if _, err := c.shared.Reset(t.Context(), "one by one"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTwoProcessesShareALimit(t *testing.T) {
	t.Parallel()
	place := &place{}
	place.move(startRedis(t))
	const limit = 100
	clk := clock.NewFake(testNow)
	first, other := limits(t, place, clk, limit), limits(t, place, clk, limit)
	// The other process takes a lease and uses one call of it; what it keeps is all that the first cannot have.
	if got := passes(t, other, 1); got != 1 {
		t.Fatal("the first call was refused")
	}
	if got := passes(t, first, 2*limit); got != limit-limit/leaseShare {
		t.Errorf("%d passed at the first", got)
	}
	if got := passes(t, other, 2*limit); got != limit/leaseShare-1 {
		t.Errorf("%d passed at the other", got)
	}
}

func TestARefusedCallerStaysRefusedUntilItsWindowEnds(t *testing.T) {
	t.Parallel()
	place := &place{}
	place.move(startRedis(t))
	clk := clock.NewFake(testNow)
	c := limits(t, place, clk, 3)
	if got := passes(t, c, 5); got != 3 {
		t.Fatalf("%d passed", got)
	}
	if err := place.connect(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := passes(t, c, 5); got != 0 {
		t.Errorf("a flush let %d more pass", got)
	}
	clk.Advance(limitPeriod)
	if got := passes(t, c, 5); got != 3 {
		t.Errorf("%d passed in the next window", got)
	}
}

func TestWithoutRedisNobodyHasUnlimitedCalls(t *testing.T) {
	t.Parallel()
	place := &place{}
	server := startRedis(t)
	place.move(server)
	started := limits(t, place, clock.NewFake(testNow), 40)
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	late := limits(t, place, clock.NewFake(testNow), 40)
	for name, c := range map[string]*counter{"started with it": started, "started without": late} {
		if got := passes(t, c, 100); got != 40 {
			t.Errorf("%s: %d passed", name, got)
		}
	}
}

// BenchmarkTake is what counting a call costs: for callers who come often, and for those who come once in a window.
func BenchmarkTake(b *testing.B) {
	place := &place{}
	place.move(startRedis(b))
	client := place.connect(b)
	shared := newMemory(client, clock.System{}, slog.New(slog.DiscardHandler))
	stores, err := newLimitStores(client, shared)
	if err != nil {
		b.Fatal(err)
	}
	var serial atomic.Int64
	for name, key := range map[string]func() string{
		"500 callers":    func() string { return fmt.Sprintf("demo:device:%d", serial.Add(1)%500) },
		"a new one each": func() string { return fmt.Sprintf("demo:new:%d", serial.Add(1)) },
	} {
		b.Run(name, func(b *testing.B) {
			c := newCounter("device", 1<<40, stores, clock.System{})
			if name == "500 callers" {
				c.lease = 30 // That of the default limit of 600.
			}
			b.ReportAllocs()
			before := processTime(b)
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.take(b.Context(), key())
				}
			})
			b.ReportMetric(float64((processTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
