package cases

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/daycount"
	"github.com/lendgate/lendgate/services/loans/rates"
)

// scheduleRunners are the files of repayment schedules.
func scheduleRunners() map[string]runner {
	return map[string]runner{
		"fsfp_level_payment.jsonl": runLevelPayments,
		"fineract_schedules.json":  func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkFineract) },
	}
}

// runLevelPayments runs the level payment schedules. Those with add-on interest are a
// method that lendgate does not offer, so they are left out of the count. The file's
// rules are those of British short-term lending.
func runLevelPayments(_ string, raw []byte) ([]outcome, error) {
	outcomes, err := each(raw, checkLevelPayment)
	for i, o := range outcomes {
		outcomes[i].Skipped = errors.Is(o.Err, errAddOn)
	}
	return outcomes, err
}

// errAddOn marks a case of interest charged up front.
var errAddOn = errors.New("add-on interest is not offered")

// levelCurrency stands in for the currency that the file does not name; the
// figures have two decimals.
const levelCurrency = "GBP"

// levelCase holds inputs as phrases and every figure as text, since the source is a
// table for people.
type levelCase struct {
	Inputs struct {
		Start     civil.Date `json:"start_date"`
		Principal string     `json:"principal"`
		Length    string     `json:"schedule_length"`
		// UnitPeriod, Rate, Cap and the others are phrases; the functions below say
		// which.
		UnitPeriod       string `json:"unit_period"`
		PaymentRounding  string `json:"payment_rounding"`
		Final            string `json:"level_payment_option"`
		Rate             string `json:"interest_rate"`
		Method           string `json:"interest_method"`
		InterestRounding string `json:"interest_rounding"`
		Cap              string `json:"cap"`
		Fee              string `json:"fee"`
	} `json:"inputs"`
	Expected struct {
		Stats map[string]string   `json:"stats"`
		Rows  []map[string]string `json:"rows"`
	} `json:"expected"`
}

