package cases

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/bff/signature/webhook"
)

// webhookVector is a webhook as received, with the one key that its receiver knows. The
// form is that of Standard Webhooks 1.0.
type webhookVector struct {
	ID             string            `json:"id"`
	Kind           string            `json:"kind"` // hmac or ed25519
	Secret         string            `json:"secret"`
	Public         string            `json:"public"`
	PrivateSeedB64 string            `json:"private_seed_b64"`
	Headers        map[string]string `json:"headers"`
	Payload        string            `json:"payload"`
	// Now and ToleranceS are in seconds. A webhook older or newer than the tolerance is
	// refused as a replay.
	Now        int64  `json:"now"`
	ToleranceS int64  `json:"tolerance_s"`
	Expect     string `json:"expect"`
}

// runWebhooks gives a verdict on each webhook, and where the key that signed is known,
// asks that signing again gives the same header.
func runWebhooks(_ string, raw []byte) ([]outcome, error) {
	return judgeEach(raw, func(v webhookVector) outcome { return outcome{ID: v.ID, Err: v.check()} })
}

// check verifies, and signs again what was rightly accepted.
func (v webhookVector) check() error {
	// A secret is written whsec_…, a public key whpk_…: the prefix says what it is.
	written := v.Secret
	if v.Kind == "ed25519" {
		written = v.Public
	}
	key, err := webhook.ParseKey(v.ID, written)
	if err != nil {
		return err
	}
	header := http.Header{}
	for name, value := range v.Headers {
		header.Set(name, value)
	}
	verifier := webhook.Verifier{
		Keys: []signature.Key{key}, Now: func() time.Time { return time.Unix(v.Now, 0) },
		Tolerance: time.Duration(v.ToleranceS) * time.Second,
	}
	verified, refusal := verifier.Verify(header, []byte(v.Payload))
	// A webhook that was rightly refused has nothing to sign again.
	if err := verdict(v.Expect, refusal); err != nil || refusal != nil {
		return err
	}
	return v.checkSigning(key, verified, header)
}

// checkSigning signs what has passed once more. The signature must be among those of
// the header, which may hold others of keys that we do not know.
func (v webhookVector) checkSigning(key signature.Key, verified webhook.Verified, header http.Header) error {
	if v.PrivateSeedB64 != "" {
		var err error
		if key, err = webhook.ParseKey(v.ID, "whsk_"+v.PrivateSeedB64); err != nil {
			return err
		}
		// Without the private half nothing can be signed. HMAC has one key for both.
	} else if v.Kind == "ed25519" {
		return nil
	}
	again := http.Header{}
	signer := webhook.Signer{Keys: []signature.Key{key}, Now: func() time.Time { return verified.Time }}
	if err := signer.Sign(again, verified.ID, []byte(v.Payload)); err != nil {
		return err
	}
	if own := again.Get(webhook.HeaderSignature); !strings.Contains(header.Get(webhook.HeaderSignature), own) {
		return fmt.Errorf("signing again gives %q", own)
	}
	return nil
}
