package signature

import (
	"encoding/base64"
	"strings"
	"time"
)

// The functions of this file read the one form of Signature-Input and Signature that
// signers write: a single member in its canonical serialisation, parameters of
// RFC 9421 only, each once. They judge nothing. What has any other form, right or
// wrong, is "not common" and goes to the structured-fields parser, so the verdict on
// a message never depends on which of the two has read it. A fuzz target holds them
// to that; they are here because they cost two allocations instead of a hundred.

// scanInput reads a Signature-Input field.
func scanInput(field string) (Input, bool) {
	if len(field) > maxFieldBytes {
		return Input{}, false
	}
	s := scanner{rest: field}
	label, ok := s.key()
	if !ok || !s.skip("=(") {
		return Input{}, false
	}
	in := Input{Label: label, value: field[len(label)+len("="):]}
	if in.Components, ok = s.components(); !ok {
		return Input{}, false
	}
	if in.Params, ok = s.params(); !ok {
		return Input{}, false
	}
	return in, true
}

// scanSignature reads a Signature field with this label and no other.
func scanSignature(field, label string) ([]byte, bool) {
	if len(field) > maxFieldBytes {
		return nil, false
	}
	text, labelled := strings.CutPrefix(field, label+"=:")
	text, closed := strings.CutSuffix(text, ":")
	// Decoding passes over line breaks, which the grammar does not allow.
	if !labelled || !closed || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	return signature, err == nil
}

// scanner reads from the front of rest. After a failed step it is of no use.
type scanner struct{ rest string }

// skip reads exactly this text.
func (s *scanner) skip(text string) bool {
	rest, ok := strings.CutPrefix(s.rest, text)
	s.rest = rest
	return ok
}

// key reads a key of a dictionary or a parameter (RFC 9651 section 3.1.2).
func (s *scanner) key() (string, bool) {
	end := 0
	for ; end < len(s.rest); end++ {
		c := s.rest[end]
		mayBegin := 'a' <= c && c <= 'z' || c == '*'
		mayFollow := '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
		if !mayBegin && (end == 0 || !mayFollow) {
			break
		}
	}
	key := s.rest[:end]
	s.rest = s.rest[end:]
	return key, key != ""
}

// text reads a String without escapes and gives it with its quotes.
func (s *scanner) text() (string, bool) {
	if s.rest == "" || s.rest[0] != '"' {
		return "", false
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[:i+1]
			s.rest = s.rest[i+1:]
			return text, true
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// components reads an inner list after its opening parenthesis, and the closing one.
// Its members have no parameter but req.
func (s *scanner) components() ([]Component, bool) {
	end := strings.IndexByte(s.rest, ')')
	if end < 0 {
		return nil, false
	}
	count := 1 + strings.Count(s.rest[:end], " ")
	if count > maxComponents {
		return nil, false
	}
	list := make([]Component, 0, count)
	for {
		start := s.rest
		id, ok := s.text()
		if !ok {
			return nil, false
		}
		c := quoted(id)
		if c.spec.req = s.skip(";req"); c.spec.req {
			c.id = start[:len(id)+len(";req")]
		}
		if c.spec.check(false) != nil {
			return nil, false
		}
		list = append(list, c)
		if s.skip(")") {
			return list, true
		}
		if !s.skip(" ") {
			return nil, false
		}
	}
}

// params reads signature parameters up to the end of the field.
func (s *scanner) params() (Params, bool) {
	var p Params
	for s.rest != "" {
		if !s.skip(";") {
			return p, false
		}
		name, ok := s.key()
		if !ok || !s.skip("=") {
			return p, false
		}
		switch name {
		case "created":
			ok = s.time(&p.Created)
		case "expires":
			ok = s.time(&p.Expires)
		case "nonce":
			ok = s.param(&p.Nonce)
		case "keyid":
			ok = s.param(&p.KeyID)
		case "alg":
			ok = s.param(&p.Alg)
		case "tag":
			ok = s.param(&p.Tag)
		default:
			ok = false
		}
		if !ok {
			return p, false
		}
	}
	return p, true
}

// param reads a text that is neither empty, nor too long, nor the second one.
func (s *scanner) param(value *string) bool {
	text, ok := s.text()
	if !ok || *value != "" || len(text) <= len(`""`) || len(text) > maxParamBytes+len(`""`) {
		return false
	}
	*value = text[1 : len(text)-1]
	return true
}

// maxDigits is how long an Integer of structured fields may be (RFC 9651 section 3.3.1).
const maxDigits = 15

// time reads unix seconds without sign and leading zeros, once.
func (s *scanner) time(at *time.Time) bool {
	var seconds int64
	digits := 0
	for ; digits < len(s.rest) && '0' <= s.rest[digits] && s.rest[digits] <= '9'; digits++ {
		if digits == maxDigits {
			return false
		}
		seconds = 10*seconds + int64(s.rest[digits]-'0')
	}
	if digits == 0 || s.rest[0] == '0' || !at.IsZero() {
		return false
	}
	s.rest = s.rest[digits:]
	*at = time.Unix(seconds, 0)
	return true
}
