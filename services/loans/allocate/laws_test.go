package allocate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// TestLivesKeepTheirBooks lets random payments and prepayments happen and holds
// the laws after each: parts sum to the payment, nothing is overdrawn, the state
// given is untouched, and the payoff quote closes the loan.
func TestLivesKeepTheirBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anyLoan(t)
		principal := int64(0)
		day := s.Terms.Start
		for range rapid.IntRange(1, 8).Draw(t, "payments") {
			day = day.AddDays(rapid.IntRange(0, 40).Draw(t, "days"))
			payment := usd(rapid.Int64Range(1, 60_000).Draw(t, "payment"))
			before := cmp.Diff(allocate.State{}, s)
			r, next, err := pay(t, s, payment, day)
			if err != nil {
				t.Fatal(err)
			}
			if after := cmp.Diff(allocate.State{}, s); before != after {
				t.Fatal("the state given was changed")
			}
			sum := r.Overpaid.MinorUnits
			for _, a := range r.Allocations {
				sum += a.Amount.MinorUnits
				if a.Component == allocate.Principal {
					principal += a.Amount.MinorUnits
				}
			}
			if sum != payment.MinorUnits {
				t.Fatalf("%s became %d", payment, sum)
			}
			checkBooks(t, next)
			s = next
		}
		checkPayoff(t, s, day)
	})
}

func pay(t *rapid.T, s allocate.State, payment money.Money, day civil.Date) (allocate.Result, allocate.State, error) {
	effect := allocate.Effect(rapid.IntRange(0, 2).Draw(t, "effect"))
	if effect == 0 {
		return allocate.Apply(s, payment, day)
	}
	return allocate.Prepay(s, payment, day, effect)
}

// checkBooks asks that the schedule still repays exactly the principal.
func checkBooks(t *rapid.T, s allocate.State) {
	t.Helper()
	principal := int64(0)
	for _, i := range s.Instalments {
		principal += i.Owed.Principal
		open := i.Open()
		for _, c := range []allocate.Component{allocate.Penalty, allocate.Fee, allocate.Interest, allocate.Principal} {
			if open.Of(c) < 0 || i.Paid.Of(c) < 0 {
				t.Fatalf("instalment %+v", i)
			}
		}
	}
	if principal != s.Terms.Principal.MinorUnits {
		t.Fatalf("principal %d of %s", principal, s.Terms.Principal)
	}
}

// checkPayoff asks that paying the quote closes the loan and saves what it says.
func checkPayoff(t *rapid.T, s allocate.State, day civil.Date) {
	t.Helper()
	q, err := allocate.Payoff(s, day)
	if err != nil {
		t.Fatal(err)
	}
	if q.Saved.IsNegative() {
		t.Fatalf("closing early costs %s more", q.Saved)
	}
	settled, err := allocate.Settle(s, day)
	if err != nil {
		t.Fatal(err)
	}
	if q.Total.IsZero() {
		return
	}
	r, closed, err := allocate.Apply(settled, q.Total, day)
	if err != nil || !closed.Closed() || !r.Overpaid.IsZero() {
		t.Fatalf("the quote %s leaves %+v and overpays %s: %v", q.Total, closed.Outstanding(), r.Overpaid, err)
	}
}

func TestPayingTheScheduleClosesTheLoan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anyLoan(t)
		for _, i := range s.Instalments {
			if i.Owed.Total() == 0 {
				continue
			}
			r, next, err := allocate.Apply(s, usd(i.Owed.Total()), i.Due)
			if err != nil || !r.Overpaid.IsZero() {
				t.Fatalf("instalment %d: overpaid %s, %v", i.Number, r.Overpaid, err)
			}
			s = next
		}
		if !s.Closed() || !s.Overpaid.IsZero() {
			t.Fatalf("left %+v", s.Outstanding())
		}
	})
}

// anyLoan draws a loan with an order of allocation.
func anyLoan(t *rapid.T) allocate.State {
	tt := terms()
	tt.Principal = usd(rapid.Int64Range(10_000, 200_000).Draw(t, "principal"))
	monthly := amortize.Frequency{Every: 1, Unit: amortize.Month, Anchor: 31}
	tt.Dues, _ = monthly.Dues(civil.Date{Year: 2026, Month: time.March, Day: 31}, rapid.IntRange(1, 12).Draw(t, "n"))
	tt.Amortization = amortize.Amortization(rapid.IntRange(1, 3).Draw(t, "amortization"))
	tt.Final = amortize.Final(rapid.IntRange(1, 5).Draw(t, "final"))
	tt.Fee.Timing = amortize.FeeTiming(rapid.IntRange(1, 3).Draw(t, "fee"))
	tt.Method = amortize.Method(rapid.IntRange(1, 2).Draw(t, "method"))
	switch rapid.IntRange(0, 2).Draw(t, "interest") {
	case 1:
		tt.Rate = amortize.Rate{Percent: "36.5", Per: amortize.PerYear}
		tt.DayCount = daycount.Convention(rapid.IntRange(1, 13).Draw(t, "convention"))
	case 2:
		tt.Rate = amortize.Rate{Percent: "36.5", Per: amortize.PerYear}
		tt.EqualPeriods = monthly
	}
	tt.Grace.Principal = rapid.IntRange(0, len(tt.Dues)-1).Draw(t, "grace")
	tt.Grace.Interest = rapid.IntRange(0, tt.Grace.Principal).Draw(t, "interest grace")
	tt.DownPayment = rapid.SampledFrom([]string{"", "25"}).Draw(t, "down payment")
	if rapid.Bool().Draw(t, "capped") {
		tt.Cap = amortize.Cap{Total: "5"}
	}
	order := allocate.Standard()
	if rapid.Bool().Draw(t, "law") {
		order = allocate.Law353FZ()
	}
	order.Steps = rapid.Permutation(order.Steps).Draw(t, "steps")
	order.Future = allocate.Future(rapid.IntRange(0, 2).Draw(t, "future"))
	s, err := allocate.Open(tt, order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
