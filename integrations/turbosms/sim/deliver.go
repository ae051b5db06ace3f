package sim

import (
	"crypto/sha1" //nolint:gosec // the vendor's choice
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// travel lets a message arrive, or not, after the delivery delay; s.mu is held.
func (s *Simulator) travel(m *Message) {
	if strings.HasSuffix(m.Phone, "0779") {
		return // never reports
	}
	s.clock.AfterFunc(s.options.DeliveryDelay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		status, short := "Delivered", "DELIVRD"
		switch {
		case strings.HasSuffix(m.Phone, "0777"):
			status, short = "Undelivered", "UNDELIV"
		case strings.HasSuffix(m.Phone, "0778"):
			status, short = "Expired", "EXPIRED"
		}
		m.Status, m.UpdatedAt = status, s.clock.Now()
		s.save()
		s.report(*m, short)
	})
}

// report sends the delivery webhook, as armed faults allow.
func (s *Simulator) report(m Message, status string) {
	if s.options.WebhookURL == "" {
		return
	}
	fault, _ := s.desk.Take("DLR", simkit.KindDelay, simkit.KindDuplicate, simkit.KindWrongSignature, simkit.KindLost)
	event, copies := newID(), 1
	var after time.Duration
	switch fault.Kind {
	case simkit.KindLost:
		return
	case simkit.KindDelay:
		after = fault.Delay()
	case simkit.KindDuplicate:
		copies = 2
	}
	for range copies {
		s.courier.Send(simkit.Letter{
			URL: s.options.WebhookURL, After: after,
			Body: func(attempt int) []byte {
				secret := s.options.WebhookSecret
				if fault.Kind == simkit.KindWrongSignature && attempt == 1 {
					secret += "?"
				}
				return s.sealed(event, secret, attempt, m, status)
			},
			Accepted: func(status int, _ []byte) bool { return status == http.StatusOK },
			Done: func(accepted bool, attempts int) {
				s.desk.Record(simkit.Call{
					Operation: "DLR", Accepted: accepted, Reference: m.ID,
					Detail: map[string]string{"status": status, "attempts": fmt.Sprint(attempts)},
				})
			},
		})
	}
}

// sealed is the JSON of a report. Its signature covers the event's id only.
func (s *Simulator) sealed(event, secret string, attempt int, m Message, status string) []byte {
	text := secret + event
	if s.options.IDFirst {
		text = event + secret
	}
	data, err := json.Marshal(map[string]any{
		"id": event, "type": "sms", "try": attempt,
		"signature": fmt.Sprintf("%x", sha1.Sum([]byte(text))), //nolint:gosec // as above
		"data": map[string]any{
			"message_id": m.ID, "status": status, "recipient": m.Phone, "dlr_date": stamp(m.UpdatedAt),
		},
	})
	if err != nil {
		return []byte("{}") // plain values always encode
	}
	return data
}
