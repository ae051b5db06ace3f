package cases

import (
	"crypto/sha1" //nolint:gosec // The RFCs' own vectors.
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/lendgate/lendgate/services/identity/totp"
)

// otpVector is a line of the tables of RFC 4226, which counts, and RFC 6238,
// which has a time and a hash.
type otpVector struct {
	ID string `json:"id"`
	// Alg is a hash of RFC 6238; empty means SHA-1, the only one of RFC 4226.
	Alg     string `json:"alg"`
	Secret  string `json:"secret_hex"`
	Counter uint64 `json:"counter"`
	// Time and Step are in seconds, Time since 1970. Step 0 means that Counter counts.
	Time   int64  `json:"time"`
	Step   int64  `json:"step"`
	Digits int    `json:"digits"`
	OTP    string `json:"otp"`
}

// runOneTimePasswords computes each code. Both RFCs print codes of their own secrets,
// in appendices D and B.
func runOneTimePasswords(_ string, raw []byte) ([]outcome, error) {
	return judgeEach(raw, func(v otpVector) outcome { return outcome{ID: v.ID, Err: v.check()} })
}

// check uses the code that staff's second factor is verified with. Steps count from
// 1970, which RFC 6238 calls T0 = 0.
func (v otpVector) check() error {
	newHash, ok := map[string]func() hash.Hash{"": sha1.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}[v.Alg]
	if !ok {
		return fmt.Errorf("unknown hash %q", v.Alg)
	}
	key, err := hex.DecodeString(v.Secret)
	if err != nil {
		return err
	}
	counter := v.Counter
	if v.Step > 0 {
		counter = uint64(v.Time / v.Step)
	}
	if got := totp.Code(newHash, key, counter, v.Digits); got != v.OTP {
		return fmt.Errorf("computed %s, want %s", got, v.OTP)
	}
	return nil
}
