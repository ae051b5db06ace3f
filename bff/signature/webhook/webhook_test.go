package webhook_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/bff/signature/webhook"
)

// The example of the specification and of its libraries.
const (
	exampleSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	examplePayload   = `{"test": 2432232314}`
	exampleSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	exampleSeed      = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
	examplePublic    = "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="
	exampleEd25519   = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
)

func exampleNow() time.Time { return time.Unix(1614265330, 0) }

func key(t testing.TB, text string) signature.Key {
	t.Helper()
	k, err := webhook.ParseKey("demo", text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func verifier(t testing.TB, keys ...string) webhook.Verifier {
	t.Helper()
	v := webhook.Verifier{Now: exampleNow}
	for _, text := range keys {
		v.Keys = append(v.Keys, key(t, text))
	}
	return v
}

func sign(t testing.TB, keys ...string) http.Header {
	t.Helper()
	header := http.Header{}
	signer := webhook.Signer{Keys: verifier(t, keys...).Keys, Now: exampleNow}
	if err := signer.Sign(header, exampleID, []byte(examplePayload)); err != nil {
		t.Fatal(err)
	}
	return header
}

func TestTheExamplesOfTheSpecification(t *testing.T) {
	t.Parallel()
	header := sign(t, exampleSecret, exampleSeed)
	if got := header.Get(webhook.HeaderSignature); got != exampleSignature+" "+exampleEd25519 {
		t.Errorf("got %s", got)
	}
	if header.Get(webhook.HeaderID) != exampleID || header.Get(webhook.HeaderTimestamp) != "1614265330" {
		t.Errorf("got %v", header)
	}
	public, err := webhook.PublicKey(key(t, exampleSeed))
	if err != nil || public != examplePublic {
		t.Errorf("got %s, %v", public, err)
	}
	for _, known := range []string{exampleSecret, exampleSeed, examplePublic} {
		verified, err := verifier(t, known).Verify(header, []byte(examplePayload))
		if err != nil || verified.ID != exampleID || !verified.Time.Equal(exampleNow()) || verified.KeyID != "demo" {
			t.Errorf("%.6s: %+v, %v", known, verified, err)
		}
	}
}

func TestWhileAKeyIsBeingReplaced(t *testing.T) {
	t.Parallel()
	old, fresh := exampleSecret, webhook.NewSecret()
	both := sign(t, old, fresh)
	for _, v := range []webhook.Verifier{verifier(t, old), verifier(t, fresh), verifier(t, fresh, old)} {
		if _, err := v.Verify(both, []byte(examplePayload)); err != nil {
			t.Error(err)
		}
	}
	_, err := verifier(t, webhook.NewSecret()).Verify(both, []byte(examplePayload))
	if reason := signature.ReasonOf(err); reason != signature.ReasonSignature {
		t.Errorf("a stranger's key gives %v", err)
	}
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(http.Header)
		want   signature.Reason
	}{
		"no id":                  {func(h http.Header) { h.Del(webhook.HeaderID) }, signature.ReasonMissing},
		"an empty id":            {set(webhook.HeaderID, ""), signature.ReasonMissing},
		"no timestamp":           {func(h http.Header) { h.Del(webhook.HeaderTimestamp) }, signature.ReasonMissing},
		"no signature":           {func(h http.Header) { h.Del(webhook.HeaderSignature) }, signature.ReasonMissing},
		"two ids":                {func(h http.Header) { h.Add(webhook.HeaderID, exampleID) }, signature.ReasonMalformed},
		"another id":             {set(webhook.HeaderID, exampleID+"x"), signature.ReasonSignature},
		"an id with a full stop": {set(webhook.HeaderID, exampleID+".1614265330"), signature.ReasonMalformed},
		"an id with a line":      {set(webhook.HeaderID, "a\nb"), signature.ReasonMalformed},
		"a long id":              {set(webhook.HeaderID, strings.Repeat("a", 257)), signature.ReasonMalformed},
		"another time":           {set(webhook.HeaderTimestamp, "1614265331"), signature.ReasonSignature},
		"a time with a zero":     {set(webhook.HeaderTimestamp, "01614265330"), signature.ReasonSignature},
		"a time with a sign":     {set(webhook.HeaderTimestamp, "+1614265330"), signature.ReasonMalformed},
		"a time with a fraction": {set(webhook.HeaderTimestamp, "1614265330.0"), signature.ReasonMalformed},
		"a time of 13 digits":    {set(webhook.HeaderTimestamp, "1614265330000"), signature.ReasonMalformed},
		"301 seconds ago":        {set(webhook.HeaderTimestamp, "1614265029"), signature.ReasonClockSkew},
		"301 seconds ahead":      {set(webhook.HeaderTimestamp, "1614265631"), signature.ReasonClockSkew},
		"300 seconds ago":        {set(webhook.HeaderTimestamp, "1614265030"), signature.ReasonSignature},
		"a version of Ed25519":   {set(webhook.HeaderSignature, "v1a"+exampleSignature[2:]), signature.ReasonSignature},
		"a version to come":      {set(webhook.HeaderSignature, "v2"+exampleSignature[2:]), signature.ReasonSignature},
		"no version":             {set(webhook.HeaderSignature, exampleSignature[3:]), signature.ReasonSignature},
		"no base64":              {set(webhook.HeaderSignature, "v1,%"), signature.ReasonSignature},
		"a cut signature":        {set(webhook.HeaderSignature, "v1,g0hM9SsE"), signature.ReasonSignature},
		"17 signatures":          {set(webhook.HeaderSignature, strings.Repeat("v1,AA== ", 16)+exampleSignature), signature.ReasonMalformed},
		"5 KB of signatures":     {set(webhook.HeaderSignature, strings.Repeat(" ", 5000)+exampleSignature), signature.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := sign(t, exampleSecret)
			c.change(header)
			_, err := verifier(t, exampleSecret).Verify(header, []byte(examplePayload))
			if reason := signature.ReasonOf(err); reason != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	encode := base64.StdEncoding.EncodeToString
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	mixed := slices.Concat(private[:32], ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))[32:])
	for name, text := range map[string]string{
		"nothing": "", "no prefix": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no base64": "whsec_%", "another prefix": "sk_" + encode(make([]byte, 32)),
		"23 bytes": "whsec_" + encode(make([]byte, 23)), "65 bytes": "whsec_" + encode(make([]byte, 65)),
		"a public key of 31": "whpk_" + encode(make([]byte, 31)), "a private key of 33": "whsk_" + encode(make([]byte, 33)),
		"halves of two keys": "whsk_" + encode(mixed), "a line break": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
	} {
		if k, err := webhook.ParseKey("demo", text); err == nil {
			t.Errorf("%s gives %v", name, k)
		}
	}
	if _, err := webhook.ParseKey("demo", "whsk_"+encode(private)); err != nil {
		t.Errorf("a private key with its own public half: %v", err)
	}
	if _, err := webhook.PublicKey(key(t, exampleSecret)); err == nil {
		t.Error("a shared secret has a public half")
	}
	header := http.Header{}
	verifyOnly := webhook.Signer{Keys: verifier(t, examplePublic).Keys, Now: exampleNow}
	if err := verifyOnly.Sign(header, exampleID, nil); signature.ReasonOf(err) != signature.ReasonAlgorithm || len(header) != 0 {
		t.Errorf("a public key signs: %v, %v", header, err)
	}
	for _, id := range []string{"", "a.b", "a b", "é"} {
		if err := (webhook.Signer{Keys: verifier(t, exampleSecret).Keys, Now: exampleNow}).Sign(header, id, nil); err == nil {
			t.Errorf("signs the id %q", id)
		}
	}
	if _, err := (webhook.Verifier{}).Verify(sign(t, exampleSecret), nil); signature.ReasonOf(err) != signature.ReasonUnavailable {
		t.Errorf("without keys: %v", err)
	}
}

// TestRandomChanges accepts nothing whose id, timestamp or content differs.
func TestRandomChanges(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	original := sign(t, exampleSecret)
	v := verifier(t, exampleSecret)
	for range 20_000 {
		header, payload := original.Clone(), []byte(examplePayload)
		places := []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature, "payload"}
		if place := places[random.IntN(len(places))]; place == "payload" {
			payload = change(random, payload)
		} else {
			header.Set(place, string(change(random, []byte(header.Get(place)))))
		}
		_, err := v.Verify(header, payload)
		isSame := header.Get(webhook.HeaderID) == exampleID && header.Get(webhook.HeaderTimestamp) == "1614265330" &&
			string(payload) == examplePayload
		if err == nil && !isSame {
			t.Fatalf("accepted %q %q", header, payload)
		}
	}
}

