package signature

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"time"
)

// minNonceChars is 128 bits in base64url.
const minNonceChars = 22

// NonceStore remembers which nonces were used. Consume succeeds once for each pair
// of key and nonce until the given moment, and gives ErrReplay afterwards, also
// when two calls come at the same time. Any other error means that the store could
// not tell, and the message is refused with ReasonUnavailable.
type NonceStore interface {
	Consume(ctx context.Context, keyID, nonce string, until time.Time) error
}

// NewNonce gives 128 random bits in base64url.
func NewNonce() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(bits[:])
}

// isNonce tells if text has the form of a nonce of 128 bits or more.
func isNonce(text string) bool {
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(text) >= minNonceChars
}

// MemoryNonces is a NonceStore for one process. When it is full of nonces that
// still count, it refuses rather than forget one. Make one with NewMemoryNonces.
type MemoryNonces struct {
	now      func() time.Time
	capacity int

	mu   sync.Mutex
	seen map[nonceKey]time.Time
	// sweepAt is the size at which ended nonces are next looked for, so that the
	// cost of a sweep is spread over as many calls.
	sweepAt int
}

type nonceKey struct{ keyID, nonce string }

var errNoncesFull = errors.New("signature: the nonce store is full")

// NewMemoryNonces makes a store that holds at most capacity nonces.
func NewMemoryNonces(now func() time.Time, capacity int) *MemoryNonces {
	return &MemoryNonces{now: now, capacity: capacity, seen: map[nonceKey]time.Time{}, sweepAt: min(capacity, 1024)}
}

// Consume implements NonceStore.
func (s *MemoryNonces) Consume(_ context.Context, keyID, nonce string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	key := nonceKey{keyID, nonce}
	if end, ok := s.seen[key]; ok && now.Before(end) {
		return ErrReplay
	}
	if len(s.seen) >= s.sweepAt {
		for old, end := range s.seen {
			if !now.Before(end) {
				delete(s.seen, old)
			}
		}
		s.sweepAt = min(s.capacity, max(1024, 2*len(s.seen)))
	}
	if len(s.seen) >= s.capacity {
		return errNoncesFull
	}
	s.seen[key] = until
	return nil
}
