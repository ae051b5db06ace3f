package simkit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxBody is the largest request in bytes that a simulator reads, and
// maxJournal how many calls it remembers: a demo may run for weeks.
const (
	maxBody    = 1 << 20
	maxJournal = 10_000
)

// Kind is a way in which a call, or a webhook, goes wrong.
type Kind string

// Kinds of faults. The first group applies to calls that a simulator receives,
// the second to webhooks that it sends.
const (
	// KindError answers with the vendor's error format; Code and Status choose which.
	KindError Kind = "error"
	// KindTimeout does nothing and never answers; the caller gives up.
	KindTimeout Kind = "timeout"
	// KindReset does nothing and cuts the connection.
	KindReset Kind = "reset"
	// KindDoThenFail does the work and cuts the connection before the answer.
	KindDoThenFail Kind = "do_then_fail"
	// KindDoThenTimeout does the work and never answers.
	KindDoThenTimeout Kind = "do_then_timeout"
	// KindDelay waits DelayMS, then goes on as usual. Also for webhooks.
	KindDelay Kind = "delay"

	// KindDuplicate delivers a webhook twice.
	KindDuplicate Kind = "duplicate"
	// KindWrongSignature signs the first attempt of a webhook wrongly.
	KindWrongSignature Kind = "wrong_signature"
	// KindWrongAmount delivers a webhook whose amount differs, properly signed.
	KindWrongAmount Kind = "wrong_amount"
	// KindOutOfOrder holds a webhook back until a later one was delivered.
	KindOutOfOrder Kind = "out_of_order"
	// KindLost never delivers a webhook.
	KindLost Kind = "lost"
)

// kinds is the closed list that the administrative route accepts.
func kinds() []Kind {
	return []Kind{
		KindError, KindTimeout, KindReset, KindDoThenFail, KindDoThenTimeout, KindDelay,
		KindDuplicate, KindWrongSignature, KindWrongAmount, KindOutOfOrder, KindLost,
	}
}

// Fault breaks the next Times uses of an operation.
type Fault struct {
	// Operation is the simulator's name of the call; empty means any.
	Operation string `json:"operation"`
	Kind      Kind   `json:"kind"`
	// Times is how often it strikes; 0 means once.
	Times int `json:"times,omitempty"`
	// Code is the vendor's error code for KindError.
	Code string `json:"code,omitempty"`
	// Status is the HTTP status for KindError; 0 means the vendor's usual one.
	Status int `json:"status,omitempty"`
	// DelayMS is the pause of KindDelay in milliseconds of the simulator's clock.
	DelayMS int64 `json:"delay_ms,omitempty"`
}

