package cases

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSigningCases runs the signing files one by one against their floors.
func TestSigningCases(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LENDGATE_CASES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "cases")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", "..", dir) // relative to the module root
	}
	dir = filepath.Join(dir, "signing")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the outside cases are not here: %v", err)
	}
	floors := map[string]int{
		"rfc9421_signatures.json":                 12,
		"rfc9421_components.json":                 41,
		"rfc9421_mutations.json":                  240,
		"rfc9530_content_digest.json":             12,
		"wycheproof_ecdsa_p256_sha256_p1363.json": 175,
		"wycheproof_ed25519.json":                 93,
		"wycheproof_hmac_sha256.json":             103,
	}
	for name, run := range signingRunners() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := runFile(filepath.Join(dir, name), "signing/"+name, run)
			t.Logf("cases: %s %d/%d", result.File, result.Passed, result.Total)
			if result.Err != nil {
				t.Fatal(result.Err)
			}
			for _, failure := range result.Failures {
				t.Errorf("%s: %s", failure.ID, failure.Reason)
			}
			if result.Passed < floors[name] {
				t.Errorf("passed %d, the floor is %d", result.Passed, floors[name])
			}
		})
	}
}
