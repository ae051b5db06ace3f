package feature_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/services/scoring/feature"
)

func dictionary() feature.Dictionary {
	return feature.Dictionary{
		{Name: "age_years", Kind: feature.Whole, Min: 0, Max: 150},
		{Name: "employment", Kind: feature.Word, Words: []string{"employed", "retired"}},
		{Name: "shop", Kind: feature.Word, Open: true},
		{Name: "verified", Kind: feature.Flag},
		{Name: "burden", Kind: feature.Whole, Max: 100, Derived: true},
	}
}

func TestReadOneValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, feature, text string
		want                feature.Value
		refused             string
	}{
		{"a number", "age_years", "35", feature.Number(35), ""},
		{"the least number", "age_years", "0", feature.Number(0), ""},
		{"the greatest number", "age_years", "150", feature.Number(150), ""},
		{"a number above the domain", "age_years", "151", feature.Value{}, "is not within 0 to 150"},
		{"a number below the domain", "age_years", "-1", feature.Value{}, "is not within 0 to 150"},
		{"a fraction", "age_years", "35.5", feature.Value{}, "is not a whole number"},
		{"a number that does not fit", "age_years", "9223372036854775808", feature.Value{}, "is not a whole number"},
		{"an empty text is missing, not zero", "age_years", "", feature.Value{}, ""},
		{"a word", "employment", "retired", feature.Named("retired"), ""},
		{"a word in capitals", "employment", "RETIRED", feature.Named("retired"), ""},
		{"a word outside a closed domain", "employment", "pirate", feature.Value{}, "is none of employed, retired"},
		{"a word outside an open domain", "shop", "Shop-17", feature.Named("shop-17"), ""},
		{"a flag", "verified", "false", feature.Truth(false), ""},
		{"a flag that is no flag", "verified", "yes", feature.Value{}, "is neither true nor false"},
		{"a derived feature", "burden", "5", feature.Value{}, "is computed here and may not be sent"},
		{"a derived feature, even missing", "burden", "", feature.Value{}, "is computed here and may not be sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			def, _ := dictionary().Find(tt.feature)
			got, err := def.Read(tt.text)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			why := ""
			if err != nil {
				why = err.Error()
			}
			if why != tt.refused {
				t.Errorf("refused with %q, want %q", why, tt.refused)
			}
		})
	}
}

func TestReadReportsEveryFaultAndKeepsTheUnknownApart(t *testing.T) {
	t.Parallel()
	r := dictionary().Read([]feature.Fact{
		{Name: "age_years", Value: "200"},
		{Name: "shoe_size", Value: "42"},
		{Name: "employment", Value: "employed"},
		{Name: "employment", Value: "retired"},
		{Name: "verified", Value: "perhaps"},
	})
	wantFaults := []feature.Fault{
		{Index: 0, Name: "age_years", Why: "is not within 0 to 150"},
		{Index: 3, Name: "employment", Why: "was sent twice"},
		{Index: 4, Name: "verified", Why: "is neither true nor false"},
	}
	if diff := cmp.Diff(wantFaults, r.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]feature.Fact{{Name: "shoe_size", Value: "42"}}, r.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if _, ok := r.Set["shoe_size"]; ok {
		t.Error("an unknown feature reached the set")
	}
}

func TestValuesKeepTheirKind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value feature.Value
		text  string
	}{
		{feature.Value{}, ""},
		{feature.Number(-7), "-7"},
		{feature.Named("employed"), "employed"},
		{feature.Truth(true), "true"},
		{feature.Truth(false), "false"},
	} {
		if got := tt.value.Text(); got != tt.text {
			t.Errorf("text %q, want %q", got, tt.text)
		}
		if got := tt.value.Missing(); got != (tt.text == "") {
			t.Errorf("%q: missing is %t", tt.text, got)
		}
	}
	if _, ok := feature.Truth(true).Number(); ok {
		t.Error("a flag passed for a number")
	}
	if _, ok := feature.Number(1).Flag(); ok {
		t.Error("a number passed for a flag")
	}
}

func TestValidateListsEveryFaultOfADictionary(t *testing.T) {
	t.Parallel()
	if faults := dictionary().Validate(); len(faults) > 0 {
		t.Errorf("a right dictionary is refused: %v", faults)
	}
	bad := feature.Dictionary{
		{Name: "Age", Kind: feature.Whole, Max: 1},
		{Name: "twice", Kind: feature.Flag},
		{Name: "twice", Kind: feature.Flag},
		{Name: "turned", Kind: feature.Whole, Min: 5, Max: 4},
		{Name: "wordless", Kind: feature.Word},
		{Name: "shouting", Kind: feature.Word, Words: []string{"LOUD"}},
		{Name: "odd", Kind: "decimal"},
		{Name: "bounded", Kind: feature.Flag, Max: 1},
		{Name: "worded", Kind: feature.Whole, Max: 1, Words: []string{"a"}},
	}
	want := []string{
		"the name is not of the form", "stands twice", "min 5 is above max 4", "a closed word needs words", `word "LOUD" is not of the form`,
		`kind "decimal" is none of`, "only whole numbers have min and max", "only words have words",
	}
	faults := bad.Validate()
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d: %v", len(faults), len(want), faults)
	}
	for i, fault := range faults {
		if !strings.Contains(fault.Error(), want[i]) {
			t.Errorf("fault %q, want one of %q", fault, want[i])
		}
	}
}
