package sim

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Options of the simulator.
type Options struct {
	// Accounts may ask for tokens. They can be added later by Trust, because an
	// account names the address under which the simulator is mounted.
	Accounts []Account
	// StatePath is a JSON file that keeps the inbox; empty means memory only.
	StatePath string
	// Clock says when tokens expire; nil means simkit.Wall.
	Clock simkit.Clock
	// Logger hears about a state file that cannot be written; nil means slog.Default().
	Logger *slog.Logger
}

// Message is one accepted push.
type Message struct {
	Name   string    `json:"name"`
	Token  string    `json:"token"`
	SentAt time.Time `json:"sent_at"`
	Title  string    `json:"title,omitempty"`
	Body   string    `json:"body,omitempty"`
	// Data as the app receives it.
	Data map[string]string `json:"data,omitempty"`
	// CollapseKey and Priority as Android receives them.
	CollapseKey string `json:"collapse_key,omitempty"`
	Priority    string `json:"priority,omitempty"`
	TTL         string `json:"ttl,omitempty"`
}

// Simulator is the push service. It is safe for concurrent use.
type Simulator struct {
	options Options
	clock   simkit.Clock
	desk    *simkit.Desk
	mux     *http.ServeMux

	mu    sync.Mutex
	state state
}

type state struct {
	Messages []Message `json:"messages"`
	// Grants by token: clients keep a token for an hour and would not notice
	// that the simulator was restarted.
	Grants map[string]grant `json:"grants"`
}

// New reads the state file.
func New(options Options) (*Simulator, error) {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	s := &Simulator{options: options, clock: options.Clock, state: state{Grants: map[string]grant{}}}
	if s.clock == nil {
		s.clock = simkit.Wall{}
	}
	if err := simkit.Load(options.StatePath, &s.state); err != nil {
		return nil, err
	}
	s.desk = simkit.NewDesk(s.clock, s.forget)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /token", s.token)
	s.mux.HandleFunc("POST /v1/projects/{project}/{method}", s.send)
	s.desk.Handle(s.mux)
	s.mux.HandleFunc("GET /_sim/messages", func(w http.ResponseWriter, r *http.Request) {
		simkit.WriteJSON(w, http.StatusOK, map[string]any{"messages": s.Messages(r.URL.Query().Get("token"))})
	})
	return s, nil
}

// Close releases calls that a fault is holding.
func (s *Simulator) Close() { s.desk.Close() }

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Desk gives tests the faults and the journal.
func (s *Simulator) Desk() *simkit.Desk { return s.desk }

// Trust adds a service account. Call it before the first request.
func (s *Simulator) Trust(account Account) { s.options.Accounts = append(s.options.Accounts, account) }

// Messages are copies of what was accepted for a registration token, oldest
// first; an empty token means all.
func (s *Simulator) Messages(token string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []Message{}
	for _, m := range s.state.Messages {
		if token == "" || m.Token == token {
			found = append(found, m)
		}
	}
	return found
}

func (s *Simulator) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Messages = nil // tokens live on: the clients that hold them do
	s.save()
}

// save writes the state; s.mu is held. A demo goes on without its file.
func (s *Simulator) save() {
	if err := simkit.Save(s.options.StatePath, &s.state); err != nil {
		s.options.Logger.Error("simulator state not saved", "vendor", "fcm", "error", err)
	}
}
