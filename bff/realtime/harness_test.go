package realtime

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lendgate/lendgate/internal/clock"
)

const (
	demoTenant = "demo"
	demoPerson = "person_demo"
	demoStatus = statusPrefix + demoPerson
	demoChat   = "chat:demo"
)

// fixture is a running server with its ports.
type fixture struct {
	t       *testing.T
	log     *memoryLog
	acks    *memoryAcks
	handler *Handler
	current atomic.Pointer[Handler] // what the server serves; replaced by restart
	dial    func(ctx context.Context) (net.Conn, error)
	url     string
	cfg     Config
	started int // handlers
}

// config is the handler's configuration over the fixture's ports.
func (f *fixture) config() Config {
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		f.t.Fatal(err)
	}
	return Config{
		Authenticator: memoryAuth{clock.System{}}, Log: f.log, Wakeups: f.log.wakeups, Acks: f.acks,
		Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), Metrics: metrics,
	}
}

// newFixture starts a server on a real socket.
func newFixture(t *testing.T, edit func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, log: newMemoryLog(), acks: &memoryAcks{}}
	f.cfg = f.config()
	if edit != nil {
		edit(&f.cfg)
	}
	f.start()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.current.Load().ServeHTTP(w, r) }))
	f.url = server.URL
	f.dial = func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	t.Cleanup(func() {
		f.current.Load().Close()
		server.Close()
	})
	return f
}

// start makes a handler and runs it until the test ends; the one before is left as it is. It returns when the handler listens.
func (f *fixture) start() {
	f.started++
	h, err := New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	f.t.Cleanup(func() { cancel(); <-done; h.Close() })
	f.log.wakeups.heard(f.started)
	f.log.wakeups.hint() // heard only behind the checks that follow a new subscription to wake-ups
	f.log.wakeups.heard(f.started)
	f.handler = h
	f.current.Store(h)
}

// client is one websocket of a test.
type client struct {
	t     *testing.T
	conn  *websocket.Conn
	codec codec
	ready []*reply // read and not looked at yet
	id    uint32
}

// socket dials without opening the session.
func (f *fixture) socket(c codec) *client {
	f.t.Helper()
	one, err := f.trySocket(c, "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { one.conn.CloseNow() })
	return one
}

func (f *fixture) trySocket(c codec, query string) (*client, error) {
	options := &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) },
	}}}
	if _, ok := c.(protoCodec); ok && query == "" {
		options.Subprotocols = []string{subprotocolProto}
	}
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, f.url+query, options)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return &client{t: f.t, conn: conn, codec: c}, nil
}

// testPatience bounds every wait of a test; none waits that long when all is well.
const testPatience = 20 * time.Second

// open dials and opens the session.
func (f *fixture) open(c codec, token string, subs map[string]*subscribeRequest) (*client, *connectResult) {
	f.t.Helper()
	one := f.socket(c)
	one.send(&command{Connect: &connectRequest{Token: token, Subs: subs}})
	r := one.next()
	if r.Connect == nil {
		f.t.Fatalf("connect was answered by %+v, %+v", r, r.Error)
	}
	return one, r.Connect
}

// send gives the commands ids and sends them in one message.
func (c *client) send(commands ...*command) {
	c.t.Helper()
	for _, one := range commands {
		if one.ID == 0 && one.kind() != "" && one.kind() != "send" {
			c.id++
			one.ID = c.id
		}
	}
	c.write(encodeCommands(c.codec, commands...))
}

func (c *client) write(message []byte) {
	c.t.Helper()
	if err := c.conn.Write(context.Background(), c.codec.messageType(), message); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns the next reply that is not a ping, or how the socket ended.
func (c *client) receive() (*reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	for {
		for len(c.ready) > 0 {
			r := c.ready[0]
			c.ready = c.ready[1:]
			return r, nil
		}
		typ, message, err := c.conn.Read(ctx)
		if err != nil {
			return nil, err
		}
		if typ != c.codec.messageType() {
			return nil, fmt.Errorf("message type %v", typ)
		}
		if bytes.Equal(message, c.codec.ping()) {
			return &reply{}, nil
		}
		if c.ready, err = decodeReplies(c.codec, message); err != nil {
			return nil, err
		}
	}
}

// next is receive for tests that expect a reply.
func (c *client) next() *reply {
	c.t.Helper()
	r, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// call sends one command and returns its reply, which must be the next frame.
func (c *client) call(one *command) *reply {
	c.t.Helper()
	c.send(one)
	r := c.next()
	if r.ID != one.ID {
		c.t.Fatalf("reply %+v to command %d", r, one.ID)
	}
	return r
}

// fails sends a command that must be answered by an error code.
func (c *client) fails(code uint32, one *command) {
	c.t.Helper()
	if r := c.call(one); r.Error == nil || r.Error.Code != code {
		c.t.Errorf("%s: want error %d, got %+v %+v", one.kind(), code, r, r.Error)
	}
}

// closed waits for the close code.
func (c *client) closed(code uint16) {
	c.t.Helper()
	for {
		r, err := c.receive()
		if err == nil {
			c.t.Logf("before the close: %+v", r)
			continue
		}
		if got := websocket.CloseStatus(err); got != websocket.StatusCode(code) {
			c.t.Errorf("want close %d, got %v", code, err)
		}
		return
	}
}

// publication expects the next frame to be the publication with the offset.
func (c *client) publication(channel string, offset uint64) {
	c.t.Helper()
	r := c.next()
	if r.Push == nil || r.Push.Pub == nil || r.Push.Channel != channel || r.Push.Pub.Offset != offset {
		c.t.Fatalf("want publication %d of %s, got %+v %+v", offset, channel, r, r.Push)
	}
	c.payload(r.Push.Pub)
}

// payload checks that the publication says its own offset.
func (c *client) payload(p *publication) {
	c.t.Helper()
	want := demoPublication(p.Offset)
	if got := string(p.Data); got != string(want.Data) && got != string(want.JSON) {
		c.t.Errorf("publication %d has payload %q", p.Offset, got)
	}
}

// eachFraming runs a test in both framings.
func eachFraming(t *testing.T, run func(t *testing.T, c codec)) {
	t.Helper()
	for _, c := range []codec{jsonCodec{}, protoCodec{}} {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			run(t, c)
		})
	}
}
