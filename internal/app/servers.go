package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	// maxStreams bounds the requests at once on one HTTP/2 connection.
	maxStreams = 250
)

// server is an HTTP server with its listener.
type server struct {
	name     string
	listener net.Listener
	http     *http.Server
	// scheme is "https" when serve is given a certificate.
	scheme string
}

// listen opens the port. When fallback is true and the port is taken, a free one is used: the table says which.
func listen(ctx context.Context, name, address string, fallback bool, handler http.Handler) (*server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil && fallback {
		host, _, _ := net.SplitHostPort(address)
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC without TLS, for one machine and for proxies that end TLS.
	return &server{name: name, listener: listener, scheme: "http", http: &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}}, nil
}

// address is host:port.
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
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", s.name, err)
}
