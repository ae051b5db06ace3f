package attack_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/signature"
)

// s23 asks twice for money to be moved, and offers each answer for the other request. Refusals are signed as answers are, so nothing has to
// be moved for it. The server's keys are those that it publishes.
func s23(t *testing.T, p *people) string {
	published, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.in.platform.EdgeURL+signature.JWKSPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signature.ParseJWKSet(do(t, published).body)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (*http.Request, answer) {
		r := p.borys.request(t, start(t), []byte("{}"), uuid.NewString())
		if err := p.borys.signer.Sign(r); err != nil {
			t.Fatal(err)
		}
		return r, do(t, r)
	}
	holds := func(r *http.Request, a answer) bool {
		verifier := signature.Verifier{Keys: keys, Now: time.Now}
		response := &http.Response{StatusCode: a.Status, Header: a.header, Request: r}
		_, err := verifier.VerifyResponse(t.Context(), response, a.body, signature.ProfileLendgate1Response())
		return err == nil
	}
	one, first := ask()
	two, second := ask()
	if !holds(one, first) || !holds(two, second) {
		t.Fatal("an answer does not hold for its own request")
	}
	changed, lesser, bare := first, first, first
	changed.body = append([]byte(" "), first.body...)
	lesser.Status = http.StatusOK
	bare.header = first.header.Clone()
	bare.header.Del("Signature")
	for what, holding := range map[string]bool{
		"the answer of another request": holds(one, second), "the answer before": holds(two, first), "another content": holds(one, changed),
		"another status": holds(one, lesser), "no signature": holds(one, bare),
	} {
		if holding {
			t.Errorf("%s is believed", what)
		}
	}
	return "5 answers"
}
