package signature_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
)

// clockServer verifies by a clock of its own and refuses everything else with its
// time, in Date and, when signs is set, in a signature. It counts what it is asked.
type clockServer struct {
	*httptest.Server

	asked atomic.Int32
	// nonces are those of the requests, to see that none comes twice.
	nonces *signature.MemoryNonces
}

func newClockServer(t *testing.T, keys signature.KeyRing, now func() time.Time, signs bool) *clockServer {
	t.Helper()
	s := &clockServer{nonces: signature.NewMemoryNonces(now, 1000)}
	verifier := signature.Verifier{Keys: keys, Nonces: s.nonces, Now: now}
	signer := signature.Signer{Key: keys["demo-server"], Policy: signature.ProfileLendgate1Response(), Now: now}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		status, answer := http.StatusOK, []byte("paid "+string(body))
		if _, err := verifier.Verify(r.Context(), r, body, signature.ProfileLendgate1()); err != nil {
			status, answer = http.StatusUnauthorized, []byte(signature.ReasonOf(err))
		}
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		if signs && signature.ProfileLendgate1Response().AskedBy(r.Header) {
			if err := signer.SignResponse(w.Header(), status, answer, r); err != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s
}

// post sends one request through the transport and gives the status and the content.
func post(t *testing.T, transport signature.Transport, url string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/pay", strings.NewReader("7"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, string(body), err
}

func TestASkewedClockIsCorrectedOnce(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	for name, ahead := range map[string]time.Duration{
		"the server is an hour ahead": time.Hour, "the server is an hour behind": -time.Hour, "as one": 0,
	} {
		for kind, signs := range map[string]bool{"plain answers": false, "signed answers": true} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				server := newClockServer(t, keys, func() time.Time { return demoNow().Add(ahead) }, signs)
				transport := signature.Transport{
					Next:   server.Client().Transport,
					Signer: signature.Signer{Key: keys["demo-device"], Policy: signature.ProfileLendgate1(), Now: demoNow},
					Skew:   &signature.Skew{},
				}
				if signs {
					transport.Verifier = &signature.Verifier{Keys: keys, Now: demoNow}
					transport.ResponsePolicy = signature.ProfileLendgate1Response()
				}
				for range 2 {
					if status, body, err := post(t, transport, server.URL); status != http.StatusOK || body != "paid 7" {
						t.Fatalf("got %d %q %v", status, body, err)
					}
				}
				want := int32(3) // one more for the first request alone: the second knows the time
				if ahead == 0 {
					want = 2
				}
				if got := server.asked.Load(); got != want {
					t.Errorf("%d requests, want %d", got, want)
				}
				if got := transport.Skew.Ahead(); got != ahead {
					t.Errorf("remembers %v", got)
				}
			})
		}
	}
}

func TestNoAnswerIsBelievedAboutTheTimeWithoutProof(t *testing.T) {
	t.Parallel()
	keys := demoKeys(t)
	ahead := func() time.Time { return demoNow().Add(time.Hour) }
	signer := signature.Signer{Key: keys["demo-device"], Policy: signature.ProfileLendgate1(), Now: demoNow}

	t.Run("an unsigned one where signed ones are wanted", func(t *testing.T) {
		t.Parallel()
		server := newClockServer(t, keys, ahead, false)
		_, _, err := post(t, signature.Transport{
			Next: server.Client().Transport, Signer: signer,
			Verifier: &signature.Verifier{Keys: keys, Now: demoNow}, ResponsePolicy: signature.ProfileLendgate1Response(),
		}, server.URL)
		if reason := signature.ReasonOf(err); reason != signature.ReasonMissing || server.asked.Load() != 1 {
			t.Errorf("got %v after %d requests", err, server.asked.Load())
		}
	})
	t.Run("one without TLS", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Date", ahead().UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusUnauthorized)
		}))
		t.Cleanup(server.Close)
		if status, _, err := post(t, signature.Transport{Signer: signer}, server.URL); status != http.StatusUnauthorized || err != nil || asked.Load() != 1 {
			t.Errorf("got %d, %v after %d requests", status, err, asked.Load())
		}
	})
	t.Run("a server whose clock runs away is asked twice", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int32
		server := newClockServer(t, keys, func() time.Time { return demoNow().Add(time.Duration(asked.Add(1)) * time.Hour) }, false)
		status, _, err := post(t, signature.Transport{Next: server.Client().Transport, Signer: signer}, server.URL)
		if status != http.StatusUnauthorized || err != nil || server.asked.Load() != 2 {
			t.Errorf("got %d, %v after %d requests", status, err, server.asked.Load())
		}
	})
	t.Run("one that refuses for another reason is asked once", func(t *testing.T) {
		t.Parallel()
		server := newClockServer(t, signature.KeyRing{}, demoNow, false)
		status, body, err := post(t, signature.Transport{Next: server.Client().Transport, Signer: signer}, server.URL)
		if status != http.StatusUnauthorized || body != "unknown_key" || err != nil || server.asked.Load() != 1 {
			t.Errorf("got %d %q, %v after %d requests", status, body, err, server.asked.Load())
		}
	})
}
