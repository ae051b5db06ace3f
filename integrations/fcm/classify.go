package fcm

import (
	"errors"
	"net/http"
	"net/url"

	"firebase.google.com/go/v4/messaging"

	"github.com/lendgate/lendgate/integrations/kit"
)

// Codes of google.firebase.fcm.v1.FcmError, and one of Google's APIs in general.
const (
	CodeUnregistered    = "UNREGISTERED"
	CodeInvalidArgument = "INVALID_ARGUMENT"
	CodeSenderMismatch  = "SENDER_ID_MISMATCH"
	CodeThirdPartyAuth  = "THIRD_PARTY_AUTH_ERROR"
	CodeQuotaExceeded   = "QUOTA_EXCEEDED"
	CodeUnavailable     = "UNAVAILABLE"
	CodeInternal        = "INTERNAL"
	CodeUnauthenticated = "UNAUTHENTICATED"
)

// classify turns the SDK's error and what the transport saw into a *kit.Error.
func classify(made *attempt, err error) *kit.Error {
	failure := &kit.Error{
		Vendor: "fcm", Operation: "messages:send", HTTPStatus: made.status, RetryAfter: made.retryAfter,
	}
	set := func(outcome kit.Outcome, code string) *kit.Error {
		failure.Outcome, failure.Code = outcome, code
		return failure
	}
	switch {
	case !made.begun: // the SDK refused the message itself
		failure.Err = err
		return set(kit.OutcomeRefused, CodeInvalidArgument)
	case made.err != nil:
		failure.Err = made.err
		return set(outcomeOfTransport(made))
	case messaging.IsUnregistered(err):
		failure.Err = ErrTokenDead
		return set(kit.OutcomeRefused, CodeUnregistered)
	case messaging.IsInvalidArgument(err):
		return set(kit.OutcomeRefused, CodeInvalidArgument)
	case messaging.IsSenderIDMismatch(err):
		return set(kit.OutcomeRefused, CodeSenderMismatch)
	case messaging.IsThirdPartyAuthError(err):
		return set(kit.OutcomeRefused, CodeThirdPartyAuth)
	case messaging.IsQuotaExceeded(err), made.status == http.StatusTooManyRequests:
		return set(kit.OutcomeRetryable, CodeQuotaExceeded)
	case messaging.IsUnavailable(err), made.status == http.StatusServiceUnavailable:
		return set(kit.OutcomeRetryable, CodeUnavailable)
	case made.status == http.StatusUnauthorized:
		return set(kit.OutcomeRefused, CodeUnauthenticated)
	case made.status >= 400 && made.status < 500:
		return set(kit.OutcomeRefused, "")
	case messaging.IsInternal(err):
		return set(kit.OutcomeUnknown, CodeInternal)
	default: // other 5xx, redirects, and answers that cannot be read
		failure.Err = err
		return set(kit.OutcomeUnknown, "")
	}
}

// outcomeOfTransport reads a request that got no answer.
func outcomeOfTransport(made *attempt) (kit.Outcome, string) {
	if made.connected.Load() {
		return kit.OutcomeUnknown, ""
	}
	var network *url.Error
	if made.reached || errors.As(made.err, &network) {
		return kit.OutcomeRetryable, "" // nobody listened: at FCM, or where tokens come from
	}
	var token interface{ Temporary() bool }
	if errors.As(made.err, &token) && token.Temporary() {
		return kit.OutcomeRetryable, ""
	}
	return kit.OutcomeRefused, CodeUnauthenticated // the OAuth endpoint refused our account
}
