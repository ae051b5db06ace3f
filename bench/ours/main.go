// Command ours is the real edge with the real screens over the backends of the measuring room: what a phone reaches in production, except that
// nobody keeps rows. Nothing is switched off: signature, nonce in Redis, session, permission, rate limit in Redis, the contract's rules, traces,
// metrics and a line of the log for every request.
//
// Its modes are the ways in which the platform is run: "inproc" has the backends in this process, as lendgate up has; "remote" dials them
// as lendgate serve does; "static" answers the home screen from one ready message, so that what is left is the chain itself.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/lendgate/lendgate/internal/journal"
)

func main() {
	var s settings
	flag.StringVar(&s.mode, "mode", "inproc", "inproc, remote or static")
	flag.StringVar(&s.listen, "listen", "127.0.0.1:0", "address of the edge")
	flag.StringVar(&s.redis, "redis", "redis://127.0.0.1:6379/0", "URL of Redis")
	flag.StringVar(&s.backend, "backend", "", "address of the backends, for the mode remote")
	flag.StringVar(&s.log, "log", os.DevNull, "file for the log")
	flag.StringVar(&s.shops, "shops", "", "folder with the secrets of the shops; without it there are none")
	flag.StringVar(&s.answer, "answer", "", "write the home screen in JSON into this file and end")
	flag.StringVar(&s.cast, "cast", "ours", "name of the cast that identity knows, unless it is remote")
	flag.IntVar(&s.people, "people", 500, "how many people the cast has")
	flag.Parse()
	if err := run(s); err != nil {
		slog.Error("ours", "error", err.Error())
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	mode, listen, redis, backend, log, shops, answer, cast string
	people                                                 int
}

func run(s settings) error {
	if s.answer != "" {
		return writeAnswer(s.answer)
	}
	file, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	log, flush := journal.New(file, slog.LevelInfo) // The platform's own.
	defer flush()
	handler, err := newFront(s, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	// The server is set up as the platform's own (internal/app).
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 250},
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
