package allocate

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadOrder means that an order does not name every step exactly once.
var ErrBadOrder = errors.New("allocate: bad order")

// Timing is how an instalment's due date lies to the day of a payment.
type Timing uint8

// The timings. The zero value is none.
const (
	// PastDue was due before the day of the payment.
	PastDue Timing = iota + 1
	// Due is due on that very day.
	Due
	// InAdvance is due later.
	InAdvance
)

// timings are all of them, in the order of the constants.
var timings = [...]Timing{PastDue, Due, InAdvance}

// Step is one cell of the matrix: a component of the instalments of a timing.
type Step struct {
	Timing    Timing
	Component Component
}

// Future says which instalments a payment in advance goes to.
type Future uint8

const (
	// FutureNext takes the next instalment first.
	FutureNext Future = iota
	// FutureLast takes the last instalment first, which shortens the loan.
	FutureLast
	// FutureSpread gives every future instalment an equal part.
	FutureSpread
)

// Order says in what order a payment covers what is owed. It is data: it comes
// from the product, and a law may prescribe it.
type Order struct {
	// Steps are the twelve cells of the matrix, each exactly once.
	Steps []Step
	// ByComponent takes a step through all its instalments before the next step
	// ("vertical"). Otherwise neighbouring steps of one timing are taken together,
	// instalment by instalment ("horizontal").
	ByComponent bool
	// Future is for the steps in advance.
	Future Future
}

// NewOrder is the order that goes through past due, due and in advance, each
// with the components as given.
func NewOrder(first, second, third, fourth Component) Order {
	var o Order
	for _, t := range timings {
		for _, c := range []Component{first, second, third, fourth} {
			o.Steps = append(o.Steps, Step{Timing: t, Component: c})
		}
	}
	return o
}

// Standard is the order most lenders use: penalty, fee, interest, principal.
func Standard() Order { return NewOrder(Penalty, Fee, Interest, Principal) }

// Law353FZ is the order of the Russian law 353-FZ, article 5 part 20: overdue
// interest, overdue principal, penalty, current interest, current principal,
// other payments.
func Law353FZ() Order {
	return Order{ByComponent: true, Steps: []Step{
		{PastDue, Interest},
		{PastDue, Principal},
		{PastDue, Penalty},
		{Due, Penalty},
		{Due, Interest},
		{Due, Principal},
		{PastDue, Fee},
		{Due, Fee},
		{InAdvance, Penalty},
		{InAdvance, Interest},
		{InAdvance, Principal},
		{InAdvance, Fee},
	}}
}

// Validate reports ErrBadOrder unless every step is there exactly once: a step
// left out would be a debt that no payment can cover.
func (o Order) Validate() error {
	seen := map[Step]bool{}
	for _, s := range o.Steps {
		if s.Timing < PastDue || s.Timing > InAdvance || s.Component < Penalty || s.Component > Principal || seen[s] {
			return fmt.Errorf("%w: step %s", ErrBadOrder, s)
		}
		seen[s] = true
	}
	if want := len(timings) * len(components); len(seen) != want {
		return fmt.Errorf("%w: %d of %d steps", ErrBadOrder, len(seen), want)
	}
	if o.Future > FutureSpread {
		return fmt.Errorf("%w: future rule %d", ErrBadOrder, o.Future)
	}
	return nil
}

// timingNames and componentNames are how steps are stored.
var (
	timingNames    = [...]string{PastDue: "PAST_DUE", Due: "DUE", InAdvance: "IN_ADVANCE"}
	componentNames = [...]string{Penalty: "PENALTY", Fee: "FEE", Interest: "INTEREST", Principal: "PRINCIPAL"}
)

// String is the component's name in storage, "INTEREST".
func (c Component) String() string {
	if c < Penalty || c > Principal {
		return "UNSPECIFIED"
	}
	return componentNames[c]
}

// String is the timing's name in storage, "PAST_DUE".
func (t Timing) String() string {
	if t < PastDue || t > InAdvance {
		return "UNSPECIFIED"
	}
	return timingNames[t]
}

// String is the step as ParseStep reads it, "PAST_DUE_INTEREST".
func (s Step) String() string { return s.Timing.String() + "_" + s.Component.String() }

// ParseStep reads "PAST_DUE_INTEREST".
func ParseStep(name string) (Step, error) {
	for _, t := range timings {
		rest, ok := strings.CutPrefix(name, t.String()+"_")
		if !ok {
			continue
		}
		for _, c := range components {
			if rest == c.String() {
				return Step{Timing: t, Component: c}, nil
			}
		}
	}
	return Step{}, fmt.Errorf("%w: step %q", ErrBadOrder, name)
}

// group is neighbouring steps that are taken together through the instalments.
type group struct {
	timing     Timing
	components []Component
}

// groups splits the order into what is taken together.
func (o Order) groups() []group {
	var list []group
	for _, s := range o.Steps {
		last := len(list) - 1
		if !o.ByComponent && last >= 0 && list[last].timing == s.Timing {
			list[last].components = append(list[last].components, s.Component)
			continue
		}
		list = append(list, group{timing: s.Timing, components: []Component{s.Component}})
	}
	return list
}
