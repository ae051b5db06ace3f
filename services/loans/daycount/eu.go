package daycount

import (
	"fmt"

	"github.com/lendgate/lendgate/internal/civil"
)

// Unit is the interval that directive 2008/48/EC counts in.
type Unit uint8

// The units of the directive. A year counts as 12 equal months or 52 weeks.
const (
	Month Unit = iota + 1
	Week
	Year
)

// ParseUnit reads month, week or year.
func ParseUnit(name string) (Unit, error) {
	switch name {
	case "month":
		return Month, nil
	case "week":
		return Week, nil
	case "year":
		return Year, nil
	}
	return 0, fmt.Errorf("%w: unit %q", ErrUnknownConvention, name)
}

// IntervalEU is the time between two dates in years after annex I of directive
// 2008/48/EC and the Commission's guidelines on it: whole units are counted
// back from the later date, the days left over are divided by the length of the
// year that ends where counting stopped (365 or 366). A last day of a month
// counts back to last days.
func IntervalEU(from, to civil.Date, unit Unit) (numerator, denominator int64, err error) {
	if to.Before(from) {
		return 0, 0, fmt.Errorf("daycount: interval ends %s before it begins %s", to, from)
	}
	var whole, perYear int
	back := func(n int) civil.Date { return monthsBack(to, n) }
	switch unit {
	case Month:
		perYear = 12
		whole = wholeMonths(from, to)
	case Year:
		perYear = 1
		whole = wholeMonths(from, to) / 12
		back = func(n int) civil.Date { return monthsBack(to, 12*n) }
	case Week:
		perYear = 52
		whole = to.Sub(from) / 7
		back = func(n int) civil.Date { return to.AddDays(-7 * n) }
	default:
		return 0, 0, fmt.Errorf("%w: unit %d", ErrUnknownConvention, unit)
	}
	stop := back(whole)
	// The year back from the stop keeps its day: 28 February 2013 ends a year of
	// 366 days, because it began on 28 February 2012.
	yearLength := int64(stop.Sub(stop.AddMonths(-12, stop.Day)))
	rest := int64(stop.Sub(from))
	return int64(whole)*yearLength + rest*int64(perYear), int64(perYear) * yearLength, nil
}

// wholeMonths is how many months fit between two dates, counted back from the later.
func wholeMonths(from, to civil.Date) int {
	n := 12*(to.Year-from.Year) + int(to.Month) - int(from.Month)
	if monthsBack(to, n).Before(from) {
		n--
	}
	return n
}

// monthsBack steps back from d; the last day of a month stays a last day.
func monthsBack(d civil.Date, n int) civil.Date {
	anchor := d.Day
	if d.IsMonthEnd() {
		anchor = 31
	}
	return d.AddMonths(-n, anchor)
}
