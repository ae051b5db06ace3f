package realtime

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// The tests of this file run in a bubble where time stands still until everybody waits: hours pass in microseconds, and
// exactly. Sockets are pipes, since a bubble cannot look into the kernel.

// pipeListener accepts the server's ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bubble runs a test with a server on pipes, in both framings.
func bubble(t *testing.T, edit func(*Config), run func(t *testing.T, f *fixture, c codec)) {
	t.Helper()
	for _, c := range []codec{jsonCodec{}, protoCodec{}} {
		t.Run(c.name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fixture{t: t, log: newMemoryLog(), acks: &memoryAcks{}, url: "http://demo.example"}
				f.cfg = f.config()
				if edit != nil {
					edit(&f.cfg)
				}
				f.start()
				l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				server := &http.Server{Handler: f.handler}
				go func() { _ = server.Serve(l) }()
				t.Cleanup(func() { server.Close() })
				f.dial = func(ctx context.Context) (net.Conn, error) {
					mine, theirs := net.Pipe()
					select {
					case l.conns <- theirs:
						return mine, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				run(t, f, c)
			})
		})
	}
}

// patiently makes the receives of a client wait for minutes of the bubble's time.
func (c *client) patiently() (*reply, error) {
	for range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		_, message, err := c.conn.Read(ctx)
		cancel()
		if err != nil {
			return nil, err
		}
		replies, err := decodeReplies(c.codec, message)
		if err != nil || len(replies) > 0 {
			return replies[0], err
		}
	}
	return nil, nil
}

func about(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s after %v, want %v to %v", what, got, low, high)
	}
}

func TestSocketWithoutConnectGoesStale(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, f *fixture, c codec) {
		start := time.Now()
		f.socket(c).closed(3502)
		about(t, "stale", time.Since(start), 5*time.Second, 5*time.Second)

		// A refused connect is no reason to stay away.
		one := f.socket(c)
		one.send(&command{Connect: &connectRequest{Token: "expired"}})
		one.closed(3000)
	})
}

func TestPingsComeOnScheduleAndWantPongs(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, f *fixture, c codec) {
		one, result := f.open(c, demoPerson, nil)
		interval := time.Duration(result.Ping) * time.Second
		last := time.Now()
		for i := range 5 {
			r, err := one.patiently()
			if err != nil || *r != (reply{}) {
				t.Fatalf("ping %d: %+v, %v", i, r, err)
			}
			low := interval
			if i == 0 {
				low = interval / 2
			}
			about(t, "ping", time.Since(last), low, interval)
			last = time.Now()
			one.send(&command{}) // the pong
		}
		// One more ping, and no pong.
		if _, err := one.patiently(); err != nil {
			t.Fatal(err)
		}
		last = time.Now()
		one.closed(3012)
		about(t, "close", time.Since(last), 10*time.Second, 10*time.Second)
	})
}

func TestSecondPongBreaksTheProtocol(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, f *fixture, c codec) {
		one, _ := f.open(c, demoPerson, nil)
		if _, err := one.patiently(); err != nil {
			t.Fatal(err)
		}
		one.send(&command{}, &command{})
		one.closed(3501)
	})
}

func TestPongBehindOurOwnDelayIsNotMissed(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) { c.PortTimeout, c.PongTimeout = time.Hour, time.Second }
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		one, result := f.open(c, demoPerson, nil)
		release := make(chan struct{})
		f.log.mu.Lock()
		f.log.before = func() { <-release }
		f.log.mu.Unlock()
		one.send(&command{Subscribe: &subscribeRequest{Channel: demoChat}})
		if r, err := one.patiently(); err != nil || *r != (reply{}) {
			t.Fatalf("want a ping, got %+v, %v", r, err)
		}
		// The pong arrives while the server is still busy with the subscribe, for longer than pongs are awaited.
		time.AfterFunc(time.Duration(result.Ping)*time.Second/2, func() { close(release) })
		go one.send(&command{}) // a pipe has no buffer, so the write lasts as long as the delay
		if r, err := one.patiently(); err != nil || r.Subscribe == nil {
			t.Fatalf("want the subscribe's answer, got %+v, %v", r, err)
		}
		if r, err := one.patiently(); err != nil || *r != (reply{}) {
			t.Fatalf("want the next ping, got %+v, %v", r, err)
		}
	})
}

