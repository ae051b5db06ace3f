package signature

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"time"
)

const (
	// defaultLabel names our signature among others in a message.
	defaultLabel = "lendgate"
	// defaultLifetime keeps expires within the profile and the window of created.
	defaultLifetime = 60 * time.Second
	// signatureChars is room for a Signature field of our algorithms.
	signatureChars = 128
	// defaultMaxBody bounds what Sign and Transport read into memory, in bytes.
	defaultMaxBody = 8 << 20
)

// Signer signs messages so that they satisfy a policy. It is safe for concurrent
// use.
type Signer struct {
	// Key must be able to sign: with Private, or with Secret for HMAC.
	Key Key
	// Policy says what to cover and state, [ProfileLendgate1] for example.
	Policy Policy
	// Now is the clock. It must be set.
	Now func() time.Time

	// Label names the signature; empty means the policy's, or else "lendgate".
	Label string
	// Lifetime is how long a message stays valid; zero means 60 seconds.
	Lifetime time.Duration
	// Nonce makes the nonces; nil means NewNonce.
	Nonce func() string
	// MaxBody bounds the content in bytes; zero means 8 MiB.
	MaxBody int64
}

// Sign reads the content of a request, sets Content-Digest if there is content, and
// sets Signature-Input and Signature in place of any that are there. Set
// all other fields first. The content can be read again afterwards, also by a
// client that repeats the request.
func (s Signer) Sign(r *http.Request) error {
	body, err := takeBody(&r.Body, s.MaxBody)
	if err != nil {
		return refuseBecause(ReasonMalformed, err, "reading the content to sign")
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return s.sign(FromRequest(r), body)
}

// SignResponse signs a response to r with this status and content, by setting the
// fields in header. Call it before the header is written; no compression may follow.
func (s Signer) SignResponse(header http.Header, status int, body []byte, r *http.Request) error {
	return s.sign(NewResponse(status, header, r), body)
}

func (s Signer) sign(m *Message, body []byte) error {
	if s.Now == nil {
		return refuse(ReasonUnavailable, "the signer lacks a clock")
	}
	if err := s.Policy.sound(); err != nil {
		return err
	}
	now := s.Now()
	if err := s.Key.usable(now); err != nil {
		return err
	}
	header := m.Header
	header.Del("Content-Digest")
	if m.withContent(body) {
		header.Set("Content-Digest", ContentDigest(body))
	}
	params := Params{
		Created: now, Expires: now.Add(s.lifetime()), KeyID: s.Key.ID, Tag: s.Policy.Tag,
	}
	if s.Policy.RequireNonce {
		newNonce := s.Nonce
		if newNonce == nil {
			newNonce = NewNonce
		}
		params.Nonce = newNonce()
	}
	input, err := NewInput(s.label(), s.Policy.appendComponents(nil, m), params)
	if err != nil {
		return err
	}
	base, err := input.Base(m)
	if err != nil {
		return err
	}
	signature, err := s.Key.SignBase(base)
	if err != nil {
		return err
	}
	header.Set("Signature-Input", input.Label+"="+input.value)
	field := append(make([]byte, 0, signatureChars), input.Label...)
	field = base64.StdEncoding.AppendEncode(append(field, "=:"...), signature)
	header.Set("Signature", string(append(field, ':')))
	return nil
}

func (s Signer) label() string {
	switch {
	case s.Label != "":
		return s.Label
	case s.Policy.Label != "":
		return s.Policy.Label
	}
	return defaultLabel
}

func (s Signer) lifetime() time.Duration {
	if s.Lifetime > 0 {
		return s.Lifetime
	}
	return defaultLifetime
}

var errBodyTooLong = &Error{Reason: ReasonMalformed, Detail: "the content is longer than the limit"}

// takeBody reads and closes a body and puts one that reads the same in its place.
// limit is in bytes, zero means the default.
func takeBody(body *io.ReadCloser, limit int64) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	if limit <= 0 {
		limit = defaultMaxBody
	}
	content, err := io.ReadAll(io.LimitReader(*body, limit+1))
	closeErr := (*body).Close()
	switch {
	case err != nil:
		return nil, err
	case closeErr != nil:
		return nil, closeErr
	case int64(len(content)) > limit:
		return nil, errBodyTooLong
	}
	*body = io.NopCloser(bytes.NewReader(content))
	return content, nil
}
