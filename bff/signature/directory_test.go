package signature_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/signature"
)

func TestADirectoryPublishesWhatCanBeUsed(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	named := func(id string, change func(*signature.Key)) signature.Key {
		key := keys["demo-server"]
		key.ID = id
		change(&key)
		return key
	}
	set, err := signature.NewJWKSet(demoNow(),
		keys["demo-server"],
		named("next", func(k *signature.Key) { k.NotBefore = demoNow().Add(time.Hour) }),
		named("ended", func(k *signature.Key) { k.NotAfter = demoNow().Add(-time.Hour) }),
		named("revoked", func(k *signature.Key) { k.RevokedAt = demoNow() }),
		named("stillborn", func(k *signature.Key) {
			k.NotBefore, k.RevokedAt = demoNow().Add(time.Hour), demoNow().Add(time.Minute)
		}),
		keys["demo-device"],
	)
	if err != nil {
		t.Fatal(err)
	}
	document := toJSON(t, set)
	if strings.Contains(document, `"d"`) || strings.Contains(document, `"k"`) {
		t.Errorf("a secret in %s", document)
	}
	ring, err := signature.ParseJWKSet([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 0, len(ring))
	for id := range ring {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if diff := cmp.Diff([]string{"demo-device", "demo-server", "next"}, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := signature.NewJWKSet(demoNow(), keys["demo-shop"]); signature.ReasonOf(err) != signature.ReasonAlgorithm {
		t.Errorf("a shared secret gives %v", err)
	}
	if empty, err := signature.NewJWKSet(demoNow()); err != nil || toJSON(t, empty) != `{"keys":[]}` {
		t.Errorf("nothing gives %s, %v", toJSON(t, empty), err)
	}
}

func TestAPublishedSetIsReadWithCare(t *testing.T) {
	t.Parallel()
	key, err := demoKeys(t)["demo-server"].JWK()
	if err != nil {
		t.Fatal(err)
	}
	good := toJSON(t, key)
	for name, c := range map[string]struct {
		set  string
		keys int
		want signature.Reason
	}{
		"one key":                         {`{"keys":[` + good + `]}`, 1, ""},
		"a kind of tomorrow beside it":    {`{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"},` + good + `,{"kty":1},7]}`, 1, ""},
		"nothing":                         {`{}`, 0, ""},
		"two keys under one id":           {`{"keys":[` + good + `,` + good + `]}`, 0, signature.ReasonMalformed},
		"a private key":                   {`{"keys":[` + string(demoP256()) + `]}`, 0, signature.ReasonMalformed},
		"a shared secret":                 {`{"keys":[{"kty":"oct","kid":"s","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}`, 0, signature.ReasonMalformed},
		"not JSON":                        {`{"keys":`, 0, signature.ReasonMalformed},
		"a megabyte more than it may be ": {strings.Repeat(" ", 1<<20) + `{}`, 0, signature.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, err := signature.ParseJWKSet([]byte(c.set))
			if signature.ReasonOf(err) != c.want || len(ring) != c.keys {
				t.Errorf("got %d keys, %v", len(ring), err)
			}
		})
	}
}

// The whole way of a partner that begins with nothing but an address.
func TestADirectoryIsSignedByAKeyThatItHolds(t *testing.T) {
	t.Parallel()
	key := demoKeys(t)["demo-server"]
	signer := signature.Signer{Key: key, Policy: signature.ProfileDirectory(), Now: demoNow}
	asked := httptest.NewRequest(http.MethodGet, "https://api.lender.example"+signature.DirectoryPath, nil)
	set, err := signature.NewJWKSet(demoNow(), key)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {signature.DirectoryType}}
	if err := signer.SignResponse(header, http.StatusOK, body, asked); err != nil {
		t.Fatal(err)
	}
	ring, err := signature.ParseJWKSet(body)
	if err != nil {
		t.Fatal(err)
	}
	verifier := signature.Verifier{Keys: ring, Now: demoNow}
	resp := &http.Response{StatusCode: http.StatusOK, Header: header, Request: asked}
	if _, err := verifier.VerifyResponse(t.Context(), resp, body, signature.ProfileDirectory()); err != nil {
		t.Error(err)
	}
	resp.Request = httptest.NewRequest(http.MethodGet, "https://evil.example"+signature.DirectoryPath, nil)
	_, err = verifier.VerifyResponse(t.Context(), resp, body, signature.ProfileDirectory())
	if reason := signature.ReasonOf(err); reason != signature.ReasonSignature {
		t.Errorf("the same document of another host gives %v", err)
	}
}