func change(random *rand.Rand, text []byte) []byte {
	at := random.IntN(len(text))
	switch random.IntN(3) {
	case 0:
		return slices.Insert(text, at, byte(random.IntN(256)))
	case 1:
		return slices.Delete(text, at, at+1)
	default:
		text[at] = byte(random.IntN(256))
		return text
	}
}

func FuzzVerify(f *testing.F) {
	header := sign(f, exampleSecret)
	f.Add(exampleID, "1614265330", header.Get(webhook.HeaderSignature), examplePayload)
	f.Add("a.1", "1", "v1, v1a, v2,", "")
	v := verifier(f, exampleSecret, examplePublic)
	f.Fuzz(func(t *testing.T, id, timestamp, list, payload string) {
		header := http.Header{webhook.HeaderID: {id}, webhook.HeaderTimestamp: {timestamp}, webhook.HeaderSignature: {list}}
		if _, err := v.Verify(header, []byte(payload)); err == nil && (id != exampleID || timestamp != "1614265330" || payload != examplePayload) {
			t.Fatalf("accepted %q %q %q %q", id, timestamp, list, payload)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, text := range []string{exampleSecret, exampleSeed, examplePublic, "whsec_", "_"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := webhook.ParseKey("demo", text)
		if err == nil && signature.ReasonOf(key.VerifyBase([]byte(text), nil)) != signature.ReasonSignature {
			t.Fatalf("%q is a key that fits nothing", text)
		}
	})
}
