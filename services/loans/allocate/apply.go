package allocate

import (
	"slices"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// Allocation is the part of a payment that went to one component of one instalment.
type Allocation struct {
	// Number is the instalment's.
	Number    int
	Timing    Timing
	Component Component
	Amount    money.Money
}

// Result is what became of a payment. The allocations, in the order in which
// they were made, and Overpaid sum to the payment.
type Result struct {
	Allocations []Allocation
	// Overpaid is the rest of this payment that nothing was owed for.
	Overpaid money.Money
}

// Apply allocates a payment by the loan's order. The schedule stays as it is:
// what is paid in advance covers future instalments as they stand, interest
// included. For an early repayment that saves interest see Prepay and Settle.
func Apply(s State, payment money.Money, on civil.Date) (Result, State, error) {
	if err := s.validatePayment(payment, on); err != nil {
		return Result{}, State{}, err
	}
	next := s.clone()
	p := pouring{state: &next, on: on, left: payment.MinorUnits}
	for _, g := range s.Order.groups() {
		p.pour(g)
	}
	result := Result{Allocations: p.allocations, Overpaid: payment.Of(p.left)}
	var err error
	if next.Overpaid, err = s.Overpaid.Add(result.Overpaid); err != nil {
		return Result{}, State{}, err
	}
	return result, next, nil
}

// pouring is a payment on its way through the instalments.
type pouring struct {
	state       *State
	on          civil.Date
	left        int64
	allocations []Allocation
}

// timing is how an instalment lies to the day of the payment.
func (p *pouring) timing(i Instalment) Timing {
	switch i.Due.Compare(p.on) {
	case -1:
		return PastDue
	case 0:
		return Due
	}
	return InAdvance
}

// pour takes what is left through the instalments of a group's timing.
func (p *pouring) pour(g group) {
	var open []int
	for n, i := range p.state.Instalments {
		if p.timing(i) == g.timing && owed(i, g.components) > 0 {
			open = append(open, n)
		}
	}
	if g.timing == InAdvance {
		switch p.state.Order.Future {
		case FutureLast:
			slices.Reverse(open)
		case FutureSpread:
			p.spread(open, g)
			return
		}
	}
	for _, n := range open {
		p.cover(n, g, p.left)
	}
}

// spread gives every open instalment an equal part, and again as long as some
// are covered and leave something over.
func (p *pouring) spread(open []int, g group) {
	for p.left > 0 && len(open) > 0 {
		shares, err := p.state.money(p.left).Split(len(open))
		if err != nil {
			return
		}
		for k, n := range open {
			p.cover(n, g, shares[k].MinorUnits)
		}
		open = slices.DeleteFunc(open, func(n int) bool { return owed(p.state.Instalments[n], g.components) == 0 })
	}
}

// cover pays components of one instalment in order, up to a limit.
func (p *pouring) cover(n int, g group, limit int64) {
	i := &p.state.Instalments[n]
	for _, c := range g.components {
		amount := min(i.Open().Of(c), limit, p.left)
		if amount <= 0 {
			continue
		}
		i.Paid.add(c, amount)
		limit -= amount
		p.left -= amount
		p.record(Allocation{Number: i.Number, Timing: g.timing, Component: c, Amount: p.state.money(amount)})
	}
}

// record notes an allocation, together with an earlier one of the same cell.
func (p *pouring) record(a Allocation) {
	for k, b := range p.allocations {
		if b.Number == a.Number && b.Component == a.Component && b.Timing == a.Timing {
			p.allocations[k].Amount.MinorUnits += a.Amount.MinorUnits
			return
		}
	}
	p.allocations = append(p.allocations, a)
}

// owed is what is open of some components of an instalment.
func owed(i Instalment, of []Component) int64 {
	sum := int64(0)
	for _, c := range of {
		sum += i.Open().Of(c)
	}
	return sum
}
