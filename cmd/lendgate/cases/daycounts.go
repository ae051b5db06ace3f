package cases

import (
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// dayCountCase asks for a fraction of a year, an interval of the directive, or days by
// several conventions at once.
type dayCountCase struct {
	Kind       string     `json:"kind"`
	Convention string     `json:"convention"`
	Unit       string     `json:"unit"`
	Start      civil.Date `json:"start"`
	End        civil.Date `json:"end"`
	Expected   number     `json:"expected"`

	// Days by convention; a figure that the record leaves out is not asked for.
	Days30US    number `json:"days_30US360"`
	Days30E     number `json:"days_30E360"`
	Days30EISDA number `json:"days_30E360_ISDA"`
	DaysActual  number `json:"days_actual"`
}

// checkDayCount holds days exactly and fractions to 1e-12. A fraction is a quotient of
// two whole numbers, so the tolerance is for the rounding of one division and of the
// print.
func checkDayCount(c dayCountCase) error {
	switch c.Kind {
	case "year_fraction":
		convention, err := daycount.Parse(c.Convention)
		if err != nil {
			return err
		}
		return compareWithin(convention.Years(c.Start, c.End), nil, c.Expected, 1e-12)
	// Annex I of the directive counts whole periods back from the end and then days, so
	// the answer is a fraction and not a number of days by a convention.
	case "eu_2008_48_interval":
		unit, err := daycount.ParseUnit(c.Unit)
		if err != nil {
			return err
		}
		numerator, denominator, err := daycount.IntervalEU(c.Start, c.End, unit)
		if err != nil {
			return err
		}
		return compareWithin(float64(numerator)/float64(denominator), nil, c.Expected, 1e-12)
	case "days":
		return errors.Join(
			compareDays(c, daycount.Thirty360US, c.Days30US),
			compareDays(c, daycount.ThirtyE360, c.Days30E),
			compareDays(c, daycount.ThirtyE360ISDA, c.Days30EISDA),
			compareDays(c, daycount.Actual365, c.DaysActual),
		)
	}
	return fmt.Errorf("kind %q is not known", c.Kind)
}

// compareDays compares a figure that the record carries.
func compareDays(c dayCountCase, convention daycount.Convention, want number) error {
	if want == "" {
		return nil
	}
	days, err := want.whole()
	if err != nil {
		return err
	}
	if got := convention.Days(c.Start, c.End); got != days {
		return fmt.Errorf("%s: got %d days, want %d", convention, got, days)
	}
	return nil
}
