package civil

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// ErrBadDate means that a text or a triple is not a day of the calendar.
var ErrBadDate = errors.New("civil: bad date")

// Date is a day of the proleptic Gregorian calendar, years 1 to 9999. It is
// comparable with == and usable as a map key. The zero Date means "no date".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// New makes a date, refusing a day that the calendar does not have.
func New(year int, month time.Month, day int) (Date, error) {
	d := Date{Year: year, Month: month, Day: day}
	if !d.IsValid() {
		return Date{}, fmt.Errorf("%w: %04d-%02d-%02d", ErrBadDate, year, int(month), day)
	}
	return d, nil
}

// Parse reads an ISO 8601 calendar date, "2026-02-28".
func Parse(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return Date{}, fmt.Errorf("%w: %q", ErrBadDate, text)
	}
	return Of(t), nil
}

// Of is the day that t falls on in t's own location; convert t to the tenant's
// zone first.
func Of(t time.Time) Date {
	year, month, day := t.Date()
	return Date{Year: year, Month: month, Day: day}
}

// In is the first instant of the day in a zone. Where the clock jumps over
// midnight it is what time.Date makes of it.
func (d Date) In(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// IsValid reports whether the calendar has this day in the years 1 to 9999.
func (d Date) IsValid() bool {
	return d.Year >= 1 && d.Year <= 9999 &&
		d.Month >= time.January && d.Month <= time.December &&
		d.Day >= 1 && d.Day <= DaysIn(d.Year, d.Month)
}

// String is the ISO 8601 text, "2026-02-28"; the zero Date is empty.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalText writes the ISO 8601 text, so that JSON and flags can hold a Date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Compare is −1, 0 or +1 as d is before, the same as or after e.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports whether d is later than e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// Sub is the number of days from e to d: negative when d is earlier.
func (d Date) Sub(e Date) int { return d.serial() - e.serial() }

// AddDays is the date n days later, or earlier for a negative n.
func (d Date) AddDays(n int) Date { return fromSerial(d.serial() + n) }

// AddMonths is the date n months later on the anchor day, or on the last day of
// a month that is shorter. The anchor is the day the contract names, so steps
// made one by one do not drift: 31 January, 29 February, 31 March. An anchor
// below 1 stands for d's own day.
func (d Date) AddMonths(n, anchor int) Date {
	if anchor < 1 {
		anchor = d.Day
	}
	index := d.Year*12 + int(d.Month) - 1 + n
	year, month := index/12, time.Month(index%12+1)
	return Date{Year: year, Month: month, Day: min(anchor, DaysIn(year, month))}
}

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday {
	// Serial 0 is Thursday 1970-01-01; the added weeks keep the dividend positive.
	return time.Weekday((d.serial() + 4 + 7*200_000) % 7)
}

// IsMonthEnd reports whether d is the last day of its month.
func (d Date) IsMonthEnd() bool { return d.Day == DaysIn(d.Year, d.Month) }

// IsLeap reports whether a year has 366 days.
func IsLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// DaysIn is the number of days of a month.
func DaysIn(year int, month time.Month) int {
	switch month {
	case time.February:
		if IsLeap(year) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	default:
		return 31
	}
}

// serial counts days from 1970-01-01 in eras of 400 years that begin in March,
// so that the leap day is the last of its year (Howard Hinnant, "chrono-
// compatible low-level date algorithms").
func (d Date) serial() int {
	year, month := d.Year, int(d.Month)
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + d.Day - 1
	return era*146_097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719_468
}

func fromSerial(serial int) Date {
	serial += 719_468
	era := floorDiv(serial, 146_097)
	dayOfEra := serial - era*146_097
	yearOfEra := (dayOfEra - dayOfEra/1_460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	day := dayOfYear - (153*shifted+2)/5 + 1
	month, year := shifted+3, yearOfEra+era*400
	if month > 12 {
		month -= 12
		year++
	}
	return Date{Year: year, Month: time.Month(month), Day: day}
}

func floorDiv(a, b int) int {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}
