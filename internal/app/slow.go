package app

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// bodyGrace and bodyRate bound how long a client may take to send its content: five seconds, and one more for each 8 KiB that it said it
	// would send. Whoever sends a byte a second is cut off, and nobody on the poorest of phone lines is.
	bodyGrace = 5 * time.Second
	bodyRate  = 8 << 10
	// mostBody is taken for content whose length nobody said, in bytes.
	mostBody = 64 << 10
)

// guard makes a server fit for the open: content has a deadline that goes by its length, a connection on which requests could be told apart
// in two ways serves one alone, and one address has perAddress connections at most (0: as many as it likes).
func (s *server) guard(perAddress int, clk clock.Clock) {
	s.http.Handler = unhurried{next: s.http.Handler, clock: clk}
	if perAddress > 0 {
		s.listener = &fairListener{Listener: s.listener, most: perAddress, open: map[netip.Prefix]int{}}
	}
}

// unhurried bounds how slowly a client may send.
type unhurried struct {
	next  http.Handler
	clock clock.Clock
}

// ServeHTTP sets the deadline. Chunked content over HTTP/1.1 may have come with a Content-Length beside it, by which a proxy in front could
// have cut the stream in other places: the connection ends with the answer (RFC 9112 section 6.1), so that nothing smuggled is ever read.
func (u unhurried) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		length := r.ContentLength
		if length < 0 || length > mostBody {
			length = mostBody // More is refused unread.
		}
		control := http.NewResponseController(w)
		if control.SetReadDeadline(u.clock.Now().Add(bodyGrace+time.Duration(length)*time.Second/bodyRate)) == nil {
			r.Body = &timedBody{ReadCloser: r.Body, control: control}
		}
	}
	u.next.ServeHTTP(w, r)
}

// timedBody is content under a deadline, which ends with it: left in place it would end the request while it is worked on.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read reads, and lifts the deadline at the end.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.control != nil {
		_ = b.control.SetReadDeadline(time.Time{})
		b.control = nil
	}
	return n, err
}

// fairListener lets one address have so many connections at a time. Of IPv6 a /64 is one address: a line at home has a whole one (RFC 6177).
type fairListener struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[netip.Prefix]int
}

// Accept gives the next connection of an address that has room. Others are closed without a word.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := network(conn.RemoteAddr())
		if l.take(from) {
			return &fairConn{Conn: conn, leave: sync.OnceFunc(func() { l.give(from) })}, nil
		}
		conn.Close()
	}
}

func (l *fairListener) take(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from] >= l.most {
		return false
	}
	l.open[from]++
	return true
}

func (l *fairListener) give(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[from]--; l.open[from] == 0 {
		delete(l.open, from)
	}
}

// network is whom a connection counts for. What has no IP address, such as a socket of this machine, counts together.
func network(address net.Addr) netip.Prefix {
	peer, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	ip := peer.Addr().Unmap().WithZone("")
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // The bits fit the address.
	return prefix
}

// fairConn gives its place back when it is closed.
type fairConn struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *fairConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
