package daycount

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lendgate/lendgate/internal/civil"
)

// ErrUnknownConvention means that a name, or the zero value, is no convention.
var ErrUnknownConvention = errors.New("daycount: unknown convention")

// Convention says how days are counted and what a year is. The zero value is
// no convention.
type Convention uint8

// The conventions. "From" and "to" are the first and the last day; the day
// lent counts and the day repaid does not, so equal dates are zero days apart.
const (
	// Thirty360US counts months of 30 days; a start on the last of February
	// counts as the 30th (US SIA, "30U/360").
	Thirty360US Convention = iota + 1
	// Thirty360ISDA is the bond basis: as above without the February rule.
	Thirty360ISDA
	// ThirtyE360 takes the 31st as the 30th on both sides (Eurobond).
	ThirtyE360
	// ThirtyEPlus360 takes an end on the 31st as the first of the next month.
	ThirtyEPlus360
	// ThirtyE360ISDA takes every last of a month as the 30th (German). ISDA
	// exempts an end in February that is the maturity; a caller that needs the
	// exemption uses ThirtyE360 for that one period.
	ThirtyE360ISDA
	// ActualActualISDA divides the days of leap years by 366 and others by 365.
	ActualActualISDA
	// Actual360 divides actual days by 360 (money market).
	Actual360
	// Actual364 divides actual days by 364 (52 whole weeks).
	Actual364
	// Actual365 divides actual days by 365 also in leap years ("fixed").
	Actual365
	// Actual365Quarter divides actual days by 365.25.
	Actual365Quarter
	// Actual365A divides by 366 when a 29 February lies after from and not after to.
	Actual365A
	// NoLeap365 does not count any 29 February and divides by 365.
	NoLeap365
	// NoLeap360 does not count any 29 February and divides by 360.
	NoLeap360
)

// names are the canonical spellings, in the order of the constants.
var names = [...]string{
	Thirty360US:      "30/360 US",
	Thirty360ISDA:    "30/360 ISDA",
	ThirtyE360:       "30E/360",
	ThirtyEPlus360:   "30E+/360",
	ThirtyE360ISDA:   "30E/360 ISDA",
	ActualActualISDA: "ACT/ACT ISDA",
	Actual360:        "ACT/360",
	Actual364:        "ACT/364",
	Actual365:        "ACT/365F",
	Actual365Quarter: "ACT/365.25",
	Actual365A:       "ACT/365A",
	NoLeap365:        "NL/365",
	NoLeap360:        "NL/360",
}

// aliases are other spellings in use, upper case and without blanks.
var aliases = map[string]Convention{
	"30U/360":       Thirty360US,
	"30/360US(SIA)": Thirty360US,
	"30/360(SIA)":   Thirty360US,
	"30US/360":      Thirty360US,
	"30/360":        Thirty360ISDA,
	"30A/360":       Thirty360ISDA,
	"BONDBASIS":     Thirty360ISDA,
	"30S/360":       ThirtyE360,
	"EUROBOND":      ThirtyE360,
	"30E/360GERMAN": ThirtyE360ISDA,
	"30/360GERMAN":  ThirtyE360ISDA,
	"ACT/ACT":       ActualActualISDA,
	"ACT/365":       Actual365,
	"ACT/365FIXED":  Actual365,
}

// Parse reads a convention's name, whatever its case and blanks; "ACTUAL" may
// stand for "ACT".
func Parse(name string) (Convention, error) {
	key := fold(name)
	for c, canonical := range names {
		if canonical != "" && fold(canonical) == key {
			return Convention(c), nil
		}
	}
	if c, ok := aliases[key]; ok {
		return c, nil
	}
	return 0, fmt.Errorf("%w: %q", ErrUnknownConvention, name)
}

func fold(name string) string {
	upper := strings.ToUpper(strings.Join(strings.Fields(name), ""))
	return strings.ReplaceAll(upper, "ACTUAL", "ACT")
}

// String is the canonical name, which Parse reads.
func (c Convention) String() string {
	if c.Validate() != nil {
		return "unspecified"
	}
	return names[c]
}

