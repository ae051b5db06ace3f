package localredis

import (
	"context"
	"fmt"
	"os/exec"
)

// Options say what to run.
type Options struct {
	// Dir is where redis-server works and writes its log.
	Dir string
	// InProcess asks for the imitation even if the machine has redis-server.
	InProcess bool
}

// Server is a running Redis.
type Server struct {
	addr string
	kind string
	pid  int
	stop func(context.Context) error
	done <-chan struct{}
}

// Start runs a Redis and returns when it serves.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.InProcess {
		return startInProcess()
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return startInProcess()
	}
	version, err := programVersion(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s does not run: %w", path, err)
	}
	if !recent(version) {
		return startInProcess()
	}
	return startProgram(ctx, path, version, o.Dir)
}

// Addr is host and port.
func (s *Server) Addr() string { return s.addr }

// URL is the address in the form that clients parse.
func (s *Server) URL() string { return "redis://" + s.addr + "/0" }

// Kind says what serves: "redis-server 7.0.15" or "in-process".
func (s *Server) Kind() string { return s.kind }

// PID is the server's process; 0 when it serves in this one.
func (s *Server) PID() int { return s.pid }

// Done is closed when the server has ended, asked or not.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server. When ctx ends first, it is killed. Stopping twice is
// no error.
func (s *Server) Stop(ctx context.Context) error { return s.stop(ctx) }
