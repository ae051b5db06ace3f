package cases

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

// fineractCurrency is that of the suite's global configuration; its figures have
// two decimals whatever the record says.
const fineractCurrency = "EUR"

// fineractCase is one schedule of Apache Fineract's own tests: a product's
// schedule, or the progressive engine's with its inputs in full.
type fineractCase struct {
	Kind   string         `json:"kind"`
	Inputs fineractInputs `json:"inputs"`
	Steps  []fineractStep `json:"steps"`
}

// fineractInputs are the settings of the suite's products, in the words of its feature
// files. Empty text means the engine's default.
type fineractInputs struct {
	Product   string     `json:"product"`
	Expected  civil.Date `json:"expected_disbursement"`
	Principal string     `json:"principal"`
	// Rate is in per cent a year, as decimal text.
	Rate         string `json:"annual_rate_percent"`
	InterestType string `json:"interest_type"`
	Amortization string `json:"amortization"`
	Every        number `json:"repay_every"`
	Unit         string `json:"repay_unit"`
	Installments number `json:"installments"`
	// The three graces are counted in instalments from the first.
	Grace         number         `json:"grace_on_principal"`
	InterestGrace number         `json:"interest_free_periods"`
	PaymentGrace  number         `json:"grace_on_interest_payment"`
	Settings      map[string]any `json:"product_settings"`
	Disbursements [][2]string    `json:"disbursements"`
	DaysInYear    string         `json:"days_in_year"`
	DaysInMonth   string         `json:"days_in_month"`
	// ScheduleStart is where periods count from, when they are not given one by one.
	ScheduleStart civil.Date      `json:"schedule_start"`
	Periods       [][2]civil.Date `json:"period_starts_and_dues"`
}

// fineractStep is what is done on a day, or the schedule that is then expected.
type fineractStep struct {
	Op      string           `json:"op"`
	Date    civil.Date       `json:"date"`
	Amount  string           `json:"amount"`
	Periods []fineractPeriod `json:"periods"`
}

// fineractPeriod is an expected row. Rows without a number are disbursements.
type fineractPeriod struct {
	Number    number     `json:"nr"`
	Days      number     `json:"days"`
	Start     civil.Date `json:"start"`
	Due       civil.Date `json:"due_date"`
	PaidDate  civil.Date `json:"paid_date"`
	Balance   string     `json:"balance"`
	Principal string     `json:"principal"`
	Interest  string     `json:"interest"`
	Fees      string     `json:"fees"`
	Penalties string     `json:"penalties"`
	Total     string     `json:"due"`
	Paid      string     `json:"paid"`
	InAdvance string     `json:"paid_in_advance"`
	Late      string     `json:"paid_late"`
	Open      string     `json:"outstanding"`
	Parts     []struct {
		Interest string `json:"interest"`
	} `json:"sub"`
}

// checkFineract compares a whole schedule with every figure that the suite's table
// prints, as it was planned and as it stands.
func checkFineract(c fineractCase) error {
	terms, expect, err := c.terms()
	if err != nil {
		return err
	}
	schedule, err := amortize.Build(terms)
	if err != nil {
		return err
	}
	// The same terms once more as a loan that payments are made on: the tables print
	// both.
	state, err := allocate.Open(terms, allocate.Standard())
	if err != nil {
		return err
	}
	// The automatic products collect the down payment as soon as money has left.
	if strings.Contains(c.Inputs.Product, "_AUTO") && len(c.Inputs.Disbursements) > 0 {
		if _, state, err = allocate.Apply(state, schedule.Instalments[0].Total, terms.Start); err != nil {
			return err
		}
	}
	number := 0
	for _, want := range expect {
		// A row without a number is the disbursement: its balance is what was lent.
		if want.Number == "" {
			if err := compareMoney(map[string][2]string{"disbursed": {terms.Principal.String(), want.Balance}}); err != nil {
				return err
			}
			continue
		}
		if number == len(schedule.Instalments) {
			return fmt.Errorf("more than %d instalments are wanted", number)
		}
		if err := compareInstalment(schedule.Instalments[number], state.Instalments[number], want); err != nil {
			return fmt.Errorf("instalment %d: %w", number+1, err)
		}
		number++
	}
	if number != len(schedule.Instalments) {
		return fmt.Errorf("got %d instalments, want %d", len(schedule.Instalments), number)
	}
	return nil
}

