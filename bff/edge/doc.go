// Package edge is the one chain that every request from outside passes.
//
// In order, a file a link: recover, request id and trace, drain and shedding, limits, address, route, app version, signature and nonce,
// session, permission, rate limit, idempotency, decode; then the handler of a screen behind the contract's rules, and on the way back the
// ETag. The signature is checked over the bytes of the wire, before anything is decompressed or decoded, so a caller without a key costs
// a hash and a look-up.
//
// It owns what is refused before a screen sees it, and the words of refusals. It promises that every refusal has a code and a reason of the
// contract, in the protocol that was asked in (Connect, gRPC, gRPC-Web), and that a client's mistake never answers 500. It knows no
// screen: handlers are mounted on it. A partner's server passes the same chain as a phone, by its own keys and without a session.
package edge
