package signature_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

// maxAllocations bounds what the verification of a request of our profile may
// allocate, whatever its key.
const maxAllocations = 40

// wideRequest is a demo request whose base is about 600 bytes long, as that of an app is.
func wideRequest() *http.Request {
	r := demoRequest()
	r.Header.Set("Authorization", "Bearer demo-"+strings.Repeat("s", 43))
	r.Header.Set("Idempotency-Key", `"019366b0-0000-7000-8000-000000000001"`)
	return r
}

// verifying gives one verification of a signed request, and its base.
func verifying(tb testing.TB, id string) (verify func() error, base []byte) {
	tb.Helper()
	keys := demoKeys(tb)
	r := wideRequest()
	if err := demoSigner(keys[id], signature.ProfileLendgate1()).Sign(r); err != nil {
		tb.Fatal(err)
	}
	body := bodyOf(tb, r)
	verifier := demoVerifier(keys)
	ctx := tb.Context()
	return func() error {
		// The policy is made for each request, as a server with several may do.
		_, err := verifier.Verify(ctx, r, body, withoutNonce(signature.ProfileLendgate1())) // one message many times
		return err
	}, baseOf(tb, r)
}

// TestTheCostOfVerification holds the allocations, which unlike time are the same on
// every machine. The benchmarks show the time beside that of the bare algorithm.
func TestTheCostOfVerification(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of the whole process.
	for id := range demoKeys(t) {
		verify, _ := verifying(t, id)
		allocations := testing.AllocsPerRun(100, func() {
			if err := verify(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", id, allocations)
		if allocations > maxAllocations {
			t.Errorf("%s: %v allocations, the bound is %d", id, allocations, maxAllocations)
		}
	}
}

// BenchmarkVerify measures the whole verification beside the algorithm alone: the
// difference is what the package costs.
func BenchmarkVerify(b *testing.B) {
	for _, id := range []string{"demo-shop", "demo-server", "demo-device"} {
		key := demoKeys(b)[id]
		verify, base := verifying(b, id)
		good, err := key.SignBase(base)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(key.Algorithm+"/whole", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(key.Algorithm+"/algorithm", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := key.VerifyBase(base, good); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSign does the same for signing.
func BenchmarkSign(b *testing.B) {
	for _, id := range []string{"demo-shop", "demo-server", "demo-device"} {
		key := demoKeys(b)[id]
		signer := demoSigner(key, signature.ProfileLendgate1())
		signer.Nonce = nil
		_, base := verifying(b, id)
		b.Run(key.Algorithm+"/whole", func(b *testing.B) {
			r := wideRequest()
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(demoBody))
				if err := signer.Sign(r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(key.Algorithm+"/algorithm", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.SignBase(base); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
