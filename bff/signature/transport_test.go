package signature_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

// signedServer verifies each request and signs each answer; the answer repeats
// what was verified.
func signedServer(t *testing.T, keys signature.KeyRing, change func(http.Header, *[]byte)) *httptest.Server {
	t.Helper()
	verifier := signature.Verifier{Keys: keys, Nonces: signature.NewMemoryNonces(demoNow, 1000), Now: demoNow}
	signer := demoSigner(keys["demo-server"], signature.ProfileLendgate1Response())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = verifier.Verify(r.Context(), r, body, signature.ProfileLendgate1())
		}
		if err != nil {
			http.Error(w, string(signature.ReasonOf(err)), http.StatusUnauthorized)
			return
		}
		answer := []byte("paid " + string(body))
		if err := signer.SignResponse(w.Header(), http.StatusCreated, answer, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		change(w.Header(), &answer)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	return server
}

func signedClient(keys signature.KeyRing) *http.Client {
	return &http.Client{Transport: signature.Transport{
		Signer:         signature.Signer{Key: keys["demo-device"], Policy: signature.ProfileLendgate1(), Now: demoNow},
		Verifier:       &signature.Verifier{Keys: keys, Now: demoNow},
		ResponsePolicy: signature.ProfileLendgate1Response(),
	}}
}

func TestTransportSignsAndVerifiesOverTheWire(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	server := signedServer(t, keys, func(http.Header, *[]byte) {})
	client := signedClient(keys)
	for _, c := range []struct{ method, path, body, want string }{
		{http.MethodPost, "/pay?x=1", `{"amount":"1"}`, `paid {"amount":"1"}`},
		{http.MethodPost, "/pay", "", "paid "},
		{http.MethodGet, "/state%2Fof?a=b+c", "", "paid "},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", c.method, c.path, err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusCreated || string(got) != c.want {
			t.Errorf("%s %s: %d %q %v", c.method, c.path, resp.StatusCode, got, err)
		}
		if r.Header.Get("Signature") != "" {
			t.Error("the caller's own request was changed")
		}
	}
}

func TestTransportRefusesAnswersThatDoNotHold(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	for _, c := range []struct {
		name   string
		change func(http.Header, *[]byte)
		want   signature.Reason
	}{
		{"unsigned", func(h http.Header, _ *[]byte) {
			h.Del("Signature")
			h.Del("Signature-Input")
		}, signature.ReasonMissing},
		{"another body", func(_ http.Header, body *[]byte) { (*body)[0]++ }, signature.ReasonDigest},
		{"no digest", func(h http.Header, _ *[]byte) { h.Del("Content-Digest") }, signature.ReasonMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := signedServer(t, keys, c.change)
			resp, err := signedClient(keys).Post(server.URL, "text/plain", strings.NewReader("x"))
			if err == nil {
				_ = resp.Body.Close()
			}
			if reason := signature.ReasonOf(err); reason != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The answer to one request must not pass as the answer to another.
func TestAnAnswerBelongsToItsRequest(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	policy := signature.ProfileLendgate1Response()
	asked := signed(t, demoSigner(keys["demo-device"], signature.ProfileLendgate1()))
	header, body := http.Header{}, []byte(`{"state":"PAID"}`)
	if err := demoSigner(keys["demo-server"], policy).SignResponse(header, http.StatusOK, body, asked); err != nil {
		t.Fatal(err)
	}
	verify := func(status int, r *http.Request) signature.Reason {
		resp := &http.Response{StatusCode: status, Header: header, Request: r}
		_, err := signature.Verifier{Keys: keys, Now: demoNow}.VerifyResponse(t.Context(), resp, body, policy)
		return signature.ReasonOf(err)
	}
	if reason := verify(http.StatusOK, asked); reason != "" {
		t.Fatalf("the right one gives %s", reason)
	}
	if reason := verify(http.StatusAccepted, asked); reason != signature.ReasonSignature {
		t.Errorf("another status gives %q", reason)
	}
	for name, change := range map[string]func(*http.Request){
		"method": func(r *http.Request) { r.Method = http.MethodPut },
		"path":   func(r *http.Request) { r.RequestURI = "/other" },
		"query":  func(r *http.Request) { r.RequestURI += "&x=1" },
		"digest": func(r *http.Request) { r.Header.Set("Content-Digest", signature.ContentDigest([]byte("other"))) },
		// All that the answer tells of is equal, and still it is another request.
		"nonce": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(demoBody))
			signer := demoSigner(keys["demo-device"], signature.ProfileLendgate1())
			signer.Nonce = nil
			if err := signer.Sign(r); err != nil {
				t.Fatal(err)
			}
		},
	} {
		other := asked.Clone(t.Context())
		change(other)
		if reason := verify(http.StatusOK, other); reason != signature.ReasonSignature {
			t.Errorf("a request with another %s gives %q", name, reason)
		}
	}
	if reason := verify(http.StatusOK, nil); reason != signature.ReasonPolicy {
		t.Errorf("no request gives %q", reason)
	}
}

func TestSignRefusesWhatItCannotSign(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	publicOnly := keys["demo-device"]
	publicOnly.Private = nil
	good := demoSigner(keys["demo-shop"], signature.ProfileLendgate1())
	noClock, small, noPolicy := good, good, good
	noClock.Now, small.MaxBody, noPolicy.Policy = nil, 10, signature.Policy{}
	for name, c := range map[string]struct {
		signer signature.Signer
		want   signature.Reason
	}{
		"no private half": {demoSigner(publicOnly, signature.ProfileLendgate1()), signature.ReasonAlgorithm},
		"no clock":        {noClock, signature.ReasonUnavailable},
		"no policy":       {noPolicy, signature.ReasonUnavailable},
		"too long a body": {small, signature.ReasonMalformed},
	} {
		if reason := signature.ReasonOf(c.signer.Sign(demoRequest())); reason != c.want {
			t.Errorf("%s gives %q", name, reason)
		}
	}
	r := demoRequest()
	r.Header.Del("Authorization")
	err := demoSigner(keys["demo-shop"], signature.ProfileLendgate1Money()).Sign(r)
	if reason := signature.ReasonOf(err); reason != signature.ReasonMalformed {
		t.Errorf("money without authorization gives %v", err)
	}
}
