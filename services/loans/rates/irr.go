package rates

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// DatedFlow is an amount on a day, in major units of one currency.
type DatedFlow struct {
	On     civil.Date
	Amount float64
}

// Dated is an amount of money on a day, as a flow to solve with.
func Dated(on civil.Date, amount money.Money) (DatedFlow, error) {
	value, err := strconv.ParseFloat(amount.String(), 64)
	if err != nil {
		return DatedFlow{}, fmt.Errorf("%w: amount %s", ErrBadInput, amount.WithCode())
	}
	return DatedFlow{On: on, Amount: value}, nil
}

// Effective is the annual effective rate of flows at times in years: the X of
// Σ amount ÷ (1+X)^time = 0. It is the equation of the EU directives 98/7/EC
// and 2008/48/EC and of the UK's MCOB and CONC rules; how dates become years is
// the caller's rule, because 1/12 and 31/365 are different answers to one loan.
func Effective(flows []Flow) (float64, error) {
	p, err := newPresent(flows)
	if err != nil {
		return 0, err
	}
	x, err := p.root()
	if err != nil {
		return 0, err
	}
	rate := math.Expm1(x)
	if math.IsInf(rate, 0) || rate <= -1 {
		return 0, fmt.Errorf("%w: rate out of range", ErrNoSolution)
	}
	return rate, nil
}

// XIRR is the annual effective rate of dated flows; years run from the first
// date by the day count. Spreadsheets use ACT/365F.
func XIRR(flows []DatedFlow, convention daycount.Convention) (float64, error) {
	timed, err := timeFlows(flows, convention)
	if err != nil {
		return 0, err
	}
	return Effective(timed)
}

// XNPV is the value of dated flows on the first date, at an annual effective
// rate above −1.
func XNPV(rate float64, flows []DatedFlow, convention daycount.Convention) (float64, error) {
	if !(rate > -1) || math.IsInf(rate, 0) {
		return 0, fmt.Errorf("%w: rate %v", ErrBadInput, rate)
	}
	timed, err := timeFlows(flows, convention)
	if err != nil {
		return 0, err
	}
	x, sum := math.Log1p(rate), 0.0
	for _, f := range timed {
		sum += f.Amount * math.Exp(-x*f.Time)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fmt.Errorf("%w: value out of range", ErrNoSolution)
	}
	return sum, nil
}

// IRR is the rate per period of flows that are one period apart.
func IRR(amounts []float64) (float64, error) {
	flows := make([]Flow, len(amounts))
	for i, a := range amounts {
		flows[i] = Flow{Time: float64(i), Amount: a}
	}
	return Effective(flows)
}

// NPV is the value of flows one period apart at the time of the first. (The
// spreadsheet function of that name discounts the first flow too.)
func NPV(rate float64, amounts []float64) (float64, error) {
	if !(rate > -1) || math.IsInf(rate, 0) {
		return 0, fmt.Errorf("%w: rate %v", ErrBadInput, rate)
	}
	// Horner's scheme from the last flow needs no powers.
	sum := 0.0
	for i := len(amounts) - 1; i >= 0; i-- {
		sum = sum/(1+rate) + amounts[i]
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fmt.Errorf("%w: value out of range", ErrNoSolution)
	}
	return sum, nil
}

// Percent is a rate as decimal text in per cent with a fixed number of
// decimals, the form in which it is stored and disclosed: 0.8463 with one
// decimal is "84.6".
func Percent(rate float64, decimals int) string {
	text := strconv.FormatFloat(rate*100, 'f', decimals, 64)
	if strings.Trim(text, "-0.") == "" {
		// A rate that rounds to zero has no sign.
		return strings.TrimPrefix(text, "-")
	}
	return text
}

func timeFlows(flows []DatedFlow, convention daycount.Convention) ([]Flow, error) {
	if err := convention.Validate(); err != nil {
		return nil, err
	}
	if len(flows) == 0 {
		return nil, fmt.Errorf("%w: no flows", ErrBadInput)
	}
	first := flows[0].On
	for _, f := range flows {
		if !f.On.IsValid() {
			return nil, fmt.Errorf("%w: date %q", ErrBadInput, f.On)
		}
		if f.On.Before(first) {
			first = f.On
		}
	}
	timed := make([]Flow, len(flows))
	for i, f := range flows {
		timed[i] = Flow{Time: convention.Years(first, f.On), Amount: f.Amount}
	}
	return timed, nil
}
