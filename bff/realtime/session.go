package realtime

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

// session is one socket from its upgrade to its end.
//
// The reader goroutine alone runs commands, strictly in their order; it alone touches the fields without a mutex. Everything
// that timers, fan-out and the handler touch is behind mu.
type session struct {
	h      *Handler
	conn   *websocket.Conn
	codec  codec
	id     string
	ctx    context.Context // ends with the session
	cancel context.CancelFunc

	limiter *rate.Limiter
	// busy says that a message is being handled, and worked that one was since the last ping: a pong may be waiting behind it.
	busy, worked atomic.Bool

	mu        sync.Mutex
	room      sync.Cond // on mu: something was written, or the session is closing
	out       outbox
	connected bool // written by the reader only, which may therefore read it without mu
	refused   bool // connect was answered with an error: the socket is of no more use
	principal Principal
	shape     shape // of publications; numeric is decided per subscription
	subs      map[string]*subscription
	interval  time.Duration // between pings
	pongDue   bool          // a ping is out
	// At most one of each runs. timers.connect closes a socket without connect, timers.expire one past its token.
	timers struct{ connect, ping, pong, expire *time.Timer }
}

// newSession makes a session that nobody knows yet. Its context is its own, since the request's ends with the upgrade.
func newSession(h *Handler, conn *websocket.Conn, c codec, id string) *session {
	ctx, cancel := context.WithCancel(context.Background())
	_, isProto := c.(protoCodec)
	s := &session{
		h: h, conn: conn, codec: c, id: id, ctx: ctx, cancel: cancel,
		limiter: rate.NewLimiter(rate.Limit(h.cfg.CommandsPerSecond), h.cfg.CommandBurst),
		shape:   shape{proto: isProto, jsonData: !isProto},
		subs:    make(map[string]*subscription),
	}
	s.room.L = &s.mu
	return s
}

// run reads until the socket ends.
func (s *session) run() {
	defer s.end()
	s.conn.SetReadLimit(int64(s.h.cfg.MaxPendingBytes))
	s.mu.Lock()
	s.timers.connect = time.AfterFunc(s.h.cfg.ConnectTimeout, s.connectTimedOut)
	s.mu.Unlock()
	for {
		_, message, err := s.conn.Read(s.ctx)
		if err != nil {
			s.noteClose(err)
			return
		}
		s.busy.Store(true)
		s.handleMessage(message)
		s.worked.Store(true)
		s.busy.Store(false)
	}
}

// handleMessage closes the socket on a malformed message. The reader goes on even then, for the closing handshake.
func (s *session) handleMessage(message []byte) {
	if s.ended() {
		return
	}
	commands, err := s.codec.decode(message)
	if err != nil {
		s.h.cfg.Logger.DebugContext(s.ctx, "realtime message malformed", "connection_id", s.id, "error", err)
		s.close(closeBadRequest)
		return
	}
	s.handleAll(commands)
}

// connectTimedOut ends a socket that has not opened its session. One that was refused may come back; others are stale.
func (s *session) connectTimedOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.connected:
	case s.refused:
		s.beginClose(closeNormal)
	default:
		s.beginClose(closeStale)
	}
}

// noteClose counts how the socket ended.
func (s *session) noteClose(err error) {
	s.mu.Lock()
	closing := s.out.closing
	s.mu.Unlock()
	label := "peer"
	if closing != nil {
		label = strconv.Itoa(int(closing.code))
	}
	s.h.cfg.Metrics.closes.WithLabelValues(label).Inc()
	s.h.cfg.Logger.DebugContext(s.ctx, "realtime socket ended", "connection_id", s.id, "code", label, "error", err)
}

// end releases everything. It runs once, when the reader ends.
func (s *session) end() {
	_ = s.conn.CloseNow()
	s.cancel()
	s.mu.Lock()
	s.stopTimers()
	if s.out.closing == nil {
		s.out.closing = &closeNormal // nothing is queued any more
	}
	subs := s.subs
	s.subs = nil
	for _, sub := range subs {
		sub.phase = phaseEnded
	}
	s.mu.Unlock()
	for _, sub := range subs {
		s.h.hub.leave(sub)
	}
	s.h.roster.remove(s)
}

