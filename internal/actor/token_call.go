package actor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Digest is the SHA-256 of the content that a call's token was made for.
type Digest [sha256.Size]byte

// DigestOf is the digest of content.
func DigestOf(content []byte) Digest { return sha256.Sum256(content) }

const (
	// callVersion begins every token of a call. Claims are read by their places, so a change of them is a new version.
	callVersion = 1
	// callDomain is hashed first, so that nothing else that is signed with the same key is ever taken for a call.
	callDomain = "lendgate call 1\x00"
	// expirySize is the length of the end time, in bytes.
	expirySize = 8
	// maxPermissions bounds what a token may claim; the contract knows fewer.
	maxPermissions = 1024
)

// AppendCallToken appends to b the token that proves a to another process of ours for one call: that of procedure with content of this digest.
// For anything else it is no good. Whoever catches it may send the same call again until it ends, which for a mutation is answered by its
// request_id and for a read changes nothing.
//
// In order: version, end time (Unix seconds), digest, the claims, and HMAC-SHA256 over all of it and the procedure.
func (s *Signer) AppendCallToken(b []byte, a Actor, procedure string, digest Digest, now time.Time) []byte {
	start := len(b)
	b = append(b, callVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(s.lifetime).Unix()))
	b = append(b, digest[:]...)
	for _, field := range a.fields() {
		b = binary.AppendUvarint(b, uint64(len(*field)))
		b = append(b, *field...)
	}
	b = binary.AppendUvarint(b, uint64(len(a.Permissions)))
	for _, p := range a.Permissions {
		b = binary.AppendUvarint(b, uint64(p))
	}
	return s.appendCallMAC(b, procedure, b[start:])
}

// VerifyCallToken reads the token of a call of procedure: who makes it, and the digest that its content must have. The caller compares.
func (s *Signer) VerifyCallToken(token []byte, procedure string, now time.Time) (Actor, Digest, error) {
	const head = 1 + expirySize + sha256.Size
	if len(token) < head+sha256.Size || token[0] != callVersion {
		return Actor{}, Digest{}, errToken
	}
	signed, mac := token[:len(token)-sha256.Size], token[len(token)-sha256.Size:]
	var room [sha256.Size]byte
	if !hmac.Equal(mac, s.appendCallMAC(room[:0], procedure, signed)) {
		return Actor{}, Digest{}, errToken
	}
	if now.Unix() > int64(binary.BigEndian.Uint64(signed[1:])) {
		return Actor{}, Digest{}, errToken
	}
	a, ok := readClaims(signed[head:])
	if !ok || a.TenantID == "" {
		return Actor{}, Digest{}, errToken
	}
	return a, Digest(signed[1+expirySize : head]), nil
}

// fields are the words of an actor in the order of the wire.
func (a *Actor) fields() [10]*string {
	return [...]*string{
		&a.TenantID, (*string)(&a.Kind), &a.PersonID, &a.DeviceID, &a.SessionID, &a.StaffID, &a.PartnerID, &a.Service, &a.RequestID, &a.Locale,
	}
}

// readClaims reads what AppendCallToken wrote of an actor; false when it is anything else.
func readClaims(raw []byte) (a Actor, ok bool) {
	text := string(raw) // The words share one piece of memory.
	next := func(limit uint64) (uint64, bool) {
		n, size := binary.Uvarint(raw)
		if size <= 0 || n > limit {
			return 0, false
		}
		raw, text = raw[size:], text[size:]
		return n, true
	}
	for _, field := range a.fields() {
		n, ok := next(uint64(len(raw)))
		if !ok || n > uint64(len(raw)) { // The number itself took some of it.
			return a, false
		}
		*field, raw, text = text[:n], raw[n:], text[n:]
	}
	count, ok := next(maxPermissions)
	if !ok {
		return a, false
	}
	if count > 0 {
		a.Permissions = make([]typev1.Permission, count)
	}
	for i := range a.Permissions {
		p, ok := next(1<<31 - 1)
		if !ok {
			return a, false
		}
		a.Permissions[i] = typev1.Permission(p)
	}
	return a, len(raw) == 0
}
