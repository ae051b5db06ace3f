package amortize

import (
	"errors"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// Bounds of what is taken for a loan. Beyond them an input is a mistake, and
// refusing it keeps all arithmetic within int64.
const (
	// MaxPrincipal is ten trillion of a currency with cents.
	MaxPrincipal = 1_000_000_000_000_000
	// MaxInstalments is fifty years of months.
	MaxInstalments = 600
	// MaxDays is how long a loan may run: a hundred years.
	MaxDays = 36_525
)

// ErrTooSmall means that rounding leaves nothing for the last instalments:
// three cents cannot be repaid in twelve payments.
var ErrTooSmall = errors.New("amortize: principal too small for so many instalments")

// TermsError is a refused input. Field is the name of the field in Terms, in
// snake case as on the wire.
type TermsError struct {
	Field  string
	Reason string
	// Err is the cause in another package, if there is one.
	Err error
}

// Error says which field is refused and why.
func (e *TermsError) Error() string { return "amortize: " + e.Field + ": " + e.Reason }

// Unwrap is the cause in another package, if there is one.
func (e *TermsError) Unwrap() error { return e.Err }

// Method says on which amount interest is computed. The zero value is refused.
type Method uint8

const (
	// Declining computes interest on the principal outstanding (actuarial).
	Declining Method = iota + 1
	// Flat computes interest on the original principal in every period.
	Flat
)

// Amortization says how the principal comes back. The zero value is refused.
type Amortization uint8

const (
	// EqualInstalment keeps principal plus interest level.
	EqualInstalment Amortization = iota + 1
	// EqualPrincipal keeps the principal part level; instalments fall with the interest.
	EqualPrincipal
	// Bullet repays the principal with the last instalment; the others are interest.
	Bullet
)

// Final says how the level payment is chosen when the amounts are rounded, and
// so how the last instalment compares with it. The zero value is refused for
// EqualInstalment and ignored elsewhere.
type Final uint8

const (
	// FinalTakesRest rounds the annuity formula's payment by Rounding.Payment;
	// the last instalment takes whatever is left, more or less.
	FinalTakesRest Final = iota + 1
	// FinalLower is the least level payment whose last instalment is not higher.
	FinalLower
	// FinalSimilar is the level payment that the last instalment is nearest to.
	FinalSimilar
	// FinalHigher is the greatest level payment whose last instalment is not lower.
	FinalHigher
	// FinalSmoothed is FinalTakesRest with one correction: when the last
	// instalment is off by more minor units than half the number of
	// instalments, the difference is spread over all, if that brings it nearer
	// (Apache Fineract, progressive schedules).
	FinalSmoothed
)

// Per is the time that a rate is quoted for.
type Per uint8

const (
	// PerYear needs a day count, or equal periods, to become interest.
	PerYear Per = iota + 1
	// PerDay bears interest on every actual day.
	PerDay
)

// Rate is a rate of interest in per cent, as decimal text: "0.798" per day.
type Rate struct {
	Percent string
	Per     Per
}

// Rounding names both roundings of a schedule; neither has a default.
type Rounding struct {
	// Payment rounds the level payment, or the level principal part.
	Payment money.Rounding
	// Interest rounds each period's interest.
	Interest money.Rounding
}

// Cap limits the cost of credit; empty texts mean no limit.
type Cap struct {
	// Total is the most interest over the life of the loan, in per cent of the
	// principal, as decimal text: "100".
	Total string
	// Daily is the most interest for a day, in per cent of the principal
	// outstanding, as decimal text: "0.8".
	Daily string
	// Of is the amount that Total is a per cent of, when that is not the
	// principal: the sum first lent, for a schedule rebuilt after a prepayment.
	Of money.Money
	// Used is the interest already charged that counts towards Total.
	Used money.Money
}

// FeeTiming says which instalments bear the fee. The zero value means no fee.
type FeeTiming uint8

const (
	// FeeEach adds the whole fee to every instalment.
	FeeEach FeeTiming = iota + 1
	// FeeFirst adds it to the first instalment.
	FeeFirst
	// FeeSpread divides it over all instalments; the first ones take the odd units.
	FeeSpread
)

// Grace lets the first instalments ask for less. Interest accrues all the same.
type Grace struct {
	// Principal is how many of the first instalments repay no principal.
	Principal int
	// Interest is how many of those pay no interest either: it is carried and
	// asked for by the first instalment after them. At most Principal.
	Interest int
}

// Fee is an amount that is collected with instalments and bears no interest.
type Fee struct {
	Amount money.Money
	Timing FeeTiming
}

// Terms is all that a schedule depends on.
type Terms struct {
	// Principal is lent on Start.
	Principal money.Money
	// Start is the day the money leaves: the first day that bears interest.
	Start civil.Date
	// Dues are the due dates, strictly rising; the first may be Start itself.
	// Frequency.Dues makes them.
	Dues []civil.Date
	// Rate is the nominal rate; zero is allowed.
	Rate Rate
	// DayCount turns the days of a period into a part of the year for a rate
	// PerYear. It is ignored for a rate PerDay and with EqualPeriods.
	DayCount daycount.Convention
	// EqualPeriods, when set, makes every period bear the same part of a rate
	// PerYear whatever its days: a twelfth for each month, a fifty-second for a week.
	EqualPeriods Frequency
	// PeriodStart is when the first period began, if the money left in the
	// middle of it. With EqualPeriods the first instalment then bears its share of
	// the period by days; otherwise it changes nothing. Zero means Start.
	PeriodStart civil.Date

	Method       Method
	Amortization Amortization
	Final        Final
	Rounding     Rounding
	// MultipleOf makes the level payment, or level principal part, a multiple of
	// so many minor units: 100 for whole units of a currency with cents. Zero
	// and one mean no such rule.
	MultipleOf int64
	Cap        Cap
	Fee        Fee
	Grace      Grace
	// DownPayment is the part of the principal that is due on Start, in per cent
	// as decimal text, rounded like a payment: "25". It comes as instalment number
	// 1, before those of Dues, and bears no interest. Empty means none.
	DownPayment string
}
