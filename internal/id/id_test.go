package id_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/id"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		wire := id.Format(id.Loan, want)
		if len(wire) != 31 {
			t.Fatalf("length %d of %q", len(wire), wire)
		}
		got, err := id.Parse(id.Loan, wire)
		if err != nil || got != want {
			t.Fatalf("Parse(%q) = %v, %v; want %v", wire, got, err, want)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := id.Format(id.Loan, id.New())
	for name, bad := range map[string]string{
		"another kind":       id.Format(id.Person, id.New()),
		"too short":          good[:30],
		"too long":           good + "0",
		"a foreign letter":   good[:30] + "u",
		"more than 128 bits": "loan_8" + good[6:],
		"nothing":            "",
	} {
		if _, err := id.Parse(id.Loan, bad); err == nil {
			t.Errorf("%s: %q was taken", name, bad)
		}
	}
}
