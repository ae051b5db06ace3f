// Package signature signs and verifies HTTP messages: RFC 9421 HTTP Message
// Signatures with RFC 9530 Content-Digest, and lendgate's own profile of them,
// the tag "lendgate-1".
//
// It owns the signature base (byte for byte as RFC 9421 section 2.5 builds it),
// component identifiers, signature parameters, the algorithms, key records and
// their JWK form, digests, and the rules that decide whether a valid signature
// is also good enough ([Policy]). A shop can import it alone: it needs the
// standard library and a structured-fields parser, nothing of lendgate.
//
// It promises:
//
//   - The work is done in this order: limits, parsing, policy, key, signature,
//     digest, and the nonce is consumed last, so nobody without the key can burn
//     the nonces of somebody who has it.
//
//   - The algorithm belongs to the key record. What the message claims can only
//     agree with it or be refused.
//
//   - No input panics, and parsing is bounded before it starts.
//
//   - Every refusal is an [*Error] with one [Reason] of a closed list, fit to be
//     a metric label. Reasons are for logs: an answer to the outside should say
//     no more than "signature invalid", clock skew and replay apart.
//
//   - Checking costs a few microseconds beyond the algorithm and at most 40
//     allocations: the form in which signers write their fields is scanned, any other
//     is parsed, and both readings are the same.
//
// An answer that is signed ([Signer.SignResponse]) is bound to one request, whose own
// Signature it covers. A caller asks for it by Accept-Signature ([Policy.AskedBy]);
// [Transport] does so, verifies what comes, and corrects its clock by it.
//
// It does not answer HTTP requests, keep keys or nonces durably, or read the clock by
// itself. Key and nonce storage are the ports [KeyStore] and [NonceStore]; [KeyRing]
// and [MemoryNonces] serve one process. Webhooks have a scheme of their own, in the
// package webhook below this one.
package signature
