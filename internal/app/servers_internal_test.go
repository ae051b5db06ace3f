package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/lendgate/lendgate/internal/clock"
)

// pipes is a network in memory without buffers, on which virtual time works: who does not read stops who writes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.done) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// open serves a handler as the edge's port does.
func open(t *testing.T, handler http.HandlerFunc) *pipes {
	t.Helper()
	network := newPipes()
	s := newServer("edge", network, handler)
	s.guard(0, clock.System{})
	s.http.ErrorLog = log.New(io.Discard, "", 0)
	ended := make(chan error)
	go func() { ended <- s.serve("", "") }()
	t.Cleanup(func() {
		s.http.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return network
}

// echo answers with what it read.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %q", r.Method, r.URL.Path, body)
}

const whole = "POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 2\r\n\r\n{}"

// served asks over a connection of its own and expects an answer.
func served(t *testing.T, network *pipes) {
	t.Helper()
	conn := network.dial()
	defer conn.Close()
	go conn.Write([]byte(whole))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("others are not served: %v", err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("others are answered %d %s, %v", res.StatusCode, body, err)
	}
}

// trickle sends a byte a second until the other end closes, and tells how long that took.
func trickle(conn net.Conn, text string) time.Duration {
	began := time.Now()
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	for i := range len(text) {
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			break
		}
		pause := time.NewTimer(time.Second)
		<-pause.C
	}
	return time.Since(began)
}

func TestWhoSendsSlowlyIsCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		head, slow string
		within     time.Duration
	}{
		"a head":                       {"", "GET / HTTP/1.1\r\nHost: edge\r\nX: " + strings.Repeat("a", 100), 7 * time.Second},
		"content of a known length":    {"POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 100\r\n\r\n", strings.Repeat("a", 100), 7 * time.Second},
		"content of an unknown length": {"POST / HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n", strings.Repeat("a", 100), 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := open(t, echo)
				const crowd = 200
				lasted := make(chan time.Duration, crowd)
				for range crowd {
					go func() {
						conn := network.dial()
						defer conn.Close()
						_, _ = conn.Write([]byte(c.head))
						lasted <- trickle(conn, c.slow)
					}()
				}
				synctest.Wait()
				served(t, network)
				for range crowd {
					if took := <-lasted; took > c.within {
						t.Fatalf("one was let go on for %v", took)
					}
				}
				served(t, network)
			})
		})
	}
}

func TestWhoReadsSlowlyIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := open(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("a"), 1<<20)) })
		conn := network.dial()
		defer conn.Close()
		_, _ = conn.Write([]byte(whole))
		began := time.Now()
		one := make([]byte, 1)
		for {
			pause := time.NewTimer(time.Second)
			<-pause.C
			if _, err := conn.Read(one); err != nil {
				break
			}
		}
		if took := time.Since(began); took > writeTimeout+2*time.Second {
			t.Errorf("one byte a second was read for %v", took)
		}
	})
}

func TestAnIdleConnectionEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := open(t, echo)
		conn := network.dial()
		defer conn.Close()
		_, _ = conn.Write([]byte(whole))
		began := time.Now()
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != idleTimeout {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestTheDeadlineOfContentEndsWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := open(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			work := time.NewTimer(30 * time.Second)
			select {
			case <-work.C:
			case <-r.Context().Done():
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		served(t, network)
	})
}

// exchange sends bytes over one connection and reads answers until the connection ends or nothing more comes for a while, in virtual time.
func exchange(t *testing.T, network *pipes, text string) (statuses []int, bodies string, closed bool) {
	t.Helper()
	conn := network.dial()
	defer conn.Close()
	go conn.Write([]byte(text))
	reader := bufio.NewReader(conn)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			var timeout net.Error
			return statuses, bodies, !errors.As(err, &timeout) || !timeout.Timeout()
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		statuses, bodies = append(statuses, res.StatusCode), bodies+string(body)+"\n"
	}
}

