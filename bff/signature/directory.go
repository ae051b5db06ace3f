package signature

import (
	"encoding/json"
	"time"
)

// Where a server publishes the public halves of its keys, and in which media type: as
// a JWK set, and as the directory that others who verify HTTP message signatures look
// for (draft-meunier-http-message-signatures-directory), which is the same document.
const (
	JWKSPath      = "/.well-known/jwks.json"
	JWKSType      = "application/jwk-set+json"
	DirectoryPath = "/.well-known/http-message-signatures-directory"
	DirectoryType = "application/http-message-signatures-directory+json"
)

// JWKSet is a set of keys in the form of RFC 7517 section 5.
type JWKSet struct {
	Keys []JWK `json:"keys"`
}

// NewJWKSet makes the document that publishes these keys, in their order: those that
// are in use and those that will be, so that callers know a key before it signs.
// Revoked and ended ones are left out. A shared secret is refused.
func NewJWKSet(now time.Time, keys ...Key) (JWKSet, error) {
	set := JWKSet{Keys: []JWK{}} // an empty list, never null
	for _, key := range keys {
		jwk, err := key.JWK()
		if err != nil {
			return JWKSet{}, err
		}
		from := now
		if key.NotBefore.After(now) {
			from = key.NotBefore
		}
		if key.usable(from) == nil {
			set.Keys = append(set.Keys, jwk)
		}
	}
	return set, nil
}

// maxSetBytes bounds a published set that is read.
const maxSetBytes = 1 << 20

// ParseJWKSet reads what a server publishes. Keys of kinds that the package does not
// know, or that are broken, are left out (RFC 7517 section 5): they are for others.
// A set is refused if it publishes what is secret, or two keys under one id.
func ParseJWKSet(raw []byte) (KeyRing, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(raw) > maxSetBytes {
		return nil, refuse(ReasonMalformed, "JWK set is too long")
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, refuseBecause(ReasonMalformed, err, "JWK set")
	}
	ring := KeyRing{}
	for _, jwk := range set.Keys {
		key, err := ParseJWK(jwk)
		switch {
		case err != nil:
			continue
		case key.Private != nil || key.Secret != nil:
			return nil, refuse(ReasonMalformed, "JWK set publishes the secret of key %q", key.ID)
		}
		if _, twice := ring[key.ID]; twice {
			return nil, refuse(ReasonMalformed, "JWK set holds two keys %q", key.ID)
		}
		ring[key.ID] = key
	}
	return ring, nil
}

// ProfileDirectory is the profile by which a server signs the answer that holds its
// directory, so that nobody can publish the keys of others as their own.
func ProfileDirectory() Policy {
	return Policy{
		Tag:           "http-message-signatures-directory",
		Required:      []Component{quoted(`"@authority"`).OfRequest(), quoted(`"content-digest"`)},
		DigestContent: true,
		MaxAge:        profileMaxAge,
		MaxFutureSkew: profileFutureSkew,
		MaxLifetime:   profileMaxLifetime,
	}
}
