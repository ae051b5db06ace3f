package turbosms

import (
	"crypto/sha1" //nolint:gosec // the vendor's choice; see the package comment
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// Reasons why a delivery report is not believed.
var (
	// ErrMalformed: not the documented JSON object.
	ErrMalformed = errors.New("turbosms: delivery report is malformed")
	// ErrBadSignature: it was not signed with our secret, or we have none.
	ErrBadSignature = errors.New("turbosms: delivery report has a wrong signature")
)

// maxReport in bytes; real ones are below 1 KiB.
const maxReport = 64 << 10

// Receipt is what became of a message.
type Receipt struct {
	// EventID names the webhook event and is empty in answers of Status. The
	// vendor repeats an event until it reads 200: store the first, ignore the rest.
	EventID   string
	MessageID string
	// Status is the vendor's word and State our reading of it.
	Status string
	State  kit.ReceiptState
}

// ParseReceipt verifies and reads a delivery-report webhook. Answer 200 once it
// is stored, also when the message is not known; anything else is repeated
// nine times within four and a half hours.
func (c *Client) ParseReceipt(body []byte) (Receipt, error) {
	if len(body) > maxReport {
		return Receipt{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxReport)
	}
	var report struct {
		ID        any
		Signature string
		Data      struct {
			MessageID string `json:"message_id"`
			Status    string
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	if err := decoder.Decode(&report); err != nil {
		return Receipt{}, fmt.Errorf("%w: want one JSON object", ErrMalformed)
	}
	id := ""
	switch v := report.ID.(type) { // a UUID in practice, a number in older accounts
	case string:
		id = v
	case json.Number:
		id = v.String()
	}
	if !signed(id, report.Signature, c.config.WebhookSecret) {
		return Receipt{}, ErrBadSignature
	}
	if report.Data.MessageID == "" {
		return Receipt{}, fmt.Errorf("%w: no message_id", ErrMalformed)
	}
	return Receipt{
		EventID: id, MessageID: report.Data.MessageID,
		Status: report.Data.Status, State: stateOf(report.Data.Status),
	}, nil
}

// signed compares with both readings of "SHA1 hash of a string consisting of
// the secret key and id". It fails closed without a secret, id or signature.
func signed(id, signature string, secret kit.Secret) bool {
	if id == "" || secret == "" {
		return false
	}
	claimed := []byte(strings.ToLower(signature))
	match := 0
	for _, text := range []string{secret.Reveal() + id, id + secret.Reveal()} {
		sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
		match |= subtle.ConstantTimeCompare(claimed, []byte(hex.EncodeToString(sum[:])))
	}
	return match == 1
}
