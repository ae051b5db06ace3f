package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestNewestSocketOfAPersonWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.MaxPerPerson = 2 })
	first, _ := f.open(jsonCodec{}, demoPerson, nil)
	second, _ := f.open(protoCodec{}, demoPerson, nil)
	other, _ := f.open(jsonCodec{}, "person_other", nil)
	third, _ := f.open(jsonCodec{}, demoPerson, nil)
	first.closed(3011)
	for _, one := range []*client{second, third, other} {
		one.fails(104, &command{RPC: &rpcRequest{Method: "alive"}})
	}
}

func TestDisconnectKeepsAPersonAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	a, _ := f.open(jsonCodec{}, demoPerson+"/device_a", nil)
	b, _ := f.open(jsonCodec{}, demoPerson+"/device_b", nil)
	b.fails(104, &command{RPC: &rpcRequest{Method: "settled"}}) // both are in the roster now
	a.fails(104, &command{RPC: &rpcRequest{Method: "settled"}})
	f.handler.Disconnect(demoTenant, demoPerson, "device_a")
	a.closed(3503)
	b.fails(104, &command{RPC: &rpcRequest{Method: "alive"}})
	f.handler.Disconnect(demoTenant, demoPerson, "")
	b.closed(3503)
}

func TestSlowClientIsClosed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.MaxQueueBytes, c.RecoverBytes = 64<<10, 32<<10 })
	one, _ := f.open(jsonCodec{}, demoPerson, nil)
	// Far more than the queue and the socket's buffers hold, while the client does not read.
	big := json.RawMessage(`"` + strings.Repeat("x", 64<<10) + `"`)
	f.log.change(demoStatus, func(st *memoryStream) {
		for i := range 1000 {
			st.pubs = append(st.pubs, Publication{Offset: uint64(i + 1), Data: big, JSON: big})
		}
	})
	f.log.wakeups.send(Wakeup{Tenant: demoTenant, Stream: demoStatus})
	for {
		if _, err := one.receive(); err != nil {
			if code := websocket.CloseStatus(err); code != 3008 && code != -1 { // -1: cut in the middle of a frame
				t.Errorf("ended by %v", err)
			}
			return
		}
	}
}

func TestAdmissionComesBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, f *fixture) {
		t.Helper()
		request, _ := http.NewRequest(http.MethodGet, f.url, nil)
		for k, v := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "ZGVtb2RlbW9kZW1vZGVtbw==",
		} {
			request.Header.Set(k, v)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			t.Errorf("got %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
		}
	}
	t.Run("too many sockets", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, func(c *Config) { c.MaxConnections = 1 })
		f.open(jsonCodec{}, demoPerson, nil)
		refused(t, f)
	})
	t.Run("too many without a connect", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, func(c *Config) { c.MaxPending = 1 })
		one := f.socket(jsonCodec{})
		refused(t, f)
		one.send(&command{Connect: &connectRequest{Token: demoPerson}})
		one.next()
		one.fails(104, &command{RPC: &rpcRequest{Method: "settled"}})
		f.open(jsonCodec{}, demoPerson, nil)
	})
	t.Run("draining", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, nil)
		if err := f.handler.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		refused(t, f)
	})
	t.Run("foreign origin", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, func(c *Config) { c.Origins = []string{"app.example.com"} })
		for origin, ok := range map[string]bool{"https://app.example.com": true, "https://evil.example.net": false} {
			conn, _, err := websocket.Dial(context.Background(), f.url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
			if (err == nil) != ok {
				t.Errorf("%s: %v", origin, err)
			}
			if conn != nil {
				conn.CloseNow()
			}
		}
	})
}

func TestDrainFlushesAndClosesInSlices(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.DrainSlice, c.DrainWindow = 2, 50*time.Millisecond })
	var clients []*client
	for i := range 5 {
		one, _ := f.open(jsonCodec{}, fmt.Sprintf("person_%d", i), nil)
		clients = append(clients, one)
	}
	ended := make(chan error, 1)
	go func() { ended <- f.handler.Drain(context.Background()) }()
	for _, one := range clients {
		one.closed(3001)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDrainCutsWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.open(jsonCodec{}, demoPerson, nil) // never reads, so never answers the closing handshake
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := f.handler.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := (&fixture{t: t, log: newMemoryLog(), acks: &memoryAcks{}}).config()
	for name, edit := range map[string]func(*Config){
		"no log":                 func(c *Config) { c.Log = nil },
		"ping too often":         func(c *Config) { c.PingIntervalMin = time.Millisecond },
		"ping range backwards":   func(c *Config) { c.PingIntervalMin, c.PingIntervalMax = 30*time.Second, 20*time.Second },
		"pong later than ping":   func(c *Config) { c.PongTimeout = time.Minute },
		"socket limit too small": func(c *Config) { c.MaxMessageBytes = 64 << 10 },
		"tail beyond the queue":  func(c *Config) { c.RecoverBytes = 1 << 20 },
	} {
		bad := good
		edit(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
