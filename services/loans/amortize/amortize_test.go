package amortize_test

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// loan is 1,200.00 at 12 % a year for twelve months, the example the tests vary.
func loan(t testing.TB, change func(*amortize.Terms)) amortize.Terms {
	t.Helper()
	start := civil.Date{Year: 2026, Month: time.January, Day: 31}
	monthly := amortize.Frequency{Every: 1, Unit: amortize.Month, Anchor: 31}
	dues, err := monthly.Dues(start.AddMonths(1, 31), 12)
	if err != nil {
		t.Fatal(err)
	}
	terms := amortize.Terms{
		Principal: money.Money{MinorUnits: 120_000, Currency: "USD"}, Start: start, Dues: dues,
		Rate: amortize.Rate{Percent: "12", Per: amortize.PerYear}, EqualPeriods: monthly,
		Method: amortize.Declining, Amortization: amortize.EqualInstalment, Final: amortize.FinalTakesRest,
		Rounding: amortize.Rounding{Payment: money.HalfEven, Interest: money.HalfEven},
	}
	if change != nil {
		change(&terms)
	}
	return terms
}

// columns are the amounts of a schedule that tests compare.
func columns(s amortize.Schedule) (principal, interest, total []int64) {
	for _, i := range s.Instalments {
		principal = append(principal, i.Principal.MinorUnits)
		interest = append(interest, i.Interest.MinorUnits)
		total = append(total, i.Total.MinorUnits)
	}
	return principal, interest, total
}

func TestEqualInstalment(t *testing.T) {
	t.Parallel()
	// PMT(1 %, 12, 1200) = 106.6185…, as any spreadsheet has it.
	s, err := amortize.Build(loan(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	principal, interest, total := columns(s)
	wantInterest := []int64{1200, 1105, 1010, 913, 816, 717, 618, 517, 416, 314, 210, 106}
	if diff := cmp.Diff(wantInterest, interest); diff != "" {
		t.Errorf("interest (-want +got):\n%s", diff)
	}
	if principal[0] != 9462 || total[0] != 10662 || total[11] != 10660 {
		t.Errorf("first %d of %d, last %d", principal[0], total[0], total[11])
	}
	if got := s.Instalments[1]; got.From.String() != "2026-02-28" || got.Due.String() != "2026-03-31" {
		t.Errorf("the second period is %s to %s", got.From, got.Due)
	}
}

func TestEqualPrincipal(t *testing.T) {
	t.Parallel()
	// 5,000 at 12 % in 18 parts: 277.78 each, and the last takes 277.74.
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits = 500_000
		terms.Amortization = amortize.EqualPrincipal
		terms.Dues, _ = terms.EqualPeriods.Dues(terms.Dues[0], 18)
	}))
	if err != nil {
		t.Fatal(err)
	}
	principal, interest, _ := columns(s)
	if principal[0] != 27778 || principal[17] != 27774 {
		t.Errorf("principal %v", principal)
	}
	if interest[0] != 5000 || interest[1] != 4722 {
		t.Errorf("interest %v", interest)
	}
}

func TestFlatWithWholeUnits(t *testing.T) {
	t.Parallel()
	// 5,000 flat at 12 % in 18 whole instalments: 278 + 50, and the last 274 + 50.
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits = 500_000
		terms.Method, terms.MultipleOf = amortize.Flat, 100
		terms.Dues, _ = terms.EqualPeriods.Dues(terms.Dues[0], 18)
	}))
	if err != nil {
		t.Fatal(err)
	}
	principal, interest, total := columns(s)
	if total[0] != 32800 || principal[0] != 27800 || interest[0] != 5000 || principal[17] != 27400 || total[17] != 32400 {
		t.Errorf("principal %v, interest %v", principal, interest)
	}
}

func TestBullet(t *testing.T) {
	t.Parallel()
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) { terms.Amortization = amortize.Bullet }))
	if err != nil {
		t.Fatal(err)
	}
	_, _, total := columns(s)
	want := []int64{1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 121_200}
	if diff := cmp.Diff(want, total); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoInterest(t *testing.T) {
	t.Parallel()
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits = 100_000
		terms.Rate.Percent = "0"
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, _, total := columns(s)
	if total[0] != 8333 || total[11] != 8337 || s.Interest.MinorUnits != 0 {
		t.Errorf("totals %v, interest %s", total, s.Interest)
	}
}

