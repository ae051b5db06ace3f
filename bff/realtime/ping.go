package realtime

import "time"

// The server pings and the client answers. Pings go out on schedule even on a busy socket, because in some SDKs only a ping
// proves that the server lives.

// pongGrace is how long a pong is awaited once what came before it was handled.
const pongGrace = time.Second

// pingInterval picks one socket's interval in whole seconds, which is what the connect result can carry.
func (h *Handler) pingInterval() time.Duration {
	low, high := h.cfg.PingIntervalMin, h.cfg.PingIntervalMax
	return (low + time.Duration(h.random()*float64(high-low))).Truncate(time.Second)
}

// startPing schedules the first ping between half an interval and a whole one, so that sockets do not tick together. The caller
// holds s.mu.
func (s *session) startPing() {
	if s.out.closing != nil {
		return
	}
	first := s.interval/2 + time.Duration(s.h.random()*float64(s.interval/2))
	s.timers.ping = time.AfterFunc(first, s.ping)
}

// ping sends a ping, awaits its pong and schedules the next.
func (s *session) ping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.closing != nil {
		return
	}
	s.timers.ping.Reset(s.interval)
	s.pongDue = true
	s.worked.Store(false)
	s.queue(s.codec.ping())
	if s.timers.pong == nil {
		s.timers.pong = time.AfterFunc(s.h.cfg.PongTimeout, s.pongMissed)
	} else {
		s.timers.pong.Reset(s.h.cfg.PongTimeout)
	}
}

// pongMissed closes the socket, unless the pong may be waiting behind a message that we are slow to handle, or were until now.
func (s *session) pongMissed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.pongDue || s.out.closing != nil:
	case s.busy.Load():
		s.timers.pong.Reset(s.h.cfg.PongTimeout)
	case s.worked.Swap(false):
		s.timers.pong.Reset(pongGrace)
	default:
		s.beginClose(closeNoPong)
	}
}

// pong takes the answer; one that nobody asked for breaks the protocol.
func (s *session) pong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.pongDue {
		s.beginClose(closeBadRequest)
		return
	}
	s.pongDue = false
	s.timers.pong.Stop()
}
