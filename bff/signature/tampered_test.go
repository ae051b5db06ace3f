package signature_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

// tampering changes a demo request that demo-device signed, and says why it must
// be refused.
type tampering struct {
	name   string
	change func(r *http.Request, body *[]byte)
	want   signature.Reason
}

// sub replaces text in a field.
func sub(field, old, replacement string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) {
		r.Header.Set(field, strings.Replace(r.Header.Get(field), old, replacement, 1))
	}
}

func tamperings() []tampering {
	return slices.Concat(tamperedContent(), tamperedParameters(), tamperedStructure())
}

// tamperedContent changes what the signature covers.
func tamperedContent() []tampering {
	return []tampering{
		{"method", func(r *http.Request, _ *[]byte) { r.Method = http.MethodPut }, signature.ReasonSignature},
		{"path", func(r *http.Request, _ *[]byte) { r.RequestURI = "/lendgate.mobile.v1.LoanService/Close?trace=1" }, signature.ReasonSignature},
		{"query", func(r *http.Request, _ *[]byte) { r.RequestURI += "&admin=1" }, signature.ReasonSignature},
		{"authority of another server of ours", func(r *http.Request, _ *[]byte) { r.Host = "partner.lender.example" }, signature.ReasonSignature},
		{"authority of a stranger", func(r *http.Request, _ *[]byte) { r.Host = "evil.example" }, signature.ReasonPolicy},
		{"content type", func(r *http.Request, _ *[]byte) { r.Header.Set("Content-Type", "text/plain") }, signature.ReasonSignature},
		{"authorization", func(r *http.Request, _ *[]byte) { r.Header.Set("Authorization", "Bearer other") }, signature.ReasonSignature},
		{"second authorization", func(r *http.Request, _ *[]byte) { r.Header.Add("Authorization", "Bearer other") }, signature.ReasonSignature},
		{"idempotency key", func(r *http.Request, _ *[]byte) { r.Header.Set("Idempotency-Key", `"demo-2"`) }, signature.ReasonSignature},
		{"covered field removed", func(r *http.Request, _ *[]byte) { r.Header.Del("Idempotency-Key") }, signature.ReasonPolicy},
		{"one byte of the body", func(_ *http.Request, body *[]byte) { (*body)[10]++ }, signature.ReasonDigest},
		{"body removed", func(_ *http.Request, body *[]byte) { *body = nil }, signature.ReasonDigest},
		{"body and digest", func(r *http.Request, body *[]byte) {
			*body = []byte("{}")
			r.Header.Set("Content-Digest", signature.ContentDigest(*body))
		}, signature.ReasonSignature},
	}
}

// tamperedParameters changes what the signature says of itself.
func tamperedParameters() []tampering {
	return []tampering{
		{"a component dropped", sub("Signature-Input", ` "@query"`, ""), signature.ReasonPolicy},
		{"components in another order", sub("Signature-Input", `"@method" "@authority"`, `"@authority" "@method"`), signature.ReasonPolicy},
		{"an upper-case component", sub("Signature-Input", `"content-type"`, `"Content-Type"`), signature.ReasonMalformed},
		{"a component listed twice", sub("Signature-Input", `"@method"`, `"@method" "@method"`), signature.ReasonPolicy},
		{"another tag", sub("Signature-Input", "lendgate-1", "lendgate-0"), signature.ReasonMissing},
		{"no tag", sub("Signature-Input", `;tag="lendgate-1"`, ""), signature.ReasonMissing},
		{"another keyid", sub("Signature-Input", "demo-device", "demo-server"), signature.ReasonSignature},
		{"unknown keyid", sub("Signature-Input", "demo-device", "demo-nobody"), signature.ReasonUnknownKey},
		{"no keyid", sub("Signature-Input", `;keyid="demo-device"`, ""), signature.ReasonPolicy},
		{"alg of another kind", sub("Signature-Input", ";tag", `;alg="hmac-sha256";tag`), signature.ReasonAlgorithm},
		{"alg in upper case", sub("Signature-Input", ";tag", `;alg="ECDSA-P256-SHA256";tag`), signature.ReasonAlgorithm},
		{"alg none", sub("Signature-Input", ";tag", `;alg="none";tag`), signature.ReasonAlgorithm},
		{"alg empty", sub("Signature-Input", ";tag", `;alg="";tag`), signature.ReasonMalformed},
		{"alg added that agrees", sub("Signature-Input", ";tag", `;alg="ecdsa-p256-sha256";tag`), signature.ReasonSignature},
		{"nonce", sub("Signature-Input", "bm9uY2U", "bm9uY2V"), signature.ReasonSignature},
		{"nonce of 126 bits", sub("Signature-Input", "bm9uY2Utb2YtMTI4LWJpdHM", "bm9uY2Utb2YtMTI4LWJpd"), signature.ReasonPolicy},
		{"nonce outside of base64url", sub("Signature-Input", "bm9uY2Ut", "bm9uY2U+"), signature.ReasonPolicy},
		{"no nonce", sub("Signature-Input", `;nonce="bm9uY2Utb2YtMTI4LWJpdHM"`, ""), signature.ReasonPolicy},
		{"no created", sub("Signature-Input", ";created=1790000000", ""), signature.ReasonPolicy},
		{"created 91 seconds ago", sub("Signature-Input", "created=1790000000", "created=1789999909"), signature.ReasonClockSkew},
		{"created 90 seconds ago", sub("Signature-Input", "created=1790000000", "created=1789999910"), signature.ReasonPolicy},
		{"created 31 seconds ahead", sub("Signature-Input", "created=1790000000", "created=1790000031"), signature.ReasonClockSkew},
		{"created 30 seconds ahead", sub("Signature-Input", "created=1790000000", "created=1790000030"), signature.ReasonSignature},
		{"created negative", sub("Signature-Input", "created=1790000000", "created=-5"), signature.ReasonClockSkew},
		{"created at the end of numbers", sub("Signature-Input", "created=1790000000", "created=999999999999999"), signature.ReasonClockSkew},
		{"created beyond numbers", sub("Signature-Input", "created=1790000000", "created=9223372036854775808"), signature.ReasonMalformed},
		{"created decimal", sub("Signature-Input", "created=1790000000", "created=1790000000.5"), signature.ReasonMalformed},
		{"created as text", sub("Signature-Input", "created=1790000000", `created="1790000000"`), signature.ReasonMalformed},
		{"no expires", sub("Signature-Input", ";expires=1790000060", ""), signature.ReasonPolicy},
		{"expires with created", sub("Signature-Input", "expires=1790000060", "expires=1790000000"), signature.ReasonPolicy},
		{"expires before created", sub("Signature-Input", "expires=1790000060", "expires=1789999999"), signature.ReasonPolicy},
		{"expires 121 seconds after created", sub("Signature-Input", "expires=1790000060", "expires=1790000121"), signature.ReasonPolicy},
		{"expired", sub("Signature-Input", "created=1790000000;expires=1790000060", "created=1789999950;expires=1789999999"), signature.ReasonExpired},
		{"a further parameter", sub("Signature-Input", ";tag", `;zz=1;tag`), signature.ReasonSignature},
	}
}

