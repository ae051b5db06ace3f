package signature

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"log/slog"
	"time"
)

// Key is one key record. The algorithm is part of it: a message cannot choose one.
type Key struct {
	// ID is the keyid of the wire.
	ID string
	// Algorithm is one of the constants of this package.
	Algorithm string
	// Owner says whose key it is, in whatever form the store likes. The package
	// only hands it on in [Verified].
	Owner string
	// Public is *ecdsa.PublicKey, ed25519.PublicKey or *rsa.PublicKey; nil for HMAC.
	Public crypto.PublicKey
	// Secret is the shared HMAC secret, at least 32 random bytes; nil otherwise.
	Secret []byte `json:"-"`
	// Private signs. It may live in a key service; ECDSA must answer in ASN.1, as
	// crypto.Signer prescribes. Nil in a record that only verifies.
	Private crypto.Signer `json:"-"`
	// NotBefore and NotAfter bound the key's life, RevokedAt ends it early. Zero
	// means no bound.
	NotBefore, NotAfter, RevokedAt time.Time
}

// NewKey makes the record of a key that signs, with the algorithm that its public
// half implies: P-256 or Ed25519.
func NewKey(id string, private crypto.Signer) (Key, error) {
	key := Key{ID: id, Private: private, Public: private.Public()}
	switch key.Public.(type) {
	case *ecdsa.PublicKey:
		key.Algorithm = ECDSAP256SHA256
	case ed25519.PublicKey:
		key.Algorithm = Ed25519
	}
	return key, key.fits()
}

// KeyStore finds key records. An id that nobody has gives ErrUnknownKey; any other
// error means that the store could not answer, and refuses with ReasonUnavailable.
type KeyStore interface {
	Key(ctx context.Context, keyID string) (Key, error)
}

// KeyRing is a KeyStore for a fixed set of keys, by id.
type KeyRing map[string]Key

// Key implements KeyStore.
func (r KeyRing) Key(_ context.Context, keyID string) (Key, error) {
	key, ok := r[keyID]
	if !ok {
		return Key{}, ErrUnknownKey
	}
	return key, nil
}

// String names the key and never shows its material, whichever verb prints it.
func (k Key) String() string { return "key " + k.ID + " (" + k.Algorithm + ")" }

// GoString does the same for %#v.
func (k Key) GoString() string { return k.String() }

// LogValue does the same for structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// usable tells if the record may be used now, by a verifier or a signer.
func (k Key) usable(now time.Time) error {
	if err := k.fits(); err != nil {
		return err
	}
	if k.Algorithm == HMACSHA256 && len(k.Secret) < minSecret {
		return refuse(ReasonAlgorithm, "the secret of key %q is shorter than %d bytes", k.ID, minSecret)
	}
	started := k.NotBefore.IsZero() || !now.Before(k.NotBefore)
	ended := !k.NotAfter.IsZero() && now.After(k.NotAfter)
	revoked := !k.RevokedAt.IsZero() && !now.Before(k.RevokedAt)
	if !started || ended || revoked {
		return refuse(ReasonInactiveKey, "key %q is not active", k.ID)
	}
	return nil
}
