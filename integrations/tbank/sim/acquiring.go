package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// Payment is one payment as the bank sees it.
type Payment struct {
	PaymentID string `json:"payment_id"`
	Terminal  string `json:"terminal"`
	OrderID   string `json:"order_id"`
	// Amount is what was asked for and Rest what is held or captured now, both in kopecks.
	Amount    int64     `json:"amount"`
	Rest      int64     `json:"rest"`
	Status    string    `json:"status"`
	ErrorCode string    `json:"error_code"`
	TwoStage  bool      `json:"two_stage"`
	CreatedAt time.Time `json:"created_at"`
	Due       time.Time `json:"due"`
	PAN       string    `json:"pan,omitempty"` // masked

	Form            string             `json:"form"` // key of the pay page
	Description     string             `json:"description,omitempty"`
	NotificationURL string             `json:"notification_url,omitempty"`
	SuccessURL      string             `json:"success_url,omitempty"`
	FailURL         string             `json:"fail_url,omitempty"`
	Data            json.RawMessage    `json:"data,omitempty"`
	Cancels         map[string]members `json:"cancels,omitempty"` // by ExternalRequestId
}

// Limits of Init and the life of a form that names none.
const (
	minAmount      = 100
	maxOrderID     = 36
	maxDescription = 140
	formLife       = 24 * time.Hour
)

// acquire authenticates a call of the first half and hands it on with the lock
// held. The handler returns the answer or a refusal.
func (s *Simulator) acquire(method string,
	work func(r *http.Request, t Terminal, q request) (members, *refusal),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.desk.Serve(w, r, method, injected, func(w http.ResponseWriter, r *http.Request) {
			q, err := readRequest(r)
			if err != nil {
				s.refuse(w, method, nil, badParameters)
				return
			}
			t, known := s.terminal(q.get("TerminalKey"))
			if !known {
				s.refuse(w, method, q, unknownTerminal)
				return
			}
			if q.get("Token") != q.tokenOf(t.Password) {
				s.refuse(w, method, q, badToken)
				return
			}
			s.mu.Lock()
			m, no := work(r, t, q)
			s.save()
			s.mu.Unlock()
			if no != nil {
				s.refuse(w, method, q, *no)
				return
			}
			s.accepted(method, q, map[string]string{"status": fmt.Sprint(m["Status"])})
			s.answer(w, t.Key, m)
		})
	}
}

// terminal finds a registered acquiring terminal.
func (s *Simulator) terminal(key string) (Terminal, bool) {
	for _, t := range s.options.Terminals {
		if t.Key == key {
			return t, true
		}
	}
	return Terminal{}, false
}

// init registers an order and opens its form. Limits and codes are checked in
// the order in which the vendor lists them.
func (s *Simulator) init(r *http.Request, t Terminal, q request) (members, *refusal) {
	amount, ok := q.kopecks("Amount")
	order := q.get("OrderId")
	switch {
	case !ok || amount < minAmount:
		return nil, &refusal{code: "251", message: "Неверная сумма. Сумма должна быть больше или равна 100 копеек"}
	case order == "" || len(order) > maxOrderID:
		return nil, &refusal{code: "212", message: "Размер поля OrderId должен быть от 1 до 36"}
	case utf8.RuneCountInString(q.get("Description")) > maxDescription:
		return nil, &refusal{code: "213", message: "Размер поля Description должен быть от 0 до 140"}
	}
	for _, p := range s.state.Payments {
		if p.Terminal == t.Key && p.OrderID == order {
			return nil, &duplicateOrder
		}
	}
	due := s.clock.Now().Add(formLife)
	if asked := q.get("RedirectDueDate"); asked != "" {
		parsed, err := time.Parse(time.RFC3339, asked)
		if err != nil || parsed.Before(s.clock.Now().Add(time.Minute)) {
			return nil, &refusal{code: "12", message: "Неверный параметр RedirectDueDate"}
		}
		due = parsed
	}
	p := &Payment{
		PaymentID: s.nextID(), Terminal: t.Key, OrderID: order, Amount: amount, Rest: amount,
		Status: "NEW", ErrorCode: "0", TwoStage: q.get("PayType") == "T",
		CreatedAt: s.clock.Now(), Due: due, Form: formKey(), Description: q.get("Description"),
		NotificationURL: q.get("NotificationURL"), SuccessURL: q.get("SuccessURL"),
		FailURL: q.get("FailURL"), Data: q["DATA"],
	}
	if p.NotificationURL == "" {
		p.NotificationURL = t.NotificationURL
	}
	s.state.Payments[p.PaymentID] = p
	s.expireLater(p)
	return members{
		"Status": p.Status, "PaymentId": p.PaymentID, "OrderId": p.OrderID, "Amount": p.Amount,
		"PaymentURL": s.publicURL(r) + "/pay/" + p.Form,
	}, nil
}

// publicURL is where a browser finds the pay page.
func (s *Simulator) publicURL(r *http.Request) string {
	if s.options.PublicURL != "" {
		return s.options.PublicURL
	}
	return simkit.BaseURL(r)
}

