package sim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// States of a Notice.
const (
	noticeQueued    = "queued"    // on its way, or waiting for the next attempt
	noticeHeld      = "held"      // waiting to be overtaken (fault out_of_order)
	noticeDelivered = "delivered" // acknowledged with OK
	noticeLost      = "lost"      // never sent (fault lost)
	noticeGivenUp   = "given_up"  // the schedule is exhausted
)

// heldAtMost ends a fault out_of_order when nothing overtakes.
const heldAtMost = time.Hour

// Notice is one notification and what became of it.
type Notice struct {
	ID        int             `json:"id"`
	URL       string          `json:"url"`
	PaymentID string          `json:"payment_id"`
	Terminal  string          `json:"terminal"`
	OrderID   string          `json:"order_id"`
	Status    string          `json:"status"`
	Success   bool            `json:"success"`
	ErrorCode string          `json:"error_code"`
	Amount    int64           `json:"amount"` // kopecks
	PAN       string          `json:"pan,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`

	State    string      `json:"state"`
	Attempts int         `json:"attempts"`
	Copies   int         `json:"copies"` // deliveries still owed
	Fault    simkit.Kind `json:"fault,omitempty"`
}

// notify queues a notification, unless a fault decides otherwise; s.mu is held.
func (s *Simulator) notify(url string, n Notice) {
	if url == "" {
		return
	}
	n.ID, n.URL, n.State, n.Copies = len(s.state.Notices)+1, url, noticeQueued, 1
	var after time.Duration
	fault, struck := s.desk.Take("Notification", simkit.KindDelay, simkit.KindDuplicate,
		simkit.KindWrongSignature, simkit.KindWrongAmount, simkit.KindOutOfOrder, simkit.KindLost)
	if struck {
		n.Fault = fault.Kind
		switch fault.Kind {
		case simkit.KindDelay:
			after = fault.Delay()
		case simkit.KindDuplicate:
			n.Copies = 2
		case simkit.KindWrongAmount:
			n.Amount += 100
		case simkit.KindOutOfOrder:
			n.State = noticeHeld
		case simkit.KindLost:
			n.State = noticeLost
		}
	}
	kept := &n
	s.state.Notices = append(s.state.Notices, kept)
	switch n.State {
	case noticeQueued:
		s.post(kept, after)
	case noticeHeld:
		s.clock.AfterFunc(heldAtMost, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.release(kept)
		})
	}
}

// post hands a notice to the courier; s.mu is held.
func (s *Simulator) post(n *Notice, after time.Duration) {
	s.courier.Send(simkit.Letter{
		URL: n.URL, After: after,
		Body: func(attempt int) []byte {
			s.mu.Lock()
			defer s.mu.Unlock()
			n.Attempts++
			return s.sealed(n, n.Fault == simkit.KindWrongSignature && attempt == 1)
		},
		// The vendor reads status 200 with the body OK and nothing else.
		Accepted: func(status int, body []byte) bool {
			return status == http.StatusOK && string(body) == "OK"
		},
		Done: func(accepted bool, _ int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.delivered(n, accepted)
			s.save()
		},
	})
}

// delivered closes a notice, sends its owed copy and lets go of the notices
// that waited to be overtaken; s.mu is held.
func (s *Simulator) delivered(n *Notice, accepted bool) {
	if !accepted {
		n.State = noticeGivenUp
		return
	}
	if n.Copies--; n.Copies > 0 {
		s.post(n, 0)
		return
	}
	n.State = noticeDelivered
	for _, earlier := range s.state.Notices {
		if earlier.PaymentID == n.PaymentID && earlier.ID < n.ID {
			s.release(earlier)
		}
	}
}

// release sends a notice that was held back; s.mu is held.
func (s *Simulator) release(n *Notice) {
	if n.State == noticeHeld {
		n.State = noticeQueued
		s.post(n, 0)
	}
}

// sealed is the JSON of a notice with its Token; s.mu is held.
func (s *Simulator) sealed(n *Notice, wrongly bool) []byte {
	id, err := strconv.ParseInt(n.PaymentID, 10, 64)
	if err != nil {
		id = 0 // ids are made by nextID and always parse
	}
	m := members{
		"TerminalKey": n.Terminal, "OrderId": n.OrderID, "Success": n.Success, "Status": n.Status,
		"PaymentId": id, "ErrorCode": n.ErrorCode, "Amount": n.Amount,
	}
	if n.PAN != "" {
		m["Pan"], m["ExpDate"], m["CardId"] = n.PAN, "1230", id%1_000_000
	}
	if len(n.Data) > 0 {
		m["Data"] = n.Data
	}
	password := s.password(n.Terminal)
	if wrongly {
		password += "?"
	}
	// The Token is computed from the bytes that travel, by the bank's own reader.
	var root request
	if err := json.Unmarshal(encoded(m), &root); err == nil {
		m["Token"] = root.tokenOf(password)
	}
	return encoded(m)
}

// encoded is the JSON of an answer or notice.
func encoded(m members) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		return []byte("{}") // members hold plain values and always encode
	}
	return data
}

// password is the secret of a terminal of either half.
func (s *Simulator) password(terminal string) string {
	if t, known := s.terminal(terminal); known {
		return t.Password
	}
	t, _ := s.payoutTerminal(terminal)
	return t.Password
}
