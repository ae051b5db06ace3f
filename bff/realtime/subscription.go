package realtime

// phase is where a subscription is in its life.
type phase int

// The phases, in the order in which they come; phaseLost may be left out.
const (
	phaseJoining phase = iota // reading its start from the log, keeping what is published meanwhile
	phaseLive
	phaseLost  // missed something; its client will be told
	phaseEnded // nothing is sent any more
)

// maxKept bounds what a joining subscription keeps. Beyond it everything kept is let go and read from the log again.
const maxKept = 512

// subscription is one session's place in one stream.
type subscription struct {
	session    *session
	stream     *stream // set once, by hub.join
	name       string
	serverSide bool
	shape      shape

	// All below is guarded by session.mu.
	phase  phase
	next   uint64 // the offset expected next
	epoch  string
	liveAt uint64 // the number of reads begun when it went live: only later reads were made for it
	kept   []*batch
	nkept  int
	missed bool // something was not kept
}

// verdict is what a delivery means for the stream.
type verdict int

// The verdicts.
const (
	verdictFine  verdict = iota
	verdictAgain         // read again: this read was not made for the subscription
	verdictLost          // the log does not have what the subscription waits for
)

// position returns the offset expected next, and whether the subscription is live.
func (sub *subscription) position() (uint64, bool) {
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	return sub.next, sub.phase == phaseLive
}

// deliver queues what the subscription waits for and skips what it has. A hole or another epoch is its loss, but only by a
// read that began when it was live already: older reads may have been made for positions that it never had.
func (sub *subscription) deliver(b *batch) verdict {
	s := sub.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch sub.phase {
	case phaseJoining:
		sub.keep(b)
		return verdictFine
	case phaseLive:
		continues := sub.take(b)
		if sub.liveAt >= b.read {
			if continues {
				return verdictFine
			}
			return verdictAgain
		}
		if continues && sub.agrees(b) {
			return verdictFine
		}
		sub.phase = phaseLost
		return verdictLost
	case phaseLost, phaseEnded:
	}
	return verdictFine
}

// keep stores a batch for goLive. The caller holds session.mu.
func (sub *subscription) keep(b *batch) {
	if sub.nkept += len(b.pubs); sub.nkept > maxKept {
		sub.kept, sub.missed = nil, true
	}
	if !sub.missed {
		sub.kept = append(sub.kept, b)
	}
}

// take queues the batch's part that comes next. It reports false when the batch does not continue the subscription. The
// caller holds session.mu.
func (sub *subscription) take(b *batch) bool {
	if b.top.Epoch != sub.epoch {
		return false
	}
	s := sub.session
	for _, p := range b.pubs {
		if p.Offset < sub.next {
			continue
		}
		if p.Offset > sub.next {
			return false
		}
		frame, err := p.frame(sub.shape)
		if err != nil {
			s.beginClose(closeWrongProtocol)
			return true
		}
		s.queue(frame)
		sub.next++
		s.h.cfg.Metrics.delivered.Inc()
	}
	return true
}

// agrees reports whether the log's top is neither below what the client has, nor above what the log hands out. The caller
// holds session.mu and has taken the batch.
func (sub *subscription) agrees(b *batch) bool {
	return b.top.Offset+1 >= sub.next && (!b.stalled || b.top.Offset < sub.next)
}

// goLive queues the answer, then what was published since the log was read, and from then on everything as it comes. It reports
// whether the stream has to be read again for the subscription. The caller holds s.mu.
func (s *session) goLive(sub *subscription, start start, answer []byte) (again bool) {
	if sub.phase != phaseJoining {
		return false
	}
	s.queue(answer)
	sub.phase, sub.next, sub.epoch = phaseLive, start.next, start.epoch
	sub.liveAt = sub.stream.reads.Load()
	again = sub.missed
	for _, b := range sub.kept {
		// The batch may be older than the start, which is not the subscription's loss.
		if !sub.take(b) {
			again = true
		}
	}
	sub.kept = nil
	return again
}

// insufficient tells the client that it missed something, so that it comes again with its position. For a stream that the
// server subscribed, only a new connection does that.
func (s *session) insufficient(sub *subscription) {
	s.drop(sub, closeInsufficientState, unsubscribePush{Code: unsubscribeInsufficientState, Reason: "insufficient state"})
}

// revoked ends a subscription whose principal may not read the stream any more.
func (s *session) revoked(sub *subscription) {
	s.drop(sub, closeDenied, unsubscribePush{Code: unsubscribeServer, Reason: "permission denied"})
}

// drop ends a subscription from the server's side: by a push, or by closing where the server had made it.
func (s *session) drop(sub *subscription, d disconnect, u unsubscribePush) {
	frame, err := s.codec.encode(&reply{Push: &push{Channel: sub.name, Unsubscribe: &u}})
	s.mu.Lock()
	// The client may have left or asked anew meanwhile, and while it joins its answer tells.
	if s.subs[sub.name] != sub || sub.phase == phaseJoining || sub.phase == phaseEnded {
		s.mu.Unlock()
		return
	}
	sub.phase = phaseEnded
	delete(s.subs, sub.name)
	if sub.serverSide || err != nil {
		s.beginClose(d)
	} else {
		s.queue(frame)
	}
	s.mu.Unlock()
	s.h.hub.leave(sub)
}

// who is the session's principal, for readers outside of its own goroutine.
func (s *session) who() Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.principal
}
