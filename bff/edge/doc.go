// Package edge is the one chain that every request from outside passes.
//
// In order, a file a link: recover, request id and trace, drain and shedding, limits, address, route, app version, signature and nonce,
// session, permission, rate limit, idempotency; then the dispatch: the request is read once, the handler of a screen is called behind the
// contract's rules (inproc.Door), and its answer is written, tagged and packed. The signature is checked over the bytes of the wire, before
// anything is decompressed or decoded, so a caller without a key costs a hash and a look-up.
//
// The dispatch reads and writes Connect's unary calls itself: a handler is a plain function to it (<Service>Calls), its answer goes from
// Protobuf's wire form to JSON by a plan made when it was mounted (internal/wirejson). What that saves pays for what
// the chain does. gRPC and gRPC-Web go through Connect's own handlers on the same chain. Another protocol needs no more than
// an exchange: the message, the codec of the answer, the caller's patience. REST is one: its paths are the contract's (gen/openapi), and the
// edge serves their description at /openapi.yaml.
//
// Answers of reads that declare fresh_seconds are kept for their caller alone, as bytes, until that time is over or something of the
// caller's changes; equal questions asked at once are one call (freshness). An answer to GET bears a weak ETag over its content, and a caller
// who has a fresh one hears 304 before anybody is asked. Answers are packed by gzip, zstd, or the caller's own earlier answer (RFC 9842).
//
// Answers to what moves money, and any other when its caller asks for it, are held until they are whole and signed by the server's key
// (signAnswer). A phone's everyday requests may be signed by the key of its session (phoneKeys).
//
// It owns what is refused before a screen sees it, and the words of refusals. It promises that every refusal has a code and a reason of the
// contract, in the protocol that was asked in (Connect, gRPC, gRPC-Web, REST), and that a client's mistake never answers 500. It knows no
// screen: handlers are mounted on it. A partner's server passes the same chain as a phone, by its own keys and without a session.
package edge
