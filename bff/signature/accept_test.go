package signature_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/signature"
)

func TestAcceptSignatureIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	policy := signature.ProfileLendgate1Response()
	field := signature.AcceptSignature(policy)
	wishes, err := signature.ParseAcceptSignature(http.Header{"Accept-Signature": {field}})
	if err != nil || len(wishes) != 1 {
		t.Fatalf("%s gives %v, %v", field, wishes, err)
	}
	if w := wishes[0]; w.String() != field || w.Label != "lendgate" || w.Tag != signature.TagLendgate1 || len(w.Components) != 7 {
		t.Errorf("got %+v", w)
	}
}

func TestWhetherASignedAnswerIsAskedFor(t *testing.T) {
	t.Parallel()
	policy := signature.ProfileLendgate1Response()
	for field, want := range map[string]bool{
		signature.AcceptSignature(policy):            true,
		`sig=();tag="lendgate-1"`:                    true,
		`sig=("@status" "content-digest");created`:   true,
		`other=("x");tag="other", sig=("@status")`:   true,
		`sig=("@status");tag="other"`:                false,
		`sig=("@status" "x-other");tag="lendgate-1"`: false,
		`sig=("@status";req)`:                        false,
		`sig=1`:                                      false,
		`sig`:                                        false,
		`sig=(`:                                      false,
		`sig=("@status");tag=1`:                      false,
		`a=(), b=(), c=(), d=(), e=()`:               false,
		`sig=("` + strings.Repeat("a", 9000) + `")`:  false,
		`sig=(` + strings.Repeat(`"@status" `, 33) + `"@status")`: false,
		``: false,
	} {
		if got := policy.AskedBy(http.Header{"Accept-Signature": {field}}); got != want {
			t.Errorf("%.60q: %v", field, got)
		}
	}
	if policy.AskedBy(http.Header{}) {
		t.Error("nothing asks")
	}
}
