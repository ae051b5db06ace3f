package simkit

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Defaults of Courier: how long a receiver may think, and how much of its
// answer is read.
const (
	courierTimeout = 10 * time.Second
	maxReceipt     = 4 << 10
)

// Courier delivers webhooks. Every attempt runs on the simulator's clock, so
// with a Manual clock it happens inside Advance.
type Courier struct {
	clock    Clock
	client   *http.Client
	schedule []time.Duration

	ctx    context.Context //nolint:containedctx // ends all attempts at Close
	cancel context.CancelFunc

	mu     sync.Mutex // orders begin against Close
	closed bool
	active sync.WaitGroup
}

// NewCourier makes a courier that retries after each pause of the schedule in
// turn, then gives up. A nil client means a plain one.
func NewCourier(clock Clock, client *http.Client, schedule []time.Duration) *Courier {
	if client == nil {
		client = &http.Client{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Courier{clock: clock, client: client, schedule: schedule, ctx: ctx, cancel: cancel}
}

// Close ends running attempts and prevents new ones.
func (c *Courier) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.active.Wait()
}

// begin registers an attempt unless the courier is closed.
func (c *Courier) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.active.Add(1)
	return true
}

// Letter is one webhook on its way.
type Letter struct {
	URL string
	// After is the pause before the first attempt.
	After time.Duration
	// Body makes the JSON of an attempt, counted from 1.
	Body func(attempt int) []byte
	// Accepted reads the receiver's answer in the vendor's way.
	Accepted func(status int, body []byte) bool
	// Done is called once, after the last attempt; it may be nil. It is not
	// called when the courier was closed meanwhile.
	Done func(accepted bool, attempts int)
}

// Send arms the first attempt and returns.
func (c *Courier) Send(l Letter) { c.arm(l, 1, l.After) }

func (c *Courier) arm(l Letter, attempt int, pause time.Duration) {
	c.clock.AfterFunc(pause, func() {
		if !c.begin() {
			return
		}
		defer c.active.Done()
		accepted := c.post(l, attempt)
		if c.ctx.Err() != nil {
			return
		}
		if !accepted && attempt <= len(c.schedule) {
			c.arm(l, attempt+1, c.schedule[attempt-1])
			return
		}
		if l.Done != nil {
			l.Done(accepted, attempt)
		}
	})
}

func (c *Courier) post(l Letter, attempt int) bool {
	ctx, cancel := context.WithTimeout(c.ctx, courierTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, bytes.NewReader(l.Body(attempt)))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReceipt))
	return err == nil && l.Accepted(response.StatusCode, body)
}
