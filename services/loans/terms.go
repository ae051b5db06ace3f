package loans

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
	"github.com/lendgate/lendgate/services/loans/rates"
)

// product is a version of a product with its terms read.
type product struct {
	// row has what is searched and compared by columns, terms all that loans are computed from. Neither changes once the version is
	// written.
	row   loansdb.Product
	terms *loansv1.ProductTerms
}

// readProduct reads a row. Fields that a later version of the contract dropped are passed over: old loans live on.
func readProduct(row loansdb.Product) (product, error) {
	terms := &loansv1.ProductTerms{}
	// Strict reading would stop loans that run, over a field that nobody uses any more.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(row.Terms, terms); err != nil {
		return product{}, fmt.Errorf("terms of product %s: %w", row.ID, err)
	}
	return product{row: row, terms: terms}, nil
}

// frequency is the unit between instalments. Months keep the day on which the money arrived, or take the last of a shorter month.
func frequency(f loansv1.Frequency, start civil.Date) (every amortize.Frequency, first civil.Date) {
	switch f {
	case loansv1.Frequency_FREQUENCY_WEEKLY:
		return amortize.Frequency{Every: 1, Unit: amortize.Week}, start.AddDays(7)
	case loansv1.Frequency_FREQUENCY_BIWEEKLY:
		return amortize.Frequency{Every: 2, Unit: amortize.Week}, start.AddDays(14)
	default:
		// The anchor keeps the 31st: 31 January, 28 February, 31 March, and not 28 March for ever after.
		return amortize.Frequency{Every: 1, Unit: amortize.Month, Anchor: start.Day}, start.AddMonths(1, start.Day)
	}
}

// convention is how days make years. "Months of 30 days" is read as 30E/360, where the 31st is the 30th at both ends.
func convention(d loansv1.DayCount) daycount.Convention {
	switch d {
	case loansv1.DayCount_DAY_COUNT_ACTUAL_360:
		return daycount.Actual360
	case loansv1.DayCount_DAY_COUNT_THIRTY_360:
		// Of the three 30/360 readings (US, E, E ISDA) it is the one without a special case for February.
		return daycount.ThirtyE360
	case loansv1.DayCount_DAY_COUNT_ACTUAL_ACTUAL:
		return daycount.ActualActualISDA
	default:
		return daycount.Actual365
	}
}

// amortization is how the principal comes back. The contract's rules keep an unset value out of the database. The default is never reached
// with a value of the database, and is the usual product should it be.
func amortization(a loansv1.Amortization) amortize.Amortization {
	switch a {
	case loansv1.Amortization_AMORTIZATION_EQUAL_PRINCIPAL:
		return amortize.EqualPrincipal
	case loansv1.Amortization_AMORTIZATION_BULLET:
		return amortize.Bullet
	default:
		return amortize.EqualInstalment
	}
}

// loan is the engine's terms of a loan of this product whose money arrives on a day. Amounts round half up, as contracts and spreadsheets do.
func (p product) loan(principal money.Money, instalments int, start civil.Date) (amortize.Terms, error) {
	every, first := frequency(p.terms.GetFrequency(), start)
	dues, err := every.Dues(first, instalments)
	if err != nil {
		return amortize.Terms{}, err
	}
	terms := amortize.Terms{
		Principal: principal, Start: start, Dues: dues,
		Rate:     amortize.Rate{Percent: p.terms.GetAnnualRatePercent(), Per: amortize.PerYear},
		DayCount: convention(p.terms.GetDayCount()),
		// Interest is on what is still owed. The engine's flat method, on the first principal throughout, is no choice of
		// the contract.
		Method: amortize.Declining,
		// What rounding leaves goes into the last instalment: all others are equal to the cent.
		Final:      amortize.FinalTakesRest,
		Rounding:   amortize.Rounding{Payment: money.HalfUp, Interest: money.HalfUp},
		MultipleOf: p.terms.GetInstalmentMultipleMinorUnits(), Amortization: amortization(p.terms.GetAmortization()),
	}
	if percent := p.terms.GetOriginationFeePercent(); percent != "" {
		fee, err := share(principal, percent)
		if err != nil {
			return amortize.Terms{}, err
		}
		// Due with the first instalment, so the person receives the whole principal and the APR counts the fee where it is paid.
		terms.Fee = amortize.Fee{Amount: fee, Timing: amortize.FeeFirst}
	}
	return terms, nil
}

// share is so many per cent of an amount, rounded half up.
func share(of money.Money, percent string) (money.Money, error) {
	rate, _, err := apd.NewFromString(percent)
	if err != nil {
		return money.Money{}, fmt.Errorf("percentage %q: %w", percent, err)
	}
	// Per cent to fraction, exactly: the decimal point moves, nothing is divided.
	rate.Exponent -= 2
	return of.Mul(rate, money.HalfUp)
}

// plan is the schedule of a loan as if the money arrived on a day.
func (p product) plan(principal money.Money, instalments int, start civil.Date) (amortize.Schedule, error) {
	terms, err := p.loan(principal, instalments, start)
	if err != nil {
		return amortize.Schedule{}, err
	}
	return amortize.Build(terms)
}

// impossible tells an engine's refusal of terms from a failure of ours. A refusal is the caller's to mend and gets a reason; a failure
// becomes INTERNAL.
func impossible(err error) bool {
	var refused *amortize.TermsError
	return errors.Is(err, amortize.ErrTooSmall) || errors.Is(err, money.ErrOverflow) || errors.As(err, &refused)
}

// order is in what order a payment is used. A law or a contract may rank parts in its own way, so it is data of the product.
func (p product) order() (allocate.Order, error) {
	targets := p.terms.GetAllocationOrder()
	order := allocate.Standard()
	// An empty list is the standard order of package allocate, and not an order of nothing.
	if len(targets) > 0 {
		order.Steps = make([]allocate.Step, 0, len(targets))
	}
	for _, target := range targets {
		step, err := allocate.ParseStep(strings.TrimPrefix(target.String(), "ALLOCATION_TARGET_"))
		if err != nil {
			return allocate.Order{}, err
		}
		order.Steps = append(order.Steps, step)
	}
	order.ByComponent = p.terms.GetAllocateByTarget()
	return order, order.Validate()
}

// apr is the effective annual percentage rate of a schedule in per cent with one decimal (Directive 2008/48/EC, annex I): a year is twelve
// equal months, or 52 weeks where instalments come in weeks.
func apr(schedule amortize.Schedule, f loansv1.Frequency) (string, error) {
	// Intervals are whole months or weeks, and then days as parts of a year of 365 or 366 (annex I as amended by Directive 2011/90/EU).
	unit := daycount.Week
	if f == loansv1.Frequency_FREQUENCY_MONTHLY {
		unit = daycount.Month
	}
	cash := schedule.CashFlows()
	flows := make([]rates.Flow, len(cash))
	for i, c := range cash {
		numerator, denominator, err := daycount.IntervalEU(cash[0].On, c.On, unit)
		if err != nil {
			return "", err
		}
		dated, err := rates.Dated(c.On, c.Amount)
		if err != nil {
			return "", err
		}
		flows[i] = rates.Flow{Time: float64(numerator) / float64(denominator), Amount: dated.Amount}
	}
	rate, err := rates.Effective(flows)
	if err != nil {
		return "", fmt.Errorf("annual percentage rate: %w", err)
	}
	// The annex asks for one decimal at least; a following digit of 5 or more rounds up.
	text := rates.Percent(rate, 1)
	if text == "-0.0" { // A loan without cost, whose root the solver meets from below.
		text = "0.0"
	}
	return text, nil
}
