package signature_test

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

func FuzzParseInput(f *testing.F) {
	messages, _ := readRFC(f)
	for _, m := range messages {
		message, _ := m.message(f)
		f.Add(message.Header.Get("Signature-Input"), m.Label)
	}
	f.Add(`a=("x";key="\"";sf);created=1;nonce="\\", b=("@query-param";name="q")`, "a")
	f.Fuzz(func(t *testing.T, field, label string) {
		r := demoRequest()
		r.Header.Set("Signature-Input", field)
		message := signature.FromRequest(r)
		input, err := signature.ParseInput(message.Header, label)
		if err != nil {
			return
		}
		base, err := input.Base(message)
		if err != nil {
			return
		}
		// What was parsed must serialise to something that parses to the same base.
		last := base[bytes.LastIndexByte(base, '\n')+1:]
		r.Header.Set("Signature-Input", label+"="+string(bytes.TrimPrefix(last, []byte(`"@signature-params": `))))
		again, err := signature.ParseInput(r.Header, label)
		if err != nil {
			t.Fatalf("own serialisation of %q: %v", field, err)
		}
		if second, err := again.Base(message); err != nil || !bytes.Equal(base, second) {
			t.Fatalf("%q\n%q\n%v", base, second, err)
		}
	})
}

func FuzzParseComponent(f *testing.F) {
	for _, seed := range []string{`"@method";req`, `"a";key="b";sf`, `"@query-param";name="x"`, `"a";bs;tr`, `a`, `"A"`} {
		f.Add(seed, "a=1, b")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		component, err := signature.ParseComponent(text)
		if err != nil {
			return
		}
		if again, err := signature.ParseComponent(component.String()); err != nil || !again.Equal(component) {
			t.Fatalf("%q prints as %q: %v", text, component, err)
		}
		message := &signature.Message{
			Method: http.MethodGet, Scheme: "https", Authority: value, Target: value, Path: value, Query: "?" + value,
			Header: http.Header{http.CanonicalHeaderKey(component.Name()): {value, value}},
		}
		lines, err := signature.Lines(message, []signature.Component{component})
		if err == nil && bytes.ContainsAny([]byte(lines[0]), "\r\n") {
			t.Fatalf("a line break in %q", lines[0])
		}
	})
}

func FuzzVerifyContentDigest(f *testing.F) {
	f.Add(signature.ContentDigest([]byte("x")), []byte("x"))
	f.Add(`sha-512=?1;a="b", sha-256=(:YQ==:)`, []byte{})
	f.Fuzz(func(t *testing.T, field string, content []byte) {
		header := http.Header{"Content-Digest": {field}}
		if signature.VerifyContentDigest(header, content) == nil &&
			signature.VerifyContentDigest(header, append(content, 0)) == nil {
			t.Fatalf("%q fits two contents", field)
		}
	})
}

func FuzzParseJWK(f *testing.F) {
	f.Add(demoP256())
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := signature.ParseJWK(raw)
		if err != nil {
			return
		}
		if reason := signature.ReasonOf(key.VerifyBase(raw, raw)); reason != signature.ReasonSignature {
			t.Fatalf("a parsed key gives %q", reason)
		}
	})
}

// mutateText changes, removes or inserts one byte.
func mutateText(random *rand.Rand, text string) string {
	const alphabet = "abcXYZ019 \"\\;=:,()?%/.-_@\t\x00\xff"
	b := []byte(text)
	at := random.IntN(len(b) + 1)
	c := alphabet[random.IntN(len(alphabet))]
	switch kind := random.IntN(4); {
	case kind == 0 || at == len(b):
		b = append(b[:at:at], append([]byte{c}, b[at:]...)...)
	case kind == 1:
		b = append(b[:at:at], b[at+1:]...)
	case kind == 2:
		b[at] ^= 1 << random.IntN(8)
	default:
		b[at] = c
	}
	return string(b)
}

// mutateRequest changes one place of a request and gives its new content.
func mutateRequest(random *rand.Rand, r *http.Request, body []byte) []byte {
	switch place := random.IntN(10); place {
	case 0:
		r.Method = mutateText(random, r.Method)
	case 1:
		r.RequestURI = mutateText(random, r.RequestURI)
	case 2:
		r.Host = mutateText(random, r.Host)
	case 3:
		return []byte(mutateText(random, string(body)))
	default:
		fields := []string{
			"Signature-Input", "Signature", "Content-Digest", "Content-Type", "Authorization", "Idempotency-Key",
		}
		field := fields[place-4]
		r.Header.Set(field, mutateText(random, r.Header.Get(field)))
	}
	return body
}

// TestRandomMutations accepts no message that differs from the signed one in
// anything that counts. A change that leaves base, signature and content as they
// are, such as a space inside Signature-Input or a capital in Host, is no change.
func TestRandomMutations(t *testing.T) {
	t.Parallel()
	const rounds = 6000
	random := rand.New(rand.NewPCG(9421, 9530))
	keys := demoKeys(t)
	policy := withoutNonce(signature.ProfileLendgate1())
	harmless := 0
	for id, key := range keys {
		original := signed(t, demoSigner(key, signature.ProfileLendgate1()))
		body := bodyOf(t, original)
		verifier := demoVerifier(keys)
		if _, err := verifier.Verify(t.Context(), original, body, policy); err != nil {
			t.Fatal(err)
		}
		for range rounds / len(keys) {
			r := original.Clone(t.Context())
			content := mutateRequest(random, r, body)
			if _, err := verifier.Verify(t.Context(), r, content, policy); err != nil {
				continue
			}
			if !bytes.Equal(content, body) || !bytes.Equal(baseOf(t, r), baseOf(t, original)) {
				t.Fatalf("%s: accepted %s %s %s %q %q", id, r.Method, r.Host, r.RequestURI, r.Header, content)
			}
			harmless++
		}
	}
	if harmless > rounds/20 {
		t.Errorf("%d of %d mutations changed nothing: the test has lost its teeth", harmless, rounds)
	}
}

func baseOf(t *testing.T, r *http.Request) []byte {
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
