package signature_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

// The rows S01 to S24 of the attack matrix, as far as they concern this package. What
// answers the outside, with which status, is the edge's.
//
//	S01 S02 S03 S04 S09 S10 S11 S16 S18  TestTamperedMessages
//	S05      TestAValidSignatureIsNotEnough
//	S06 S07  TestReplays, TestOneOfManyEqualMessagesPasses
//	S08      TestTamperedMessages: after each refusal the real message passes
//	S12 S13 S14 S20 S21 S22  below
//	S15      the edge's key stores, which are by lender and by kind of caller
//	S17      TestComponentsThatCannotBeSigned, TestLinesOfOneComponent
//	S19      TestP256SignaturesOutOfRange, and Wycheproof among the outside cases
//	S23      TestAnAnswerBelongsToItsRequest
//	S24      TestRandomMutations, TestTheScannerAgreesWithTheParser, the fuzz targets

// S12, with S11: whatever a caller knows of a public key makes no secret of it.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	for _, id := range []string{"demo-device", "demo-server"} {
		der, err := x509.MarshalPKIXPublicKey(keys[id].Public)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := keys[id].JWK()
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string][]byte{"DER": der, "raw": der[len(der)-32:], "JWK": []byte(toJSON(t, jwk))} {
			forger := demoSigner(signature.Key{ID: id, Algorithm: signature.HMACSHA256, Secret: secret}, signature.ProfileLendgate1())
			r := signed(t, forger)
			_, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), signature.ProfileLendgate1())
			if reason := signature.ReasonOf(err); reason != signature.ReasonSignature {
				t.Errorf("%s as %s gives %v", id, name, err)
			}
		}
	}
}

// countedKeys and countedNonces count the questions that stores are asked.
type countedKeys struct {
	signature.KeyStore
	asked *atomic.Int32
}

func (s countedKeys) Key(ctx context.Context, id string) (signature.Key, error) {
	s.asked.Add(1)
	return s.KeyStore.Key(ctx, id)
}

type countedNonces struct {
	signature.NonceStore
	asked *atomic.Int32
}

func (s countedNonces) Consume(ctx context.Context, keyID, nonce string, until time.Time) error {
	s.asked.Add(1)
	return s.NonceStore.Consume(ctx, keyID, nonce, until)
}

// S13: a flood of unknown keys costs one question each, and a message that cannot be
// verified whoever signed it costs none. Neither reaches the nonces.
func TestAFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	const flood = 10_000
	keys := demoKeys(t)
	var keysAsked, noncesAsked atomic.Int32
	verifier := demoVerifier(countedKeys{keys, &keysAsked})
	verifier.Nonces = countedNonces{verifier.Nonces, &noncesAsked}
	key, policy := keys["demo-shop"], signature.ProfileLendgate1()
	for i := range flood {
		key.ID = fmt.Sprintf("demo-stranger-%d", i)
		r := signed(t, demoSigner(key, policy))
		_, err := verifier.Verify(t.Context(), r, []byte(demoBody), policy)
		if reason := signature.ReasonOf(err); reason != signature.ReasonUnknownKey {
			t.Fatalf("got %v", err)
		}
	}
	if keysAsked.Load() != flood || noncesAsked.Load() != 0 {
		t.Errorf("%d questions for keys, %d for nonces", keysAsked.Load(), noncesAsked.Load())
	}
	keysAsked.Store(0)
	for _, c := range tamperings() {
		if c.want != signature.ReasonMalformed && c.want != signature.ReasonPolicy && c.want != signature.ReasonMissing {
			continue
		}
		r, body := signed(t, demoSigner(keys["demo-device"], policy)), []byte(demoBody)
		c.change(r, &body)
		_, err := verifier.Verify(t.Context(), r, body, policy)
		if reason := signature.ReasonOf(err); reason != c.want || keysAsked.Load() != 0 || noncesAsked.Load() != 0 {
			t.Errorf("%s gives %v after %d questions for keys, %d for nonces", c.name, err, keysAsked.Load(), noncesAsked.Load())
		}
	}
}