func TestAPartOfAnEqualPeriodBearsItsDays(t *testing.T) {
	t.Parallel()
	// The money leaves on the 15th of a period that began on the 1st of January:
	// 192.22 × 9.99 % ÷ 12 × 17/31 is 0.8775….
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits, terms.Rate.Percent = 19_222, "9.99"
		terms.PeriodStart = civil.Date{Year: 2024, Month: time.January, Day: 1}
		terms.Start = civil.Date{Year: 2024, Month: time.January, Day: 15}
		terms.EqualPeriods.Anchor = 1
		terms.Dues, _ = terms.EqualPeriods.Dues(civil.Date{Year: 2024, Month: time.February, Day: 1}, 6)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Instalments[0].Interest.MinorUnits; got != 88 {
		t.Errorf("got %d, want 88", got)
	}
}

func TestADueDateOnTheDayOfTheLoanBearsNoInterest(t *testing.T) {
	t.Parallel()
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Dues = append([]civil.Date{terms.Start}, terms.Dues[:2]...)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if first := s.Instalments[0]; !first.Interest.IsZero() || first.Total != s.Level {
		t.Errorf("first %+v", first)
	}
}

func TestGrace(t *testing.T) {
	t.Parallel()
	// 5,000 at 12 % in 18 months: interest only for three months and then 15 whole
	// instalments of 361.00; or nothing at all for three, and then four interests.
	whole := func(terms *amortize.Terms) {
		terms.Principal.MinorUnits, terms.MultipleOf = 500_000, 100
		terms.Dues, _ = terms.EqualPeriods.Dues(terms.Dues[0], 18)
	}
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		whole(terms)
		terms.Grace = amortize.Grace{Principal: 3}
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, _, total := columns(s)
	if diff := cmp.Diff([]int64{5000, 5000, 5000, 36_100, 36_100}, total[:5]); diff != "" || total[17] != 35_487 {
		t.Errorf("last %d (-want +got):\n%s", total[17], diff)
	}
	s, err = amortize.Build(loan(t, func(terms *amortize.Terms) {
		whole(terms)
		terms.Grace = amortize.Grace{Principal: 6, Interest: 3}
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, _, total = columns(s)
	if diff := cmp.Diff([]int64{0, 0, 0, 20_000, 5000, 5000, 44_400}, total[:7]); diff != "" || total[17] != 44_709 {
		t.Errorf("last %d (-want +got):\n%s", total[17], diff)
	}
}

func TestFlatInterestIsRoundedInTotal(t *testing.T) {
	t.Parallel()
	// 1,250 flat at 15 % for four months is 62.50, though a fourth rounds to 15.62.
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits, terms.Rate.Percent = 125_000, "15"
		terms.Method, terms.MultipleOf, terms.Dues = amortize.Flat, 100, terms.Dues[:4]
	}))
	if err != nil {
		t.Fatal(err)
	}
	principal, interest, _ := columns(s)
	if diff := cmp.Diff([]int64{1562, 1562, 1562, 1564}, interest); diff != "" {
		t.Errorf("interest (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{31_238, 31_238, 31_238, 31_286}, principal); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
}

func TestDownPayment(t *testing.T) {
	t.Parallel()
	// A quarter of 1,250 in whole units is 312, and 938 are left for three.
	s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Principal.MinorUnits, terms.Rate.Percent = 125_000, "0"
		terms.MultipleOf, terms.Dues, terms.DownPayment = 100, terms.Dues[:3], "25"
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, _, total := columns(s)
	if diff := cmp.Diff([]int64{31_200, 31_300, 31_300, 31_200}, total); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if first := s.Instalments[0]; first.Due != first.From || s.Instalments[3].Number != 4 {
		t.Errorf("first %+v", first)
	}
}

func TestFees(t *testing.T) {
	t.Parallel()
	fee := money.Money{MinorUnits: 1000, Currency: "USD"}
	for timing, want := range map[amortize.FeeTiming][3]int64{
		amortize.FeeEach: {1000, 1000, 12_000}, amortize.FeeFirst: {1000, 0, 1000}, amortize.FeeSpread: {84, 83, 1000},
	} {
		s, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
			terms.Fee = amortize.Fee{Amount: fee, Timing: timing}
		}))
		if err != nil {
			t.Fatal(err)
		}
		got := [3]int64{s.Instalments[0].Fee.MinorUnits, s.Instalments[11].Fee.MinorUnits, s.Fee.MinorUnits}
		if got != want {
			t.Errorf("timing %d: got %v, want %v", timing, got, want)
		}
	}
}

