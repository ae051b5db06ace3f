// Package webhook signs and verifies webhooks as Standard Webhooks 1.0 prescribes:
// HMAC-SHA256 under the version v1, Ed25519 under v1a. The specification and its test
// vectors are at https://github.com/standard-webhooks/standard-webhooks.
//
// It owns the three header fields, the forms in which keys are written down (whsec_,
// whsk_, whpk_), and the choice among several keys while one is being replaced. A shop
// can import it alone, beside package signature, whose keys and errors it uses.
//
// It promises:
//   - A version is bound to its kind of key. A MAC labelled v1a, or the other way
//     round, does not hold.
//   - Signatures are compared in constant time, and their number is bounded.
//   - Every refusal is a *signature.Error with one of its reasons.
//
// The scheme covers identifier, timestamp and content, and neither method nor address:
// it is for notifications, which a receiver takes as hints, and not for an API. It has
// no nonce. The identifier is the same for each attempt to deliver one event; a
// receiver must remember those it has handled. Sending, and trying again, is not done here.
package webhook
