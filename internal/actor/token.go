package actor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"
)

// Header is the HTTP header that carries the token of a call between our own processes.
const Header = "Lendgate-Actor"

// CallLifetime bounds how long a call between our processes that somebody caught can be sent again.
const CallLifetime = 60 * time.Second

// errToken is all that a caller learns about a bad token.
var errToken = errors.New("actor token is not valid")

// Signer makes and checks tokens under HMAC-SHA256 with a key that only our own processes hold. They are no sessions: they prove that one of
// our processes vouches for an actor, for a short time. The token of a call (AppendCallToken) is good for that call alone; one that its
// bearer shows by itself (Sign) is the actor as JSON with an end time.
type Signer struct {
	lifetime time.Duration
	// macs are hashes with the key in them, which one signature after the other uses.
	macs sync.Pool // *keyed
}

// keyed is a hash with the key in it.
type keyed struct{ hash hash.Hash }

// NewSigner makes a signer of tokens with the given lifetime. The key has at least 32 bytes and is used for one purpose only.
func NewSigner(key []byte, lifetime time.Duration) *Signer {
	s := &Signer{lifetime: lifetime}
	s.macs.New = func() any { return &keyed{hmac.New(sha256.New, key)} }
	return s
}

type bearerClaims struct {
	Actor  Actor `json:"actor"`
	Expire int64 `json:"exp"` // Unix seconds.
}

// Sign makes a token that its bearer proves to be a with, from now on.
func (s *Signer) Sign(a Actor, now time.Time) (string, error) {
	body, err := json.Marshal(bearerClaims{Actor: a, Expire: now.Add(s.lifetime).Unix()})
	if err != nil {
		return "", err
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	return payload + "." + base64.RawURLEncoding.EncodeToString(s.mac(payload)), nil
}

// VerifyUntil reads a token of Sign and tells when it ends.
func (s *Signer) VerifyUntil(token string, now time.Time) (Actor, time.Time, error) {
	payload, mac, ok := strings.Cut(token, ".")
	if !ok {
		return Actor{}, time.Time{}, errToken
	}
	sum, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(sum, s.mac(payload)) {
		return Actor{}, time.Time{}, errToken
	}
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return Actor{}, time.Time{}, errToken
	}
	var c bearerClaims
	if err := json.Unmarshal(body, &c); err != nil || c.Actor.TenantID == "" || now.Unix() > c.Expire {
		return Actor{}, time.Time{}, errToken
	}
	return c.Actor, time.Unix(c.Expire, 0).UTC(), nil
}

func (s *Signer) mac(payload string) []byte {
	m := s.macs.Get().(*keyed)
	defer s.macs.Put(m)
	m.hash.Reset()
	m.hash.Write([]byte(payload))
	return m.hash.Sum(nil)
}

// appendCallMAC appends the signature of a call.
func (s *Signer) appendCallMAC(b []byte, procedure string, signed []byte) []byte {
	m := s.macs.Get().(*keyed)
	defer s.macs.Put(m)
	m.hash.Reset()
	m.hash.Write([]byte(callDomain))
	m.hash.Write(binary.AppendUvarint(nil, uint64(len(procedure))))
	m.hash.Write([]byte(procedure))
	m.hash.Write(signed)
	return m.hash.Sum(b)
}
