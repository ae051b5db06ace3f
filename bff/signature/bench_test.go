package signature_test

import (
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

func benchmarkVerify(b *testing.B, id string) {
	keys := demoKeys(b)
	policy := withoutNonce(signature.ProfileLendgate1()) // one message many times
	r := signed(b, demoSigner(keys[id], signature.ProfileLendgate1()))
	body := bodyOf(b, r)
	verifier := demoVerifier(keys)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), r, body, policy); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyP256(b *testing.B)    { benchmarkVerify(b, "demo-device") }
func BenchmarkVerifyEd25519(b *testing.B) { benchmarkVerify(b, "demo-server") }
func BenchmarkVerifyHMAC(b *testing.B)    { benchmarkVerify(b, "demo-shop") }

func BenchmarkSignEd25519(b *testing.B) {
	signer := demoSigner(demoKeys(b)["demo-server"], signature.ProfileLendgate1())
	r := demoRequest()
	b.ReportAllocs()
	for b.Loop() {
		if err := signer.Sign(r); err != nil {
			b.Fatal(err)
		}
	}
}
