package turbosms

import (
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// codeDuplicate: the vendor saw this very request a moment ago and repeats the
// result of that one.
const codeDuplicate = 507

// accepted: 0 OK, 800 and 801 accepted or sent, 802 and 803 the same but not
// for every recipient.
func accepted(code int) bool { return code == 0 || code >= 800 && code <= 803 }

// outcomeOfCode says what a response_code proves.
func outcomeOfCode(code int, effect kit.Effect) kit.Outcome {
	switch {
	case code == 203, code == 503, code == 504:
		// The balance is empty, or the vendor could not hand the message on: it
		// says so before anything is sent.
		return kit.OutcomeRetryable
	case code >= 100 && code < 500, code == 502, code == 505:
		// 1xx who are you, 2xx something is missing, 3xx something is wrong,
		// 4xx not allowed (404 is the stop list), 502 unreadable body.
		return kit.OutcomeRefused
	case effect == kit.Reads:
		return kit.OutcomeRetryable
	default:
		// 500 and 501 could not write the answer, 999 is "fatal", others are new
		// to us: the message may be on its way.
		return kit.OutcomeUnknown
	}
}

// stateOf maps the words of message/status.json ("Delivered") and of delivery
// reports ("DELIVRD"), in any case.
func stateOf(status string) kit.ReceiptState {
	switch strings.ToUpper(strings.TrimSpace(status)) {
	case "DELIVRD", "DELIVERED":
		return kit.ReceiptDelivered
	case "READ":
		return kit.ReceiptRead
	case "UNDELIV", "UNDELIVERED":
		return kit.ReceiptUndelivered
	case "REJECTD", "REJECTED":
		return kit.ReceiptRejected
	case "EXPIRED":
		return kit.ReceiptExpired
	case "SENT", "IN QUEUE", "IN PROCESS", "ACCEPTED", "ACCEPTD", "ENROUTE":
		return kit.ReceiptPending
	default:
		return kit.ReceiptUnknown
	}
}