// terms reads what both kinds have in common and then each kind's own. Fineract rounds
// half to even in its tests' configuration, both interest and payments.
func (c fineractCase) terms() (amortize.Terms, []fineractPeriod, error) {
	in := c.Inputs
	t := amortize.Terms{
		Rate:     amortize.Rate{Percent: in.Rate, Per: amortize.PerYear},
		Method:   amortize.Declining,
		Rounding: amortize.Rounding{Payment: money.HalfEven, Interest: money.HalfEven},
	}
	units := map[string]amortize.Unit{"DAYS": amortize.Day, "WEEKS": amortize.Week, "MONTHS": amortize.Month}
	every, err := in.Every.whole()
	if err != nil || units[in.Unit] == 0 {
		return t, nil, fmt.Errorf("every %q %q is not known", in.Every, in.Unit)
	}
	// A period of the suite's products bears the same interest however many days it
	// has; the progressive engine may count days instead, which progressiveTerms sets.
	t.EqualPeriods = amortize.Frequency{Every: every, Unit: units[in.Unit]}
	switch c.Kind {
	case "fineract_product_schedule":
		err = in.productTerms(&t)
	case "progressive_emi":
		err = c.progressiveTerms(&t)
	default:
		err = fmt.Errorf("kind %q is not known", c.Kind)
	}
	if err != nil {
		return t, nil, err
	}
	if len(c.Steps) == 0 {
		return t, nil, errors.New("no steps")
	}
	return t, c.Steps[len(c.Steps)-1].Periods, nil
}

// productTerms reads a product's schedule. The file calls "interest free" the
// periods whose interest the figures carry to the next one, so they are a grace. Its
// down payment is a setting in the source text of the suite, BigDecimal and all.
func (in fineractInputs) productTerms(t *amortize.Terms) error {
	amount, on := in.Principal, in.Expected
	if len(in.Disbursements) > 1 {
		return errors.New("several disbursements are not offered yet")
	}
	if len(in.Disbursements) == 1 {
		day, err := civil.Parse(in.Disbursements[0][0])
		if err != nil {
			return err
		}
		on, amount = day, in.Disbursements[0][1]
	}
	if in.InterestType == "FLAT" {
		t.Method = amortize.Flat
	}
	t.Amortization, t.Final = amortize.EqualInstalment, amortize.FinalTakesRest
	if in.Amortization == "EQUAL_PRINCIPAL_PAYMENTS" {
		t.Amortization = amortize.EqualPrincipal
	} else if in.Settings["installmentAmountInMultiplesOf"] == "1" {
		// In minor units: a multiple of one whole euro.
		t.MultipleOf = 100
	}
	if in.Settings["enableDownPayment"] == "true" {
		// A setting of another type reads as empty, which the engine refuses as no
		// percentage.
		text, _ := in.Settings["disbursedAmountPercentageForDownPayment"].(string)
		t.DownPayment = strings.TrimSuffix(strings.TrimPrefix(text, "new BigDecimal("), ")")
	}
	graces := [3]int{}
	for i, n := range []number{in.Grace, in.InterestGrace, in.PaymentGrace} {
		var err error
		if graces[i], err = n.whole(); err != nil {
			return err
		}
	}
	// An instalment without interest and one whose interest is put off are the same to
	// the plan: the figures show it in a later one.
	t.Grace = amortize.Grace{Principal: graces[0], Interest: max(graces[1], graces[2])}
	return in.start(t, t.EqualPeriods, on, on, amount)
}

