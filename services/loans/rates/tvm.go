package rates

import (
	"fmt"
	"math"
)

// Annuity is an even stream of payments in the sign convention of spreadsheets:
// money received is positive, money paid is negative.
type Annuity struct {
	// Rate per period, above −1.
	Rate float64
	// Periods is how many payments there are; it may be fractional.
	Periods float64
	// Payment of each period.
	Payment float64
	// Present is the amount at the start, Future the one at the end.
	Present, Future float64
	// Advance means that payments fall at the start of each period.
	Advance bool
}

// due is the factor that a payment in advance earns more.
func (a Annuity) due() float64 {
	if a.Advance {
		return 1 + a.Rate
	}
	return 1
}

// discount is (1+rate)^−n and the annuity factor (1−(1+rate)^−n)/rate. Looking
// back from the end keeps both small, where compounding from the start would
// cancel a balance out of numbers of 10^17.
func (a Annuity) discount(n float64) (v, factor float64) {
	if a.Rate == 0 {
		return 1, n
	}
	x := -n * math.Log1p(a.Rate)
	return math.Exp(x), -math.Expm1(x) / a.Rate
}

// PMT is the payment that takes Present to −Future in Periods.
func (a Annuity) PMT() (float64, error) {
	v, factor := a.discount(a.Periods)
	return a.finite(-(a.Present + a.Future*v) / (factor * a.due()))
}

// FV is the amount at the end, given Payment and Present.
func (a Annuity) FV() (float64, error) {
	v, factor := a.discount(a.Periods)
	return a.finite(-(a.Present + a.Payment*a.due()*factor) / v)
}

// PV is the amount at the start, given Payment and Future.
func (a Annuity) PV() (float64, error) {
	v, factor := a.discount(a.Periods)
	return a.finite(-(a.Future*v + a.Payment*a.due()*factor))
}

// IPMT is the interest within the payment number per, counted from 1, of an
// annuity whose payment is PMT.
func (a Annuity) IPMT(per float64) (float64, error) {
	if !(per >= 1) || !(per <= a.Periods) {
		return 0, fmt.Errorf("%w: payment %v of %v", ErrBadInput, per, a.Periods)
	}
	payment, err := a.PMT()
	if err != nil {
		return 0, err
	}
	if a.Advance && per == 1 {
		return 0, nil
	}
	// The balance before this payment is what the payments left are worth.
	v, factor := a.discount(a.Periods - per + 1)
	balance := -(a.Future*v + payment*a.due()*factor)
	interest := -balance * a.Rate
	if a.Advance {
		// The payment at the start of the period has already been taken off.
		interest /= a.due()
	}
	return a.finite(interest)
}

// PPMT is the principal within the payment number per.
func (a Annuity) PPMT(per float64) (float64, error) {
	interest, err := a.IPMT(per)
	if err != nil {
		return 0, err
	}
	payment, err := a.PMT()
	if err != nil {
		return 0, err
	}
	return a.finite(payment - interest)
}

// NPER is how many periods it takes, given Payment, Present and Future.
func (a Annuity) NPER() (float64, error) {
	if a.Rate == 0 {
		return a.finite(-(a.Present + a.Future) / a.Payment)
	}
	each := a.Payment * a.due() / a.Rate
	return a.finite(math.Log((each-a.Future)/(each+a.Present)) / math.Log1p(a.Rate))
}

// RATE is the rate per period, given everything else.
func (a Annuity) RATE() (float64, error) {
	if !(a.Periods > 0) || a.Periods > maxPeriods {
		return 0, fmt.Errorf("%w: %v periods", ErrBadInput, a.Periods)
	}
	if a.Periods != math.Trunc(a.Periods) {
		return 0, fmt.Errorf("%w: a rate needs whole periods, not %v", ErrBadInput, a.Periods)
	}
	first := 1.0
	if a.Advance {
		first = 0
	}
	flows := []Flow{{Time: 0, Amount: a.Present}, {Time: a.Periods, Amount: a.Future}}
	for i := range int(a.Periods) {
		flows = append(flows, Flow{Time: float64(i) + first, Amount: a.Payment})
	}
	return Effective(flows)
}

// maxPeriods bounds the work of RATE: a daily payment for 270 years.
const maxPeriods = 100_000

// finite refuses a result that is no number: a division by a zero payment, the
// logarithm of a debt that payments never repay, a rate of −100 %.
func (a Annuity) finite(result float64) (float64, error) {
	if !(a.Rate > -1) || math.IsNaN(result) || math.IsInf(result, 0) {
		return 0, fmt.Errorf("%w: %+v", ErrNoSolution, a)
	}
	return result, nil
}