// S14: a record that says from when a key is revoked counts at that very second, also
// when a cache holds the record longer.
func TestRevocationCountsAtItsSecond(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	key := keys["demo-device"]
	key.RevokedAt = demoNow().Add(5 * time.Second)
	keys["demo-device"] = key
	signer, policy := demoSigner(key, signature.ProfileLendgate1()), signature.ProfileLendgate1()
	for after, want := range map[time.Duration]signature.Reason{
		0: "", 4 * time.Second: "", 5 * time.Second: signature.ReasonInactiveKey, time.Minute: signature.ReasonInactiveKey,
	} {
		r := signed(t, signer)
		verifier := demoVerifier(keys)
		verifier.Now = func() time.Time { return demoNow().Add(after) }
		_, err := verifier.Verify(t.Context(), r, []byte(demoBody), policy)
		if reason := signature.ReasonOf(err); reason != want {
			t.Errorf("after %v: %v", after, err)
		}
	}
}

// S20: what RFC 9421 calls the same authority and query is the same. Everything else
// that a lenient router might take for the same path is another one.
func TestOtherSpellingsOfOneTarget(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	policy := withoutNonce(signature.ProfileLendgate1())
	signedAs := func(host, target string) *http.Request {
		r := demoRequest()
		r.Host, r.RequestURI = host, target
		if err := demoSigner(keys["demo-shop"], signature.ProfileLendgate1()).Sign(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	const host, target = "api.lender.example", "/pay/loan-1"
	for _, c := range []struct {
		host, target string
		passes       bool
	}{
		{host, target, true},
		{"API.lender.EXAMPLE", target, true},
		{host + ":443", target, true},
		{host, target + "?", true},
		{host, "https://" + host + target, true},
		{host + ":80", target, false},
		{host + ".", target, false},
		{host, target + "/", false},
		{host, "/" + target, false},
		{host, "/./pay/loan-1", false},
		{host, "/x/../pay/loan-1", false},
		{host, "/pay/%6Coan-1", false},
		{host, "/pay%2Floan-1", false},
		{host, "/Pay/loan-1", false},
		{host, target + "?x", false},
		{host, target + ";x", false},
		{host, "http://" + host + target + "#x", false},
	} {
		r := signedAs(host, target)
		r.Host, r.RequestURI = c.host, c.target
		_, err := demoVerifier(keys).Verify(t.Context(), r, []byte(demoBody), policy)
		if (err == nil) != c.passes {
			t.Errorf("%s %s: %v", c.host, c.target, err)
		}
	}
}

// S21: nothing that a message says of itself makes a signature unnecessary, or of
// another kind.
func TestThereIsNoOtherVersionToAskFor(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	for name, change := range map[string]func(http.Header){
		"a legacy version":        func(h http.Header) { h.Set("X-Signature-Version", "0") },
		"the draft of old":        func(h http.Header) { h.Set("Signature", `keyId="demo-shop",algorithm="hs2019",signature="AAAA"`) },
		"the draft in its header": func(h http.Header) { h.Set("Authorization", `Signature keyId="demo-shop",signature="AAAA"`) },
		"a HMAC of the body":      func(h http.Header) { h.Set("X-Signature", "sha256=00") },
	} {
		r := demoRequest()
		change(r.Header)
		_, err := demoVerifier(keys).Verify(t.Context(), r, []byte(demoBody), signature.ProfileLendgate1())
		if reason := signature.ReasonOf(err); reason != signature.ReasonMissing {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

// S22: the digest is that of the bytes on the wire, not of what they unpack to.
func TestTheDigestIsOfTheWire(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(demoBody)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	r := signed(t, demoSigner(keys["demo-shop"], signature.ProfileLendgate1())) // over the plain content
	r.Header.Set("Content-Encoding", "gzip")
	_, err := demoVerifier(keys).Verify(t.Context(), r, packed.Bytes(), signature.ProfileLendgate1())
	if reason := signature.ReasonOf(err); reason != signature.ReasonDigest {
		t.Errorf("got %v", err)
	}
}
