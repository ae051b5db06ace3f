// Package kit is what every adapter to a third party shares.
//
// It owns: one outbound HTTP client with a deadline per attempt, a cap on the
// answer's size, no redirects and a redacted log line per attempt; the four
// outcomes that a call to somebody else can have; bounded, jittered retry for
// calls that are safe to repeat; a string type that never prints itself; and
// the provider-neutral states of payments, payouts and delivery receipts.
//
// It promises that a call which may have moved something (money, a message) is
// never repeated by this package, and that it is never reported as failed
// unless there is proof that it did nothing: a lost answer is OutcomeUnknown,
// and the caller must ask the provider before it decides.
//
// It does not know any vendor's paths, signatures or error codes, it does not
// store anything, and simulators do not import it (they share simkit only), so
// that an adapter and its simulator cannot make one mistake together.
package kit