// progressiveTerms reads the progressive engine's inputs. Days of month and year stand
// for a convention together; 30 of 360 makes every month the same.
func (c fineractCase) progressiveTerms(t *amortize.Terms) error {
	if len(c.Steps) != 2 || c.Steps[0].Op != "disburse" || c.Steps[1].Op != "expect" {
		return errors.New("later disbursements, payments and changes of the rate are not offered yet")
	}
	in, frequency := c.Inputs, t.EqualPeriods
	t.Amortization, t.Final = amortize.EqualInstalment, amortize.FinalSmoothed
	switch in.DaysInMonth + "/" + in.DaysInYear {
	case "DAYS_30/DAYS_360":
	case "ACTUAL/DAYS_365":
		t.EqualPeriods, t.DayCount = amortize.Frequency{}, daycount.Actual365
	case "ACTUAL/DAYS_360":
		t.EqualPeriods, t.DayCount = amortize.Frequency{}, daycount.Actual360
	case "ACTUAL/DAYS_364":
		t.EqualPeriods, t.DayCount = amortize.Frequency{}, daycount.Actual364
	case "ACTUAL/ACTUAL":
		t.EqualPeriods, t.DayCount = amortize.Frequency{}, daycount.ActualActualISDA
	default:
		return fmt.Errorf("days %s/%s are not known", in.DaysInMonth, in.DaysInYear)
	}
	on, amount := c.Steps[0].Date, c.Steps[0].Amount
	if len(in.Periods) == 0 {
		return in.start(t, frequency, in.ScheduleStart, on, amount)
	}
	// The first period may begin before the money leaves; interest runs from the day it
	// does.
	t.PeriodStart, t.Start = in.Periods[0][0], on
	for _, p := range in.Periods {
		t.Dues = append(t.Dues, p[1])
	}
	var err error
	t.Principal, err = money.Parse(trimZeros(amount), fineractCurrency)
	return err
}

// start sets the principal and the dates of a loan whose first period begins on
// a day. The first of the dates is the beginning itself, and no instalment.
func (in fineractInputs) start(t *amortize.Terms, every amortize.Frequency, begin, on civil.Date, amount string) error {
	var err error
	if t.Principal, err = money.Parse(trimZeros(amount), fineractCurrency); err != nil {
		return err
	}
	n, err := in.Installments.whole()
	if err != nil {
		return err
	}
	t.PeriodStart, t.Start = begin, on
	all, err := every.Dues(begin, n+1)
	if err != nil {
		return err
	}
	t.Dues = all[1:]
	return nil
}

// compareInstalment compares a row as it was planned and as it stands. Amounts are
// compared as decimal text of the currency, so nothing is rounded on the way.
func compareInstalment(got amortize.Instalment, standing allocate.Instalment, want fineractPeriod) error {
	if got.Due != want.Due {
		return fmt.Errorf("due on %s, want %s", got.Due, want.Due)
	}
	if days := strconv.Itoa(got.Due.Sub(got.From)); want.Days != "" && days != string(want.Days) {
		return fmt.Errorf("%s days, want %s", days, want.Days)
	}
	amount := func(minor int64) string { return got.Principal.Of(minor).String() }
	figures := map[string][2]string{
		"balance": {got.Balance.String(), want.Balance}, "principal": {got.Principal.String(), want.Principal},
		"interest": {got.Interest.String(), want.Interest}, "fees": {got.Fee.String(), want.Fees},
		"penalties": {amount(standing.Owed.Penalty), want.Penalties}, "due": {got.Total.String(), want.Total},
		"paid": {amount(standing.Paid.Total()), want.Paid}, "outstanding": {amount(standing.Open().Total()), want.Open},
		// Nothing but the down payment is paid in these cases, and that on its day.
		"paid_in_advance": {amount(0), want.InAdvance}, "paid_late": {amount(0), want.Late},
	}
	if err := compareMoney(figures); err != nil {
		return err
	}
	if len(want.Parts) == 0 {
		return nil
	}
	// Sub-periods are how the other engine works inside; what they sum to counts.
	sum := got.Interest.Of(0)
	for _, part := range want.Parts {
		interest, err := money.Parse(trimZeros(part.Interest), fineractCurrency)
		if err != nil {
			return err
		}
		sum.MinorUnits += interest.MinorUnits
	}
	return compareMoney(map[string][2]string{"sub-periods": {got.Interest.String(), sum.String()}})
}

// compareMoney compares amounts as numbers: 250.0 is 250.00. An absent
// expectation asks for nothing.
func compareMoney(figures map[string][2]string) error {
	var differences []error
	for name, pair := range figures {
		if pair[1] == "" {
			continue
		}
		if got, want := trimZeros(pair[0]), trimZeros(pair[1]); got != want {
			differences = append(differences, fmt.Errorf("%s: got %s, want %s", name, got, want))
		}
	}
	return errors.Join(differences...)
}