func TestTotalCapBindsWithinAPeriod(t *testing.T) {
	t.Parallel()
	terms := loan(t, func(terms *amortize.Terms) {
		terms.Rate = amortize.Rate{Percent: "0.8", Per: amortize.PerDay}
		terms.Cap.Total = "100"
		terms.Final = amortize.FinalLower
		terms.Rounding = amortize.Rounding{Payment: money.Up, Interest: money.Down}
	})
	s, err := amortize.Build(terms)
	if err != nil {
		t.Fatal(err)
	}
	if s.Interest != s.Principal {
		t.Errorf("interest %s of principal %s", s.Interest, s.Principal)
	}
	accruals, err := amortize.Accruals(terms, s)
	if err != nil {
		t.Fatal(err)
	}
	sum := new(big.Rat)
	for _, a := range accruals {
		sum.Add(sum, a)
	}
	if sum.Cmp(new(big.Rat).SetInt64(s.Principal.MinorUnits)) != 0 {
		t.Errorf("accrued %s", sum.FloatString(2))
	}
}

func TestDailyCapLowersTheRate(t *testing.T) {
	t.Parallel()
	capped, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Rate = amortize.Rate{Percent: "1.2", Per: amortize.PerDay}
		terms.Cap.Daily = "0.8"
	}))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
		terms.Rate = amortize.Rate{Percent: "0.8", Per: amortize.PerDay}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if capped.Interest != plain.Interest {
		t.Errorf("capped %s, at the capped rate %s", capped.Interest, plain.Interest)
	}
}

func TestUncoveredInterestIsCarriedAndBearsNone(t *testing.T) {
	t.Parallel()
	// A first period of a year at 1 % a day costs more than a level payment. What
	// it leaves unpaid waits, and the principal stays as it is.
	terms := loan(t, func(terms *amortize.Terms) {
		terms.Rate = amortize.Rate{Percent: "1", Per: amortize.PerDay}
		terms.Final = amortize.FinalLower
		first := terms.Start.AddDays(365)
		terms.Dues = []civil.Date{first, first.AddDays(1), first.AddDays(2)}
	})
	s, err := amortize.Build(terms)
	if err != nil {
		t.Fatal(err)
	}
	first := s.Instalments[0]
	if first.Principal.MinorUnits != 0 || first.Balance != s.Principal || first.Carried.MinorUnits == 0 {
		t.Errorf("first instalment %+v", first)
	}
	accruals, err := amortize.Accruals(terms, s)
	if err != nil {
		t.Fatal(err)
	}
	// A hundredth of the principal for a day, whatever interest is waiting.
	if got := accruals[1]; got.Cmp(big.NewRat(1200, 1)) != 0 {
		t.Errorf("the second period accrues %s", got.FloatString(2))
	}
	if last := s.Instalments[2]; last.Carried.MinorUnits != 0 || last.Balance.MinorUnits != 0 {
		t.Errorf("last instalment %+v", last)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field string
		change      func(*amortize.Terms)
	}{
		{"no principal", "principal", func(t *amortize.Terms) { t.Principal.MinorUnits = 0 }},
		{"a negative principal", "principal", func(t *amortize.Terms) { t.Principal.MinorUnits = -1 }},
		{"an absurd principal", "principal", func(t *amortize.Terms) { t.Principal.MinorUnits = amortize.MaxPrincipal + 1 }},
		{"an unknown currency", "principal", func(t *amortize.Terms) { t.Principal.Currency = "XXY" }},
		{"no start", "start", func(t *amortize.Terms) { t.Start = civil.Date{} }},
		{"no due dates", "dues", func(t *amortize.Terms) { t.Dues = nil }},
		{"too many due dates", "dues", func(t *amortize.Terms) { t.Dues = make([]civil.Date, amortize.MaxInstalments+1) }},
		{"due dates that do not rise", "dues", func(t *amortize.Terms) { t.Dues[3] = t.Dues[2] }},
		{"a due date before the start", "dues", func(t *amortize.Terms) { t.Dues[0] = t.Start.AddDays(-1) }},
		{"a term of centuries", "dues", func(t *amortize.Terms) { t.Dues[11] = civil.Date{Year: 2400, Month: 1, Day: 1} }},
		{"a negative rate", "rate", func(t *amortize.Terms) { t.Rate.Percent = "-1" }},
		{"an absurd rate", "rate", func(t *amortize.Terms) { t.Rate.Percent = "1000001" }},
		{"a rate that is no decimal", "rate", func(t *amortize.Terms) { t.Rate.Percent = "1e9" }},
		{"a rate that is no number", "rate", func(t *amortize.Terms) { t.Rate.Percent = "NaN" }},
		{"an empty rate", "rate", func(t *amortize.Terms) { t.Rate.Percent = "" }},
		{"a rate that overflows", "rate", func(t *amortize.Terms) {
			t.Principal.MinorUnits, t.Rate.Percent = amortize.MaxPrincipal, "1000000"
		}},
		{"a rate per nothing", "rate", func(t *amortize.Terms) { t.Rate.Per = 0 }},
		{"no method", "method", func(t *amortize.Terms) { t.Method = 0 }},
		{"no amortization", "amortization", func(t *amortize.Terms) { t.Amortization = 0 }},
		{"no rule for the last", "final", func(t *amortize.Terms) { t.Final = 0 }},
		{"no payment rounding", "rounding.payment", func(t *amortize.Terms) { t.Rounding.Payment = 0 }},
		{"no interest rounding", "rounding.interest", func(t *amortize.Terms) { t.Rounding.Interest = 0 }},
		{"no day count", "day_count", func(t *amortize.Terms) { t.EqualPeriods = amortize.Frequency{} }},
		{"a multiple above the principal", "multiple_of", func(t *amortize.Terms) { t.MultipleOf = t.Principal.MinorUnits + 1 }},
		{"a grace without end", "grace.principal", func(t *amortize.Terms) { t.Grace.Principal = 12 }},
		{"more interest grace than grace", "grace.interest", func(t *amortize.Terms) { t.Grace.Interest = 1 }},
		{"a down payment of everything", "down_payment", func(t *amortize.Terms) { t.DownPayment = "100" }},
		{"a cap that is no decimal", "cap.total", func(t *amortize.Terms) { t.Cap.Total = "all" }},
		{"a fee of another currency", "fee", func(t *amortize.Terms) {
			t.Fee = amortize.Fee{Amount: money.Money{MinorUnits: 1, Currency: "EUR"}, Timing: amortize.FeeEach}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := amortize.Build(loan(t, tt.change))
			var refused *amortize.TermsError
			if !errors.As(err, &refused) || refused.Field != tt.field {
				t.Errorf("got %v, want field %s refused", err, tt.field)
			}
		})
	}
}

