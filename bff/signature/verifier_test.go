package signature_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

func TestEachKindOfKeyPassesTheProfile(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	for id, key := range keys {
		for name, policy := range map[string]signature.Policy{
			"profile": signature.ProfileLendgate1(), "money": signature.ProfileLendgate1Money(),
		} {
			t.Run(id+" "+name, func(t *testing.T) {
				t.Parallel()
				r := signed(t, demoSigner(key, policy))
				verified, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), policy)
				if err != nil {
					t.Fatal(err)
				}
				if verified.KeyID != id || verified.Nonce == "" || len(verified.Covered) != 8 || !verified.Created.Equal(demoNow()) {
					t.Errorf("got %+v", verified)
				}
			})
		}
	}
}

func TestAGetHasNoDigest(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	r, err := http.NewRequest(http.MethodGet, "https://api.lender.example/v1/loans?page=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := demoSigner(keys["demo-server"], signature.ProfileLendgate1()).Sign(r); err != nil {
		t.Fatal(err)
	}
	if _, err := demoVerifier(keys).Verify(t.Context(), r, nil, signature.ProfileLendgate1()); err != nil {
		t.Error(err)
	}
	if r.Header.Get("Content-Digest") != "" {
		t.Error("a GET got a digest")
	}
	// The same signature with content smuggled in.
	_, err = demoVerifier(keys).Verify(t.Context(), r, []byte("x"), signature.ProfileLendgate1())
	if reason := signature.ReasonOf(err); reason != signature.ReasonPolicy {
		t.Errorf("content without a digest gives %v", err)
	}
}

// Messages that are validly signed but state too little.
func TestAValidSignatureIsNotEnough(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	fewer := signature.ProfileLendgate1()
	fewer.Required = fewer.Required[:3]
	more := signature.ProfileLendgate1()
	more.Required = append(more.Required, signature.Derived("@scheme"))
	otherTag := signature.ProfileLendgate1()
	otherTag.Tag = "web-bot-auth"
	for _, c := range []struct {
		name   string
		signer signature.Signer
		want   signature.Reason
	}{
		{"fewer components", demoSigner(keys["demo-shop"], fewer), signature.ReasonPolicy},
		{"more components", demoSigner(keys["demo-shop"], more), signature.ReasonPolicy},
		{"a tag for another purpose", demoSigner(keys["demo-shop"], otherTag), signature.ReasonMissing},
		{"a life of 121 seconds", signature.Signer{
			Key: keys["demo-shop"], Policy: signature.ProfileLendgate1(), Now: demoNow, Lifetime: 121 * time.Second,
		}, signature.ReasonPolicy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := signed(t, c.signer)
			_, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), signature.ProfileLendgate1())
			if reason := signature.ReasonOf(err); reason != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	t.Run("money without an idempotency key", func(t *testing.T) {
		t.Parallel()
		r := demoRequest()
		r.Header.Del("Idempotency-Key")
		if err := demoSigner(keys["demo-shop"], signature.ProfileLendgate1()).Sign(r); err != nil {
			t.Fatal(err)
		}
		_, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), signature.ProfileLendgate1Money())
		if reason := signature.ReasonOf(err); reason != signature.ReasonPolicy {
			t.Errorf("got %v", err)
		}
	})
}

func TestSomebodyElsesSignatureBesideOurs(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	r := signed(t, demoSigner(keys["demo-device"], signature.ProfileLendgate1()))
	r.Header.Add("Signature-Input", `proxy=("@NOSUCH");created=1;keyid="proxy"`)
	r.Header.Add("Signature", `proxy=:AAAA:`)
	verified, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), signature.ProfileLendgate1())
	if err != nil || verified.Label != "lendgate" {
		t.Errorf("got %+v, %v", verified, err)
	}
}

func TestReplays(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	verifier, policy := demoVerifier(keys), signature.ProfileLendgate1()
	signer := demoSigner(keys["demo-device"], policy)
	r := signed(t, signer)
	body := bodyOf(t, r)
	if _, err := verifier.Verify(t.Context(), r, body, policy); err != nil {
		t.Fatal(err)
	}
	_, err := verifier.Verify(t.Context(), r, body, policy)
	if signature.ReasonOf(err) != signature.ReasonReplay || !errors.Is(err, signature.ErrReplay) {
		t.Errorf("the same message again gives %v", err)
	}
	other := demoRequest()
	other.Header.Set("Idempotency-Key", `"demo-2"`)
	if err := signer.Sign(other); err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(t.Context(), other, body, policy)
	if reason := signature.ReasonOf(err); reason != signature.ReasonReplay {
		t.Errorf("another message with the same nonce gives %v", err)
	}
	// A nonce belongs to its key.
	r = signed(t, demoSigner(keys["demo-server"], policy))
	if _, err := verifier.Verify(t.Context(), r, body, policy); err != nil {
		t.Errorf("another key with the same nonce gives %v", err)
	}
}

