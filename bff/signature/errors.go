package signature

import (
	"errors"
	"fmt"
)

// Reason says why a message was refused. The list is closed, so a reason can be
// a metric label.
type Reason string

// The reasons, in the order in which a verifier can meet them.
const (
	// ReasonMissing: no signature, or none with the wanted label or tag.
	ReasonMissing Reason = "missing"
	// ReasonMalformed: a field breaks its grammar or a size limit, or a covered
	// component cannot be computed for this message.
	ReasonMalformed Reason = "malformed"
	// ReasonPolicy: well formed, but it covers or states less than the policy asks.
	ReasonPolicy Reason = "policy"
	// ReasonClockSkew: created is too old or too far ahead of our clock. The
	// caller may correct its clock and try once more.
	ReasonClockSkew Reason = "clock_skew"
	// ReasonExpired: the moment in expires has passed.
	ReasonExpired Reason = "expired"
	// ReasonUnknownKey: nobody registered this keyid.
	ReasonUnknownKey Reason = "unknown_key"
	// ReasonInactiveKey: the key is revoked, or not valid at this time.
	ReasonInactiveKey Reason = "inactive_key"
	// ReasonAlgorithm: the key's algorithm is not supported or not allowed here,
	// or the message names another one.
	ReasonAlgorithm Reason = "algorithm"
	// ReasonSignature: the signature does not hold.
	ReasonSignature Reason = "signature"
	// ReasonDigest: the content does not match its Content-Digest.
	ReasonDigest Reason = "digest"
	// ReasonReplay: this nonce was used before.
	ReasonReplay Reason = "replay"
	// ReasonUnavailable: no verdict was possible, because a store failed or the
	// verifier lacks a part. It is our fault, not the caller's.
	ReasonUnavailable Reason = "unavailable"
)

// Reasons lists every reason, for metrics that want their labels beforehand.
func Reasons() []Reason {
	return []Reason{
		ReasonMissing, ReasonMalformed, ReasonPolicy, ReasonClockSkew, ReasonExpired, ReasonUnknownKey,
		ReasonInactiveKey, ReasonAlgorithm, ReasonSignature, ReasonDigest, ReasonReplay, ReasonUnavailable,
	}
}

var (
	// ErrUnknownKey is what a KeyStore returns when no key has the id asked for.
	ErrUnknownKey = errors.New("signature: unknown key")
	// ErrReplay is what a NonceStore returns when the nonce was consumed before.
	ErrReplay = errors.New("signature: nonce was used before")
)

// Error is a refusal. Detail is for a log that operators read; it never holds
// key material, signatures or field values.
type Error struct {
	Reason Reason
	Detail string
	// Cause is the store's or parser's own error, if there is one.
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	text := "signature: " + string(e.Reason) + ": " + e.Detail
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause, so that errors.Is(err, ErrReplay) works.
func (e *Error) Unwrap() error { return e.Cause }

// ReasonOf gives the reason of a refusal, and "" if err holds none.
func ReasonOf(err error) Reason {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal.Reason
	}
	return ""
}

func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

func refuseBecause(reason Reason, cause error, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...), Cause: cause}
}