func TestThreeCentsDoNotMakeTwelveInstalments(t *testing.T) {
	t.Parallel()
	for _, kind := range []amortize.Amortization{amortize.EqualInstalment, amortize.EqualPrincipal} {
		_, err := amortize.Build(loan(t, func(terms *amortize.Terms) {
			terms.Principal.MinorUnits, terms.Amortization = 3, kind
			terms.Rounding.Payment = money.Up
		}))
		if !errors.Is(err, amortize.ErrTooSmall) {
			t.Errorf("amortization %d: %v", kind, err)
		}
	}
}

func TestBuildLevelShortens(t *testing.T) {
	t.Parallel()
	terms := loan(t, nil)
	whole, err := amortize.Build(terms)
	if err != nil {
		t.Fatal(err)
	}
	terms.Principal.MinorUnits /= 2
	short, err := amortize.BuildLevel(terms, whole.Level)
	if err != nil {
		t.Fatal(err)
	}
	last := short.Instalments[len(short.Instalments)-1]
	if len(short.Instalments) != 6 || short.Instalments[0].Total != whole.Level || last.Total.MinorUnits > whole.Level.MinorUnits {
		t.Errorf("%d instalments, first %s, last %s", len(short.Instalments), short.Instalments[0].Total, last.Total)
	}
	if last.Balance.MinorUnits != 0 {
		t.Errorf("balance %s", last.Balance)
	}
}

func TestDuesUntilKeepsWithinTheTerm(t *testing.T) {
	t.Parallel()
	first := civil.Date{Year: 2024, Month: time.May, Day: 8}
	dues, err := amortize.Frequency{Every: 1, Unit: amortize.Month}.DuesUntil(first, first.AddDays(183))
	if err != nil {
		t.Fatal(err)
	}
	if len(dues) != 6 || dues[5].String() != "2024-10-08" {
		t.Errorf("got %v", dues)
	}
}

func BenchmarkBuild36Months(b *testing.B) {
	terms := loan(b, func(terms *amortize.Terms) {
		terms.EqualPeriods = amortize.Frequency{}
		terms.DayCount, terms.Final = daycount.Actual365, amortize.FinalLower
		terms.Dues, _ = amortize.Frequency{Every: 1, Unit: amortize.Month}.Dues(terms.Dues[0], 36)
	})
	for b.Loop() {
		if _, err := amortize.Build(terms); err != nil {
			b.Fatal(err)
		}
	}
}
