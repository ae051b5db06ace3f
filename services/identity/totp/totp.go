package totp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and the only hash that all authenticator apps know; HMAC does not need more.
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash"
	"time"
)

const (
	// Digits is how long a code is.
	Digits = 6
	// Period is how long a time step takes.
	Period = 30 * time.Second
	// KeySize is the size of a secret in bytes: the length of a SHA-1 hash (RFC 4226 section 4 R6).
	KeySize = sha1.Size
	// skew is how many steps a clock may be off on either side (RFC 6238 section 5.2 recommends one).
	skew = 1
)

// Code is the code of a counter, with as many digits as asked for, at most 9 (RFC 4226 section 5.3).
func Code(newHash func() hash.Hash, key []byte, counter uint64, digits int) string {
	h := hmac.New(newHash, key)
	h.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := h.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// Step is the number of the time step of a moment.
func Step(at time.Time) int64 { return at.Unix() / int64(Period/time.Second) }

// At is the code of a moment.
func At(key []byte, at time.Time) string { return Code(sha1.New, key, uint64(Step(at)), Digits) }

// Verify tells of which step a code is: that of now, or of one step before or after. A step up to last is spent and proves nothing, so each
// code is good once. All candidates are looked at, whichever fits.
func Verify(key []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	middle := Step(now)
	for candidate := middle - skew; candidate <= middle+skew; candidate++ {
		fits := subtle.ConstantTimeCompare([]byte(code), []byte(Code(sha1.New, key, uint64(candidate), Digits))) == 1
		if fits && candidate > last && !ok {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// Text is a secret as people type it into an app: base 32 without padding.
func Text(key []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
}
