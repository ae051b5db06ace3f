package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"sort"
	"sync"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Terminal is an acquiring terminal that the simulated bank knows.
type Terminal struct {
	Key      string
	Password string
	// Currency is the ISO 4217 code that pages show amounts in; empty means RUB.
	Currency string
	// NotificationURL is used when Init names none.
	NotificationURL string
}

// PayoutTerminal is a payout terminal and the certificate registered for it.
type PayoutTerminal struct {
	Key          string
	SerialNumber string
	PublicKey    *rsa.PublicKey
	// SignedValues: the signature is over the joined values instead of over the
	// digest, the second reading of the documentation.
	SignedValues bool
	// NotificationURL and Password: empty URL means no notifications.
	NotificationURL string
	Password        string
}

// Options of the simulator.
type Options struct {
	Terminals       []Terminal
	PayoutTerminals []PayoutTerminal
	// StatePath is a JSON file that keeps everything; empty means memory only.
	StatePath string
	// PublicURL is the address in PaymentURL; empty means the address under
	// which the caller reached us.
	PublicURL string
	// Clock drives deadlines and notifications; nil means simkit.Wall.
	Clock simkit.Clock
	// NotificationClient posts notifications; nil means a plain client.
	NotificationClient *http.Client
	// NotificationSchedule are the pauses between attempts; nil means the
	// vendor's: hourly for a day, then daily for a month.
	NotificationSchedule []time.Duration
	// PayoutPolls is how many GetState calls a payout stays in CREDIT_CHECKING
	// before its result shows; 0 answers Payment with the result at once.
	PayoutPolls int
	// Logger hears about a state file that cannot be written; nil means slog.Default().
	Logger *slog.Logger
}

// Simulator is the bank. It is safe for concurrent use.
type Simulator struct {
	options Options
	clock   simkit.Clock
	desk    *simkit.Desk
	courier *simkit.Courier
	mux     *http.ServeMux

	mu    sync.Mutex
	state state
}

// state is everything that outlives a process.
type state struct {
	LastID      int64               `json:"last_id"`
	PayoutPolls int                 `json:"payout_polls"`
	Payments    map[string]*Payment `json:"payments"`
	Payouts     map[string]*Payout  `json:"payouts"`
	Customers   map[string]bool     `json:"customers"` // by terminal and key
	Cards       []*BoundCard        `json:"cards"`
	Bindings    map[string]string   `json:"bindings"` // form key → customer
	Notices     []*Notice           `json:"notices"`
}

func emptyState(polls int) state {
	return state{
		LastID: 700_000_000, PayoutPolls: polls,
		Payments: map[string]*Payment{}, Payouts: map[string]*Payout{},
		Customers: map[string]bool{}, Bindings: map[string]string{},
	}
}

// vendorSchedule: hourly for 24 hours, then daily for a month.
func vendorSchedule() []time.Duration {
	var pauses []time.Duration
	for range 24 {
		pauses = append(pauses, time.Hour)
	}
	for range 30 {
		pauses = append(pauses, 24*time.Hour)
	}
	return pauses
}

// New reads the state file and takes up what a killed process left: forms that
// expire and notifications that nobody acknowledged.
func New(options Options) (*Simulator, error) {
	s := &Simulator{options: options, clock: options.Clock, state: emptyState(options.PayoutPolls)}
	if s.clock == nil {
		s.clock = simkit.Wall{}
	}
	if s.options.Logger == nil {
		s.options.Logger = slog.Default()
	}
	schedule := options.NotificationSchedule
	if schedule == nil {
		schedule = vendorSchedule()
	}
	if err := simkit.Load(options.StatePath, &s.state); err != nil {
		return nil, err
	}
	s.desk = simkit.NewDesk(s.clock, s.forget)
	s.courier = simkit.NewCourier(s.clock, options.NotificationClient, schedule)
	s.mux = s.routes()

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.state.Payments {
		s.expireLater(p)
	}
	for _, n := range s.state.Notices {
		if n.State == noticeQueued || n.State == noticeHeld {
			n.State = noticeQueued
			s.post(n, 0)
		}
	}
	return s, nil
}

// Close stops notifications and releases calls that a fault is holding.
func (s *Simulator) Close() {
	s.desk.Close()
	s.courier.Close()
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Desk gives tests the faults and the journal.
func (s *Simulator) Desk() *simkit.Desk { return s.desk }

// Payments are copies of all payments, oldest first.
func (s *Simulator) Payments() []Payment {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Payment, 0, len(s.state.Payments))
	for _, p := range s.state.Payments {
		list = append(list, *p)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].PaymentID < list[j].PaymentID })
	return list
}

// Payouts are copies of all payouts, oldest first.
func (s *Simulator) Payouts() []Payout {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Payout, 0, len(s.state.Payouts))
	for _, p := range s.state.Payouts {
		list = append(list, *p)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].PaymentID < list[j].PaymentID })
	return list
}

// Notices are copies of all notifications, oldest first.
func (s *Simulator) Notices() []Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Notice, 0, len(s.state.Notices))
	for _, n := range s.state.Notices {
		list = append(list, *n)
	}
	return list
}

// SetPayoutPolls changes Options.PayoutPolls for later payouts.
func (s *Simulator) SetPayoutPolls(polls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.PayoutPolls = polls
	s.save()
}

func (s *Simulator) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.state.LastID
	s.state = emptyState(s.options.PayoutPolls)
	s.state.LastID = last // our callers remember ids for longer than a reset
	s.save()
}

// save writes the state; s.mu is held. A demo goes on without its file, so a
// failure is told and not returned.
func (s *Simulator) save() {
	if err := simkit.Save(s.options.StatePath, &s.state); err != nil {
		s.options.Logger.Error("simulator state not saved", "vendor", "tbank", "error", err)
	}
}

// nextID makes payment ids that grow; s.mu is held.
func (s *Simulator) nextID() string {
	s.state.LastID++
	return fmt.Sprint(s.state.LastID)
}

// formKey names a form that only its address lets in.
func formKey() string { return rand.Text()[:12] }
