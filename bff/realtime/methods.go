package realtime

import "encoding/json"

// methodAck is the one method of rpc: the device has processed the stream up to a position. Its data is JSON in both framings:
// {"stream": "status:person_…", "epoch": "…", "offset": 7}.
const methodAck = "ack"

// ackRequest is the data of methodAck. A send may carry it too, as {"ack": {…}}.
type ackRequest struct {
	Stream string `json:"stream"`
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// rpc runs the method, whose error goes to the caller.
func (s *session) rpc(c *command) {
	if c.RPC.Method != methodAck {
		s.fail(c, errMethodNotFound)
		return
	}
	var r ackRequest
	if json.Unmarshal(c.RPC.Data, &r) != nil {
		s.fail(c, errBadRequest)
		return
	}
	if err := s.ack(r); err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, &reply{RPC: &rpcResult{}})
}

// send takes an acknowledgement without an answer. Everything else that a client sends is dropped: it is not worth a disconnect,
// and a newer client may send more than this server knows.
func (s *session) send(c *command) {
	var r struct {
		Ack *ackRequest `json:"ack"`
	}
	if json.Unmarshal(c.Send.Data, &r) != nil || r.Ack == nil {
		return
	}
	if err := s.ack(*r.Ack); err != nil {
		s.h.cfg.Logger.DebugContext(s.ctx, "realtime acknowledgement dropped", "connection_id", s.id, "error", err)
	}
}

// ack accepts only what this connection was given: a position of a stream that it is subscribed to, in its epoch, and not beyond
// what was sent.
func (s *session) ack(r ackRequest) error {
	if s.h.cfg.Acks == nil {
		return errNotAvailable
	}
	s.mu.Lock()
	sub := s.subs[r.Stream]
	var epoch string
	var next uint64
	if sub != nil {
		epoch, next = sub.epoch, sub.next
	}
	s.mu.Unlock()
	switch {
	case sub == nil:
		return errDenied
	case r.Epoch != epoch:
		return errUnrecoverable
	case r.Offset >= next:
		return errBadRequest
	}
	ctx, cancel := s.portContext()
	defer cancel()
	return s.h.cfg.Acks.Ack(ctx, s.principal, r.Stream, Position{Offset: r.Offset, Epoch: r.Epoch})
}
