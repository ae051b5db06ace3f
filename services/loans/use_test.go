package loans

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/penalty"
)

// TestAnyPaymentsLeaveBooksThatBalance pays any amounts on any rising days: the parts of each sum to it, what was paid is what was received,
// and paying the payoff quote closes the loan with nothing owed or owed back.
func TestAnyPaymentsLeaveBooksThatBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyProduct(t)
		principal := money.Money{MinorUnits: rapid.Int64Range(100_000, 10_000_000).Draw(t, "principal"), Currency: "UAH"}
		day := civil.Date{Year: 2026, Month: time.January, Day: 1}.AddDays(rapid.IntRange(0, 400).Draw(t, "start"))
		s, err := p.open(principal, rapid.IntRange(1, 24).Draw(t, "instalments"), day)
		if errors.Is(err, amortize.ErrTooSmall) {
			return
		}
		must(t, err)
		received := int64(0)
		for range rapid.IntRange(0, 8).Draw(t, "payments") {
			on := day.AddDays(rapid.IntRange(0, 70).Draw(t, "days"))
			s, err = penalty.Accrue(s, p.terms.GetDailyPenaltyPercent(), day, on)
			must(t, err)
			amount := principal.Of(rapid.Int64Range(1, principal.MinorUnits/2).Draw(t, "amount"))
			s, err = use(s, amount, on, p.prepayment())
			must(t, err)
			received += amount.MinorUnits
			checkBooks(t, s, principal, received)
			day = on
		}
		if s.Closed() {
			return
		}
		on := day.AddDays(rapid.IntRange(0, 500).Draw(t, "last days"))
		s, err = penalty.Accrue(s, p.terms.GetDailyPenaltyPercent(), day, on)
		must(t, err)
		quote, err := allocate.Payoff(s, on)
		must(t, err)
		if !quote.Total.IsPositive() {
			return // Paid so far ahead that nothing is owed: any payment closes it.
		}
		overpaid := s.Overpaid
		s, err = use(s, quote.Total, on, p.prepayment())
		must(t, err)
		if !s.Closed() || s.Overpaid != overpaid {
			t.Fatalf("after the payoff %+v is owed and %s overpaid", s.Outstanding(), s.Overpaid)
		}
		checkBooks(t, s, principal, received+quote.Total.MinorUnits)
	})
}

// checkBooks compares what was received with what it was used for.
func checkBooks(t *rapid.T, s allocate.State, principal money.Money, received int64) {
	t.Helper()
	sum := allocate.Amounts(paid(s))
	if sum.Total()+s.Overpaid.MinorUnits != received {
		t.Fatalf("received %d, used %+v, overpaid %s", received, sum, s.Overpaid)
	}
	lent := int64(0)
	for _, i := range s.Instalments {
		lent += i.Owed.Principal
		open := i.Open()
		if min(open.Principal, open.Interest, open.Fee, open.Penalty, i.Paid.Principal, i.Paid.Interest, i.Paid.Fee, i.Paid.Penalty) < 0 {
			t.Fatalf("instalment %d: owed %+v, paid %+v", i.Number, i.Owed, i.Paid)
		}
	}
	if lent != principal.MinorUnits {
		t.Fatalf("the schedule asks for %d of %s", lent, principal)
	}
}

// anyProduct draws terms of every kind.
func anyProduct(t *rapid.T) product {
	pick := func(name string, values ...string) string { return rapid.SampledFrom(values).Draw(t, name) }
	return product{row: loansdb.Product{Currency: "UAH"}, terms: &loansv1.ProductTerms{
		Frequency:             loansv1.Frequency(rapid.Int32Range(1, 3).Draw(t, "frequency")),
		DayCount:              loansv1.DayCount(rapid.Int32Range(1, 4).Draw(t, "day count")),
		Amortization:          loansv1.Amortization(rapid.Int32Range(1, 3).Draw(t, "amortization")),
		Prepayment:            loansv1.Prepayment(rapid.Int32Range(0, 3).Draw(t, "prepayment")),
		AnnualRatePercent:     pick("rate", "0", "36.5", "18.99", "365"),
		OriginationFeePercent: pick("fee", "", "1.5", "10"),
		DailyPenaltyPercent:   pick("penalty", "", "0.1", "1"),
		AllocateByTarget:      rapid.Bool().Draw(t, "by target"),
	}}
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