func TestOneOfManyEqualMessagesPasses(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	verifier, policy := demoVerifier(keys), signature.ProfileLendgate1()
	r := signed(t, demoSigner(keys["demo-shop"], policy))
	body := bodyOf(t, r)
	var passed atomic.Int32
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if _, err := verifier.Verify(t.Context(), r, body, policy); err == nil {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d passed", passed.Load())
	}
}

func TestP256SignaturesOutOfRange(t *testing.T) {
	t.Parallel()
	key := demoKeys(t)["demo-device"]
	base := []byte("base")
	good, err := key.SignBase(base)
	if err != nil {
		t.Fatal(err)
	}
	order := key.Public.(*ecdsa.PublicKey).Params().N
	der, err := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(good[:32]), new(big.Int).SetBytes(good[32:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	join := func(r, s []byte) []byte { return append(bytes.Clone(r), s...) }
	for name, bad := range map[string][]byte{
		"r zero": join(make([]byte, 32), good[32:]), "s zero": join(good[:32], make([]byte, 32)),
		"both zero": make([]byte, 64), "r is n": join(order.Bytes(), good[32:]), "s is n": join(good[:32], order.Bytes()),
		"s all ones": join(good[:32], bytes.Repeat([]byte{0xff}, 32)),
		"ASN.1":      der, "63 bytes": good[:63], "65 bytes": append(bytes.Clone(good), 0), "empty": nil,
	} {
		if reason := signature.ReasonOf(key.VerifyBase(base, bad)); reason != signature.ReasonSignature {
			t.Errorf("%s gives %q", name, reason)
		}
	}
}

// A key record that could be read two ways is refused before any arithmetic.
func TestKeysThatDoNotFitTheirAlgorithm(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	device, server := keys["demo-device"], keys["demo-server"]
	der, err := x509.MarshalPKIXPublicKey(device.Public)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]signature.Key{
		"P-256 named HMAC":            {Algorithm: signature.HMACSHA256, Public: device.Public},
		"P-256 with a secret":         {Algorithm: signature.ECDSAP256SHA256, Public: device.Public, Secret: der},
		"Ed25519 named P-256":         {Algorithm: signature.ECDSAP256SHA256, Public: server.Public},
		"HMAC without a secret":       {Algorithm: signature.HMACSHA256},
		"an algorithm of older times": {Algorithm: "rsa-v1_5-sha256", Public: device.Public},
		"nothing":                     {},
		"a nil P-256 key":             {Algorithm: signature.ECDSAP256SHA256, Public: (*ecdsa.PublicKey)(nil)},
	} {
		if reason := signature.ReasonOf(key.VerifyBase([]byte("base"), make([]byte, 64))); reason != signature.ReasonAlgorithm {
			t.Errorf("%s gives %q", name, reason)
		}
	}
}

func TestKeysOutsideOfTheirLife(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*signature.Key)
		want   signature.Reason
	}{
		"revoked now":    {func(k *signature.Key) { k.RevokedAt = demoNow() }, signature.ReasonInactiveKey},
		"ended":          {func(k *signature.Key) { k.NotAfter = demoNow().Add(-time.Second) }, signature.ReasonInactiveKey},
		"not yet begun":  {func(k *signature.Key) { k.NotBefore = demoNow().Add(time.Second) }, signature.ReasonInactiveKey},
		"short secret":   {func(k *signature.Key) { k.Secret = k.Secret[:31] }, signature.ReasonAlgorithm},
		"of another id":  {func(k *signature.Key) { k.ID = "demo-other" }, signature.ReasonUnavailable},
		"to be revoked":  {func(k *signature.Key) { k.RevokedAt = demoNow().Add(time.Second) }, ""},
		"within its end": {func(k *signature.Key) { k.NotAfter = demoNow() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := demoKeys(t)
			r := signed(t, demoSigner(keys["demo-shop"], signature.ProfileLendgate1()))
			key := keys["demo-shop"]
			c.change(&key)
			keys["demo-shop"] = key
			_, err := demoVerifier(keys).Verify(t.Context(), r, bodyOf(t, r), signature.ProfileLendgate1())
			if reason := signature.ReasonOf(err); reason != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

type brokenStore struct{}

var errBroken = errors.New("no connection")

func (brokenStore) Key(context.Context, string) (signature.Key, error) {
	return signature.Key{}, errBroken
}

func (brokenStore) Consume(context.Context, string, string, time.Time) error { return errBroken }

func TestABrokenStoreIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	policy := signature.ProfileLendgate1()
	r := signed(t, demoSigner(keys["demo-shop"], policy))
	body := bodyOf(t, r)
	noKeys, noNonces, none := demoVerifier(keys), demoVerifier(keys), demoVerifier(keys)
	noKeys.Keys, noNonces.Nonces, none.Nonces = brokenStore{}, brokenStore{}, nil
	for name, verifier := range map[string]signature.Verifier{
		"key store": noKeys, "nonce store": noNonces, "no nonce store": none, "nothing": {},
	} {
		_, err := verifier.Verify(t.Context(), r, body, policy)
		if reason := signature.ReasonOf(err); reason != signature.ReasonUnavailable {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := demoVerifier(keys).Verify(t.Context(), r, body, signature.Policy{}); signature.ReasonOf(err) != signature.ReasonUnavailable {
		t.Errorf("the zero policy gives %v", err)
	}
}

func TestMemoryNoncesForgetOnlyWhatEnded(t *testing.T) {
	t.Parallel()
	now := demoNow()
	store := signature.NewMemoryNonces(func() time.Time { return now }, 2)
	consume := func(nonce string) error { return store.Consume(t.Context(), "k", nonce, now.Add(time.Minute)) }
	if errors.Join(consume("a"), consume("b")) != nil {
		t.Fatal("two nonces fit")
	}
	if err := consume("c"); err == nil || errors.Is(err, signature.ErrReplay) {
		t.Errorf("a full store gives %v", err)
	}
	if err := consume("a"); !errors.Is(err, signature.ErrReplay) {
		t.Errorf("a replay in a full store gives %v", err)
	}
	now = now.Add(time.Minute)
	if err := consume("c"); err != nil {
		t.Errorf("after the end of the others: %v", err)
	}
}

func TestAcceptSignatureNamesWhatIsWanted(t *testing.T) {
	t.Parallel()
	const want = `lendgate=("@method" "@authority" "@path" "@query" "content-digest" "content-type" "authorization" "idempotency-key")` +
		`;created;expires;tag="lendgate-1"`
	for _, policy := range []signature.Policy{signature.ProfileLendgate1(), signature.ProfileLendgate1Money()} {
		if got := signature.AcceptSignature(policy); got != want {
			t.Errorf("got %s", got)
		}
	}
}

func TestContentDigest(t *testing.T) {
	t.Parallel()
	// The field of {"hello": "world"} and a line feed: RFC 9530, appendix B.1.
	content := []byte("{\"hello\": \"world\"}\n")
	const field = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
	if got := signature.ContentDigest(content); got != field {
		t.Fatalf("got %s", got)
	}
	wrong := "sha-512=:" + base64.StdEncoding.EncodeToString(make([]byte, 64)) + ":"
	for _, c := range []struct {
		name  string
		lines []string
		want  signature.Reason
	}{
		{"right", []string{field}, ""},
		{"with an algorithm we do not know", []string{"sha3=:AAAA:", field}, ""},
		{"two of which one is wrong", []string{field + ", " + wrong}, signature.ReasonDigest},
		{"given twice", []string{field, field}, signature.ReasonDigest},
		{"md5 alone", []string{"md5=:AAAA:"}, signature.ReasonDigest},
		{"in upper case", []string{strings.ToUpper(field[:7]) + field[7:]}, signature.ReasonDigest},
		{"as text", []string{`sha-256="RK"`}, signature.ReasonDigest},
		{"as a list", []string{`sha-256=(1 2)`}, signature.ReasonDigest},
		{"empty", []string{""}, signature.ReasonDigest},
		{"absent", nil, signature.ReasonDigest},
	} {
		err := signature.VerifyContentDigest(http.Header{"Content-Digest": c.lines}, content)
		if reason := signature.ReasonOf(err); reason != c.want {
			t.Errorf("%s gives %v, want %q", c.name, err, c.want)
		}
	}
}
