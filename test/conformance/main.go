package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	conformancev1 "github.com/lendgate/lendgate/test/conformance/gen/connectrpc/conformance/v1"
)

// maxRequestBytes bounds what the runner writes: a few options and two certificates.
const maxRequestBytes = 1 << 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves as the runner says until ctx ends.
func run(ctx context.Context, in io.Reader, out io.Writer) error {
	ask := &conformancev1.ServerCompatRequest{}
	if err := readMessage(in, ask); err != nil {
		return fmt.Errorf("read what to serve: %w", err)
	}
	handler, closeEdge, err := newEdge(int64(ask.GetMessageReceiveLimit()))
	if err != nil {
		return err
	}
	defer closeEdge()
	server, err := newServer(ask, handler)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			served <- server.ServeTLS(listener, "", "")
			return
		}
		served <- server.Serve(listener)
	}()
	address := listener.Addr().(*net.TCPAddr)
	where := &conformancev1.ServerCompatResponse{Host: address.IP.String(), Port: uint32(address.Port), PemCert: ask.GetServerCreds().GetCert()}
	if err := writeMessage(out, where); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return server.Close()
	case err := <-served:
		return err
	}
}

// newServer makes a server of the one version of HTTP that is asked for.
func newServer(ask *conformancev1.ServerCompatRequest, handler http.Handler) (*http.Server, error) {
	server := &http.Server{Handler: handler, Protocols: &http.Protocols{}, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	switch version := ask.GetHttpVersion(); version {
	case conformancev1.HTTPVersion_HTTP_VERSION_1:
		server.Protocols.SetHTTP1(true)
	case conformancev1.HTTPVersion_HTTP_VERSION_2:
		server.Protocols.SetHTTP2(true)
		server.Protocols.SetUnencryptedHTTP2(true)
	default:
		return nil, fmt.Errorf("the edge does not speak %s", version)
	}
	if !ask.GetUseTls() {
		return server, nil
	}
	certificate, err := tls.X509KeyPair(ask.GetServerCreds().GetCert(), ask.GetServerCreds().GetKey())
	if err != nil {
		return nil, fmt.Errorf("the runner's certificate: %w", err)
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return server, nil
}

// readMessage reads a message behind its length: four bytes, the highest first.
func readMessage(in io.Reader, message proto.Message) error {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return err
	}
	if size > maxRequestBytes {
		return fmt.Errorf("%d bytes are too many", size)
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(in, content); err != nil {
		return err
	}
	return proto.Unmarshal(content, message)
}

func writeMessage(out io.Writer, message proto.Message) error {
	content, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	_, err = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), content...))
	return err
}
