package signature

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// commonInputs are fields that the scanner must read by itself.
func commonInputs() []string {
	return []string{
		`lendgate=("@method" "@authority" "@path" "@query" "content-digest" "content-type" "authorization" "idempotency-key")` +
			`;created=1790000000;expires=1790000060;nonce="bm9uY2Utb2YtMTI4LWJpdHM";keyid="demo-device";tag="lendgate-1"`,
		`sig-1.b_*=("@status" "content-digest" "@method";req "@path";req "signature";req);tag="x y~!";alg="ed25519";keyid="k/1"`,
		`a=("x");created=999999999999999`,
		`*a=("@target-uri")`,
	}
}

// uncommonInputs are right or wrong, and are the parser's business in any case.
func uncommonInputs() []string {
	return []string{
		``, `a`, `a=`, `a=()`, `a=(`, `a=("x"`, `a=("x" )`, `a=( "x")`, `a=("x"  "y")`, `a=("x") `, ` a=("x")`, `A=("x")`,
		`a=("x"), b=("y")`, `a=("X")`, `a=("@nosuch")`, `a=("@query-param")`, `a=("@query-param";name="q")`, `a=("x";sf)`, `a=("x";req=?1)`,
		`a=("x";request)`, `a=("x";req;req)`, `a=(x)`, `a=("x\"y")`, `a=("x");created=01`, `a=("x");created=-1`, `a=("x");created=1.0`,
		`a=("x");created=1000000000000000`, `a=("x");created=1;created=2`, `a=("x");tag="a";tag="b"`, `a=("x");tag=""`, `a=("x");tag="a\\b"`,
		`a=("x");other=1`, `a=("x");created="1"`, `a=("x");created`, `a=("x"); created=1`, `a=("x");tag="` + strings.Repeat("a", maxParamBytes+1) + `"`,
		`a=(` + strings.Repeat(`"x" `, maxComponents) + `"y")`, `a=("` + strings.Repeat("x", maxFieldBytes) + `")`, `a=("x");created=`, `a=("é")`,
	}
}

func TestTheScannerReadsTheCommonForm(t *testing.T) {
	t.Parallel()
	for _, field := range commonInputs() {
		if _, common := scanInput(field); !common {
			t.Errorf("left to the parser: %s", field)
		}
		sameInput(t, field)
	}
	for _, field := range uncommonInputs() {
		if in, common := scanInput(field); common {
			t.Errorf("scanned: %.80q as %+v", field, in)
		}
	}
}

// TestTheScannerAgreesWithTheParser changes common fields at random places: what
// the scanner reads, the parser reads as the same.
func TestTheScannerAgreesWithTheParser(t *testing.T) {
	t.Parallel()
	rounds := 100_000
	if testing.Short() {
		rounds = 5_000
	}
	random := rand.New(rand.NewPCG(9651, 8941))
	inputs := slices.Concat(commonInputs(), uncommonInputs()[:30])
	signatures := []string{`a=:YQ==:`, `a=:YWI=:`, `a=:YWJj:`, `a=::`, `a=:YQ:`, `a=:YR==:`}
	scanned := 0
	for range rounds {
		field := disturb(random, inputs[random.IntN(len(inputs))])
		if sameInput(t, field) {
			scanned++
		}
		sameSignature(t, disturb(random, signatures[random.IntN(len(signatures))]))
	}
	if scanned < rounds/50 {
		t.Errorf("only %d of %d fields were common: the test has lost its teeth", scanned, rounds)
	}
}

// disturb changes up to two bytes of a field.
func disturb(random *rand.Rand, field string) string {
	const alphabet = "abreq01289 \"\\;=:,()?+/._*@-\t\x7f\xff\n"
	b := []byte(field)
	for range random.IntN(3) {
		at := random.IntN(len(b) + 1)
		c := alphabet[random.IntN(len(alphabet))]
		switch {
		case at == len(b) || random.IntN(3) == 0:
			b = slices.Insert(b, at, c)
		case random.IntN(2) == 0:
			b = slices.Delete(b, at, at+1)
		default:
			b[at] = c
		}
	}
	return string(b)
}

// sameInput compares both readings of a field that the scanner can read.
func sameInput(t *testing.T, field string) bool {
	t.Helper()
	scanned, common := scanInput(field)
	if !common {
		return false
	}
	parsed, err := parseInput(http.Header{"Signature-Input": {field}}, func(string, string) bool { return true })
	if err != nil {
		t.Fatalf("%q: scanned as %+v, and the parser says %v", field, scanned, err)
	}
	if diff := cmp.Diff(parsed, scanned, cmp.AllowUnexported(Input{}, Component{}, componentSpec{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q (-parsed +scanned):\n%s", field, diff)
	}
	return true
}

func sameSignature(t *testing.T, field string) {
	t.Helper()
	scanned, common := scanSignature(field, "a")
	if !common {
		return
	}
	parsed, err := parseSignature(http.Header{"Signature": {field}}, "a")
	if err != nil || string(parsed) != string(scanned) {
		t.Fatalf("%q: scanned %x, parsed %x, %v", field, scanned, parsed, err)
	}
}

func FuzzScanInput(f *testing.F) {
	for _, field := range slices.Concat(commonInputs(), uncommonInputs()) {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) { sameInput(t, field) })
}

func FuzzScanSignature(f *testing.F) {
	for _, field := range []string{`a=:YQ==:`, `a=:YWJj:`, `a=::`, `a=:YQ:`, "a=:Y\nQ==:"} {
		f.Add(field)
	}
	f.Fuzz(sameSignature)
}
