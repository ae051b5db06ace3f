package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

func TestThumbprintsOfTheRFCs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ jwk, want string }{
		"RSA, RFC 7638 section 3.1": {`{"kty":"RSA","e":"AQAB","kid":"2011-04-29","n":` +
			`"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs` +
			`tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI` +
			`SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"Ed25519, RFC 8037 appendix A.3": {
			`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		key, err := signature.ParseJWK([]byte(c.jwk))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := key.Thumbprint(); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestAPrintedKeyIsPublicAndReadsBack(t *testing.T) {
	t.Parallel()
	for id, key := range demoKeys(t) {
		jwk, err := key.JWK()
		if id == "demo-shop" {
			if signature.ReasonOf(err) != signature.ReasonAlgorithm {
				t.Errorf("a shared secret was printed: %v", err)
			}
			if _, err := key.Thumbprint(); err == nil {
				t.Error("a shared secret has a thumbprint")
			}
			continue
		}
		if err != nil || jwk.D != "" || jwk.K != "" {
			t.Fatalf("%s: %v, or a secret member", id, err)
		}
		again, err := signature.ParseJWK([]byte(toJSON(t, jwk)))
		if err != nil || again.ID != id || again.Algorithm != key.Algorithm || again.Private != nil {
			t.Errorf("%s reads back as %v, %v", id, again, err)
		}
		first, _ := key.Thumbprint()
		second, _ := again.Thumbprint()
		if first != second {
			t.Errorf("%s changed its thumbprint", id)
		}
	}
}

func TestAKeyWithoutAnIDIsNamedByItsThumbprint(t *testing.T) {
	t.Parallel()
	key, err := signature.ParseJWK([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil || key.ID != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("got %q, %v", key.ID, err)
	}
}

func TestJWKsThatAreRefused(t *testing.T) {
	t.Parallel()
	good := string(demoP256())
	for name, raw := range map[string]string{
		"no JSON":            "{",
		"no type":            "{}",
		"another curve":      strings.Replace(good, "P-256", "P-384", 1),
		"off the curve":      strings.Replace(good, `"x":"`+member(t, good, "x"), `"x":"`+member(t, good, "y"), 1),
		"halves of two keys": strings.Replace(good, member(t, good, "d"), base64.RawURLEncoding.EncodeToString(demoScalar("other")), 1),
		"short coordinate":   strings.Replace(good, member(t, good, "x"), "AAAA", 1),
		"padded base64":      strings.Replace(good, member(t, good, "x"), member(t, good, "x")+"=", 1),
		"for encryption":     strings.Replace(good, `"kid"`, `"use":"enc","kid"`, 1),
		"not for signatures": strings.Replace(good, `"kid"`, `"key_ops":["encrypt"],"kid"`, 1),
		"for nothing":        strings.Replace(good, `"kid"`, `"key_ops":[],"kid"`, 1),
		"a short secret":     `{"kty":"oct","k":"` + strings.Repeat("A", 42) + `"}`,
		"another algorithm":  strings.Replace(good, `"kid"`, `"alg":"HS256","kid"`, 1),
		"short RSA":          `{"kty":"RSA","n":"` + strings.Repeat("_", 171) + `","e":"AQAB"}`,
		"even RSA exponent":  `{"kty":"RSA","n":"` + strings.Repeat("_", 342) + `","e":"Ag"}`,
		"empty secret":       `{"kty":"oct","k":""}`,
		"short Ed25519":      `{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`,
		"X25519":             `{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		"Ed25519 halves":     `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
	} {
		if key, err := signature.ParseJWK([]byte(raw)); signature.ReasonOf(err) == "" {
			t.Errorf("%s: got %v, %v", name, key, err)
		}
	}
}

// member gives the text of one member of a JWK.
func member(t *testing.T, jwk, name string) string {
	t.Helper()
	var members map[string]string
	if err := json.Unmarshal([]byte(jwk), &members); err != nil {
		t.Fatal(err)
	}
	return members[name]
}

func TestKeyMaterialIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := signature.Key{ID: "demo", Algorithm: signature.HMACSHA256, Secret: []byte("a-secret-of-32-bytes-for-the-test")}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", key, "keys", []signature.Key{key})
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", key)
	fmt.Fprintf(&log, "%v %+v %#v %s %v", key, key, key, key, []signature.Key{key})
	log.WriteString(toJSON(t, key))
	for _, leak := range []string{"a-secret", "YS1zZWNyZXQ", "97 45 115", "0x61"} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the secret shows as %q in\n%s", leak, log.String())
		}
	}
}
