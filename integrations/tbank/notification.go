package tbank

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// Reasons why a notification is not believed.
var (
	// ErrMalformed: not a JSON object with the fields that every kind has.
	ErrMalformed = errors.New("tbank: notification is malformed")
	// ErrOtherTerminal: it is about a terminal that is not ours.
	ErrOtherTerminal = errors.New("tbank: notification is about another terminal")
	// ErrBadToken: it was not signed with the terminal's password.
	ErrBadToken = errors.New("tbank: notification has a wrong Token")
)

// maxNotification in bytes; real ones are below 4 KiB, fiscal ones below 64.
const maxNotification = 256 << 10

// Notification is what the vendor tells about a payment or payout.
type Notification struct {
	OrderID   string
	PaymentID string
	Success   bool
	Status    Status
	ErrorCode string
	// Amount in kopecks. Compare it with the order before anything is booked.
	Amount int64
	// CardID, MaskedPAN ("430000******0777") and Expiry ("MMYY") name the card
	// when one was used; RebillID allows later charges without the borrower.
	CardID    string
	MaskedPAN string
	Expiry    string
	RebillID  string
}

// Key tells two deliveries of one notification from two notifications: the
// vendor repeats until it reads OK, and one payment has one row per status.
func (n Notification) Key() string {
	return n.PaymentID + "/" + string(n.Status) + "/" + strconv.FormatInt(n.Amount, 10)
}

// parseNotification verifies first and reads afterwards, both from the same
// decoded object, so that no field can be read that was not signed.
func parseNotification(body []byte, terminal string, password kit.Secret) (Notification, error) {
	if len(body) > maxNotification {
		return Notification{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxNotification)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // the Token is over the digits as they stand
	var root fields
	if err := decoder.Decode(&root); err != nil || root == nil || decoder.More() {
		return Notification{}, fmt.Errorf("%w: want one JSON object", ErrMalformed)
	}
	if root.text("TerminalKey") != terminal {
		return Notification{}, ErrOtherTerminal
	}
	claimed := strings.ToLower(root.text("Token"))
	if subtle.ConstantTimeCompare([]byte(claimed), []byte(token(root, password))) != 1 {
		return Notification{}, ErrBadToken
	}

	n := Notification{
		OrderID: root.text("OrderId"), PaymentID: root.text("PaymentId"),
		Success: root.text("Success") == "true", Status: Status(root.text("Status")),
		ErrorCode: root.text("ErrorCode"), CardID: root.text("CardId"),
		MaskedPAN: root.text("Pan"), Expiry: root.text("ExpDate"), RebillID: root.text("RebillId"),
	}
	if n.PaymentID == "" || n.Status == "" {
		return Notification{}, fmt.Errorf("%w: no PaymentId or Status", ErrMalformed)
	}
	if amount := root.text("Amount"); amount != "" {
		parsed, err := strconv.ParseInt(amount, 10, 64)
		if err != nil || parsed < 0 {
			return Notification{}, fmt.Errorf("%w: Amount is not kopecks", ErrMalformed)
		}
		n.Amount = parsed
	}
	return n, nil
}

func (f fields) text(name string) string {
	text, _ := scalarText(f[name])
	return text
}

// Acknowledge writes the only answer that stops the vendor's repetitions:
// status 200 with the body OK, exactly. Anything else is tried again hourly for
// a day and then daily for a month.
func Acknowledge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	// A connection lost here means that the vendor repeats, which is harmless.
	_, _ = w.Write([]byte("OK"))
}
