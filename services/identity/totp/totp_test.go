package totp_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lendgate/lendgate/services/identity/totp"
)

// vector is one line of the RFCs' tables; RFC 4226 counts, RFC 6238 has a time and a hash.
type vector struct {
	ID      string `json:"id"`
	Alg     string `json:"alg"`
	Secret  string `json:"secret_hex"`
	Counter uint64 `json:"counter"`
	Time    int64  `json:"time"`
	Step    int64  `json:"step"`
	Digits  int    `json:"digits"`
	OTP     string `json:"otp"`
}

// TestVectors runs the tables of both RFCs. The floors are all of them.
func TestVectors(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LENDGATE_CASES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "cases")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", "..", dir) // Relative to the module's root.
	}
	for name, floor := range map[string]int{"rfc4226_hotp.json": 8, "rfc6238_totp.json": 11} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(dir, "signing", name))
			if err != nil {
				t.Skipf("the outside cases are not here: %v", err)
			}
			var file struct{ Vectors []vector }
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			passed := 0
			for _, v := range file.Vectors {
				if got := compute(t, v); got != v.OTP {
					t.Errorf("%s: got %s, want %s", v.ID, got, v.OTP)
					continue
				}
				passed++
			}
			fmt.Printf("cases: signing/%s %d/%d\n", name, passed, len(file.Vectors))
			if passed < floor {
				t.Errorf("passed %d, the floor is %d", passed, floor)
			}
		})
	}
}

func compute(t *testing.T, v vector) string {
	t.Helper()
	key, err := hex.DecodeString(v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	counter := v.Counter
	if v.Step > 0 {
		counter = uint64(v.Time / v.Step)
	}
	hashes := map[string]func() hash.Hash{"": sha1.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}
	return totp.Code(hashes[v.Alg], key, counter, v.Digits)
}

func TestACodeIsGoodOnceAndForAStepOnEitherSide(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	now := time.Date(2026, 3, 2, 10, 0, 15, 0, time.UTC)
	for _, c := range []struct {
		name  string
		at    time.Duration
		last  int64
		wants bool
	}{
		{"now", 0, 0, true},
		{"a step before", -totp.Period, 0, true},
		{"a step after", totp.Period, 0, true},
		{"two steps before", -2 * totp.Period, 0, false},
		{"two steps after", 2 * totp.Period, 0, false},
		{"of a step that is spent", 0, totp.Step(now), false},
		{"of a step before one that is spent", -totp.Period, totp.Step(now), false},
		{"of the step after one that is spent", totp.Period, totp.Step(now), true},
	} {
		step, ok := totp.Verify(key, totp.At(key, now.Add(c.at)), now, c.last)
		if ok != c.wants || ok && step != totp.Step(now.Add(c.at)) {
			t.Errorf("a code %s: step %d, %v", c.name, step, ok)
		}
	}
	if _, ok := totp.Verify(key, "", now, 0); ok {
		t.Error("no code passes")
	}
}
