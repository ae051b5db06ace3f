package penalty_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/penalty"
)

var due = civil.Date{Year: 2026, Month: time.March, Day: 31}

// state is two instalments of 1,000.00, of which the first is half paid.
func state() allocate.State {
	var s allocate.State
	s.Terms.Principal = money.Money{MinorUnits: 180_000, Currency: "UAH"}
	s.Instalments = []allocate.Instalment{
		{Number: 1, Due: due, Owed: allocate.Amounts{Interest: 10_000, Principal: 90_000}, Paid: allocate.Amounts{Principal: 50_000}},
		{Number: 2, Due: due.AddMonths(1, 31), Owed: allocate.Amounts{Interest: 10_000, Principal: 90_000}},
	}
	return s
}

func TestAccrue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		percent   string
		since, on civil.Date
		want      [2]int64
	}{
		{"nothing on the due day", "0.1", civil.Date{}, due, [2]int64{0, 0}},
		{"a day on the day after", "0.1", civil.Date{}, due.AddDays(1), [2]int64{50, 0}},
		{"nothing twice for the same day", "0.1", due.AddDays(1), due.AddDays(1), [2]int64{0, 0}},
		{"only days since the last booking", "0.1", due.AddDays(10), due.AddDays(12), [2]int64{100, 0}},
		{"each instalment from its own day", "0.1", civil.Date{}, due.AddDays(31), [2]int64{1550, 100}},
		{"a fraction rounded half up", "0.001", civil.Date{}, due.AddDays(1), [2]int64{1, 0}},
		{"never more than the instalment", "10", civil.Date{}, due.AddDays(1000), [2]int64{100_000, 100_000}},
		{"never more, whatever the number", "999.999999", civil.Date{}, due.AddDays(30_000), [2]int64{100_000, 100_000}},
		{"none without a percentage", "", civil.Date{}, due.AddDays(100), [2]int64{0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := state()
			got, err := penalty.Accrue(before, tt.percent, tt.since, tt.on)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, [2]int64{got.Instalments[0].Owed.Penalty, got.Instalments[1].Owed.Penalty}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if before.Instalments[0].Owed.Penalty != 0 {
				t.Error("the state given was changed")
			}
		})
	}
}

func TestABadPercentageIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"-1", "NaN", "one"} {
		if _, err := penalty.Accrue(state(), text, civil.Date{}, due); !errors.Is(err, penalty.ErrBadPercent) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