// stopTimers is called with s.mu held.
func (s *session) stopTimers() {
	for _, t := range []*time.Timer{s.timers.connect, s.timers.ping, s.timers.pong, s.timers.expire} {
		if t != nil {
			t.Stop()
		}
	}
}

// handleAll runs the commands of one message in order. A run of subscribes is one step, so that their reads of the log overlap: an
// SDK sends all of its subscriptions in its first message and expects every answer within 5 s. The run is bounded, because the
// tails that were read wait in memory.
func (s *session) handleAll(commands []*command) {
	for len(commands) > 0 && !s.ended() {
		run := 0
		for s.connected && run < min(len(commands), overlappingReads) &&
			commands[run].kind() == "subscribe" && commands[run].ID != 0 {
			run++
		}
		if run > 0 {
			s.subscribeAll(commands[:run])
			commands = commands[run:]
			continue
		}
		s.handle(commands[0])
		commands = commands[1:]
	}
}

// ended reports whether commands are of no more use.
func (s *session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused || s.out.closing != nil
}

// handle runs one command. Whatever breaks the protocol closes the socket with 3501.
func (s *session) handle(c *command) {
	kind := c.kind()
	if c.isPong() {
		s.pong()
		return
	}
	if kind == "" || (c.ID == 0 && kind != "send") || s.connected == (kind == "connect") {
		s.close(closeBadRequest)
		return
	}
	s.h.cfg.Metrics.commands.WithLabelValues(kind).Inc()
	if kind == "connect" {
		s.connect(c)
		return
	}
	// An unsubscribe is never answered with an error: some SDKs would drop the connection.
	if kind != "unsubscribe" {
		if err := s.admit(c); err != nil {
			s.fail(c, err)
			return
		}
	}
	switch kind {
	case "unsubscribe":
		s.unsubscribe(c)
	case "history":
		s.history(c)
	case "rpc":
		s.rpc(c)
	case "send":
		s.send(c)
	case "refresh":
		s.refresh(c)
	default:
		// publish, presence, presence_stats, ping, sub_refresh: features that are off.
		s.fail(c, errNotAvailable)
	}
}

// admit applies the limits that are answered by an error reply.
func (s *session) admit(c *command) error {
	if c.size > s.h.cfg.MaxCommandBytes {
		return errBadRequest
	}
	if !s.limiter.AllowN(s.h.cfg.Clock.Now(), 1) {
		return errTooMany
	}
	return nil
}

// answer queues a reply to a command.
func (s *session) answer(c *command, r *reply) {
	r.ID = c.ID
	frame, err := s.codec.encode(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitRoom()
	if err != nil {
		// A payload that is not JSON cannot go to a JSON client.
		s.beginClose(closeWrongProtocol)
		return
	}
	s.queue(frame)
}

// fail answers a command with an error. A send has no answer of any kind.
func (s *session) fail(c *command, err error) {
	if c.ID == 0 || c.kind() == "send" || s.ctx.Err() != nil {
		return // and a session that is cut does not blame its ports
	}
	e := s.replyError(err)
	s.h.cfg.Metrics.errors.WithLabelValues(strconv.Itoa(int(e.Code))).Inc()
	s.answer(c, &reply{Error: e})
}

// replyError translates what a port or a check answered. An outage is temporary for the client and logged here.
func (s *session) replyError(err error) *replyError {
	var e *replyError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrDenied):
		return errDenied
	case errors.Is(err, ErrUnknownStream):
		return errUnknownChannel
	}
	s.h.cfg.Logger.WarnContext(s.ctx, "realtime port failed", "connection_id", s.id, "error", err)
	return errInternal
}

// portContext bounds one call of a port.
func (s *session) portContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, s.h.cfg.PortTimeout)
}