// Delay is DelayMS as a duration.
func (f Fault) Delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// Call is one line of the journal. It never holds a secret or a full card
// number, because tests and people read it.
type Call struct {
	Sequence  int               `json:"sequence"`
	At        time.Time         `json:"at"`
	Operation string            `json:"operation"`
	Accepted  bool              `json:"accepted"`
	Code      string            `json:"code,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
}

// Desk holds the armed faults and the journal of one simulator. It is safe for
// concurrent use.
type Desk struct {
	clock   Clock
	onReset func()
	closed  chan struct{}
	once    sync.Once

	mu     sync.Mutex
	faults []Fault
	calls  []Call
	serial int
}

// NewDesk makes a desk; onReset, if any, forgets the simulator's own state.
func NewDesk(clock Clock, onReset func()) *Desk {
	return &Desk{clock: clock, onReset: onReset, closed: make(chan struct{})}
}

// Close releases the calls that a timeout or delay fault is holding.
func (d *Desk) Close() { d.once.Do(func() { close(d.closed) }) }

// Inject arms a fault.
func (d *Desk) Inject(f Fault) {
	if f.Times <= 0 {
		f.Times = 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// Take uses up one strike of the oldest armed fault of these kinds.
func (d *Desk) Take(operation string, want ...Kind) (Fault, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, f := range d.faults {
		if (f.Operation != "" && f.Operation != operation) || !slices.Contains(want, f.Kind) {
			continue
		}
		if d.faults[i].Times--; d.faults[i].Times == 0 {
			d.faults = append(d.faults[:i], d.faults[i+1:]...)
		}
		return f, true
	}
	return Fault{}, false
}

// Record appends a line to the journal; sequence and time are set here.
func (d *Desk) Record(c Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	c.Sequence, c.At = d.serial, d.clock.Now()
	if len(d.calls) >= maxJournal {
		d.calls = slices.Delete(d.calls, 0, maxJournal/10)
	}
	d.calls = append(d.calls, c)
}

// Calls is the journal of one operation, or of all with an empty name.
func (d *Desk) Calls(operation string) []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := []Call{}
	for _, c := range d.calls {
		if operation == "" || c.Operation == operation {
			found = append(found, c)
		}
	}
	return found
}

// Reset forgets faults, journal and the simulator's state.
func (d *Desk) Reset() {
	d.mu.Lock()
	d.faults, d.calls, d.serial = nil, nil, 0
	d.mu.Unlock()
	if d.onReset != nil {
		d.onReset()
	}
}

// Serve runs one call through the armed faults. handle does the vendor's work;
// refuse writes the vendor's error format for KindError. The body is read here,
// once, because the server notices that a client has gone only after that.
func (d *Desk) Serve(w http.ResponseWriter, r *http.Request, operation string,
	refuse func(http.ResponseWriter, Fault), handle http.HandlerFunc,
) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	fault, struck := d.Take(operation, KindError, KindTimeout, KindReset,
		KindDoThenFail, KindDoThenTimeout, KindDelay)
	if !struck {
		handle(w, r)
		return
	}
	switch fault.Kind {
	case KindError:
		refuse(w, fault)
	case KindTimeout:
		d.hang(r)
	case KindReset:
		cut()
	case KindDoThenFail:
		handle(newVoid(), r)
		cut()
	case KindDoThenTimeout:
		handle(newVoid(), r)
		d.hang(r)
	default: // KindDelay
		if d.pause(r, fault.Delay()) {
			handle(w, r)
		}
	}
}

// hang keeps the connection silent until the client or the simulator gives up.
func (d *Desk) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-d.closed:
	}
	cut()
}

// pause waits on the simulator's clock; false means the client has gone.
func (d *Desk) pause(r *http.Request, delay time.Duration) bool {
	over := make(chan struct{})
	stop := d.clock.AfterFunc(delay, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return true
	case <-r.Context().Done():
		return false
	case <-d.closed:
		return true
	}
}

// cut closes the connection without an answer. Panicking with this value is
// net/http's documented way to do so; the server neither logs nor reports it.
func cut() { panic(http.ErrAbortHandler) }

// void swallows an answer that the client is not to see.
type void struct{ header http.Header }

func newVoid() *void                        { return &void{header: http.Header{}} }
func (v *void) Header() http.Header         { return v.header }
func (v *void) Write(p []byte) (int, error) { return len(p), nil }
func (v *void) WriteHeader(int)             {}

// Handle registers the administrative routes.
func (d *Desk) Handle(mux *http.ServeMux) {
	mux.HandleFunc("POST /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&f); err != nil || !slices.Contains(kinds(), f.Kind) {
			http.Error(w, "want {operation, kind, times, code, status, delay_ms} with a known kind",
				http.StatusBadRequest)
			return
		}
		d.Inject(f)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		armed := append([]Fault{}, d.faults...)
		d.mu.Unlock()
		WriteJSON(w, http.StatusOK, map[string]any{"faults": armed})
	})
	mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, r *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]any{"calls": d.Calls(r.URL.Query().Get("operation"))})
	})
	mux.HandleFunc("POST /_sim/reset", func(w http.ResponseWriter, _ *http.Request) {
		d.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
}
