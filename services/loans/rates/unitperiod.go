package rates

import (
	"fmt"
	"math"

	"github.com/lendgate/lendgate/internal/civil"
)

// UnitFlow is an amount at a time counted in unit periods: whole ones, and a
// fraction of one. The fraction bears simple interest, so 1.5 periods discount
// by (1+i)(1+0.5i), not by (1+i)^1.5.
type UnitFlow struct {
	Amount   float64
	Whole    int
	Fraction float64
}

// UnitPeriod is the length of a unit period: so many days, weeks, half-months,
// months or years. Exactly one field is set.
type UnitPeriod struct {
	Days, Weeks, HalfMonths, Months, Years int
}

// AppendixJ is the annual percentage rate of US Regulation Z (12 CFR 1026,
// appendix J, actuarial method) as a fraction: the i per unit period of
// Σ amount ÷ ((1+fraction·i)(1+i)^whole) = 0, times the unit periods of a year.
// Advances and payments differ in sign.
func AppendixJ(flows []UnitFlow, periodsPerYear float64) (float64, error) {
	if !(periodsPerYear > 0) || math.IsInf(periodsPerYear, 0) {
		return 0, fmt.Errorf("%w: %v periods per year", ErrBadInput, periodsPerYear)
	}
	i, err := perUnitPeriod(flows)
	if err != nil {
		return 0, err
	}
	return i * periodsPerYear, nil
}

// PSK is the full cost of credit of Russian law 353-FZ, article 6, as a
// fraction; it is disclosed in per cent with three decimals. The equation is
// that of appendix J with the law's base period as the unit period: "e" is
// Fraction and "q" is Whole.
func PSK(flows []UnitFlow, periodsPerYear float64) (float64, error) {
	return AppendixJ(flows, periodsPerYear)
}

// DayFlow is an amount a number of days after the first advance.
type DayFlow struct {
	Day    int
	Amount float64
}

// PSKByDays is PSK with a base period of so many days and a year of 365.
func PSKByDays(flows []DayFlow, baseDays int) (float64, error) {
	if baseDays < 1 {
		return 0, fmt.Errorf("%w: base period of %d days", ErrBadInput, baseDays)
	}
	units := make([]UnitFlow, len(flows))
	for i, f := range flows {
		if f.Day < 0 {
			return 0, fmt.Errorf("%w: day %d", ErrBadInput, f.Day)
		}
		units[i] = UnitFlow{
			Amount:   f.Amount,
			Whole:    f.Day / baseDays,
			Fraction: float64(f.Day%baseDays) / float64(baseDays),
		}
	}
	return PSK(units, 365/float64(baseDays))
}

// BasePeriod is the base period of 353-FZ in days: the interval between
// payments that occurs most often, the shorter one on a tie. When every interval
// occurs once it is their mean, rounded to a whole day. A single interval, or
// more than a year, is held to one year at most.
func BasePeriod(flows []DayFlow) (int, error) {
	counts, intervals, last := map[int]int{}, 0, 0
	for i, f := range flows {
		if i > 0 && f.Day > flows[i-1].Day {
			counts[f.Day-flows[i-1].Day]++
			intervals++
			last = f.Day
		}
		if i > 0 && f.Day < flows[i-1].Day {
			return 0, fmt.Errorf("%w: flows out of order", ErrBadInput)
		}
	}
	if intervals == 0 {
		return 0, fmt.Errorf("%w: all flows on one day", ErrBadInput)
	}
	best := 0
	for days, n := range counts {
		if n > counts[best] || (n == counts[best] && days < best) {
			best = days
		}
	}
	if counts[best] == 1 && intervals > 1 {
		best = int(math.Round(float64(last-flows[0].Day) / float64(intervals)))
	}
	return min(best, 365), nil
}

