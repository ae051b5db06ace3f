package realtime

import "sync"

// personKey is a person of a tenant.
type personKey struct{ tenant, person string }

// roster knows the sockets of this process: how many, whose, and in which order they opened.
type roster struct {
	cfg *Config

	mu       sync.Mutex
	sessions map[*session]personKey // the zero key until the session is open
	pending  int                    // admitted and not open yet
	admitted int                    // admitted and not in sessions yet
	people   map[personKey][]*session
	draining bool
	empty    chan struct{} // closed when draining has finished
}

// newRoster makes an empty roster that admits.
func newRoster(cfg *Config) *roster {
	return &roster{
		cfg: cfg, sessions: make(map[*session]personKey), people: make(map[personKey][]*session), empty: make(chan struct{}),
	}
}

// admit reserves a place before the upgrade. A non-empty answer is the reason why there is none.
func (r *roster) admit() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return "draining"
	case len(r.sessions)+r.admitted >= r.cfg.MaxConnections:
		return "full"
	case r.pending >= r.cfg.MaxPending:
		return "pending"
	}
	r.pending++
	r.admitted++
	return ""
}

// release gives a place back when the upgrade failed.
func (r *roster) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending--
	r.admitted--
	r.noteEmpty()
}

// add takes the reserved place. It reports false when draining began meanwhile; the session is in the roster all the same.
func (r *roster) add(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted--
	r.sessions[s] = personKey{}
	r.cfg.Metrics.connections.Inc()
	return !r.draining
}

// opened notes whose session it is. The newest wins: beyond the person's limit the oldest are told to reconnect, now that the new
// one is live.
func (r *roster) opened(s *session, p Principal) {
	key := personKey{p.Tenant, p.PersonID}
	r.mu.Lock()
	var oldest []*session
	if _, ok := r.sessions[s]; ok {
		r.pending--
		r.sessions[s] = key
		all := append(r.people[key], s)
		if n := len(all) - r.cfg.MaxPerPerson; n > 0 {
			oldest, all = all[:n:n], all[n:]
		}
		r.people[key] = all
	}
	r.mu.Unlock()
	for _, o := range oldest {
		o.close(closeForceReconnect)
	}
}

// remove forgets a session that has ended.
func (r *roster) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, ok := r.sessions[s]
	if !ok {
		return
	}
	delete(r.sessions, s)
	r.cfg.Metrics.connections.Dec()
	if key == (personKey{}) {
		r.pending--
	}
	all := r.people[key]
	for i, o := range all {
		if o == s {
			// A new array: opened may still be closing sessions of the old one.
			all = append(append([]*session{}, all[:i]...), all[i+1:]...)
			break
		}
	}
	if r.people[key] = all; len(all) == 0 {
		delete(r.people, key)
	}
	r.noteEmpty()
}

// noteEmpty is called with r.mu held.
func (r *roster) noteEmpty() {
	if !r.draining || len(r.sessions)+r.admitted > 0 {
		return
	}
	select {
	case <-r.empty:
	default:
		close(r.empty)
	}
}

// drain admits nobody from now on and returns who is there.
func (r *roster) drain() []*session {
	r.mu.Lock()
	r.draining = true
	r.noteEmpty()
	r.mu.Unlock()
	return r.all()
}

// all returns the sessions of this moment.
func (r *roster) all() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*session, 0, len(r.sessions))
	for s := range r.sessions {
		all = append(all, s)
	}
	return all
}

// of returns a person's open sessions.
func (r *roster) of(tenant, person string) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*session{}, r.people[personKey{tenant, person}]...)
}
