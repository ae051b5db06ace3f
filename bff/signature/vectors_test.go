package signature_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/signature"
)

// update rewrites the vectors that SDK authors test against:
// go test ./bff/signature -run TestVectors -update
var update = flag.Bool("update", false, "rewrite mobile-contracts/vectors/signing.json")

type vectorFile struct {
	About   []string             `json:"about"`
	Profile string               `json:"profile"`
	Keys    map[string]vectorKey `json:"keys"`
	Vectors []vector             `json:"vectors"`
}

type vectorKey struct {
	Alg       string         `json:"alg"`
	JWK       *signature.JWK `json:"jwk,omitempty"`
	SecretB64 []byte         `json:"secret_b64,omitempty"`
}

// vector is either a message to be signed, with what must come out, or one that was
// received, with why it must be refused.
type vector struct {
	Name   string        `json:"name"`
	Input  vectorInput   `json:"input"`
	Expect *vectorExpect `json:"expect,omitempty"`
	Error  string        `json:"error,omitempty"`
}

type vectorInput struct {
	Policy   string         `json:"policy"` // request, money or response
	Now      int64          `json:"now"`
	Seen     bool           `json:"seen,omitempty"` // the nonce was consumed before
	Key      string         `json:"key,omitempty"`
	Params   *vectorParams  `json:"params,omitempty"`
	Request  vectorMessage  `json:"request"`
	Response *vectorMessage `json:"response,omitempty"`
}

