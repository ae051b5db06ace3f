package amortize

import (
	"errors"
	"math/big"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// Instalment is one row of a schedule.
type Instalment struct {
	// Number counts from 1.
	Number int
	// From is the first day that bears interest for this instalment, Due the
	// day it is to be paid, which bears none.
	From, Due civil.Date
	// Total is Principal + Interest + Fee.
	Principal, Interest, Fee, Total money.Money
	// Balance is the principal outstanding after this instalment.
	Balance money.Money
	// Carried is interest charged so far that no instalment has covered yet; it
	// bears none and is paid first by the next one.
	Carried money.Money
}

// Schedule is the whole plan of repayment.
type Schedule struct {
	// Level is the payment that all instalments but the last ask for, fees left
	// out. For EqualPrincipal it is the level principal part, for Bullet zero.
	Level       money.Money
	Instalments []Instalment
	// Principal, Interest and Fee are the sums of the columns, Total of all.
	Principal, Interest, Fee, Total money.Money
}

// Build makes the schedule of a loan, or refuses its terms.
func Build(t Terms) (Schedule, error) {
	if err := t.validate(); err != nil {
		return Schedule{}, err
	}
	if t.DownPayment != "" {
		return buildWithDownPayment(t)
	}
	p, err := newPlan(t)
	if err != nil {
		return Schedule{}, err
	}
	level, rows, err := p.rows(t.Amortization, t.Final)
	if err != nil {
		return Schedule{}, overflows(err)
	}
	return assemble(t, level, rows)
}

// buildWithDownPayment makes the schedule of what the down payment leaves and
// puts the down payment before it.
func buildWithDownPayment(t Terms) (Schedule, error) {
	share, err := parsePercent("down_payment", t.DownPayment)
	if err != nil {
		return Schedule{}, err
	}
	num := new(big.Int).Mul(big.NewInt(t.Principal.MinorUnits), big.NewInt(share.num))
	down, err := plan{step: max(t.MultipleOf, 1)}.rounded(num, big.NewInt(share.den), t.Rounding.Payment)
	if err != nil || down >= t.Principal.MinorUnits {
		return Schedule{}, &TermsError{Field: "down_payment", Reason: "leaves nothing to lend", Err: err}
	}
	rest := t
	rest.DownPayment, rest.Cap.Of = "", t.capBase()
	rest.Principal.MinorUnits -= down
	s, err := Build(rest)
	if err != nil || down == 0 {
		return s, err
	}
	zero, amount := t.Principal.Of(0), t.Principal.Of(down)
	first := Instalment{
		From: t.Start, Due: t.Start, Principal: amount, Interest: zero, Fee: zero, Total: amount,
		Balance: rest.Principal, Carried: zero,
	}
	s.Instalments = append([]Instalment{first}, s.Instalments...)
	for i := range s.Instalments {
		s.Instalments[i].Number = i + 1
	}
	s.Principal = t.Principal
	s.Total.MinorUnits += down
	return s, nil
}

// rows computes the amounts of every instalment.
func (p plan) rows(kind Amortization, rule Final) (level int64, rows []row, err error) {
	want := demand(func(_ int, interest int64) int64 { return interest })
	switch kind {
	case EqualInstalment:
		if level, err = p.level(rule); err != nil {
			return 0, nil, err
		}
		want = func(int, int64) int64 { return level }
	case EqualPrincipal:
		if level, err = p.rounded(big.NewInt(p.principal), big.NewInt(p.repaying()), p.rounding.Payment); err != nil {
			return 0, nil, err
		}
		want = func(_ int, interest int64) int64 { return interest + level }
	}
	rows = make([]row, 0, len(p.factors))
	last, err := p.walk(want, func(r row) { rows = append(rows, r) })
	// Rounding up, or a multiple, may repay everything before the last instalment.
	if errors.Is(err, errOverpaid) || (err == nil && last == 0) {
		return 0, nil, ErrTooSmall
	}
	return level, rows, err
}

// assemble gives the rows their dates, fees and balances.
func assemble(t Terms, level int64, rows []row) (Schedule, error) {
	fees, err := t.fees()
	if err != nil {
		return Schedule{}, err
	}
	zero := t.Principal.Of(0)
	s := Schedule{
		Level: t.Principal.Of(level), Instalments: make([]Instalment, len(rows)),
		Principal: zero, Interest: zero, Fee: zero,
	}
	balance, from := t.Principal.MinorUnits, t.Start
	for i, r := range rows {
		balance -= r.principal
		// Bounds of the terms keep these sums far from overflow.
		s.Instalments[i] = Instalment{
			Number: i + 1, From: from, Due: t.Dues[i],
			Principal: zero.Of(r.principal), Interest: zero.Of(r.interest), Fee: fees[i],
			Total:   zero.Of(r.principal + r.interest + fees[i].MinorUnits),
			Balance: zero.Of(balance), Carried: zero.Of(r.carried),
		}
		s.Principal.MinorUnits += r.principal
		s.Interest.MinorUnits += r.interest
		s.Fee.MinorUnits += fees[i].MinorUnits
		from = t.Dues[i]
	}
	s.Total = zero.Of(s.Principal.MinorUnits + s.Interest.MinorUnits + s.Fee.MinorUnits)
	return s, nil
}

// fees is the fee of every instalment.
func (t Terms) fees() ([]money.Money, error) {
	fees := make([]money.Money, len(t.Dues))
	for i := range fees {
		fees[i] = t.Principal.Of(0)
		if t.Fee.Timing == FeeEach || (t.Fee.Timing == FeeFirst && i == 0) {
			fees[i] = t.Fee.Amount
		}
	}
	if t.Fee.Timing == FeeSpread {
		return t.Fee.Amount.Split(len(t.Dues))
	}
	return fees, nil
}

// CashFlow is money that moves between lender and borrower on a day.
type CashFlow struct {
	On     civil.Date
	Amount money.Money
}

// CashFlows is the loan as the borrower sees it: the principal in, every
// instalment with its fee out (negative). It is what annual percentage rates are
// solved from.
func (s Schedule) CashFlows() []CashFlow {
	flows := make([]CashFlow, 0, len(s.Instalments)+1)
	if len(s.Instalments) > 0 {
		flows = append(flows, CashFlow{On: s.Instalments[0].From, Amount: s.Principal})
	}
	for _, i := range s.Instalments {
		flows = append(flows, CashFlow{On: i.Due, Amount: i.Total.Of(-i.Total.MinorUnits)})
	}
	return flows
}

// Accruals is the interest of every instalment's period before it is rounded, in
// minor units: what an auditor checks the rounding against. Summed up it never
// exceeds the total cap. The schedule is one that Build made of the same terms.
func Accruals(t Terms, s Schedule) ([]*big.Rat, error) {
	accruals := make([]*big.Rat, len(s.Instalments))
	rows := s.Instalments
	if t.DownPayment != "" && len(rows) > 0 && rows[0].Due == t.Start {
		accruals[0] = new(big.Rat)
		t.Cap.Of, t.Principal, rows = t.capBase(), rows[0].Balance, rows[1:]
	}
	p, err := newPlan(t)
	if err != nil {
		return nil, err
	}
	if len(rows) > len(p.factors) {
		return nil, refuse("dues", "the schedule is of other terms")
	}
	left := new(big.Rat).SetInt64(p.maxCost)
	balance := p.principal
	for i, row := range rows {
		base := balance
		if p.flat {
			base = p.principal
		}
		accrued := p.factors[i].rat(base)
		if accrued.Cmp(left) > 0 {
			accrued.Set(left)
		}
		if p.maxCost < noCap {
			left.Sub(left, accrued)
		}
		accruals[len(accruals)-len(rows)+i] = accrued
		balance = row.Balance.MinorUnits
	}
	return accruals, nil
}
