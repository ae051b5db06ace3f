package signature_test

import (
	"bytes"
	"net/http"
	"strings"
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

func FuzzParseAcceptSignature(f *testing.F) {
	f.Add(signature.AcceptSignature(signature.ProfileLendgate1()))
	f.Add(signature.AcceptSignature(signature.ProfileLendgate1Response()))
	f.Add(`a=("x";key="b");created;nonce="n";keyid="k";alg="ed25519", b=?0, c=()`)
	f.Fuzz(func(t *testing.T, field string) {
		asked, err := signature.ParseAcceptSignature(http.Header{"Accept-Signature": {field}})
		if reason := signature.ReasonOf(err); err != nil && reason != signature.ReasonMalformed {
			t.Fatalf("%q gives %v", field, err)
		}
		for _, a := range asked {
			if again, err := signature.ParseAcceptSignature(http.Header{"Accept-Signature": {a.String()}}); err != nil || len(again) != 1 {
				t.Fatalf("%q prints as %q: %v", field, a, err)
			}
		}
	})
}

// FuzzMessage reads a request line and a host as they may come from anybody: what
// can be put into a base stays on its own line and says the same twice.
func FuzzMessage(f *testing.F) {
	f.Add("POST", "/a?b=c", "api.lender.example:443", "text/plain")
	f.Add("GET", "http://x:80/?", "", "a\r\n b")
	f.Add("OPTIONS", "*", "[::1]", "")
	f.Add("CONNECT", "a.example:443", "a.example:443", "\x00")
	f.Fuzz(func(t *testing.T, method, target, host, contentType string) {
		r := &http.Request{Method: method, RequestURI: target, Host: host, Header: http.Header{"Content-Type": {contentType}}}
		components := []signature.Component{
			signature.Derived("@method"), signature.Derived("@authority"), signature.Derived("@scheme"), signature.Derived("@target-uri"),
			signature.Derived("@path"), signature.Derived("@query"), signature.Derived("@request-target"), signature.Field("content-type"),
		}
		lines, err := signature.Lines(signature.FromRequest(r), components)
		if err != nil {
			return
		}
		if len(lines) != len(components) {
			t.Fatalf("%d lines of %d components: %q", len(lines), len(components), lines)
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, components[i].String()+": ") {
				t.Fatalf("line %d is %q", i, line)
			}
		}
	})
}

// FuzzCreated reads what may stand for created: only whole numbers of seconds are
// ever accepted, and those around now alone.
func FuzzCreated(f *testing.F) {
	for _, seed := range []string{"1790000000", "0", "-1", "1e9", "1790000000.5", "9223372036854775808", `"1790000000"`, "?1", "@1790000000", ""} {
		f.Add(seed)
	}
	verifier := demoVerifier(demoKeys(f))
	signer := demoSigner(demoKeys(f)["demo-shop"], signature.ProfileLendgate1())
	f.Fuzz(func(t *testing.T, created string) {
		r := signed(t, signer)
		r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), "created=1790000000", "created="+created, 1))
		_, err := verifier.Verify(t.Context(), r, []byte(demoBody), withoutNonce(signature.ProfileLendgate1()))
		if err == nil && created != "1790000000" {
			// A parameter may follow or white space may surround it, and neither is signed.
			if base := baseOf(t, r); !bytes.Equal(base, baseOf(t, signed(t, signer))) {
				t.Fatalf("created %q is accepted with the base %q", created, base)
			}
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
