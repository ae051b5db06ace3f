package allocate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

var (
	// ErrBadState means that the state contradicts itself: more paid than owed,
	// instalments out of order, two currencies.
	ErrBadState = errors.New("allocate: bad state")
	// ErrBadPayment means that a payment is not positive, or its date not a day
	// on or after the loan's start.
	ErrBadPayment = errors.New("allocate: bad payment")
	// ErrNotPossible means that the loan does not allow what is asked.
	ErrNotPossible = errors.New("allocate: not possible")
)

// Component is a part of an instalment.
type Component uint8

// The components. The zero value is none.
const (
	Penalty Component = iota + 1
	Fee
	Interest
	Principal
)

// components are all of them, in the order of the constants.
var components = [...]Component{Penalty, Fee, Interest, Principal}

// Amounts are the components of an instalment in minor units of the loan's currency.
type Amounts struct {
	Penalty, Fee, Interest, Principal int64
}

// Of is one component.
func (a Amounts) Of(c Component) int64 {
	switch c {
	case Penalty:
		return a.Penalty
	case Fee:
		return a.Fee
	case Interest:
		return a.Interest
	case Principal:
		return a.Principal
	}
	return 0
}

// Total is the sum of the components.
func (a Amounts) Total() int64 { return a.Penalty + a.Fee + a.Interest + a.Principal }

// add adds to one component.
func (a *Amounts) add(c Component, amount int64) {
	switch c {
	case Penalty:
		a.Penalty += amount
	case Fee:
		a.Fee += amount
	case Interest:
		a.Interest += amount
	case Principal:
		a.Principal += amount
	}
}

// plus is the sum, component by component.
func (a Amounts) plus(b Amounts) Amounts {
	return Amounts{a.Penalty + b.Penalty, a.Fee + b.Fee, a.Interest + b.Interest, a.Principal + b.Principal}
}

// minus is the difference, component by component.
func (a Amounts) minus(b Amounts) Amounts {
	return Amounts{a.Penalty - b.Penalty, a.Fee - b.Fee, a.Interest - b.Interest, a.Principal - b.Principal}
}

// Instalment is one row of a loan's schedule with what was paid of it.
type Instalment struct {
	Number    int
	From, Due civil.Date
	// Owed is what the instalment asks for, Paid what has come in for it.
	Owed, Paid Amounts
}

// Open is what is still to be paid of the instalment.
func (i Instalment) Open() Amounts { return i.Owed.minus(i.Paid) }

// State is all that a payment depends on.
type State struct {
	// Terms are those that the loan was made with; their principal is the sum
	// first lent and their currency the loan's.
	Terms amortize.Terms
	// Level is the level payment of the current schedule (Schedule.Level).
	Level money.Money
	// Order is how payments are allocated.
	Order Order
	// Instalments are sorted by due date.
	Instalments []Instalment
	// Overpaid is what was received beyond all that was owed.
	Overpaid money.Money
}

// Open is the state of a loan on which nothing has been paid yet.
func Open(terms amortize.Terms, order Order) (State, error) {
	schedule, err := amortize.Build(terms)
	if err != nil {
		return State{}, err
	}
	s := State{Terms: terms, Level: schedule.Level, Order: order, Overpaid: terms.Principal.Of(0)}
	s.Instalments = instalments(schedule, 0)
	return s, s.validate()
}

// instalments turns a schedule into unpaid instalments numbered from after.
func instalments(schedule amortize.Schedule, after int) []Instalment {
	list := make([]Instalment, len(schedule.Instalments))
	for i, row := range schedule.Instalments {
		list[i] = Instalment{
			Number: after + row.Number, From: row.From, Due: row.Due,
			Owed: Amounts{
				Fee: row.Fee.MinorUnits, Interest: row.Interest.MinorUnits, Principal: row.Principal.MinorUnits,
			},
		}
	}
	return list
}

// Outstanding is everything that is still to be paid, due or not.
func (s State) Outstanding() Amounts {
	var sum Amounts
	for _, i := range s.Instalments {
		sum = sum.plus(i.Open())
	}
	return sum
}

// PastDue is what should have been paid before a day and was not.
func (s State) PastDue(on civil.Date) Amounts {
	var sum Amounts
	for _, i := range s.Instalments {
		if i.Due.Before(on) {
			sum = sum.plus(i.Open())
		}
	}
	return sum
}

// DaysPastDue is how many days the oldest unpaid instalment is late on a day;
// zero when none is.
func (s State) DaysPastDue(on civil.Date) int {
	for _, i := range s.Instalments {
		if i.Due.Before(on) && i.Open().Total() > 0 {
			return on.Sub(i.Due)
		}
	}
	return 0
}

// Next is the earliest instalment that is not fully paid.
func (s State) Next() (Instalment, bool) {
	for _, i := range s.Instalments {
		if i.Open().Total() > 0 {
			return i, true
		}
	}
	return Instalment{}, false
}

// Closed reports whether nothing is owed any more.
func (s State) Closed() bool { return s.Outstanding() == Amounts{} }

// money is an amount of the loan's currency.
func (s State) money(minorUnits int64) money.Money { return s.Terms.Principal.Of(minorUnits) }

// clone is a state that can be changed without touching the caller's.
func (s State) clone() State {
	s.Instalments = slices.Clone(s.Instalments)
	return s
}

// Bounds of a state, so that a sum over all its amounts fits in int64. Every
// partial repayment adds an instalment.
const (
	maxAmount      = amortize.MaxPrincipal
	maxInstalments = 2 * amortize.MaxInstalments
)

func (s State) validate() error {
	if err := s.Terms.Principal.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadState, err)
	}
	if err := s.Order.Validate(); err != nil {
		return err
	}
	if s.Overpaid.Currency != s.Terms.Principal.Currency || s.Overpaid.IsNegative() {
		return fmt.Errorf("%w: overpaid %s", ErrBadState, s.Overpaid.WithCode())
	}
	if n := len(s.Instalments); n == 0 || n > maxInstalments {
		return fmt.Errorf("%w: %d instalments", ErrBadState, n)
	}
	for n, i := range s.Instalments {
		if n > 0 && i.Due.Before(s.Instalments[n-1].Due) || i.Due.Before(i.From) {
			return fmt.Errorf("%w: instalment %d is out of order", ErrBadState, i.Number)
		}
		for _, c := range components {
			if i.Owed.Of(c) > maxAmount || i.Paid.Of(c) < 0 || i.Open().Of(c) < 0 {
				return fmt.Errorf("%w: instalment %d", ErrBadState, i.Number)
			}
		}
	}
	return nil
}

// validatePayment also holds the day to the loan's life.
func (s State) validatePayment(payment money.Money, on civil.Date) error {
	if err := s.validate(); err != nil {
		return err
	}
	if payment.Currency != s.Terms.Principal.Currency {
		return fmt.Errorf("%w: %w: %s", ErrBadPayment, money.ErrCurrencyMismatch, payment.WithCode())
	}
	if !payment.IsPositive() {
		return fmt.Errorf("%w: %s", ErrBadPayment, payment.WithCode())
	}
	return s.validateDay(on)
}

func (s State) validateDay(on civil.Date) error {
	if !on.IsValid() || on.Before(s.Terms.Start) {
		return fmt.Errorf("%w: %q is before the loan's start %s", ErrBadPayment, on, s.Terms.Start)
	}
	return nil
}
