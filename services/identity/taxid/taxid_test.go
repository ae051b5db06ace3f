package taxid_test

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/services/identity/taxid"
)

func TestNumbersOfUkraine(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]bool{
		"3184710691":  true, // The example of public descriptions of the rule.
		"3184710692":  false,
		"1234567899":  true, // A sum of 295, which is 9 modulo 11.
		"":            false,
		"318471069":   false,
		"31847106911": false,
		"318471069a":  false,
		"0000000000":  false, // A right check digit on a day that is none.
	} {
		if got := taxid.Valid("UA", number); got != want {
			t.Errorf("%q: got %t, want %t", number, got, want)
		}
	}
}

func TestNumbersOfOtherCountriesPass(t *testing.T) {
	t.Parallel()
	if !taxid.Valid("PL", "12345678901") || taxid.Valid("PL", "") {
		t.Error("a number of another country passes, an empty one does not")
	}
}

// Of the ten numbers that differ in the check digit alone exactly one is valid.
func TestEveryNumberHasOneCheckDigit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := strconv.Itoa(rapid.IntRange(10001, 99999).Draw(t, "day")) + rapid.StringMatching(`[0-9]{4}`).Draw(t, "serial")
		valid := 0
		for digit := range 10 {
			if taxid.Valid("UA", body+strconv.Itoa(digit)) {
				valid++
			}
		}
		if valid != 1 {
			t.Fatalf("%s has %d valid check digits", body, valid)
		}
	})
}
