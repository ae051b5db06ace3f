package webhook

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/lendgate/lendgate/bff/signature"
)

// How a key begins that is written down: its kind cannot be mistaken for another.
const (
	prefixSecret  = "whsec_"
	prefixPrivate = "whsk_"
	prefixPublic  = "whpk_"
)

// Bounds of a shared secret in bytes, from the specification.
const (
	minSecret = 24
	maxSecret = 64
)

// NewSecret makes a shared secret of 256 random bits in its written form.
func NewSecret() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // never fails: crypto/rand ends the process instead
	return prefixSecret + base64.StdEncoding.EncodeToString(bits[:])
}

// PublicKey gives the written form of the public half of an Ed25519 key, for those who
// verify.
func PublicKey(key signature.Key) (string, error) {
	public, ok := key.Public.(ed25519.PublicKey)
	if !ok {
		return "", refuse(signature.ReasonAlgorithm, "the key is not of Ed25519")
	}
	return prefixPublic + base64.StdEncoding.EncodeToString(public), nil
}

// ParseKey reads a key in its written form: whsec_ a shared secret, whsk_ an Ed25519
// private key, whpk_ an Ed25519 public key, each followed by base64. The id is for logs.
func ParseKey(id, text string) (signature.Key, error) {
	prefix, encoded, found := strings.Cut(text, "_")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !found || err != nil {
		return signature.Key{}, refuse(signature.ReasonMalformed, "the key is not written as Standard Webhooks writes one")
	}
	switch size := len(raw); {
	case prefix+"_" == prefixSecret && size >= minSecret && size <= maxSecret:
		return signature.Key{ID: id, Algorithm: signature.HMACSHA256, Secret: raw}, nil
	case prefix+"_" == prefixPrivate && size == ed25519.SeedSize:
		return signature.NewKey(id, ed25519.NewKeyFromSeed(raw))
	case prefix+"_" == prefixPrivate && size == ed25519.PrivateKeySize:
		return expanded(id, raw)
	case prefix+"_" == prefixPublic && size == ed25519.PublicKeySize:
		return signature.Key{ID: id, Algorithm: signature.Ed25519, Public: ed25519.PublicKey(raw)}, nil
	}
	return signature.Key{}, refuse(signature.ReasonMalformed, "the key is of an unknown kind or length")
}

// expanded reads a private key that is written with its public half, which must belong
// to it: a wrong one would give signatures that betray the private half.
func expanded(id string, raw []byte) (signature.Key, error) {
	private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if !private.Equal(ed25519.PrivateKey(raw)) {
		return signature.Key{}, refuse(signature.ReasonMalformed, "the halves of the key do not belong together")
	}
	return signature.NewKey(id, private)
}

// version is what a signature by this key is labelled with.
func version(key signature.Key) (string, error) {
	switch key.Algorithm {
	case signature.HMACSHA256:
		return "v1", nil
	case signature.Ed25519:
		return "v1a", nil
	}
	return "", refuse(signature.ReasonAlgorithm, "webhooks know no "+key.Algorithm)
}

func refuse(reason signature.Reason, detail string) error {
	return &signature.Error{Reason: reason, Detail: "webhook: " + detail}
}
