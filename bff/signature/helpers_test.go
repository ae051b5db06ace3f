package signature_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

// demoNow is the moment at which the tests sign and verify.
func demoNow() time.Time { return time.Unix(1_790_000_000, 0) }

func byteSequence(raw []byte) string {
	return ":" + base64.StdEncoding.EncodeToString(raw) + ":"
}

// demoScalar is the private half of a demo key, made from a fixed text so that
// nobody takes it for a secret.
func demoScalar(name string) []byte {
	sum := sha256.Sum256([]byte("lendgate demo key, not a secret: " + name))
	return sum[:]
}

// demoP256 gives the JWK of the demo device key. Its public half was computed from
// the private one once; ParseJWK checks that they belong together.
func demoP256() []byte {
	return []byte(`{"kty":"EC","crv":"P-256","kid":"demo-device",
		"d":"` + base64.RawURLEncoding.EncodeToString(demoScalar("device")) + `",
		"x":"plFyk7Nz_elOSgc71UO25trcGK2pnIj_Qa76ekIQIbQ",
		"y":"OTUYtN4IYrOT4P6m55l_GW_nEhdORoNAnyDkih4tuFA"}`)
}

// demoKeys are one key of each kind that our profile allows.
func demoKeys(t testing.TB) signature.KeyRing {
	t.Helper()
	device, err := signature.ParseJWK(demoP256())
	if err != nil {
		t.Fatal(err)
	}
	server, err := signature.NewKey("demo-server", ed25519.NewKeyFromSeed(demoScalar("server")))
	if err != nil {
		t.Fatal(err)
	}
	shop := signature.Key{ID: "demo-shop", Algorithm: signature.HMACSHA256, Secret: demoScalar("shop")}
	return signature.KeyRing{device.ID: device, server.ID: server, shop.ID: shop}
}

// demoSigner signs as the profile asks, with a nonce that can be foretold.
func demoSigner(key signature.Key, policy signature.Policy) signature.Signer {
	return signature.Signer{
		Key: key, Policy: policy, Now: demoNow,
		Nonce: func() string { return "bm9uY2Utb2YtMTI4LWJpdHM" },
	}
}

// demoVerifier has a nonce store of its own.
func demoVerifier(keys signature.KeyStore) signature.Verifier {
	return signature.Verifier{
		Keys: keys, Nonces: signature.NewMemoryNonces(demoNow, 1000), Now: demoNow,
		Authorities: []string{"api.lender.example"}, Scheme: "https",
	}
}

const demoBody = `{"loanId":"loan_demo","amount":"125000"}`

// demoRequest is a request with every field that the profile can cover, as a server
// receives it.
func demoRequest() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/lendgate.mobile.v1.LoanService/Repay?trace=1", strings.NewReader(demoBody))
	r.Host = "api.lender.example"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer demo-session")
	r.Header.Set("Idempotency-Key", `"demo-1"`)
	return r
}

// signed gives a demo request that passes the policy.
func signed(t testing.TB, signer signature.Signer) *http.Request {
	t.Helper()
	r := demoRequest()
	if err := signer.Sign(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// bodyOf reads what a handler would read.
func bodyOf(t testing.TB, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func toJSON(t testing.TB, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// baseOf gives the base of a signed request, as the verifier under test builds it.
func baseOf(t testing.TB, r *http.Request) []byte {
	t.Helper()
	message := signature.FromRequest(r)
	message.Scheme = "https" // as the verifier under test has it
	input, err := signature.ParseInput(r.Header, "lendgate")
	if err != nil {
		t.Fatal(err)
	}
	base, err := input.Base(message)
	if err != nil {
		t.Fatal(err)
	}
	return base
}
