package allocate

import (
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

// Quote is what closes a loan on a day.
type Quote struct {
	On                                       civil.Date
	Principal, Interest, Fee, Penalty, Total money.Money
	// Saved is the interest and the fees of the schedule that closing on that
	// day does away with.
	Saved money.Money
}

// Payoff quotes the full early repayment on a day: everything unpaid, but
// interest only up to that day, and no fees of instalments whose period has not
// begun. The day itself bears no interest. What arrears cost is the product's
// penalty, which the state already holds as owed.
func Payoff(s State, on civil.Date) (Quote, error) {
	settled, err := Settle(s, on)
	if err != nil {
		return Quote{}, err
	}
	open, before := settled.Outstanding(), s.Outstanding()
	return Quote{
		On: on, Principal: s.money(open.Principal), Interest: s.money(open.Interest),
		Fee: s.money(open.Fee), Penalty: s.money(open.Penalty), Total: s.money(open.Total()),
		Saved: s.money(before.Total() - open.Total()),
	}, nil
}

// Settle is the loan as it stands when it is to be closed on a day: instalments
// due before it are unchanged, and all others are one that is due that day.
// What Payoff quotes is what the settled loan owes; a payment of that much,
// applied to it, closes it.
func Settle(s State, on civil.Date) (State, error) {
	if err := s.validate(); err != nil {
		return State{}, err
	}
	if err := s.validateDay(on); err != nil {
		return State{}, err
	}
	next := s.clone()
	next.Instalments = next.Instalments[:0]
	var closing *Instalment
	for _, i := range s.Instalments {
		if !i.Due.After(on) {
			next.Instalments = append(next.Instalments, i)
			continue
		}
		if closing == nil {
			current, err := s.current(i, on)
			if err != nil {
				return State{}, err
			}
			next.Instalments = append(next.Instalments, current)
			closing = &next.Instalments[len(next.Instalments)-1]
			continue
		}
		// A period that has not begun gives up its interest and fees; what was
		// paid of them in advance counts towards the rest.
		closing.Owed.Principal += i.Owed.Principal
		closing.Owed.Penalty += i.Owed.Penalty
		closing.Paid = closing.Paid.plus(i.Paid)
	}
	if closing != nil {
		if err := next.rebalance(closing); err != nil {
			return State{}, err
		}
	}
	return next, nil
}

// current is the instalment whose period runs on a day, cut short on it.
func (s State) current(i Instalment, on civil.Date) (Instalment, error) {
	if !on.After(i.From) {
		// The period begins today at the earliest: it has cost nothing yet, but for
		// a fee taken once for the loan itself, which is owed from its first day.
		on = i.From
		if s.Terms.Fee.Timing != amortize.FeeFirst {
			i.Owed.Fee = 0
		}
	}
	accrued, err := s.accrued(i, on)
	if err != nil {
		return Instalment{}, err
	}
	i.Owed.Interest = accrued
	i.Due = on
	return i, nil
}

// accrued is the interest of a period up to a day within it. A flat loan's
// interest is spread evenly over the days of its period. A declining one's is on
// the principal that the schedule has outstanding then, and never more than the
// whole period asks for; interest carried from earlier periods is owed in full.
func (s State) accrued(period Instalment, on civil.Date) (int64, error) {
	if s.Terms.Method == amortize.Flat {
		days, all := on.Sub(period.From), max(period.Due.Sub(period.From), 1)
		part, err := s.money(period.Owed.Interest).MulFraction(int64(days), int64(all), s.Terms.Rounding.Interest)
		return part.MinorUnits, err
	}
	outstanding := s.money(0)
	for _, i := range s.Instalments {
		if !i.Due.Before(period.Due) {
			outstanding.MinorUnits += i.Owed.Principal
		}
	}
	whole, err := s.Terms.Interest(outstanding, period.From, period.Due)
	if err != nil {
		return 0, err
	}
	part, err := s.Terms.Interest(outstanding, period.From, on)
	if err != nil {
		return 0, err
	}
	carried := max(0, period.Owed.Interest-whole.MinorUnits)
	return min(part.MinorUnits+carried, period.Owed.Interest), nil
}

// rebalance moves what was paid in advance for interest and fees that are no
// longer owed to the principal, and what even that does not need to Overpaid.
func (s *State) rebalance(i *Instalment) (err error) {
	excess := int64(0)
	for _, c := range components {
		if over := i.Paid.Of(c) - i.Owed.Of(c); over > 0 {
			i.Paid.add(c, -over)
			excess += over
		}
	}
	for k := len(components) - 1; k >= 0; k-- {
		c := components[k]
		amount := min(excess, i.Open().Of(c))
		i.Paid.add(c, amount)
		excess -= amount
	}
	s.Overpaid, err = s.Overpaid.Add(s.money(excess))
	return err
}

// Effect is what a partial early repayment does to the instalments to come.
type Effect uint8

// The effects. The zero value is refused.
const (
	// ReduceInstalment keeps the due dates and lowers the instalments.
	ReduceInstalment Effect = iota + 1
	// ReduceTerm keeps the instalment and drops the last due dates.
	ReduceTerm
)

// Prepay takes a partial early repayment. It first covers what is due up to the
// day and the interest accrued since the last due date, then lowers the
// principal, and rebuilds the instalments to come from that day. A payment that
// is enough to close the loan closes it.
func Prepay(s State, payment money.Money, on civil.Date, effect Effect) (Result, State, error) {
	if err := s.validatePayment(payment, on); err != nil {
		return Result{}, State{}, err
	}
	if effect != ReduceInstalment && effect != ReduceTerm {
		return Result{}, State{}, fmt.Errorf("%w: effect is not set", ErrNotPossible)
	}
	if !s.Instalments[len(s.Instalments)-1].Due.After(on) {
		// Everything is due: there is nothing to repay early.
		return Apply(s, payment, on)
	}
	settled, err := Settle(s, on)
	if err != nil {
		return Result{}, State{}, err
	}
	result, settled, err := Apply(settled, payment, on)
	if err != nil || settled.Closed() {
		return result, settled, err
	}
	last := len(settled.Instalments) - 1
	arrears := settled.Outstanding().Total() - settled.Instalments[last].Open().Principal
	if arrears > 0 || settled.Instalments[last].Paid.Principal == s.paidAhead(on) {
		// The payment does not reach the principal to come: nothing to rebuild.
		return Apply(s, payment, on)
	}
	next, err := s.rebuild(settled, on, effect)
	return result, next, err
}

// rebuild replaces the principal that a settled loan still owes by new
// instalments on the due dates that are left.
func (s State) rebuild(settled State, on civil.Date, effect Effect) (State, error) {
	last := len(settled.Instalments) - 1
	closing := &settled.Instalments[last]
	rest := closing.Open().Principal
	closing.Owed.Principal -= rest

	terms := s.Terms
	terms.Start, terms.Dues, terms.PeriodStart = on, nil, s.periodStart(on)
	terms.Principal = s.money(rest)
	terms.Fee, terms.DownPayment = amortize.Fee{}, ""
	terms.Cap.Of, terms.Cap.Used = s.Terms.Principal, s.money(0)
	terms.MultipleOf = min(terms.MultipleOf, rest)
	var future []Instalment
	for _, i := range s.Instalments {
		if i.Due.After(on) {
			future = append(future, i)
			terms.Dues = append(terms.Dues, i.Due)
		}
	}
	// A grace goes on for as many instalments as are left of it.
	passed := len(s.Terms.Dues) - len(terms.Dues)
	terms.Grace.Principal = max(0, min(terms.Grace.Principal-passed, len(terms.Dues)-1))
	terms.Grace.Interest = max(0, min(terms.Grace.Interest-passed, terms.Grace.Principal))
	for _, i := range settled.Instalments {
		terms.Cap.Used.MinorUnits += i.Owed.Interest
	}
	schedule, err := build(terms, s.Level, effect)
	if err != nil {
		return State{}, err
	}
	added := instalments(schedule, closing.Number)
	s.carryFees(future, added, on)
	settled.Instalments = append(settled.Instalments, added...)
	if effect == ReduceInstalment {
		settled.Level = schedule.Level
	}
	return settled, settled.validate()
}

// paidAhead is the principal that was paid for instalments due after a day.
func (s State) paidAhead(on civil.Date) int64 {
	sum := int64(0)
	for _, i := range s.Instalments {
		if i.Due.After(on) {
			sum += i.Paid.Principal
		}
	}
	return sum
}

// periodStart is when the regular period began that a day lies in.
func (s State) periodStart(on civil.Date) civil.Date {
	begin := s.Terms.Start
	if !s.Terms.PeriodStart.IsZero() {
		begin = s.Terms.PeriodStart
	}
	for _, due := range s.Terms.Dues {
		if !due.After(on) {
			begin = due
		}
	}
	return begin
}

// build is the new schedule. A bullet loan has one way only: its term is its
// principal's.
func build(terms amortize.Terms, level money.Money, effect Effect) (amortize.Schedule, error) {
	if effect == ReduceTerm && terms.Amortization != amortize.Bullet {
		return amortize.BuildLevel(terms, level)
	}
	schedule, err := amortize.Build(terms)
	if errors.Is(err, amortize.ErrTooSmall) {
		// A few units left over are due on the next date.
		terms.Dues, terms.Amortization, terms.Grace = terms.Dues[:1], amortize.Bullet, amortize.Grace{}
		return amortize.Build(terms)
	}
	return schedule, err
}

// carryFees puts the fees of replaced instalments on the new ones. The first
// replaced one was settled with the prepayment if its period had begun. A shorter
// loan saves the fees of the instalments it drops, unless they are parts of one fee.
func (s State) carryFees(replaced, added []Instalment, on civil.Date) {
	for k, old := range replaced {
		switch {
		case k == 0 && old.From.Before(on):
		case k < len(added):
			added[k].Owed.Fee += old.Owed.Fee
		case s.Terms.Fee.Timing == amortize.FeeSpread:
			added[len(added)-1].Owed.Fee += old.Owed.Fee
		}
	}
}
