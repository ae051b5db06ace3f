package sim

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Options of the simulator.
type Options struct {
	// Token is what the account's requests must bear.
	Token string
	// Senders are the registered names; empty allows any.
	Senders []string
	// WebhookURL receives delivery reports signed with WebhookSecret; empty
	// sends none.
	WebhookURL    string
	WebhookSecret string
	// IDFirst signs id+secret instead of secret+id: the vendor's documentation
	// leaves the order open.
	IDFirst bool
	// DeliveryDelay is how long a message travels; 0 means one second.
	DeliveryDelay time.Duration
	// DuplicateWindow is how long an identical request is recognised; 0 means a
	// minute. The vendor's own figure is not public.
	DuplicateWindow time.Duration
	// StatePath is a JSON file that keeps the inbox; empty means memory only.
	StatePath string
	// Clock drives delivery; nil means simkit.Wall.
	Clock simkit.Clock
	// WebhookClient posts reports; nil means a plain client.
	WebhookClient *http.Client
	// WebhookSchedule are the pauses between attempts; nil means the vendor's.
	WebhookSchedule []time.Duration
	// Logger hears about a state file that cannot be written; nil means slog.Default().
	Logger *slog.Logger
}

// Message is one SMS as the network sees it.
type Message struct {
	ID     string    `json:"message_id"`
	Phone  string    `json:"phone"`
	Sender string    `json:"sender"`
	Text   string    `json:"text"`
	SentAt time.Time `json:"sent_at"`
	// Status is a word of message/status.json: Sent, Delivered, Undelivered, Expired.
	Status    string    `json:"status"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Simulator is the SMS gateway. It is safe for concurrent use.
type Simulator struct {
	options Options
	clock   simkit.Clock
	desk    *simkit.Desk
	courier *simkit.Courier
	mux     *http.ServeMux

	mu    sync.Mutex
	state state
}

type state struct {
	Messages []*Message `json:"messages"`
	// Recent remembers requests by content, for the duplicate check.
	Recent map[string]recent `json:"recent"`
}

type recent struct {
	At     time.Time `json:"at"`
	Result []item    `json:"result"`
}

// item is the result for one recipient; the vendor writes null for no id.
type item struct {
	Phone     string  `json:"phone"`
	MessageID *string `json:"message_id"`
	Code      int     `json:"response_code"`
	Status    string  `json:"response_status"`
}

// vendorSchedule is what the vendor retries a report after.
func vendorSchedule() []time.Duration {
	var pauses []time.Duration
	for _, minutes := range []time.Duration{1, 3, 5, 10, 15, 20, 30, 60, 120} {
		pauses = append(pauses, minutes*time.Minute)
	}
	return pauses
}

// New reads the state file. Messages that were on their way when the process
// was killed go on travelling.
func New(options Options) (*Simulator, error) {
	if options.DeliveryDelay <= 0 {
		options.DeliveryDelay = time.Second
	}
	if options.DuplicateWindow <= 0 {
		options.DuplicateWindow = time.Minute
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	schedule := options.WebhookSchedule
	if schedule == nil {
		schedule = vendorSchedule()
	}
	s := &Simulator{options: options, clock: options.Clock, state: state{Recent: map[string]recent{}}}
	if s.clock == nil {
		s.clock = simkit.Wall{}
	}
	if err := simkit.Load(options.StatePath, &s.state); err != nil {
		return nil, err
	}
	s.desk = simkit.NewDesk(s.clock, s.forget)
	s.courier = simkit.NewCourier(s.clock, options.WebhookClient, schedule)
	s.mux = s.routes()

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.state.Messages {
		if m.Status == "Sent" {
			s.travel(m)
		}
	}
	return s, nil
}

// Close stops reports and releases calls that a fault is holding.
func (s *Simulator) Close() {
	s.desk.Close()
	s.courier.Close()
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Desk gives tests the faults and the journal.
func (s *Simulator) Desk() *simkit.Desk { return s.desk }

// Messages are copies of what was sent to a phone (digits, with or without the
// plus), oldest first; an empty phone means all.
func (s *Simulator) Messages(phone string) []Message {
	phone = strings.TrimLeft(phone, "+ ") // a plus in a query string reads as a space
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []Message{}
	for _, m := range s.state.Messages {
		if phone == "" || m.Phone == phone {
			found = append(found, *m)
		}
	}
	return found
}

func (s *Simulator) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state{Recent: map[string]recent{}}
	s.save()
}

// save writes the state; s.mu is held. A demo goes on without its file.
func (s *Simulator) save() {
	if err := simkit.Save(s.options.StatePath, &s.state); err != nil {
		s.options.Logger.Error("simulator state not saved", "vendor", "turbosms", "error", err)
	}
}

// newID looks like the vendor's ids, which are UUIDs.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
