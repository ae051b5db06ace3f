// Package identity knows the lender's customers and staff, their devices and their sessions.
//
// It owns persons with profiles and consents, devices with their signing keys, one-time codes, sessions with their tokens, accounts of staff
// with their second factors, roles, and the record of what staff did. It implements all services of lendgate.identity.v1.
//
// It promises:
//   - Nothing that opens anything is kept. A one-time code is derived from its challenge and the service's key when it is sent and when it is
//     checked; tokens are derived from session and generation, and only their SHA-256 hashes lie in the database.
//   - Phones and profiles lie in the database sealed with the person's own key, and are found by keyed hashes only.
//   - A wrong code costs a try for certain: the try commits although the call fails. A repeat of a call costs nothing and is answered alike.
//   - Of many refreshes at the same time one makes the next pair of tokens and all others get that same pair. An old token that comes back
//     after the grace ends its session.
//   - Staff may do nothing before the second factor, and nobody gives, takes away or touches more than they hold themselves.
//   - The record of staff's calls is a chain of keyed hashes: a changed or missing record breaks it.
//   - Known and unknown phones take the same way through the code, statement by statement, until the right code is there.
//
// It does not send: codes go out through push. It does not check signatures or permissions: the edge and the door do. It keeps nothing in
// Redis: limits count rows.
package identity