// tamperedStructure removes, repeats or breaks the signature fields.
func tamperedStructure() []tampering {
	return []tampering{
		{"no Signature", func(r *http.Request, _ *[]byte) { r.Header.Del("Signature") }, signature.ReasonMissing},
		{"no Signature-Input", func(r *http.Request, _ *[]byte) { r.Header.Del("Signature-Input") }, signature.ReasonMissing},
		{"neither", func(r *http.Request, _ *[]byte) {
			r.Header.Del("Signature")
			r.Header.Del("Signature-Input")
		}, signature.ReasonMissing},
		{"label of Signature", sub("Signature", "lendgate", "other"), signature.ReasonMissing},
		{"an item instead of a list", func(r *http.Request, _ *[]byte) { r.Header.Set("Signature-Input", "lendgate=1") }, signature.ReasonMissing},
		{"no structured field", func(r *http.Request, _ *[]byte) { r.Header.Set("Signature-Input", "lendgate=(") }, signature.ReasonMalformed},
		{"label given twice", func(r *http.Request, _ *[]byte) {
			r.Header.Add("Signature-Input", r.Header.Get("Signature-Input"))
		}, signature.ReasonMalformed},
		{"signature given twice", func(r *http.Request, _ *[]byte) {
			r.Header.Add("Signature", r.Header.Get("Signature"))
		}, signature.ReasonMalformed},
		{"two labels with our tag", func(r *http.Request, _ *[]byte) {
			r.Header.Add("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), "lendgate=", "twin=", 1))
		}, signature.ReasonPolicy},
		{"a hundred labels", func(r *http.Request, _ *[]byte) {
			for i := range 100 {
				r.Header.Add("Signature-Input", fmt.Sprintf("l%d=()", i))
			}
		}, signature.ReasonMalformed},
		{"five labels on one line", func(r *http.Request, _ *[]byte) {
			r.Header.Set("Signature-Input", r.Header.Get("Signature-Input")+", a=(), b=(), c=(), d=()")
		}, signature.ReasonMalformed},
		{"a field of 64 KiB", func(r *http.Request, _ *[]byte) {
			r.Header.Add("Signature-Input", `x=("`+strings.Repeat("a", 64<<10)+`")`)
		}, signature.ReasonMalformed},
		{"a signature of text", func(r *http.Request, _ *[]byte) { r.Header.Set("Signature", `lendgate="abc"`) }, signature.ReasonMalformed},
		{"a signature that is a list", func(r *http.Request, _ *[]byte) { r.Header.Set("Signature", `lendgate=(:YQ==:)`) }, signature.ReasonMalformed},
		{"an empty signature", func(r *http.Request, _ *[]byte) { r.Header.Set("Signature", `lendgate=::`) }, signature.ReasonSignature},
	}
}

// TestTamperedMessages changes a message after it was signed. None may pass, and
// none may consume the nonce of the message it imitates.
func TestTamperedMessages(t *testing.T) {
	t.Parallel()
	for _, c := range tamperings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			keys := demoKeys(t)
			policy := signature.ProfileLendgate1()
			signer := demoSigner(keys["demo-device"], policy)
			verifier := demoVerifier(keys)
			verifier.Authorities = append(verifier.Authorities, "partner.lender.example")

			r := signed(t, signer)
			body := bodyOf(t, r)
			c.change(r, &body)
			_, err := verifier.Verify(t.Context(), r, body, policy)
			if reason := signature.ReasonOf(err); reason != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			// The real message with the same nonce comes afterwards, and passes.
			r = signed(t, signer)
			if _, err := verifier.Verify(t.Context(), r, bodyOf(t, r), policy); err != nil {
				t.Errorf("the refused message spoilt the real one: %v", err)
			}
		})
	}
}