// TestNothingIsSmuggled sends requests whose end two servers could see in different places, with a second request in what one of them would
// take for content. It must never be answered: the connection ends, or the whole is one request.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: edge\r\n\r\n"
	head := func(fields string) string { return "POST / HTTP/1.1\r\nHost: edge\r\n" + fields + "\r\n" }
	for name, c := range map[string]struct {
		text string
		// status is that of the only answer.
		status int
	}{
		"both a length and chunks (CL.TE)":  {head("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled, http.StatusOK},
		"both, the other way round (TE.CL)": {head("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "0\r\n\r\n" + smuggled, http.StatusOK},
		"two lengths":                       {head("Content-Length: 0\r\nContent-Length: 44\r\n") + smuggled, http.StatusBadRequest},
		"a list of lengths":                 {head("Content-Length: 0, 44\r\n") + smuggled, http.StatusBadRequest},
		"a length with a sign":              {head("Content-Length: +0\r\n") + smuggled, http.StatusBadRequest},
		"a length in hexadecimal":           {head("Content-Length: 0x0\r\n") + smuggled, http.StatusBadRequest},
		"a negative length":                 {head("Content-Length: -1\r\n") + smuggled, http.StatusBadRequest},
		"another coding of the transfer":    {head("Transfer-Encoding: xchunked\r\n") + smuggled, http.StatusNotImplemented},
		"two codings":                       {head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + "0\r\n\r\n" + smuggled, http.StatusNotImplemented},
		"a coding behind a tab":             {head("Transfer-Encoding:\x0bchunked\r\n") + "0\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a space before the colon":          {head("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a chunk with a bare line feed":     {head("Transfer-Encoding: chunked\r\n") + "2;\n{}\r\n0\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a chunk longer than can be":        {head("Transfer-Encoding: chunked\r\n") + "10000000000000002\r\n{}\r\n0\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a NUL in a value":                  {head("X: a\x00b\r\n") + smuggled, http.StatusBadRequest},
		"a carriage return in a value":      {head("X: a\rb\r\n") + smuggled, http.StatusBadRequest},
		"a name that is no token":           {head("X(y): a\r\n") + smuggled, http.StatusBadRequest},
		"no host":                           {"GET / HTTP/1.1\r\n\r\n" + smuggled, http.StatusBadRequest},
		"two hosts":                         {"GET / HTTP/1.1\r\nHost: edge\r\nHost: other\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a version of its own":              {"GET / HTTP/1.9x\r\nHost: edge\r\n\r\n" + smuggled, http.StatusBadRequest},
		"a head of a megabyte":              {head("X: "+strings.Repeat("a", 1<<20)+"\r\n") + smuggled, http.StatusRequestHeaderFieldsTooLarge},
		"ten thousand fields":               {head(strings.Repeat("X: a\r\n", 10_000)) + smuggled, http.StatusRequestHeaderFieldsTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := open(t, echo)
				statuses, bodies, closed := exchange(t, network, c.text)
				if len(statuses) != 1 || statuses[0] != c.status || !closed {
					t.Errorf("answered %v, the connection ended: %v", statuses, closed)
				}
				if strings.Contains(bodies, "/smuggled \"\"") {
					t.Errorf("the smuggled request was answered: %s", bodies)
				}
			})
		})
	}
}

// client speaks HTTP/2 frame by frame.
type client struct {
	*http2.Framer
	conn net.Conn
	head bytes.Buffer
}

func newClient(t *testing.T, network *pipes) *client {
	t.Helper()
	c := &client{conn: network.dial()}
	t.Cleanup(func() { c.conn.Close() })
	if _, err := c.conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	c.Framer = http2.NewFramer(c.conn, c.conn)
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	encoder := hpack.NewEncoder(&c.head)
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "edge"}, {":path", "/"}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// deafen throws away what the server sends.
func (c *client) deafen() { go func() { _, _ = io.Copy(io.Discard, c.conn) }() }

// TestFloodsEndTheirConnection plays the known floods of HTTP/2, each of frames that cost their sender little. The connection ends, and others
// are served before and after.
func TestFloodsEndTheirConnection(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]func(c *client, i int) error{
		"streams that are reset at once (CVE-2023-44487)": func(c *client, i int) error {
			stream := uint32(2*i + 1)
			if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.head.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
				return err
			}
			return c.WriteRSTStream(stream, http2.ErrCodeCancel)
		},
		"a head that never ends (CVE-2023-45288)": func(c *client, i int) error {
			if i == 0 {
				return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.head.Bytes()})
			}
			return c.WriteContinuation(1, false, bytes.Repeat([]byte{0x00, 0x01, 'x', 0x01, 'y'}, 100))
		},
		"pings whose answer nobody reads (CVE-2019-9512)": func(c *client, _ int) error { return c.WritePing(false, [8]byte{}) },
		"a frame larger than agreed": func(c *client, _ int) error {
			return c.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, maxFrame+1))
		},
		"a stream of an even number": func(c *client, _ int) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: c.head.Bytes(), EndHeaders: true, EndStream: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			t.Cleanup(func() { close(hold) })
			network := open(t, func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 {
					<-hold // As work does that is not given up when its caller goes.
					return
				}
				echo(w, r)
			})
			c := newClient(t, network)
			if !strings.Contains(name, "nobody reads") {
				c.deafen()
			}
			served(t, network)
			_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			var err error
			for i := 0; err == nil; i++ {
				err = flood(c, i)
			}
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("the flood was taken for ten seconds")
			}
			served(t, network)
		})
	}
}

// TestManySettingsAreAcknowledgedAtOnce sends settings whose acknowledgement nobody reads (CVE-2019-9515): nothing piles up for them.
func TestManySettingsAreAcknowledgedAtOnce(t *testing.T) {
	t.Parallel()
	network := open(t, echo)
	c := newClient(t, network)
	for range 20_000 {
		if err := c.WriteSettings(); err != nil {
			return // To end the connection is as good.
		}
	}
	served(t, network)
}

func TestAnAddressHasSoManyConnections(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := listen(ctx, "edge", "127.0.0.1:0", false, http.HandlerFunc(echo))
	if err != nil {
		t.Fatal(err)
	}
	s.guard(2, clock.System{})
	go s.serve("", "")
	defer s.http.Close()
	// ask opens a connection and tells whether it is answered.
	ask := func() (net.Conn, bool) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(whole))
		_, err = http.ReadResponse(bufio.NewReader(conn), nil)
		return conn, err == nil
	}
	first, ok := ask()
	second, okToo := ask()
	third, tooMany := ask()
	defer second.Close()
	defer third.Close()
	if !ok || !okToo || tooMany {
		t.Fatalf("served %v, %v and, beyond the bound, %v", ok, okToo, tooMany)
	}
	first.Close()
	for { // The server hears of it in its own time.
		conn, ok := ask()
		conn.Close()
		if ok {
			return
		}
	}
}

func TestConnectionsCountForTheirNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[2001:db8::1]:80": "2001:db8::/64", "[::ffff:192.0.2.7]:80": "192.0.2.7/32", "[fe80::1%eth0]:80": "fe80::/64",
	} {
		parsed, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err) // Its zone is not of this machine.
			continue
		}
		if got := network(parsed).String(); got != want {
			t.Errorf("%s counts for %s", address, got)
		}
	}
}
