package amortize

import (
	"github.com/lendgate/lendgate/internal/civil"
)

// Unit is the unit of a repayment frequency.
type Unit uint8

// The units of a frequency.
const (
	Day Unit = iota + 1
	Week
	Month
)

// Frequency is how often instalments fall due: every two weeks, every month on
// the 31st.
type Frequency struct {
	Every int
	Unit  Unit
	// Anchor is the day of the month that due dates keep to, 1 to 31, for Month
	// only; a shorter month uses its last day. Zero keeps the first date's day.
	Anchor int
}

// Dues are n due dates from the first on. They are counted from the first one
// and not from each other, so the anchor day never drifts.
func (f Frequency) Dues(first civil.Date, n int) ([]civil.Date, error) {
	if err := f.validateFrom(first); err != nil {
		return nil, err
	}
	if n < 1 || n > MaxInstalments {
		return nil, refuse("dues", "must be 1 to %d dates, are %d", MaxInstalments, n)
	}
	dues := make([]civil.Date, n)
	for i := range dues {
		dues[i] = f.nth(first, i)
		if !dues[i].IsValid() {
			return nil, refuse("dues", "number %d is beyond the calendar", i+1)
		}
	}
	return dues, nil
}

// DuesUntil are the due dates from the first up to and including the last day.
func (f Frequency) DuesUntil(first, last civil.Date) ([]civil.Date, error) {
	if err := f.validateFrom(first); err != nil {
		return nil, err
	}
	var dues []civil.Date
	for due := first; !due.After(last); due = f.nth(first, len(dues)) {
		if len(dues) == MaxInstalments {
			return nil, refuse("dues", "must be 1 to %d dates", MaxInstalments)
		}
		dues = append(dues, due)
	}
	if len(dues) == 0 {
		return nil, refuse("dues", "the first, %s, is after the last day %s", first, last)
	}
	return dues, nil
}

// nth is the due date i steps after the first.
func (f Frequency) nth(first civil.Date, i int) civil.Date {
	switch f.Unit {
	case Month:
		return first.AddMonths(i*f.Every, f.Anchor)
	case Week:
		return first.AddDays(7 * i * f.Every)
	default:
		return first.AddDays(i * f.Every)
	}
}

// partOfYear is the period as part of a year of 12 months, 52 weeks or 365 days.
func (f Frequency) partOfYear() (numerator, denominator int64) {
	switch f.Unit {
	case Month:
		return int64(f.Every), 12
	case Week:
		return int64(f.Every), 52
	default:
		return int64(f.Every), 365
	}
}

// validateFrom checks the frequency together with its first date.
func (f Frequency) validateFrom(first civil.Date) error {
	if !first.IsValid() {
		return refuse("dues", "the first is no date")
	}
	return f.validate("frequency")
}

// validate names the field that the frequency stands in.
func (f Frequency) validate(field string) error {
	switch {
	case f.Unit < Day || f.Unit > Month:
		return refuse(field, "has no unit")
	case f.Every < 1 || f.Every > 366:
		return refuse(field, "must be every 1 to 366 units, is %d", f.Every)
	case f.Anchor < 0 || f.Anchor > 31 || (f.Anchor > 0 && f.Unit != Month):
		return refuse(field, "anchor day %d", f.Anchor)
	}
	return nil
}
