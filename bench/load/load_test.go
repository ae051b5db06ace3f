package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bench/load"
	"github.com/lendgate/lendgate/internal/clock"
)

// serve starts a server and answers with its host:port.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// requests are n requests for a path.
func requests(n int, path string) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path)
	}
	return out
}

func TestAnswersAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long": // More than net/http measures by itself, so it comes in chunks.
			fmt.Fprint(w, strings.Repeat("x", 5000))
		case "/same":
			w.WriteHeader(http.StatusNotModified)
		default:
			fmt.Fprint(w, "short")
		}
	})
	conn, err := load.Dial(address, true)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, want := range []struct {
		path         string
		status, size int
	}{{"/long", 200, 5000}, {"/short", 200, 5}, {"/same", 304, 0}, {"/long", 200, 5000}} {
		got, err := conn.Exchange(requests(1, want.path)[0], time.Now())
		if err != nil {
			t.Fatalf("%s: %v", want.path, err)
		}
		if got.Status != want.status || len(got.Body) != want.size || got.Wire <= len(got.Body) {
			t.Errorf("%s: status %d with %d bytes (%d on the wire), want %d with %d", want.path, got.Status, len(got.Body), got.Wire, want.status, want.size)
		}
	}
}

func TestClosedSendsEachRequestOnce(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	address := serve(t, func(http.ResponseWriter, *http.Request) { served.Add(1) })
	crew, err := load.Hire(address, 4, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	received, err := crew.Closed(requests(100, "/"), 200)
	if err != nil || served.Load() != 100 || received == 0 {
		t.Errorf("served %d of 100 requests, %d bytes (%v)", served.Load(), received, err)
	}
}

func TestClosedFailsOnAnyOtherStatus(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) == 50 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	crew, err := load.Hire(address, 4, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	if _, err := crew.Closed(requests(100, "/"), 200); err == nil || !strings.Contains(err.Error(), "status 401") {
		t.Errorf("one refusal among a hundred: %v", err)
	}
}

func TestOpenCountsTheWaitOfRequestsThatWereNotSent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var served atomic.Int64
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == 1 {
			<-release
		}
	})
	crew, err := load.Hire(address, 1, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	held := time.AfterFunc(100*time.Millisecond, func() { close(release) })
	defer held.Stop()
	arrivals := crew.Open(requests(10, "/"), 1000) // All are due within 10 ms, and the first blocks the only connection.
	for i, a := range arrivals {
		if a.Status != 200 || a.Delay < 50*time.Millisecond {
			t.Errorf("request %d: status %d after %v, want the wait for the first to be counted", i, a.Status, a.Delay)
		}
	}
	if got := load.Quantile(arrivals, 0.99); got < 50*time.Millisecond {
		t.Errorf("p99 is %v", got)
	}
}

func TestGoodputCountsGoodAnswersInTime(t *testing.T) {
	t.Parallel()
	arrivals := []load.Arrival{{Status: 200}, {Status: 200, Delay: 2 * time.Second}, {Status: 503}, {}}
	if got := load.Goodput(arrivals, 1000, time.Second); got != 250 {
		t.Errorf("goodput is %v a second, want a quarter of 1000", got)
	}
}
