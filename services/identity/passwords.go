package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"golang.org/x/crypto/argon2"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The cost of a password hash: Argon2id with 19 MiB, two passes and one lane (OWASP's first choice), about 20 ms of a core.
const (
	argonMemory  = 19 << 10 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonKeySize = 32
	saltSize     = 16
)

const (
	// minPasswordLength is in characters (ASVS V6.2.1 wants 8 and recommends 15).
	minPasswordLength = 12
	// minDistinct is of how many different characters a password is made at least.
	minDistinct = 5
	// maxWaiting is for how many hashes callers may wait at once; the next are turned away, so that a flood of logins takes neither the
	// memory nor the time of everybody else (L15 of the attack matrix).
	maxWaiting = 64
)

// hasher computes password hashes, two a core at a time.
type hasher struct {
	slots   chan struct{}
	waiting chan struct{}
	// nobody is the hash that a password for an unknown address is compared with: it takes the same time and fits none.
	nobody string
}

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), waiting: make(chan struct{}, maxWaiting)}
	random := make([]byte, saltSize+argonKeySize)
	rand.Read(random)
	h.nobody = encodeHash(random[:saltSize], random[saltSize:])
	return h
}

// hash makes the hash of a new password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	key, err := h.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encodeHash(salt, key), nil
}

// fits tells whether a password has the given hash. A nil hash, of an account that is not there or has no password, fits none and takes as
// long.
func (h *hasher) fits(ctx context.Context, hash *string, password string) (bool, error) {
	text := h.nobody
	if hash != nil {
		text = *hash
	}
	salt, want, err := decodeHash(text)
	if err != nil {
		return false, err
	}
	got, err := h.derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && hash != nil, nil
}

// derive waits for its turn and computes.
func (h *hasher) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_OVERLOADED, "too many logins at once", rpcerr.RetryAfter(loginPause))
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKeySize), nil
}

// encodeHash writes a hash in the PHC form, so that the cost can grow later and old hashes still say what theirs was.
func encodeHash(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%s%s$%s", hashPrefix(), b64(salt), b64(key))
}

func hashPrefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonPasses, argonLanes)
}

// decodeHash reads what encodeHash wrote. There is one cost so far, so any other is a fault of the row.
func decodeHash(text string) (salt, key []byte, err error) {
	rest, ok := strings.CutPrefix(text, hashPrefix())
	saltText, keyText, two := strings.Cut(rest, "$")
	if !ok || !two {
		return nil, nil, fmt.Errorf("identity: a password hash begins with %q, not %q", text[:min(len(text), 31)], hashPrefix())
	}
	if salt, err = base64.RawStdEncoding.DecodeString(saltText); err != nil {
		return nil, nil, fmt.Errorf("identity: read the salt of a password: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(keyText); err != nil {
		return nil, nil, fmt.Errorf("identity: read the hash of a password: %w", err)
	}
	return salt, key, nil
}

// checkPassword refuses a password that is too easy to guess. There are no rules of composition, which only make people predictable (ASVS
// V6.2.5): length decides, and that it is not one key held down, nor the address itself.
func checkPassword(password, email string) error {
	distinct := map[rune]bool{}
	for _, letter := range password {
		distinct[letter] = true
	}
	name, _, _ := strings.Cut(email, "@")
	lower := strings.ToLower(password)
	if utf8.RuneCountInString(password) < minPasswordLength || len(distinct) < minDistinct || lower == email || strings.Trim(lower, name+"0123456789!.-_") == "" {
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PASSWORD_WEAK, "the password is too short or too easy to guess",
			rpcerr.Meta("min_length", strconv.Itoa(minPasswordLength)), rpcerr.Field("password", "is too short or too easy to guess"))
	}
	return nil
}