// Validate reports ErrUnknownConvention for the zero value and unknown ones.
func (c Convention) Validate() error {
	if c == 0 || int(c) >= len(names) {
		return fmt.Errorf("%w: %d", ErrUnknownConvention, uint8(c))
	}
	return nil
}

// Days is how many days the convention sees between two dates; negative when
// to is before from. An invalid convention counts actual days.
func (c Convention) Days(from, to civil.Date) int {
	switch c {
	case Thirty360US, Thirty360ISDA, ThirtyE360, ThirtyEPlus360, ThirtyE360ISDA:
		return c.thirtyDays(from, to)
	case NoLeap365, NoLeap360:
		return to.Sub(from) - leapDays(from, to)
	default:
		return to.Sub(from)
	}
}

// Fraction is the part of a year between two dates, as numerator and positive
// denominator; they are not reduced. An invalid convention answers 0/1.
func (c Convention) Fraction(from, to civil.Date) (numerator, denominator int64) {
	days := int64(c.Days(from, to))
	switch c {
	case Thirty360US, Thirty360ISDA, ThirtyE360, ThirtyEPlus360, ThirtyE360ISDA, Actual360, NoLeap360:
		return days, 360
	case Actual364:
		return days, 364
	case Actual365, NoLeap365:
		return days, 365
	case Actual365Quarter:
		return 4 * days, 1461
	case Actual365A:
		if leapDays(from, to) != 0 {
			return days, 366
		}
		return days, 365
	case ActualActualISDA:
		return actualActual(from, to)
	default:
		return 0, 1
	}
}

// Years is the fraction as floating point, for solving rates only.
func (c Convention) Years(from, to civil.Date) float64 {
	numerator, denominator := c.Fraction(from, to)
	return float64(numerator) / float64(denominator)
}

// thirtyDays counts with months of 30 days. The rules differ in what they do
// to the days of the month before they subtract.
func (c Convention) thirtyDays(from, to civil.Date) int {
	d1, d2 := from.Day, to.Day
	month := int(to.Month)
	switch c {
	case Thirty360US:
		if isFebruaryEnd(from) {
			if isFebruaryEnd(to) {
				d2 = 30
			}
			d1 = 30
		}
		d1 = min(d1, 30)
		if d2 == 31 && d1 == 30 {
			d2 = 30
		}
	case Thirty360ISDA:
		d1 = min(d1, 30)
		if d2 == 31 && d1 == 30 {
			d2 = 30
		}
	case ThirtyE360:
		d1, d2 = min(d1, 30), min(d2, 30)
	case ThirtyEPlus360:
		d1 = min(d1, 30)
		if d2 == 31 {
			d2, month = 1, month+1
		}
	case ThirtyE360ISDA:
		if from.IsMonthEnd() {
			d1 = 30
		}
		if to.IsMonthEnd() {
			d2 = 30
		}
	}
	return 360*(to.Year-from.Year) + 30*(month-int(from.Month)) + d2 - d1
}

func isFebruaryEnd(d civil.Date) bool { return d.Month == time.February && d.IsMonthEnd() }

// leapDays counts the 29ths of February after from and not after to; negative
// when to is before from.
func leapDays(from, to civil.Date) int { return leapDaysUpTo(to) - leapDaysUpTo(from) }

// leapDaysUpTo counts the 29ths of February from year 1 to d inclusive.
func leapDaysUpTo(d civil.Date) int {
	years := d.Year - 1
	count := years/4 - years/100 + years/400
	if civil.IsLeap(d.Year) && (d.Month > time.February || isFebruaryEnd(d)) {
		count++
	}
	return count
}

// actualActual sums the days of leap years over 366 and of others over 365, on
// their common denominator.
func actualActual(from, to civil.Date) (numerator, denominator int64) {
	if to.Before(from) {
		numerator, denominator = actualActual(to, from)
		return -numerator, denominator
	}
	var leap, common int64
	for year := from.Year; year <= to.Year; year++ {
		begin := civil.Date{Year: year, Month: time.January, Day: 1}
		end := civil.Date{Year: year + 1, Month: time.January, Day: 1}
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		if civil.IsLeap(year) {
			leap += int64(end.Sub(begin))
		} else {
			common += int64(end.Sub(begin))
		}
	}
	return common*366 + leap*365, 365 * 366
}
