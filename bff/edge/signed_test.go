package edge_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
)

// answerKey makes a key by which the rig's edge signs.
func answerKey(t testing.TB, fill byte) signature.Key {
	t.Helper()
	key, err := signature.NewKey("", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	if key.ID, err = key.Thumbprint(); err != nil {
		t.Fatal(err)
	}
	return key
}

// published is what callers know of the edge's keys.
func (r *rig) published(t *testing.T, path string) (signature.KeyRing, *http.Response, []byte) {
	t.Helper()
	res, err := http.Get(r.server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var document bytes.Buffer
	if _, err := document.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	ring, err := signature.ParseJWKSet(document.Bytes())
	if err != nil {
		t.Fatalf("%s: %v", document.Bytes(), err)
	}
	return ring, res, document.Bytes()
}

// holds checks the signature of an answer to a request.
func (r *rig) holds(t *testing.T, req *http.Request, a answer) error {
	t.Helper()
	ring, _, _ := r.published(t, signature.JWKSPath)
	verifier := signature.Verifier{Keys: ring, Now: r.clock.Now}
	_, err := verifier.VerifyResponse(t.Context(), &http.Response{StatusCode: a.status, Header: a.header, Request: req}, a.body, signature.ProfileLendgate1Response())
	return err
}

func asking(req *http.Request) *http.Request {
	req.Header.Set("Accept-Signature", signature.AcceptSignature(signature.ProfileLendgate1Response()))
	return req
}

func TestAnswersThatAreSigned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		make   func(t *testing.T, r *rig) *http.Request
		reason string
	}{
		{"what moves money", func(t *testing.T, r *rig) *http.Request { return r.sign(t, r.pay(t)) }, ""},
		{"what moves money, packed if it could be", func(t *testing.T, r *rig) *http.Request {
			req := r.pay(t)
			req.Header.Set("Accept-Encoding", "gzip, zstd")
			return r.sign(t, req)
		}, ""},
		{"what moves money, from a browser over gRPC-Web", func(t *testing.T, r *rig) *http.Request {
			req := r.pay(t)
			req.Header.Set("Content-Type", "application/grpc-web+json")
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Fatal(err)
			}
			framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
			req.Body, req.ContentLength, req.GetBody = io.NopCloser(bytes.NewReader(framed)), int64(len(framed)), nil
			return r.sign(t, req)
		}, ""},
		{"a refusal of what moves money", func(t *testing.T, r *rig) *http.Request { return r.pay(t) }, "SIGNATURE_INVALID"},
		{"a screen, when it is asked for", func(t *testing.T, r *rig) *http.Request { return r.sign(t, asking(r.home(t))) }, ""},
		{"a refusal for the clock, asked for or not", func(t *testing.T, r *rig) *http.Request {
			req := r.sign(t, r.home(t))
			r.clock.Advance(2 * time.Minute)
			return req
		}, "CLOCK_SKEW"},
		{"an internal error of what moves money", func(t *testing.T, r *rig) *http.Request {
			r.screens.fail = errors.New("a fault of ours")
			return r.sign(t, r.pay(t))
		}, "INTERNAL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRig(t, edge.Config{})
			req := test.make(t, r)
			got := r.send(t, req)
			if got.reason != test.reason {
				t.Errorf("answered %d %q, want %q: %s", got.status, got.reason, test.reason, got.body)
			}
			if err := r.holds(t, req, got); err != nil {
				t.Errorf("%v; header %v", err, got.header)
			}
			if !strings.Contains(got.header.Get("Cache-Control"), "no-transform") || got.header.Get("Content-Encoding") != "" {
				t.Errorf("header %v", got.header)
			}
		})
	}
}

func TestOtherAnswersAreNotSigned(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	if got := r.send(t, r.sign(t, r.home(t))); got.header.Get("Signature") != "" {
		t.Errorf("header %v", got.header)
	}
}

// TestAnAnswerIsNotOfferedForAnotherRequest moves answers about and changes them (S23).
func TestAnAnswerIsNotOfferedForAnotherRequest(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	first, second := r.sign(t, r.pay(t)), r.sign(t, r.pay(t))
	answer := r.send(t, first)
	if err := r.holds(t, first, answer); err != nil {
		t.Fatal(err)
	}
	if r.holds(t, second, answer) == nil {
		t.Error("taken for another request")
	}
	// The very same call, signed anew: a repeat has an answer of its own.
	again := first.Clone(t.Context())
	again.Body, _ = first.GetBody()
	if r.holds(t, r.sign(t, again), answer) == nil {
		t.Error("taken for a repeat of the request")
	}
	changed := answer
	changed.body = append(bytes.Clone(answer.body), ' ')
	if r.holds(t, first, changed) == nil {
		t.Error("taken with another content")
	}
	changed = answer
	changed.status = http.StatusAccepted
	if r.holds(t, first, changed) == nil {
		t.Error("taken with another status")
	}
	r.clock.Advance(3 * time.Minute)
	if r.holds(t, first, answer) == nil {
		t.Error("taken three minutes later")
	}
}

func TestKeysArePublished(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	for path, lifetime := range map[string]string{signature.JWKSPath: "3600", signature.DirectoryPath: "30"} {
		ring, res, document := r.published(t, path)
		for _, key := range r.answerKeys {
			if _, known := ring[key.ID]; !known {
				t.Errorf("%s lacks %s", path, key.ID)
			}
		}
		if len(ring) != len(r.answerKeys) || strings.Contains(string(document), `"d"`) || !json.Valid(document) {
			t.Errorf("%s publishes %s", path, document)
		}
		if diff := cmp.Diff("public, no-transform, max-age="+lifetime, res.Header.Get("Cache-Control")); diff != "" {
			t.Error(diff)
		}
		if path == signature.DirectoryPath {
			verifier := signature.Verifier{Keys: ring, Now: r.clock.Now}
			if _, err := verifier.VerifyResponse(t.Context(), res, document, signature.ProfileDirectory()); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
