package signature_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/signature"
)

// rfcNow is just after the newest signature of the RFC was made.
func rfcNow() time.Time { return time.Unix(1618884480, 0) }

type rfcFile struct {
	Keys map[string]struct {
		Alg    string          `json:"alg"`
		JWK    json.RawMessage `json:"jwk"`
		Secret []byte          `json:"secret"`
	} `json:"keys"`
	Messages []rfcMessage `json:"messages"`
}

type rfcMessage struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Valid    bool   `json:"valid"`
	Request  string `json:"request"`
	Response string `json:"response"`
	Base     string `json:"base"`
}

// readRFC reads testdata/rfc9421.json, the figures of the RFC itself.
func readRFC(t testing.TB) ([]rfcMessage, signature.KeyRing) {
	t.Helper()
	raw, err := os.ReadFile("testdata/rfc9421.json")
	if err != nil {
		t.Fatal(err)
	}
	var file rfcFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	ring := signature.KeyRing{}
	for id, record := range file.Keys {
		key := signature.Key{Secret: record.Secret}
		if record.JWK != nil {
			if key, err = signature.ParseJWK(record.JWK); err != nil {
				t.Fatalf("key %s: %v", id, err)
			}
		}
		key.ID, key.Algorithm = id, record.Alg
		ring[id] = key
	}
	return file.Messages, ring
}

// message reads the HTTP text the way a server or client of net/http does.
func (m rfcMessage) message(t testing.TB) (*signature.Message, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(m.Request)))
	if err != nil {
		t.Fatal(err)
	}
	r.TLS = &tls.ConnectionState{}
	from, content := signature.FromRequest(r), r.Body
	if m.Response != "" {
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(m.Response)), r)
		if err != nil {
			t.Fatal(err)
		}
		from, content = signature.FromResponse(resp), resp.Body
	}
	body, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return from, body
}

func TestRFC9421Messages(t *testing.T) {
	t.Parallel()
	messages, keys := readRFC(t)
	verifier := signature.Verifier{Keys: keys, Now: rfcNow}
	for _, m := range messages {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			message, body := m.message(t)
			_, err := verifier.VerifyMessage(t.Context(), message, body, signature.BarePolicy(m.Label))
			if !m.Valid {
				if signature.ReasonOf(err) != signature.ReasonSignature {
					t.Fatalf("got %v, want a refused signature", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			input, err := signature.ParseInput(message.Header, m.Label)
			if err != nil {
				t.Fatal(err)
			}
			base, err := input.Base(message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.Base, string(base)); diff != "" {
				t.Fatalf("signature base (-RFC +ours):\n%s", diff)
			}
			checkSigning(t, keys[input.Params.KeyID], base, message.Header.Get("Signature"), m.Label)
			// None of these messages was made for us, whatever it covers.
			_, err = verifier.VerifyMessage(t.Context(), message, body, withoutNonce(signature.ProfileLendgate1()))
			if reason := signature.ReasonOf(err); reason != signature.ReasonMissing {
				t.Errorf("our profile gives %q", reason)
			}
		})
	}
}

// checkSigning signs the RFC's base: to the same bytes where that is possible, and
// to something that verifies otherwise.
func checkSigning(t *testing.T, key signature.Key, base []byte, field, label string) {
	t.Helper()
	if key.Algorithm == signature.RSAPSSSHA512 {
		if _, err := key.SignBase(base); signature.ReasonOf(err) != signature.ReasonAlgorithm {
			t.Errorf("an RSA key must not sign, got %v", err)
		}
		return
	}
	signed, err := key.SignBase(base)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.VerifyBase(base, signed); err != nil {
		t.Errorf("our own signature: %v", err)
	}
	if key.Algorithm == signature.ECDSAP256SHA256 {
		return
	}
	if diff := cmp.Diff(field, label+"="+byteSequence(signed)); diff != "" {
		t.Errorf("signature (-RFC +ours):\n%s", diff)
	}
}

// The RFC's minimal example (B.2.1) covers nothing. It is valid, and a policy that
// asks for anything must refuse it.
func TestASignatureOverNothingFailsAnyCoverage(t *testing.T) {
	t.Parallel()
	messages, keys := readRFC(t)
	verifier := signature.Verifier{Keys: keys, Now: rfcNow}
	message, body := messages[0].message(t)
	policy := signature.BarePolicy(messages[0].Label)
	policy.Coverage = signature.CoverAtLeast
	policy.Required = []signature.Component{signature.Derived("@method")}
	_, err := verifier.VerifyMessage(t.Context(), message, body, policy)
	if reason := signature.ReasonOf(err); reason != signature.ReasonPolicy {
		t.Errorf("got %v, want a refusal by policy", err)
	}
}

func withoutNonce(p signature.Policy) signature.Policy {
	p.RequireNonce = false
	return p
}
