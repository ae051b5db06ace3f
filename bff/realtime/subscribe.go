package realtime

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	maxChannelBytes = 255
	// maxOffset is the largest integer that JavaScript holds exactly; a client cannot have seen a larger offset.
	maxOffset = 1<<53 - 1
	// overlappingReads is how many subscribes of one socket read the log at the same time.
	overlappingReads = 8
)

// start is where a subscription begins: what to tell the client, and which offset comes next.
type start struct {
	result *subscribeResult
	next   uint64
	epoch  string
}

// subscribeAll runs subscribes that follow each other. Checks and answers keep the order; reads of the log overlap.
func (s *session) subscribeAll(commands []*command) {
	type joining struct {
		sub   *subscription
		start start
		err   error
	}
	all := make([]joining, len(commands))
	var group errgroup.Group
	for i, c := range commands {
		s.h.cfg.Metrics.commands.WithLabelValues("subscribe").Inc()
		if c.Subscribe.Channel == "" {
			s.close(closeBadRequest)
			commands = commands[:i]
			break
		}
		j := &all[i]
		if j.sub, j.err = s.beginSubscribe(c); j.err != nil {
			continue
		}
		group.Go(func() error {
			j.start, j.err = s.readStart(j.sub, c.Subscribe)
			return nil // each subscribe is answered for itself
		})
	}
	_ = group.Wait()
	for i, c := range commands {
		j := all[i]
		if j.err != nil {
			if j.sub != nil {
				s.forget(j.sub)
			}
			s.fail(c, j.err)
			continue
		}
		frame, err := s.codec.encode(&reply{ID: c.ID, Subscribe: j.start.result})
		if err != nil {
			s.close(closeWrongProtocol)
			return
		}
		s.mu.Lock()
		s.awaitRoom()
		again := s.goLive(j.sub, j.start, frame)
		s.mu.Unlock()
		s.h.hub.settled(j.sub, again)
	}
}

// beginSubscribe checks the request and registers the subscription, which from now on keeps what is published.
func (s *session) beginSubscribe(c *command) (*subscription, error) {
	if err := s.admit(c); err != nil {
		return nil, err
	}
	r := c.Subscribe
	switch {
	case r.Type != 0: // map subscriptions and shared polls
		return nil, errNotAvailable
	case len(r.Filter) > 0 && string(r.Filter) != "null", len(r.Channel) > maxChannelBytes:
		return nil, errBadRequest
	}
	s.mu.Lock()
	_, exists := s.subs[r.Channel]
	count := len(s.subs)
	s.mu.Unlock()
	if exists {
		return nil, errAlreadySub
	}
	if count >= s.h.cfg.MaxSubscriptions {
		return nil, errLimitExceeded
	}
	if err := s.mayRead(r.Channel); err != nil {
		return nil, err
	}
	// In Protobuf framing centrifuge-js 5.8.0 sets the flag, reads ids as objects and compares them by identity: it would drop every
	// push without a word. So numeric ids are for JSON only.
	numeric := r.Flag&flagNumericIDs != 0 && !s.shape.proto
	return s.register(r.Channel, false, numeric), nil
}

// mayRead refuses what is refused without asking anybody: the name of a stream is kind:rest, and a status stream belongs to the
// person in its name. All other kinds are decided by the log, which knows who takes part.
func (s *session) mayRead(stream string) error {
	if kind, rest, ok := strings.Cut(stream, ":"); !ok || kind == "" || rest == "" {
		return errUnknownChannel
	}
	if person, ok := strings.CutPrefix(stream, statusPrefix); ok && person != s.principal.PersonID {
		return errDenied
	}
	return nil
}

// register makes a subscription known to the session and the hub, in this order: the hub may deliver at once.
func (s *session) register(name string, serverSide, numeric bool) *subscription {
	sub := &subscription{session: s, name: name, serverSide: serverSide, shape: s.shape}
	sub.shape.numeric = numeric
	s.mu.Lock()
	s.subs[name] = sub
	s.mu.Unlock()
	s.h.hub.join(sub, s.principal.Tenant)
	return sub
}

// forget takes a subscription back.
func (s *session) forget(sub *subscription) {
	s.mu.Lock()
	sub.phase = phaseEnded
	if s.subs[sub.name] == sub {
		delete(s.subs, sub.name)
	}
	s.mu.Unlock()
	s.h.hub.leave(sub)
}

// readStart reads where the subscription starts: the top of the stream, or the requested position with the tail behind it.
func (s *session) readStart(sub *subscription, r *subscribeRequest) (start, error) {
	ctx, cancel := s.portContext()
	defer cancel()
	result := &subscribeResult{Recoverable: true, Positioned: true, WasRecovering: r.Recover}
	if sub.shape.numeric {
		result.ID = sub.stream.id
	}
	var pubs []Publication
	var top Position
	var err error
	if r.Recover && r.Offset <= maxOffset {
		// One more than allowed, to tell a tail that fits from one that does not.
		pubs, top, err = s.h.cfg.Log.After(ctx, s.principal, sub.name, r.Offset, s.h.cfg.RecoverPublications+1)
		result.Recovered = err == nil && s.recovers(sub, r, pubs, top)
	} else {
		top, err = s.h.cfg.Log.Position(ctx, s.principal, sub.name)
	}
	if err == nil && (top.Epoch == "" || top.Epoch == "_") {
		err = errors.New("realtime: the log gave no epoch") // see Log; clients use these two for positions that must fail
	}
	if err != nil {
		return start{}, err
	}
	if r.Recover {
		s.h.cfg.Metrics.recoveries.WithLabelValues(strconv.FormatBool(result.Recovered)).Inc()
	}
	result.Epoch = top.Epoch
	if !result.Recovered {
		if r.Recover && r.Flag&flagRejectUnrecovered != 0 {
			return start{}, errUnrecoverable
		}
		result.Offset = top.Offset
		return start{result: result, next: top.Offset + 1, epoch: top.Epoch}, nil
	}
	// The requested offset and not the top: the SDK walks forward through the publications.
	result.Offset = r.Offset
	for _, p := range pubs {
		result.Publications = append(result.Publications, sub.shape.publication(p))
	}
	return start{result: result, next: r.Offset + uint64(len(pubs)) + 1, epoch: top.Epoch}, nil
}

// recovers reports whether the tail is the whole of what the client has missed, and small enough for one reply.
func (s *session) recovers(sub *subscription, r *subscribeRequest, pubs []Publication, top Position) bool {
	if r.Epoch != "" && r.Epoch != top.Epoch || r.Offset > top.Offset || len(pubs) > s.h.cfg.RecoverPublications {
		return false
	}
	if len(pubs) == 0 {
		return r.Offset == top.Offset
	}
	size := 0
	for i, p := range pubs {
		if p.Offset != r.Offset+1+uint64(i) {
			return false // the beginning is gone from the log
		}
		size += len(sub.shape.publication(p).Data)
	}
	return size <= s.h.cfg.RecoverBytes
}

// unsubscribe always answers with an empty result, also when there was no such subscription.
func (s *session) unsubscribe(c *command) {
	s.mu.Lock()
	sub := s.subs[c.Unsubscribe.Channel]
	s.mu.Unlock()
	if sub != nil {
		s.forget(sub)
	}
	s.answer(c, &reply{Unsubscribe: &emptyResult{}})
}
