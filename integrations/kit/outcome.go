package kit

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Outcome says what we know about a call to a third party. The zero value is
// OutcomeUnknown on purpose: forgetting to classify must never look like
// success or like a proven failure.
type Outcome int

const (
	// OutcomeUnknown: the call may or may not have taken effect. Ask the
	// provider about its state; never repeat the call and never book a failure.
	OutcomeUnknown Outcome = iota
	// OutcomeDone: the provider confirmed that the call took effect.
	OutcomeDone
	// OutcomeRefused: the provider said no, finally. Repeating the same call
	// cannot help.
	OutcomeRefused
	// OutcomeRetryable: the call certainly had no effect and may be repeated
	// later.
	OutcomeRetryable
)

// String is the lower-case word used in logs and metrics.
func (o Outcome) String() string {
	switch o {
	case OutcomeDone:
		return "done"
	case OutcomeRefused:
		return "refused"
	case OutcomeRetryable:
		return "retryable"
	default:
		return "unknown"
	}
}

// Error is the one shape in which adapters report that a call was not done.
type Error struct {
	// Vendor and Operation name the call, e.g. "tbank" and "Init".
	Vendor    string
	Operation string
	// Outcome is what the caller may conclude. It is never OutcomeDone.
	Outcome Outcome
	// Code is the vendor's own code as text ("20", "UNREGISTERED"), empty when
	// the failure happened below the vendor's protocol.
	Code string
	// Message is the vendor's explanation. It may be shown to staff, never to a
	// borrower, and it carries no secret of ours.
	Message string
	// HTTPStatus is 0 when no answer arrived.
	HTTPStatus int
	// RetryAfter is the pause that the provider asked for; 0 when it did not.
	RetryAfter time.Duration
	// Err is the cause, if any; errors.Is and errors.As see it.
	Err error
}

// Error prints vendor, operation, outcome and code, then the cause.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Vendor, e.Operation, e.Outcome)
	if e.Code != "" {
		text += ", code " + e.Code
	}
	if e.HTTPStatus != 0 {
		text += fmt.Sprintf(", http %d", e.HTTPStatus)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.Err }

// LogValue keeps the vendor's free text out of the log: it may quote personal
// data back at us.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("vendor", e.Vendor),
		slog.String("operation", e.Operation),
		slog.String("outcome", e.Outcome.String()),
		slog.String("code", e.Code),
		slog.Int("http_status", e.HTTPStatus),
	)
}

// OutcomeOf classifies any error that came out of an adapter: nil is done, an
// *Error says itself, and everything else is unknown.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeDone
	}
	var known *Error
	if errors.As(err, &known) {
		return known.Outcome
	}
	return OutcomeUnknown
}

// CodeOf is the vendor's code inside err, or the empty string.
func CodeOf(err error) string {
	var known *Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}