type vectorParams struct {
	Label   string `json:"label"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	Nonce   string `json:"nonce,omitempty"`
	KeyID   string `json:"keyid"`
	Tag     string `json:"tag"`
}

type vectorMessage struct {
	Method    string      `json:"method,omitempty"`
	Scheme    string      `json:"scheme,omitempty"`
	Authority string      `json:"authority,omitempty"`
	Target    string      `json:"target,omitempty"`
	Status    int         `json:"status,omitempty"`
	Headers   [][2]string `json:"headers"`
	Body      string      `json:"body"`
}

type vectorExpect struct {
	Base    string      `json:"base"`
	Headers [][2]string `json:"headers"`
	// Exact is false where the algorithm is not deterministic: then the Signature is
	// one of many, and yours must verify against the base instead.
	Exact bool `json:"exact"`
}

func (m vectorMessage) header() http.Header {
	header := http.Header{}
	for _, field := range m.Headers {
		header.Add(field[0], field[1])
	}
	return header
}

// request rebuilds the request as its server has it.
func (m vectorMessage) request() *http.Request {
	r := &http.Request{
		Method: m.Method, RequestURI: m.Target, Host: m.Authority, Header: m.header(),
		URL: &url.URL{}, Body: http.NoBody,
	}
	if m.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	if m.Body != "" {
		r.Body = nopCloser{strings.NewReader(m.Body)}
	}
	return r
}

type nopCloser struct{ *strings.Reader }

func (nopCloser) Close() error { return nil }

func describe(r *http.Request, body []byte) vectorMessage {
	return vectorMessage{
		Method: r.Method, Scheme: "https", Authority: r.Host, Target: r.RequestURI,
		Headers: fieldsOf(r.Header), Body: string(body),
	}
}

// fieldsOf lists fields by name, lines of one field in their order.
func fieldsOf(header http.Header) [][2]string {
	fields := [][2]string{}
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, [2]string{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return fields
}

func vectorPolicy(t *testing.T, name string) signature.Policy {
	t.Helper()
	switch name {
	case "request":
		return signature.ProfileLendgate1()
	case "money":
		return signature.ProfileLendgate1Money()
	case "response":
		return signature.ProfileLendgate1Response()
	}
	t.Fatalf("policy %q", name)
	return signature.Policy{}
}

// sign signs the input and gives the fields that were set.
func (in vectorInput) sign(t *testing.T, keys signature.KeyRing) *vectorExpect {
	t.Helper()
	created := time.Unix(in.Params.Created, 0)
	signer := signature.Signer{
		Key: keys[in.Key], Policy: vectorPolicy(t, in.Policy), Label: in.Params.Label,
		Now: func() time.Time { return created }, Lifetime: time.Unix(in.Params.Expires, 0).Sub(created),
		Nonce: func() string { return in.Params.Nonce },
	}
	r := in.Request.request()
	message, before := signature.FromRequest(r), in.Request.Headers
	var err error
	if in.Response == nil {
		err = signer.Sign(r)
	} else {
		header := in.Response.header()
		before = in.Response.Headers
		message = signature.NewResponse(in.Response.Status, header, r)
		err = signer.SignResponse(header, in.Response.Status, []byte(in.Response.Body), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	input, err := signature.ParseInput(message.Header, in.Params.Label)
	if err != nil {
		t.Fatal(err)
	}
	base, err := input.Base(message)
	if err != nil {
		t.Fatal(err)
	}
	added := slices.DeleteFunc(fieldsOf(message.Header), func(field [2]string) bool { return slices.Contains(before, field) })
	return &vectorExpect{Base: string(base), Headers: added, Exact: signer.Key.Algorithm != signature.ECDSAP256SHA256}
}

// verify verifies the input with these fields added.
func (in vectorInput) verify(t *testing.T, keys signature.KeyRing, added [][2]string) error {
	t.Helper()
	now := func() time.Time { return time.Unix(in.Now, 0) }
	nonces := signature.NewMemoryNonces(now, 10)
	verifier := signature.Verifier{
		Keys: keys, Nonces: nonces, Now: now, Scheme: "https",
		Authorities: []string{"api.lender.example", "partner.lender.example"},
	}
	policy := vectorPolicy(t, in.Policy)
	if in.Response != nil {
		response := *in.Response
		response.Headers = slices.Concat(response.Headers, added)
		resp := &http.Response{StatusCode: response.Status, Header: response.header(), Request: in.Request.request()}
		_, err := verifier.VerifyResponse(t.Context(), resp, []byte(response.Body), policy)
		return err
	}
	request := in.Request
	request.Headers = slices.Concat(request.Headers, added)
	r := request.request()
	if in.Seen {
		input, err := signature.ParseInput(r.Header, "lendgate")
		if err != nil {
			t.Fatal(err)
		}
		p := input.Params
		if err := nonces.Consume(t.Context(), p.KeyID, p.Nonce, p.Expires.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := verifier.Verify(t.Context(), r, []byte(request.Body), policy)
	return err
}

func TestVectors(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "mobile-contracts", "vectors", "signing.json")
	if *update {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", " ")
		if err := encoder.Encode(makeVectors(t)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(makeVectors(t), file); diff != "" {
		t.Errorf("signing.json is stale, run with -update (-now +file):\n%s", diff)
	}
	keys := file.ring(t)
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if v.Expect == nil {
				if reason := signature.ReasonOf(v.Input.verify(t, keys, nil)); string(reason) != v.Error {
					t.Errorf("got %q, want %q", reason, v.Error)
				}
				return
			}
			if diff := cmp.Diff(v.Expect, v.Input.sign(t, keys)); diff != "" {
				t.Errorf("signing (-file +now):\n%s", diff)
			}
			if err := v.Input.verify(t, keys, v.Expect.Headers); err != nil {
				t.Error(err)
			}
		})
	}
}

// ring reads the keys out of the file, as an SDK's test has to.
func (f vectorFile) ring(t *testing.T) signature.KeyRing {
	t.Helper()
	ring := signature.KeyRing{}
	for id, record := range f.Keys {
		key := signature.Key{ID: id, Algorithm: record.Alg, Secret: record.SecretB64}
		if record.JWK != nil {
			var err error
			if key, err = signature.ParseJWK([]byte(toJSON(t, record.JWK))); err != nil {
				t.Fatal(err)
			}
		}
		ring[id] = key
	}
	return ring
}

// vectorKeys prints the demo keys with their private halves.
func vectorKeys(t *testing.T) map[string]vectorKey {
	t.Helper()
	printed := map[string]vectorKey{}
	for id, key := range demoKeys(t) {
		record := vectorKey{Alg: key.Algorithm, SecretB64: key.Secret}
		if key.Secret == nil {
			jwk, err := key.JWK()
			if err != nil {
				t.Fatal(err)
			}
			jwk.D = base64.RawURLEncoding.EncodeToString(demoScalar(strings.TrimPrefix(id, "demo-")))
			record.JWK = &jwk
		}
		printed[id] = record
	}
	return printed
}
