package link

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/inproc"
)

// ServerConfig is what a server serves with.
type ServerConfig struct {
	// Door checks calls, and notes them.
	Door *inproc.Door
	Log  *slog.Logger
	// MaxCalls bounds the calls under way over all links; those beyond it are refused with OVERLOADED. 0 means 4096.
	MaxCalls int
	Timing   Timing
}

// Server answers the calls of other processes of ours.
type Server struct {
	config ServerConfig
	// rpcs are filled by Mount and then only read.
	rpcs map[string]rpc
	// underway counts the calls that are being answered.
	underway atomic.Int64

	mu       sync.Mutex
	sessions map[*session]struct{}
	draining bool
	// gone is signalled when a session ends.
	gone *sync.Cond
}

// rpc is an RPC that is mounted.
type rpc struct {
	procedure string
	request   protoreflect.MessageType
	handle    inproc.Handle
}

// NewServer makes a server. Mount the RPCs before Handler serves.
func NewServer(config ServerConfig) *Server {
	config.Timing = config.Timing.orDefault()
	if config.MaxCalls == 0 {
		config.MaxCalls = defaultMaxCalls
	}
	s := &Server{config: config, rpcs: map[string]rpc{}, sessions: map[*session]struct{}{}}
	s.gone = sync.NewCond(&s.mu)
	return s
}

// Mount serves RPCs, as the generated <Service>Calls answers with them.
func (s *Server) Mount(calls map[string]inproc.Handle) {
	for procedure, handle := range calls {
		method, known := s.config.Door.Methods().Get(procedure)
		if !known {
			continue // Its contract is not linked in: it answers as an unknown RPC does.
		}
		request, err := protoregistry.GlobalTypes.FindMessageByName(method.Descriptor.Input().FullName())
		if err == nil {
			s.rpcs[procedure] = rpc{procedure: procedure, request: request, handle: handle}
		}
	}
}

// Handler upgrades the connections that ask for a link, and leaves every other request to next.
func (s *Server) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != Protocol || r.URL.Path != upgradePath {
			next.ServeHTTP(w, r)
			return
		}
		s.upgrade(w, r)
	})
}

// upgrade makes a session of a connection, and serves it until it is over.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	token, err := base64.RawURLEncoding.DecodeString(r.Header.Get(actor.Header))
	if err == nil {
		_, err = s.config.Door.Proven(token, upgradePath, nil)
	}
	if err != nil {
		http.Error(w, "CALLER_UNKNOWN", http.StatusUnauthorized)
		return
	}
	if s.isDraining() {
		http.Error(w, "UNAVAILABLE", http.StatusServiceUnavailable)
		return
	}
	raw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil { // Over HTTP/2 there is no connection to take.
		http.Error(w, "METHOD_NOT_ALLOWED", http.StatusNotImplemented)
		return
	}
	if buffered.Reader.Buffered() > 0 { // A caller waits for the answer before it sends frames.
		raw.Close()
		return
	}
	if _, err := io.WriteString(raw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n"); err != nil {
		raw.Close()
		return
	}
	one := newSession(s, newConn(raw, s.config.Timing))
	if !s.add(one) {
		raw.Close()
		return
	}
	s.serve(context.WithoutCancel(r.Context()), one, bufio.NewReaderSize(raw, readBuffer))
}

// serve serves one session until it is over.
func (s *Server) serve(ctx context.Context, one *session, r *bufio.Reader) {
	ctx, cancel := context.WithCancel(ctx)
	err := one.run(r, func(k kind, id uint64, content *room) error { return one.handle(ctx, k, id, content) })
	cancel() // Nobody hears the answers any more.
	one.workers.Wait()
	s.mu.Lock()
	delete(s.sessions, one)
	s.gone.Broadcast()
	s.mu.Unlock()
	if errors.Is(err, errFrame) || errors.Is(err, errLarge) || errors.Is(err, errSilent) {
		s.config.Log.WarnContext(ctx, "link broken off", "remote", one.net.RemoteAddr().String(), "error", err.Error())
	}
}

// add notes a session; false when the server drains.
func (s *Server) add(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.sessions[one] = struct{}{}
	return true
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// Drain tells all callers to go elsewhere, answers what they asked before they heard of it, and ends when they have closed or ctx has ended. Then
// it ends what is left, with the error of ctx.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for one := range s.sessions {
		one.signal(kindGoaway, 0)
	}
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for one := range s.sessions {
			one.fail(errClosed)
		}
		s.gone.Broadcast()
	})
	defer stop()
	for len(s.sessions) > 0 && ctx.Err() == nil {
		s.gone.Wait()
	}
	return ctx.Err()
}
