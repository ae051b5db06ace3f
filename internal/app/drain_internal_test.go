package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
)

// generation is one life of an edge at a port that outlives it.
type generation struct {
	edge   *edge.Edge
	server *server
	ended  chan error
}

// begin starts a generation as serve does under a service manager.
func begin(t *testing.T, port *os.File) *generation {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()}) // Its own: leases of limits end with their process.
	t.Cleanup(func() { client.Close() })
	copied, err := net.FileListener(port)
	if err != nil {
		t.Fatal(err)
	}
	lenders, err := loadTenants("")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	door, err := inproc.NewDoor(log, clock.System{}, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(edge.Config{PerAddress: 1 << 40}, edge.Deps{
		Log: log, Clock: clock.System{}, Door: door, Redis: client, Tenants: lenders, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Mount(mobilev1connect.AppServiceRoutes(&mobile.App{Tenants: lenders, Clock: clock.System{}}))
	g := &generation{edge: e, server: newServer("edge", copied, e.Handler()), ended: make(chan error, 1)}
	g.server.inherited = true
	g.server.guard(0, clock.System{})
	go func() { g.ended <- g.server.serve("", "") }()
	return g
}

// end drains a generation.
func (g *generation) end(t *testing.T) {
	t.Helper()
	if !drain(face{leave: g.edge.Drain}, map[string]*server{"edge": g.server}, 10*time.Second, 10*time.Second) {
		t.Error("requests were cut off")
	}
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
}

// TestRestartsDropNothing restarts an edge twenty times at a port that a service manager holds, while clients of HTTP/1.1 and HTTP/2 that keep
// their connections ask without a pause and never twice. Every request is answered with 200.
func TestRestartsDropNothing(t *testing.T) {
	t.Parallel()
	const restarts, clients = 20, 8
	opened, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	address := opened.Addr().String()
	opened.Close() // The file holds the port now, as a service manager does.

	current := begin(t, port)
	ctx, stop := context.WithCancel(t.Context())
	var asked atomic.Int64
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
			transport.Protocols.SetHTTP1(i%2 == 0)
			transport.Protocols.SetUnencryptedHTTP2(i%2 == 1)
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				if err := askOnce(t.Context(), transport, address); err != nil {
					t.Errorf("client %d, request %d: %v", i, asked.Load(), err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for range restarts {
		next := begin(t, port)
		current.end(t)
		current = next
	}
	stop()
	group.Wait()
	current.end(t)
	t.Logf("%d requests through %d restarts", asked.Load(), restarts)
}

// askOnce asks for the configuration and takes no second try: no header makes the transport believe that it may.
func askOnce(ctx context.Context, transport http.RoundTripper, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+mobilev1connect.AppServiceGetAppConfigProcedure, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/json")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s, %w", res.StatusCode, body, err)
	}
	return nil
}

func TestAPortIsInherited(t *testing.T) {
	t.Parallel()
	opened, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	file, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	self := strconv.Itoa(os.Getpid())
	environment := func(pid, files string) func(string) string {
		return func(name string) string { return map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": files}[name] }
	}
	t.Run("without a service manager there is none", func(t *testing.T) {
		if got, err := inheritedListener(environment("", ""), 0); got != nil || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("that of another process is not ours", func(t *testing.T) {
		if got, err := inheritedListener(environment("1", "1"), 0); got != nil || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("two are one too many", func(t *testing.T) {
		if _, err := inheritedListener(environment(self, "2"), 0); err == nil {
			t.Error("taken")
		}
	})
	t.Run("ours is taken", func(t *testing.T) {
		descriptor, err := syscall.Dup(int(file.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := inheritedListener(environment(self, "1"), uintptr(descriptor))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		if got.Addr().String() != opened.Addr().String() {
			t.Errorf("listens on %v", got.Addr())
		}
	})
}