// expireLater closes an unpaid form at its due time; s.mu is held.
func (s *Simulator) expireLater(p *Payment) {
	if p.Status != "NEW" && p.Status != "FORM_SHOWED" && p.Status != "3DS_CHECKING" {
		return
	}
	s.clock.AfterFunc(p.Due.Sub(s.clock.Now()), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state.Payments[p.PaymentID] != p {
			return // forgotten by a reset meanwhile
		}
		switch p.Status {
		case "NEW", "FORM_SHOWED", "3DS_CHECKING":
			s.move(p, "DEADLINE_EXPIRED")
			s.save()
		}
	})
}

// getState answers for every status, final or not.
func (s *Simulator) getState(_ *http.Request, t Terminal, q request) (members, *refusal) {
	p, no := s.payment(t, q)
	if no != nil {
		return nil, no
	}
	return members{"Status": p.Status, "PaymentId": p.PaymentID, "OrderId": p.OrderID, "Amount": p.Amount}, nil
}

// checkOrder lists the payments of an order; an order that never came is 335.
func (s *Simulator) checkOrder(_ *http.Request, t Terminal, q request) (members, *refusal) {
	list := []members{}
	for _, p := range s.state.Payments {
		if p.Terminal == t.Key && p.OrderID == q.get("OrderId") {
			list = append(list, members{
				"PaymentId": p.PaymentID, "Amount": p.Amount, "Status": p.Status,
				"Success": p.ErrorCode == "0", "ErrorCode": p.ErrorCode,
			})
		}
	}
	if len(list) == 0 {
		return nil, &refusal{
			code: "335", message: "Неверные параметры.",
			details: "OrderId " + q.get("OrderId") + " не найден для TerminalKey " + t.Key,
		}
	}
	return members{"OrderId": q.get("OrderId"), "Payments": list}, nil
}

// confirm captures what AUTHORIZED holds, all of it or a part; what is left of
// the hold is released.
func (s *Simulator) confirm(_ *http.Request, t Terminal, q request) (members, *refusal) {
	p, no := s.payment(t, q)
	if no != nil {
		return nil, no
	}
	if p.Status != "AUTHORIZED" {
		return nil, &wrongState
	}
	amount, given := q.kopecks("Amount")
	if !given {
		amount = p.Rest
	}
	if amount <= 0 || amount > p.Rest {
		return nil, &tooMuch
	}
	p.Amount, p.Rest = amount, amount
	s.move(p, "CONFIRMED")
	return members{"Status": p.Status, "PaymentId": p.PaymentID, "OrderId": p.OrderID}, nil
}

// cancel is three acts in one: an unpaid form is cancelled, a hold is reversed,
// captured money is refunded. A known ExternalRequestId repeats its result.
func (s *Simulator) cancel(_ *http.Request, t Terminal, q request) (members, *refusal) {
	p, no := s.payment(t, q)
	if no != nil {
		return nil, no
	}
	external := q.get("ExternalRequestId")
	if earlier, done := p.Cancels[external]; done && external != "" {
		return copyOf(earlier), nil
	}
	before := p.Rest
	amount, given := q.kopecks("Amount")
	if !given {
		amount = before
	}
	if amount <= 0 || amount > before {
		return nil, &tooMuch
	}
	after, part := before-amount, amount < before
	var status string
	switch p.Status {
	case "NEW", "FORM_SHOWED":
		status, after = "CANCELED", 0 // an unpaid form is cancelled whole
	case "AUTHORIZED":
		status = map[bool]string{true: "PARTIAL_REVERSED", false: "REVERSED"}[part]
	case "CONFIRMED", "PARTIAL_REFUNDED":
		status = map[bool]string{true: "PARTIAL_REFUNDED", false: "REFUNDED"}[part]
	default:
		return nil, &wrongState
	}
	p.Rest = after
	s.move(p, status)
	m := members{
		"Status": status, "PaymentId": p.PaymentID, "OrderId": p.OrderID,
		"OriginalAmount": before, "NewAmount": after,
	}
	if external != "" {
		m["ExternalRequestId"] = external
		if p.Cancels == nil {
			p.Cancels = map[string]members{}
		}
		p.Cancels[external] = copyOf(m)
	}
	return m, nil
}

// copyOf keeps a stored result apart from an answer that is still being filled.
func copyOf(m members) members {
	c := members{}
	for name, value := range m {
		c[name] = value
	}
	return c
}

// payment finds what PaymentId names; s.mu is held.
func (s *Simulator) payment(t Terminal, q request) (*Payment, *refusal) {
	p := s.state.Payments[q.get("PaymentId")]
	if p == nil || p.Terminal != t.Key {
		return nil, &notFound
	}
	return p, nil
}

// move changes the status and notifies of the statuses that the vendor
// notifies of; s.mu is held.
func (s *Simulator) move(p *Payment, status string) {
	p.Status = status
	amount := p.Amount
	if strings.HasPrefix(status, "PARTIAL_") {
		amount = p.Rest // which amount the vendor puts here is not documented; ours is what remains
	}
	switch status {
	case "AUTHORIZED", "CONFIRMED", "REJECTED", "AUTH_FAIL", "REVERSED", "PARTIAL_REVERSED",
		"REFUNDED", "PARTIAL_REFUNDED", "CANCELED", "DEADLINE_EXPIRED":
		s.notify(p.NotificationURL, Notice{
			PaymentID: p.PaymentID, Terminal: p.Terminal, OrderID: p.OrderID, Status: status,
			Success: p.ErrorCode == "0", ErrorCode: p.ErrorCode, Amount: amount, PAN: p.PAN, Data: p.Data,
		})
	}
}
