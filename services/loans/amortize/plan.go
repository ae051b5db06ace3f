package amortize

import (
	"errors"
	"math/big"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// noCap stands for a cost that is not limited; no interest reaches it.
const noCap = int64(1) << 60

// errOverpaid means that the payments before the last repay more than is owed.
var errOverpaid = errors.New("amortize: overpaid before the last instalment")

// plan is the terms reduced to integers: what the search for a level payment
// walks through many times.
type plan struct {
	principal int64
	factors   []factor
	rounding  Rounding
	flat      bool
	// maxCost is the most interest over the whole life, or noCap.
	maxCost int64
	// step is the multiple that level amounts keep to, 1 or more.
	step  int64
	grace Grace
	// flatTotal is the interest of a flat loan over its whole life.
	flatTotal int64
}

// row is one instalment without its dates, in minor units.
type row struct {
	principal, interest int64
	// carried is the interest that waits for the next instalment.
	carried int64
}

func newPlan(t Terms) (plan, error) {
	p := plan{
		principal: t.Principal.MinorUnits,
		rounding:  t.Rounding,
		flat:      t.Method == Flat,
		step:      max(t.MultipleOf, 1),
		grace:     t.Grace,
	}
	var err error
	if p.maxCost, err = t.Cap.left(t.capBase()); err != nil {
		return plan{}, err
	}
	if p.factors, err = periodFactors(t); err != nil || !p.flat {
		return p, err
	}
	total := p.flatInterest()
	p.flatTotal, err = money.RoundQuotient(total.Num(), total.Denom(), t.Rounding.Interest)
	return p, overflows(err)
}

// capBase is the amount that the total cap is a per cent of.
func (t Terms) capBase() money.Money {
	if t.Cap.Of.IsPositive() {
		return t.Cap.Of
	}
	return t.Principal
}

// left is the most interest that may still be charged, or noCap.
func (c Cap) left(base money.Money) (int64, error) {
	if c.Total == "" {
		return noCap, nil
	}
	limit, err := parsePercent("cap.total", c.Total)
	if err != nil {
		return 0, err
	}
	// What is over the cap by a fraction of a unit is over the cap.
	most, err := newFactor(limit.num, 1, limit.den, 1).of(base.MinorUnits, money.Down)
	if err != nil {
		return 0, &TermsError{Field: "cap.total", Reason: "is too high", Err: err}
	}
	return min(max(0, most-c.Used.MinorUnits), noCap), nil
}

// rules turns the days of a period into its interest factor.
type rules struct {
	terms       Terms
	rate, daily percent
}

func newRules(t Terms) (rules, error) {
	r := rules{terms: t}
	var err error
	if r.rate, err = parsePercent("rate", t.Rate.Percent); err == nil && t.Cap.Daily != "" {
		r.daily, err = parsePercent("cap.daily", t.Cap.Daily)
	}
	return r, err
}

// factor is the interest factor from one day to another, with the daily cap
// applied. Only equal periods need to know the whole period, from begin to due:
// a part of one bears interest by its share of the days.
func (r rules) factor(begin, from, to, due civil.Date) factor {
	days := int64(to.Sub(from))
	num, den := days, int64(1)
	// An instalment that is due on the day of the loan has no period at all.
	if r.terms.Rate.Per == PerYear && days > 0 {
		if r.terms.EqualPeriods == (Frequency{}) {
			num, den = r.terms.DayCount.Fraction(from, to)
		} else if num, den = r.terms.EqualPeriods.partOfYear(); from != begin || to != due {
			num, den = num*days, den*int64(due.Sub(begin))
		}
	}
	f := newFactor(r.rate.num, max(num, 0), r.rate.den, den)
	if r.daily.den != 0 {
		if limit := newFactor(r.daily.num, days, r.daily.den, 1); limit.less(f) {
			return limit
		}
	}
	return f
}

// periodFactors is the interest factor of every period.
func periodFactors(t Terms) ([]factor, error) {
	r, err := newRules(t)
	if err != nil {
		return nil, err
	}
	factors := make([]factor, len(t.Dues))
	from, begin := t.Start, t.Start
	if !t.PeriodStart.IsZero() {
		begin = t.PeriodStart
	}
	for i, due := range t.Dues {
		factors[i] = r.factor(begin, from, due, due)
		from, begin = due, due
	}
	return factors, nil
}

// demand says how much an instalment asks for, given its index and the interest
// that has built up.
type demand func(i int, interest int64) int64

// walk runs through the loan. The last instalment always pays all. walk hands
// every row to emit, if there is one, and returns the last instalment.
func (p plan) walk(want demand, emit func(row)) (int64, error) {
	balance, unpaid, charged := p.principal, int64(0), int64(0)
	last := len(p.factors) - 1
	for i := range p.factors {
		interest, err := p.interest(i, balance, charged)
		if err != nil {
			return 0, err
		}
		charged += interest
		unpaid += interest
		pay := balance + unpaid
		if i < last {
			// Going on below zero would let the excess grow beyond all bounds.
			all := pay
			if pay = p.graced(want, i, unpaid); pay > all {
				return 0, errOverpaid
			}
		}
		// Interest comes first; what is not covered waits and bears nothing.
		paidInterest := min(pay, unpaid)
		unpaid -= paidInterest
		if emit != nil {
			emit(row{principal: pay - paidInterest, interest: paidInterest, carried: unpaid})
		}
		balance -= pay - paidInterest
		if i == last {
			return pay, nil
		}
	}
	return 0, nil
}

// interest is what a period charges: within the cap, and for the last period of
// a flat loan the rest of its total.
func (p plan) interest(i int, balance, charged int64) (int64, error) {
	base := balance
	if p.flat {
		base = p.principal
	}
	interest, err := p.factors[i].of(base, p.rounding.Interest)
	if err != nil {
		return 0, err
	}
	if p.flat && i == len(p.factors)-1 {
		interest = max(0, p.flatTotal-charged)
	}
	interest = min(interest, p.maxCost-charged)
	// Sums stay far below int64 as long as the cost stays below noCap.
	if charged+interest >= noCap {
		return 0, money.ErrOverflow
	}
	return interest, nil
}

// graced lowers what an instalment asks for during a grace.
func (p plan) graced(want demand, i int, interest int64) int64 {
	switch {
	case i < p.grace.Interest:
		return 0
	case i < p.grace.Principal:
		return interest
	}
	return want(i, interest)
}

// final is the last instalment when all others are level. A payment that is too
// high to leave one answers less than any other.
func (p plan) final(level int64) (int64, error) {
	last, err := p.walk(func(int, int64) int64 { return level }, nil)
	if errors.Is(err, errOverpaid) {
		return -noCap, nil
	}
	return last, err
}

// repaying is how many instalments repay principal.
func (p plan) repaying() int64 { return int64(len(p.factors) - p.grace.Principal) }

// annuity is the exact level payment before rounding, as a fraction:
// P·Π(1+f) ÷ Σ of the growth that each payment misses, the product form that
// also holds when periods differ in length. Periods of grace do not count: their
// interest is paid by itself.
func (p plan) annuity() (num, den *big.Int) {
	if p.flat {
		return p.flatLevel()
	}
	// With 1+f = a/d: growth is ΠA/ΠD and the sum N/ΠD, so ΠD cancels out.
	growth, sum, base := big.NewInt(1), new(big.Int), big.NewInt(1)
	var a big.Int
	for _, f := range p.factors[p.grace.Principal:] {
		fn, fd := f.fraction()
		a.Add(fn, fd)
		base.Mul(base, fd)
		growth.Mul(growth, &a)
		sum.Mul(sum, &a)
		sum.Add(sum, base)
	}
	return growth.Mul(growth, big.NewInt(p.principal)), sum
}

// flatLevel is principal ÷ repaying instalments + interest ÷ all instalments.
func (p plan) flatLevel() (num, den *big.Int) {
	each := big.NewRat(1, int64(len(p.factors)))
	each.Mul(each, p.flatInterest())
	each.Add(each, big.NewRat(p.principal, p.repaying()))
	return each.Num(), each.Denom()
}

// flatInterest is the exact interest on the whole principal over all periods.
func (p plan) flatInterest() *big.Rat {
	total := new(big.Rat)
	for _, f := range p.factors {
		total.Add(total, f.rat(p.principal))
	}
	return total
}