// perUnitPeriod solves for i. The equation in ln(1+i) is monotone for a loan
// that is advanced first and repaid later, so a walk and Brent suffice.
func perUnitPeriod(flows []UnitFlow) (float64, error) {
	term, negative, positive := 0.0, false, false
	for _, f := range flows {
		if f.Whole < 0 || !(f.Fraction >= 0) || f.Fraction > 1 || math.IsNaN(f.Amount) || math.IsInf(f.Amount, 0) {
			return 0, fmt.Errorf("%w: flow %+v", ErrBadInput, f)
		}
		term = math.Max(term, float64(f.Whole)+f.Fraction)
		negative = negative || f.Amount < 0
		positive = positive || f.Amount > 0
	}
	if !negative || !positive || term == 0 {
		return 0, fmt.Errorf("%w: flows of one sign or of one time", ErrNoSolution)
	}
	value := func(x float64) float64 {
		i, sum := math.Expm1(x), 0.0
		for _, f := range flows {
			sum += f.Amount * math.Exp(-x*float64(f.Whole)) / (1 + f.Fraction*i)
		}
		return sum
	}
	atZero := value(0)
	if atZero == 0 {
		return 0, nil
	}
	best, found := math.Inf(1), false
	for _, side := range []float64{1, -1} {
		if x, ok := walk(value, atZero, side*0.05/term, maxLogGrowth/math.Max(term, 1)); ok && math.Abs(x) < math.Abs(best) {
			best, found = x, true
		}
	}
	if i := math.Expm1(best); found && !math.IsInf(i, 0) {
		return i, nil
	}
	return 0, fmt.Errorf("%w: the value never crosses zero", ErrNoSolution)
}

// walk steps away from zero with growing steps until the sign changes.
func walk(value func(float64) float64, atZero, step, limit float64) (float64, bool) {
	inner, atInner := 0.0, atZero
	for math.Abs(inner) < limit {
		outer := math.Max(-limit, math.Min(limit, inner+step))
		atOuter := value(outer)
		if math.IsNaN(atOuter) || math.IsInf(atOuter, 0) {
			return 0, false
		}
		if atOuter == 0 {
			return outer, true
		}
		if (atOuter > 0) != (atInner > 0) {
			return brent(value, inner, outer, atInner, atOuter), true
		}
		inner, atInner = outer, atOuter
		step *= 1.5
	}
	return 0, false
}

// Validate reports ErrBadInput unless exactly one length is set and positive.
func (u UnitPeriod) Validate() error {
	set := 0
	for _, n := range []int{u.Days, u.Weeks, u.HalfMonths, u.Months, u.Years} {
		if n < 0 || n > 36_500 {
			return fmt.Errorf("%w: unit period %+v", ErrBadInput, u)
		}
		if n > 0 {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%w: unit period %+v", ErrBadInput, u)
	}
	return nil
}

// PerYear is how many unit periods a year has: 365 days, 52 weeks, 24
// half-months or 12 months (appendix J (b)(3)).
func (u UnitPeriod) PerYear() float64 {
	switch {
	case u.Days > 0:
		return 365 / float64(u.Days)
	case u.Weeks > 0:
		return 52 / float64(u.Weeks)
	case u.HalfMonths > 0:
		return 24 / float64(u.HalfMonths)
	case u.Months > 0:
		return 12 / float64(u.Months)
	default:
		return 1 / float64(u.Years)
	}
}

// Between counts the unit periods from the first advance to a flow (appendix J
// (b)(5)): whole ones back from the later date, and the days left over as part
// of 30 days a month, 15 a half-month, 7 a week and 365 a year.
func (u UnitPeriod) Between(from, to civil.Date) (whole int, fraction float64, err error) {
	if err := u.Validate(); err != nil {
		return 0, 0, err
	}
	if to.Before(from) {
		return 0, 0, fmt.Errorf("%w: %s is before %s", ErrBadInput, to, from)
	}
	for !u.back(to, whole+1).Before(from) {
		whole++
	}
	rest := u.back(to, whole).Sub(from)
	return whole, float64(rest) / u.days(), nil
}

// back is the date n unit periods before d.
func (u UnitPeriod) back(d civil.Date, n int) civil.Date {
	switch {
	case u.Days > 0:
		return d.AddDays(-n * u.Days)
	case u.Weeks > 0:
		return d.AddDays(-7 * n * u.Weeks)
	case u.Months > 0:
		return d.AddMonths(-n*u.Months, d.Day)
	case u.Years > 0:
		return d.AddMonths(-12*n*u.Years, d.Day)
	}
	// Two half-months are a month; an odd one is 15 days within the month.
	halves := n * u.HalfMonths
	whole := d.AddMonths(-(halves / 2), d.Day)
	if halves%2 == 0 {
		return whole
	}
	if whole.Day > 15 {
		return whole.AddDays(-15)
	}
	return whole.AddMonths(-1, whole.Day+15)
}

// days is the length of a unit period in days, for the fraction of one.
func (u UnitPeriod) days() float64 {
	return float64(u.Days + 7*u.Weeks + 15*u.HalfMonths + 30*u.Months + 365*u.Years)
}
