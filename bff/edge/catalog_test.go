package edge

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// TestCatalog holds the languages against each other, and English against the contract: a text for each reason and for nothing else.
func TestCatalog(t *testing.T) {
	t.Parallel()
	texts, err := loadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"en", "pl", "ru", "uk"}, texts.words.Languages()); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
	if err := texts.words.Faults(); err != nil {
		t.Error(err)
	}
	var reasons []string
	for number := range typev1.ErrorReason_name {
		if reason := typev1.ErrorReason(number); reason != typev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			reasons = append(reasons, rpcerr.Name(reason))
		}
	}
	slices.Sort(reasons)
	if diff := cmp.Diff(reasons, texts.words.Keys()); diff != "" {
		t.Errorf("reasons with words (-want +got):\n%s", diff)
	}
}
