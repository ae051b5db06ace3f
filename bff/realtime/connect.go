package realtime

import (
	"encoding/json"
	"errors"
	"time"
)

// statusPrefix begins the name of a person's own status stream, which the server subscribes at connect.
const statusPrefix = "status:"

// connect opens the session: who is it, how long, and which streams come by themselves.
//
// Only an expired token is answered by an error reply. Overload and outages close with a code on which every SDK reconnects: some
// take any other error reply to connect as final.
func (s *session) connect(c *command) {
	if c.size > s.h.cfg.MaxCommandBytes {
		s.close(closeBadRequest)
		return
	}
	ctx, cancel := s.portContext()
	p, err := s.h.cfg.Authenticator.Authenticate(ctx, c.Connect.Token)
	cancel()
	switch {
	case errors.Is(err, ErrTokenExpired), err == nil && s.h.expired(p):
		s.mu.Lock()
		s.refused = true
		s.mu.Unlock()
		s.fail(c, errTokenExpired)
		return
	case errors.Is(err, ErrTokenInvalid):
		s.close(closeInvalidToken)
		return
	case err != nil:
		s.h.cfg.Logger.WarnContext(s.ctx, "realtime authentication failed", "connection_id", s.id, "error", err)
		s.close(closeInternal)
		return
	}
	s.open(c, p)
}

// open subscribes the person's status stream and answers connect. The subscription goes live in the same step as the
// answer is queued, so that no publication overtakes it and none falls between.
func (s *session) open(c *command, p Principal) {
	s.mu.Lock()
	s.principal = p
	s.shape.jsonData = s.shape.jsonData || wantsJSON(c.Connect.Data)
	s.interval = s.h.pingInterval()
	s.mu.Unlock()

	name := statusPrefix + p.PersonID
	request := c.Connect.Subs[name]
	if request == nil {
		request = &subscribeRequest{}
	}
	sub := s.register(name, true, false)
	start, err := s.readStart(sub, request)
	if err != nil {
		s.forget(sub)
		if s.replyError(err) == errDenied {
			s.close(closeDenied)
		} else {
			s.close(closeInternal)
		}
		return
	}

	expires, ttl := s.h.lifetime(p)
	frame, err := s.codec.encode(&reply{ID: c.ID, Connect: &connectResult{
		Client: s.id, Expires: expires, TTL: ttl,
		Subs: map[string]*subscribeResult{name: start.result},
		Ping: uint32(s.interval / time.Second), Pong: true,
		Time: s.h.cfg.Clock.Now().UnixMilli(),
	}})
	if err != nil {
		s.close(closeWrongProtocol)
		return
	}
	s.mu.Lock()
	s.connected = true
	s.timers.connect.Stop()
	s.startPing()
	s.startExpiry()
	again := s.goLive(sub, start, frame)
	s.mu.Unlock()

	s.conn.SetReadLimit(int64(s.h.cfg.MaxMessageBytes))
	s.h.hub.settled(sub, again)
	s.h.cfg.Metrics.connects.WithLabelValues(s.codec.name()).Inc()
	s.h.roster.opened(s, p)
}

// wantsJSON reports whether the application asked for JSON payloads in Protobuf framing. Data that is something else is the
// application's own affair.
func wantsJSON(data payload) bool {
	var ask struct {
		Payload string `json:"payload"`
	}
	return json.Unmarshal(data, &ask) == nil && ask.Payload == "json"
}

// refresh replaces the token of a session that goes on.
func (s *session) refresh(c *command) {
	ctx, cancel := s.portContext()
	p, err := s.h.cfg.Authenticator.Authenticate(ctx, c.Refresh.Token)
	cancel()
	switch {
	case errors.Is(err, ErrTokenExpired), err == nil && s.h.expired(p):
		s.close(closeExpired) // the client comes back, hears 109 and fetches a new token
		return
	case errors.Is(err, ErrTokenInvalid):
		s.close(closeInvalidToken)
		return
	case err != nil:
		s.fail(c, err)
		return
	case p.Tenant != s.principal.Tenant || p.PersonID != s.principal.PersonID || p.DeviceID != s.principal.DeviceID:
		s.close(closeInvalidToken)
		return
	}
	s.mu.Lock()
	s.principal = p
	s.startExpiry()
	s.mu.Unlock()
	expires, ttl := s.h.lifetime(p)
	s.answer(c, &reply{Refresh: &refreshResult{Client: s.id, Expires: expires, TTL: ttl}})
}

// startExpiry closes the socket some grace after the token's end, unless a refresh comes first. The caller holds s.mu.
func (s *session) startExpiry() {
	if s.timers.expire != nil {
		s.timers.expire.Stop()
	}
	end := s.principal.ExpireTime
	if end.IsZero() || s.out.closing != nil {
		return
	}
	left := end.Add(s.h.cfg.ExpireGrace).Sub(s.h.cfg.Clock.Now())
	s.timers.expire = time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		// A refresh may have come while this timer was firing.
		if s.principal.ExpireTime.Equal(end) {
			s.beginClose(closeExpired)
		}
	})
}

// expired reports whether the principal's right has ended already.
func (h *Handler) expired(p Principal) bool {
	return !p.ExpireTime.IsZero() && !p.ExpireTime.After(h.cfg.Clock.Now())
}

// lifetime says when the client should refresh, in seconds: the last fifth of the token's life is spread at random, so that
// sockets that connected together do not refresh together.
func (h *Handler) lifetime(p Principal) (expires bool, ttl uint32) {
	if p.ExpireTime.IsZero() {
		return false, 0
	}
	left := p.ExpireTime.Sub(h.cfg.Clock.Now()).Seconds()
	return true, uint32(max(1, left*(1-0.2*h.random())))
}