// checkLevelPayment compares rows before totals, because a wrong row explains a wrong
// total.
func checkLevelPayment(c levelCase) error {
	if c.Inputs.Method == "add-on" {
		return errAddOn
	}
	terms, err := c.terms()
	if err != nil {
		return err
	}
	schedule, err := amortize.Build(terms)
	if err != nil {
		return err
	}
	accruals, err := amortize.Accruals(terms, schedule)
	if err != nil {
		return err
	}
	rows := printLevelRows(terms, schedule, accruals)
	if len(rows) != len(c.Expected.Rows) {
		return fmt.Errorf("got %d rows, want %d", len(rows), len(c.Expected.Rows))
	}
	for i, want := range c.Expected.Rows {
		if err := compareFields(rows[i], want); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	stats, err := printLevelStats(terms, schedule)
	if err != nil {
		return err
	}
	return compareFields(stats, c.Expected.Stats)
}

// terms reads the inputs, which are written as short English phrases.
func (c levelCase) terms() (amortize.Terms, error) {
	in := c.Inputs
	// A phrase that is not known fails its case: guessing would make a figure of
	// nothing.
	if in.Method != "actuarial" || in.Fee != "no fee" {
		return amortize.Terms{}, fmt.Errorf("interest %q with fee %q is not known", in.Method, in.Fee)
	}
	principal, err := money.Parse(strings.ReplaceAll(in.Principal, ",", ""), levelCurrency)
	if err != nil {
		return amortize.Terms{}, err
	}
	t := amortize.Terms{
		Principal: principal, Start: in.Start,
		// "Actuarial" in the file's words.
		Method: amortize.Declining, Amortization: amortize.EqualInstalment,
	}
	if t.Dues, err = levelDues(in.Start, in.UnitPeriod, in.Length); err != nil {
		return amortize.Terms{}, err
	}
	if t.Rate, err = levelRate(in.Rate); err != nil {
		return amortize.Terms{}, err
	}
	// The file spreads a rate a year over days of 365, leap years included.
	if t.Rate.Per == amortize.PerYear {
		t.DayCount = daycount.Actual365
	}
	if t.Cap, err = levelCap(in.Cap); err != nil {
		return amortize.Terms{}, err
	}
	finals := map[string]amortize.Final{
		"lower final payment":   amortize.FinalLower,
		"similar final payment": amortize.FinalSimilar,
		"higher final payment":  amortize.FinalHigher,
	}
	var known bool
	if t.Final, known = finals[in.Final]; !known {
		return amortize.Terms{}, fmt.Errorf("level payment option %q is not known", in.Final)
	}
	if t.Rounding.Payment, err = levelRounding(in.PaymentRounding); err != nil {
		return amortize.Terms{}, err
	}
	t.Rounding.Interest, err = levelRounding(in.InterestRounding)
	return t, err
}

// levelDues reads "monthly from 2025-04 on 09", "… on month-end" or "2-weekly
// from 2024-08-17", for "payment count 4" or "max duration 183" days.
func levelDues(start civil.Date, period, length string) ([]civil.Date, error) {
	every, from, found := strings.Cut(period, " from ")
	count, unit, numbered := strings.Cut(every, "-")
	if !numbered {
		count, unit = "1", every
	}
	units := map[string]amortize.Unit{"daily": amortize.Day, "weekly": amortize.Week, "monthly": amortize.Month}
	f := amortize.Frequency{Unit: units[unit]}
	var err error
	if f.Every, err = strconv.Atoi(count); err != nil || !found || f.Unit == 0 {
		return nil, fmt.Errorf("unit period %q is not known", period)
	}
	first, err := levelFirstDue(from, &f)
	if err != nil {
		return nil, err
	}
	kind, number, _ := cutLast(length, " ")
	n, err := strconv.Atoi(number)
	switch {
	case err == nil && kind == "payment count":
		return f.Dues(first, n)
	// Days are counted from the advance, not from the first instalment.
	case err == nil && kind == "max duration":
		return f.DuesUntil(first, start.AddDays(n))
	}
	return nil, fmt.Errorf("schedule length %q is not known", length)
}

// levelFirstDue reads the first date and, for months, sets the anchor day. An anchor of
// 31 stands for the end of each month.
func levelFirstDue(from string, f *amortize.Frequency) (civil.Date, error) {
	month, day, monthly := strings.Cut(from, " on ")
	if !monthly {
		return civil.Parse(from)
	}
	// The last day of each month, as an anchor beyond a short month's end is taken for
	// its end.
	f.Anchor = 31
	if day != "month-end" {
		var err error
		if f.Anchor, err = strconv.Atoi(day); err != nil {
			return civil.Date{}, fmt.Errorf("day %q of %q: %w", day, from, err)
		}
	}
	begin, err := civil.Parse(month + "-01")
	if err != nil {
		return civil.Date{}, err
	}
	return begin.AddMonths(0, f.Anchor), nil
}

// levelRate reads "0.798 % per day".
func levelRate(text string) (amortize.Rate, error) {
	figure, per, _ := strings.Cut(text, " % per ")
	switch per {
	case "day":
		return amortize.Rate{Percent: figure, Per: amortize.PerDay}, nil
	case "year":
		return amortize.Rate{Percent: figure, Per: amortize.PerYear}, nil
	}
	return amortize.Rate{}, fmt.Errorf("rate %q is not known", text)
}

// levelCap reads "total 100 %; daily 0.8 %", where n/a means no limit.
func levelCap(text string) (amortize.Cap, error) {
	var limit amortize.Cap
	for part := range strings.SplitSeq(text, "; ") {
		name, figure, _ := strings.Cut(strings.TrimSuffix(part, " %"), " ")
		if figure == "n/a" {
			figure = ""
		}
		switch name {
		case "total":
			limit.Total = figure
		case "daily":
			limit.Daily = figure
		default:
			return amortize.Cap{}, fmt.Errorf("cap %q is not known", text)
		}
	}
	return limit, nil
}

// levelRounding reads the file's words, the middle two of which are .NET's.
func levelRounding(text string) (money.Rounding, error) {
	switch text {
	case "rounded up":
		return money.Up, nil
	case "rounded down":
		return money.Down, nil
	case "round using AwayFromZero":
		return money.HalfUp, nil
	case "round using ToEven":
		return money.HalfEven, nil
	}
	return 0, fmt.Errorf("rounding %q is not known", text)
}

// printLevelRows writes the schedule with the file's columns and decimals; row
// zero is the day of the advance. Everything is printed as text with the file's
// decimals, because that is what its publisher compares.
func printLevelRows(t amortize.Terms, s amortize.Schedule, accruals []*big.Rat) []map[string]string {
	zero := t.Principal.Of(0)
	accrued, interest, principal := new(big.Rat), zero, zero
	row := func(day int, pay, i, p, carried, balance money.Money, exact *big.Rat) map[string]string {
		// Exact interest is summed unrounded, as the file prints it beside what is
		// charged.
		accrued.Add(accrued, exact)
		interest.MinorUnits += i.MinorUnits
		principal.MinorUnits += p.MinorUnits
		return map[string]string{
			"day": strconv.Itoa(day), "scheduled_payment": pay.String(),
			"actuarial_interest": majorUnits(exact), "interest_portion": i.String(),
			"principal_portion": p.String(), "interest_balance": carried.String(),
			"principal_balance": balance.String(), "total_actuarial_interest": majorUnits(accrued),
			"total_interest": interest.String(), "total_principal": principal.String(),
		}
	}
	rows := []map[string]string{row(0, zero, zero, zero, zero, t.Principal, new(big.Rat))}
	for k, i := range s.Instalments {
		rows = append(rows, row(i.Due.Sub(t.Start), i.Total, i.Interest, i.Principal, i.Carried, i.Balance, accruals[k]))
	}
	return rows
}

// majorUnits prints exact minor units as major units with four decimals. The file has
// no other currency than one of cents.
func majorUnits(minor *big.Rat) string {
	return new(big.Rat).Quo(minor, big.NewRat(100, 1)).FloatString(4)
}

// printLevelStats writes the totals and the rate that the borrower is told.
func printLevelStats(t amortize.Terms, s amortize.Schedule) (map[string]string, error) {
	var flows []rates.DatedFlow
	for _, f := range s.CashFlows() {
		flow, err := rates.Dated(f.On, f.Amount)
		if err != nil {
			return nil, err
		}
		flows = append(flows, flow)
	}
	// The file's APR is the effective rate by actual days of 365, which is XIRR.
	apr, err := rates.XIRR(flows, daycount.Actual365)
	if err != nil {
		return nil, err
	}
	last := s.Instalments[len(s.Instalments)-1]
	// Interest as a per cent of what was borrowed: the ratio that the British cap of
	// 100 % (CONC 5A) bounds.
	ratio := big.NewRat(s.Interest.MinorUnits*100, s.Principal.MinorUnits).FloatString(2)
	return map[string]string{
		"initial_interest_balance": t.Principal.Of(0).String(),
		// The file prints percentages without trailing zeros.
		"initial_cost_to_borrowing_ratio": trimZeros(ratio) + " %",
		"initial_apr":                     trimZeros(rates.Percent(apr, 1)) + " %",
		"level_payment":                   s.Level.String(),
		"final_payment":                   last.Total.String(),
		"last_scheduled_payment_day":      strconv.Itoa(last.Due.Sub(t.Start)),
		"total_scheduled_payments":        s.Total.String(),
		"total_principal":                 s.Principal.String(),
		"total_interest":                  s.Interest.String(),
	}, nil
}

// compareFields compares the fields that the expectation carries, in no order. A field
// that the expectation has and we lack is a failure, so a new column is noticed.
func compareFields(got, want map[string]string) error {
	for field, figure := range want {
		value, ok := got[field]
		if !ok {
			return fmt.Errorf("field %q is not known", field)
		}
		// Commas stand between thousands in some figures and not in others.
		if figure = strings.ReplaceAll(figure, ",", ""); value != figure {
			return fmt.Errorf("%s: got %s, want %s", field, value, figure)
		}
	}
	return nil
}

// trimZeros makes 250.00 and 250 the same text, without going through a float.
func trimZeros(decimal string) string {
	if !strings.Contains(decimal, ".") {
		return decimal
	}
	return strings.TrimSuffix(strings.TrimRight(decimal, "0"), ".")
}

// cutLast splits at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}
