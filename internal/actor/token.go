package actor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Header is the HTTP header that carries an actor between our own processes.
const Header = "Lendgate-Actor"

// CallLifetime bounds how long a token that leaked from one call between our processes is good for another.
const CallLifetime = 60 * time.Second

// errToken is all that a caller learns about a bad token.
var errToken = errors.New("actor token is not valid")

// Signer makes and checks actor tokens: the actor as JSON with an end time, under HMAC-SHA256 with a key that only our own processes
// hold. It is no session: it proves that one of our processes vouches for the actor, for a short time.
type Signer struct {
	key      []byte
	lifetime time.Duration
}

// NewSigner makes a signer of tokens with the given lifetime. The key has at least 32 bytes and is used for one purpose only.
func NewSigner(key []byte, lifetime time.Duration) *Signer {
	return &Signer{key: key, lifetime: lifetime}
}

type claims struct {
	Actor  Actor `json:"actor"`
	Expire int64 `json:"exp"` // Unix seconds.
}

// Sign makes the token of a for calls made now.
func (s *Signer) Sign(a Actor, now time.Time) (string, error) {
	body, err := json.Marshal(claims{Actor: a, Expire: now.Add(s.lifetime).Unix()})
	if err != nil {
		return "", err
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	return payload + "." + base64.RawURLEncoding.EncodeToString(s.mac(payload)), nil
}

// Verify reads a token.
func (s *Signer) Verify(token string, now time.Time) (Actor, error) {
	a, _, err := s.VerifyUntil(token, now)
	return a, err
}

// VerifyUntil reads a token and tells when it ends.
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
	var c claims
	if err := json.Unmarshal(body, &c); err != nil || c.Actor.TenantID == "" || now.Unix() > c.Expire {
		return Actor{}, time.Time{}, errToken
	}
	return c.Actor, time.Unix(c.Expire, 0).UTC(), nil
}

func (s *Signer) mac(payload string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(payload))
	return h.Sum(nil)
}