func TestTokenEndsWithGraceUnlessRefreshed(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) { c.PingIntervalMin, c.PingIntervalMax = time.Hour, time.Hour }
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		start := time.Now()
		one, result := f.open(c, demoPerson+"@60s", nil)
		if result.TTL < 48 || result.TTL > 60 {
			t.Errorf("ttl %d", result.TTL)
		}
		_, err := one.patiently()
		expectClose(t, err, 3005)
		about(t, "close", time.Since(start), 85*time.Second, 85*time.Second)

		start = time.Now()
		one, _ = f.open(c, demoPerson+"@60s", nil)
		timer := time.NewTimer(70 * time.Second) // within the grace
		<-timer.C
		if r := one.call(&command{Refresh: &refreshRequest{Token: demoPerson + "@60s"}}); r.Refresh == nil || !r.Refresh.Expires {
			t.Fatalf("%+v", r)
		}
		_, err = one.patiently()
		expectClose(t, err, 3005)
		about(t, "close", time.Since(start), 155*time.Second, 155*time.Second)
	})
}

func TestPositionChecksComeOncePerStreamAndInterval(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) { c.PingIntervalMin, c.PingIntervalMax = time.Hour, time.Hour }
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		var clients []*client
		for range 5 {
			one, _ := f.open(c, demoPerson, nil)
			clients = append(clients, one)
		}
		before := f.log.reads.Load()
		start := time.Now()
		f.log.publish(demoStatus, true) // nobody is woken
		for _, one := range clients {
			if r, err := one.patiently(); err != nil || r.Push == nil || r.Push.Pub.Offset != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		about(t, "repair", time.Since(start), 0, 45*time.Second)
		timer := time.NewTimer(10 * time.Minute)
		<-timer.C
		// Ten minutes of 40 s and the one above, not five times as many.
		if got := f.log.reads.Load() - before; got < 14 || got > 17 {
			t.Errorf("%d reads for position checks", got)
		}
	})
}

func TestWakeupWhileTheOnlySubscriberIsJoining(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) {
		c.PingIntervalMin, c.PingIntervalMax, c.CheckInterval = time.Hour, time.Hour, 24*time.Hour
	}
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		one, _ := f.open(c, demoPerson, nil)
		f.log.mu.Lock()
		var done atomic.Bool
		f.log.after = func() {
			if done.CompareAndSwap(false, true) {
				f.log.publish(demoChat, false)
				synctest.Wait() // the wake-up has come and found nobody to read for
			}
		}
		f.log.mu.Unlock()
		start := time.Now()
		if r := one.call(&command{Subscribe: &subscribeRequest{Channel: demoChat}}).Subscribe; r.Offset != 0 {
			t.Fatalf("%+v", r)
		}
		one.publication(demoChat, 1)
		about(t, "publication", time.Since(start), 0, 0)
	})
}

func TestReadsOfALogThatIsDownBackOff(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) {
		c.PingIntervalMin, c.PingIntervalMax, c.CheckInterval = time.Hour, time.Hour, 24*time.Hour
	}
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		one, _ := f.open(c, demoPerson, nil)
		f.log.mu.Lock()
		f.log.fail = errors.New("demo outage")
		f.log.mu.Unlock()
		before := f.log.reads.Load()
		f.log.publish(demoStatus, false)
		timer := time.NewTimer(time.Minute)
		<-timer.C
		if got := f.log.reads.Load() - before; got != 8 { // after 0, 0.25, 0.75, 1.75, … 31.75 s
			t.Errorf("%d reads in a minute", got)
		}
		f.log.mu.Lock()
		f.log.fail = nil
		f.log.mu.Unlock()
		if r, err := one.patiently(); err != nil || r.Push == nil || r.Push.Pub.Offset != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestLostSourceOfWakeupsIsAskedAgain(t *testing.T) {
	t.Parallel()
	edit := func(c *Config) {
		c.PingIntervalMin, c.PingIntervalMax, c.CheckInterval = time.Hour, time.Hour, 24*time.Hour
	}
	bubble(t, edit, func(t *testing.T, f *fixture, c codec) {
		one, _ := f.open(c, demoPerson, nil)
		f.log.wakeups.mu.Lock()
		listeners := f.log.wakeups.listeners
		f.log.wakeups.listeners = nil
		f.log.wakeups.mu.Unlock()
		f.log.publish(demoStatus, false) // nobody listens
		for ch := range listeners {
			close(ch)
		}
		start := time.Now()
		if r, err := one.patiently(); err != nil || r.Push == nil || r.Push.Pub.Offset != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		about(t, "repair", time.Since(start), listenRetryMin, listenRetryMax)
	})
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	t.Parallel()
	bubble(t, nil, func(t *testing.T, f *fixture, c codec) {
		f.open(c, demoPerson, nil)
		start := time.Now()
		f.log.publish(demoStatus, false) // a pipe has no buffer, so this write cannot end
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		timer := time.NewTimer(time.Second)
		<-timer.C
		if err := f.handler.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		about(t, "cut", time.Since(start), f.handler.cfg.WriteTimeout, 4*f.handler.cfg.WriteTimeout)
	})
}

func expectClose(t *testing.T, err error, code int) {
	t.Helper()
	if websocket.CloseStatus(err) != websocket.StatusCode(code) {
		t.Errorf("want close %d, got %v", code, err)
	}
}
