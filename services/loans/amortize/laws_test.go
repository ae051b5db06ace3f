package amortize_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

func TestAnyTermsGiveAScheduleThatCloses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		terms := anyTerms(t)
		s, err := amortize.Build(terms)
		if errors.Is(err, amortize.ErrTooSmall) || errors.Is(err, money.ErrOverflow) {
			return
		}
		var refused *amortize.TermsError
		if terms.DownPayment != "" && errors.As(err, &refused) {
			return // The rounded down payment leaves nothing, or less than the multiple.
		}
		if err != nil {
			t.Fatalf("%+v: %v", terms, err)
		}
		balance, sum := terms.Principal.MinorUnits, int64(0)
		for _, i := range s.Instalments {
			balance -= i.Principal.MinorUnits
			sum += i.Total.MinorUnits
			if i.Principal.IsNegative() || i.Interest.IsNegative() || balance < 0 || i.Balance.MinorUnits != balance {
				t.Fatalf("instalment %d: %+v", i.Number, i)
			}
		}
		if balance != 0 || sum != s.Total.MinorUnits || s.Principal != terms.Principal {
			t.Fatalf("balance %d left, totals %d of %s", balance, sum, s.Total)
		}
	})
}

// TestLevelRulesAreExact compares the search with trying every payment around.
func TestLevelRulesAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		terms := anyTerms(t)
		terms.Principal.MinorUnits = rapid.Int64Range(10_000, 200_000).Draw(t, "principal")
		terms.Method, terms.Amortization, terms.MultipleOf = amortize.Declining, amortize.EqualInstalment, 0
		terms.DownPayment = ""
		gaps := map[amortize.Final]int64{}
		var level int64
		for _, rule := range []amortize.Final{amortize.FinalLower, amortize.FinalSimilar, amortize.FinalHigher} {
			terms.Final = rule
			s, err := amortize.Build(terms)
			if err != nil {
				return
			}
			last := s.Instalments[len(s.Instalments)-1]
			gaps[rule] = last.Principal.MinorUnits + last.Interest.MinorUnits - s.Level.MinorUnits
			if rule == amortize.FinalLower {
				level = s.Level.MinorUnits
			} else if d := level - s.Level.MinorUnits; d < 0 || d > 1 {
				t.Fatalf("rule %d: level %s, lower rule %d", rule, s.Level, level)
			}
		}
		similar := max(gaps[amortize.FinalSimilar], -gaps[amortize.FinalSimilar])
		if gaps[amortize.FinalLower] > 0 || gaps[amortize.FinalHigher] < 0 ||
			similar > -gaps[amortize.FinalLower] || similar > gaps[amortize.FinalHigher] {
			t.Fatalf("gaps %v", gaps)
		}
	})
}

// anyTerms draws terms that are valid field by field.
func anyTerms(t *rapid.T) amortize.Terms {
	start := civil.Date{Year: 2024, Month: time.January, Day: 1}.AddDays(rapid.IntRange(0, 800).Draw(t, "start"))
	f := amortize.Frequency{
		Every: rapid.IntRange(1, 3).Draw(t, "every"),
		Unit:  rapid.SampledFrom([]amortize.Unit{amortize.Day, amortize.Week, amortize.Month}).Draw(t, "unit"),
	}
	dues, err := f.Dues(start.AddDays(rapid.IntRange(0, 45).Draw(t, "first")), rapid.IntRange(1, 40).Draw(t, "n"))
	if err != nil {
		t.Fatal(err)
	}
	roundings := rapid.SampledFrom([]money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up})
	terms := amortize.Terms{
		Principal: money.Money{MinorUnits: rapid.Int64Range(1, 100_000_000).Draw(t, "principal"), Currency: "EUR"},
		Start:     start, Dues: dues,
		Rate: amortize.Rate{
			Percent: rapid.SampledFrom([]string{"0", "0.1", "0.798", "12", "99.999"}).Draw(t, "rate"), Per: amortize.PerYear,
		},
		DayCount:     daycount.Convention(rapid.IntRange(1, 13).Draw(t, "convention")),
		Method:       rapid.SampledFrom([]amortize.Method{amortize.Declining, amortize.Flat}).Draw(t, "method"),
		Amortization: amortize.Amortization(rapid.IntRange(1, 3).Draw(t, "amortization")),
		Final:        amortize.Final(rapid.IntRange(1, 5).Draw(t, "final")),
		Rounding:     amortize.Rounding{Payment: roundings.Draw(t, "payment"), Interest: roundings.Draw(t, "interest")},
		MultipleOf:   rapid.SampledFrom([]int64{0, 1, 10}).Draw(t, "multiple"),
	}
	terms.MultipleOf = min(terms.MultipleOf, terms.Principal.MinorUnits)
	if rapid.Bool().Draw(t, "equal periods") {
		terms.EqualPeriods = f
	}
	if rapid.Bool().Draw(t, "per day") {
		terms.Rate.Per = amortize.PerDay
	}
	terms.Grace.Principal = rapid.IntRange(0, len(dues)-1).Draw(t, "grace")
	terms.Grace.Interest = rapid.IntRange(0, terms.Grace.Principal).Draw(t, "interest grace")
	terms.DownPayment = rapid.SampledFrom([]string{"", "0", "12.5"}).Draw(t, "down payment")
	if rapid.Bool().Draw(t, "capped") {
		terms.Cap = amortize.Cap{Total: "100", Daily: "0.8"}
	}
	return terms
}
