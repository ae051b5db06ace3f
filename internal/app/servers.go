package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lendgate/lendgate/internal/link"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	// writeTimeout bounds the work and the sending of an answer, so that nobody holds one by reading slowly. It is longer than the longest
	// deadline of an RPC.
	writeTimeout   = 45 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
	// maxStreams bounds the requests at once on one HTTP/2 connection, and the work that streams which are reset at once can leave behind
	// (CVE-2023-39325). maxFrame is the least that the protocol allows (RFC 9113 section 4.2), since contents are small.
	maxStreams = 250
	maxFrame   = 16 << 10
	// pingAfter and pingTimeout find connections whose other end is gone without a word; stalledWrite ends those that take nothing any more.
	pingAfter, pingTimeout, stalledWrite = 30 * time.Second, 15 * time.Second, 15 * time.Second
)

// server is an HTTP server with its listener.
type server struct {
	name     string
	listener net.Listener
	http     *http.Server
	// scheme is "https" when serve is given a certificate.
	scheme string
	// links are those that began on the port; nil where none do.
	links *link.Server
	// retired is true when the port was closed on purpose.
	retired atomic.Bool
	// inherited is true when somebody else holds the port, too, so that closing it here refuses nobody.
	inherited bool
	// open counts the connections, without those that became websockets.
	open atomic.Int64
}

// listen opens the port, or the unix socket of "unix:///path". When fallback is true and the port is taken, a free one is used: the table says
// which.
func listen(ctx context.Context, name, address string, fallback bool, handler http.Handler) (*server, error) {
	var config net.ListenConfig
	if strings.HasPrefix(address, link.UnixScheme+"://") {
		listener, err := listenUnix(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s := newServer(name, listener, handler)
		s.scheme = link.UnixScheme
		return s, nil
	}
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil && fallback {
		host, _, _ := net.SplitHostPort(address)
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return newServer(name, listener, handler), nil
}

// listenUnix opens a unix socket, for this user alone. A socket that a killed process left behind is taken away; one that answers is not.
func listenUnix(ctx context.Context, address string) (net.Listener, error) {
	at, err := link.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(ctx, at.Network, at.Address); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s: another process serves it", at.Address)
	}
	if found, err := os.Lstat(at.Address); err == nil && found.Mode().Type() == os.ModeSocket {
		os.Remove(at.Address)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, at.Network, at.Address)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(at.Address, 0o600)
}

// newServer makes a server of a port.
func newServer(name string, listener net.Listener, handler http.Handler) *server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC without TLS, for one machine and for proxies that end TLS.
	s := &server{name: name, listener: listener, scheme: "http"}
	s.http = &http.Server{
		ConnState: s.count,
		Handler:   handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, Protocols: &protocols, HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame, SendPingTimeout: pingAfter, PingTimeout: pingTimeout,
			WriteByteTimeout: stalledWrite,
		},
	}
	return s
}

// count follows the connections.
func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.open.Add(-1)
	}
}

// address is host:port, or the path of a unix socket.
func (s *server) address() string { return s.listener.Addr().String() }

// url is the address with its scheme.
func (s *server) url() string { return s.scheme + "://" + s.address() }

// serve serves until shut down. certificate and key are PEM files; empty means no TLS.
func (s *server) serve(certificate, key string) error {
	var err error
	if certificate != "" {
		err = s.http.ServeTLS(s.listener, certificate, key)
	} else {
		err = s.http.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) || s.retired.Load() {
		return nil
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

// retire closes the port and goes on serving the connections that were made. The library's own Shutdown drops a request that it reads after
// it was told to; who retires before, and waits a moment, leaves it none of those.
func (s *server) retire() {
	s.retired.Store(true)
	_ = s.listener.Close() // Nobody can do anything about a port that does not close.
}

// shutdown lets requests in hand finish, those of links too. Whoever still asks over a link is sent away with an answer.
func (s *server) shutdown(ctx context.Context) error {
	if s.links == nil {
		return s.http.Shutdown(ctx)
	}
	return errors.Join(s.links.Drain(ctx), s.http.Shutdown(ctx))
}
