package amortize

import (
	"errors"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// Interest is the rounded interest on an amount from one day to another, the
// latter not counted. It is what a borrower who pays early owes, and what
// accrues day by day. With EqualPeriods both days lie within one period. The
// total cap is the caller's to apply, because it depends on what was charged before.
func (t Terms) Interest(on money.Money, from, to civil.Date) (money.Money, error) {
	if on.Currency != t.Principal.Currency {
		return money.Money{}, &TermsError{Field: "principal", Reason: "is in another currency", Err: money.ErrCurrencyMismatch}
	}
	// Only the rules are needed here: principal and dues are the caller's days and
	// amount.
	if err := t.validateRules(); err != nil {
		return money.Money{}, err
	}
	begin, due := t.period(from)
	switch {
	case !from.IsValid() || !to.IsValid() || to.Before(from) || to.Sub(from) > MaxDays:
		return money.Money{}, refuse("dues", "interest from %q to %q", from, to)
	// A part of an equal period is measured against that period; two periods are
	// two calls, each rounded by itself as the schedule rounds them.
	case t.EqualPeriods != (Frequency{}) && to.After(due):
		return money.Money{}, refuse("dues", "%s is beyond the period from %s to %s", to, begin, due)
	case to == from:
		return on.Of(0), nil
	}
	r, err := newRules(t)
	if err != nil {
		return money.Money{}, err
	}
	interest, err := r.factor(begin, from, to, due).of(on.MinorUnits, t.Rounding.Interest)
	return on.Of(interest), overflows(err)
}

// period is the repayment period that begins on or before a day and ends after
// it. Beyond the last due date periods go on at the frequency of equal periods.
func (t Terms) period(day civil.Date) (begin, due civil.Date) {
	begin = t.Start
	if !t.PeriodStart.IsZero() {
		begin = t.PeriodStart
	}
	for _, due = range t.Dues {
		if due.After(day) {
			return begin, due
		}
		begin = due
	}
	// A loan that is repaid late accrues beyond its last due date; the bound only
	// ends the search.
	for n := 1; t.EqualPeriods.Every > 0 && n <= MaxDays; n++ {
		next := t.EqualPeriods.nth(due, n)
		if next.After(day) {
			return begin, next
		}
		begin = next
	}
	return begin, begin
}

// BuildLevel makes the schedule of a known level payment (or level principal
// part): as many of the due dates are used as it takes, and the last
// instalment takes the rest. It is how a prepayment shortens a loan. A level
// that does not repay the loan by the last due date leaves the rest to that one.
func BuildLevel(t Terms, level money.Money) (Schedule, error) {
	if err := t.validate(); err != nil {
		return Schedule{}, err
	}
	if level.Currency != t.Principal.Currency || !level.IsPositive() || level.MinorUnits > noCap {
		return Schedule{}, refuse("level", "must be more than zero, is %s", level.WithCode())
	}
	if t.Amortization == Bullet {
		return Schedule{}, refuse("amortization", "a bullet loan has no level payment")
	}
	// A down payment is taken on the first day and lowers what the level is
	// computed from, so it cannot follow from a level.
	if t.DownPayment != "" {
		return Schedule{}, refuse("down_payment", "does not go with a known level")
	}
	p, err := newPlan(t)
	if err != nil {
		return Schedule{}, err
	}
	want := demand(func(int, int64) int64 { return level.MinorUnits })
	// The level is then that of the principal part; interest comes on top and
	// falls.
	if t.Amortization == EqualPrincipal {
		want = func(_ int, interest int64) int64 { return interest + level.MinorUnits }
	}
	n, err := p.countLevel(want)
	if err != nil {
		return Schedule{}, overflows(err)
	}
	// Dropped due dates bear no interest: that is what the early repayment saves.
	p.factors, t.Dues = p.factors[:n], t.Dues[:n]
	if p.flat {
		total := p.flatInterest()
		if p.flatTotal, err = money.RoundQuotient(total.Num(), total.Denom(), t.Rounding.Interest); err != nil {
			return Schedule{}, err
		}
	}
	rows := make([]row, 0, n)
	if _, err := p.walk(want, func(r row) { rows = append(rows, r) }); err != nil {
		return Schedule{}, overflows(err)
	}
	return assemble(t, level.MinorUnits, rows)
}

// countLevel is how many instalments it takes until the balance is repaid.
func (p plan) countLevel(want demand) (int, error) {
	n, balance := 0, p.principal
	_, err := p.walk(want, func(r row) {
		if balance > 0 {
			n++
			balance -= r.principal
		}
	})
	if errors.Is(err, errOverpaid) {
		// The instalment that would overpay is the last one.
		return n + 1, nil
	}
	return n, err
}
