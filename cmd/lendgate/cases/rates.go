package cases

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/services/loans/daycount"
	"github.com/lendgate/lendgate/services/loans/rates"
)

// rateRunners are the files of annual rates, spreadsheet functions and day counts. A
// key is the base name of the file as its publisher calls it.
func rateRunners() map[string]runner {
	return map[string]runner{
		"apr_us_appendix_j.json": func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkAppendixJ) },
		"apr_eu_uk_effective.json": func(_ string, raw []byte) ([]outcome, error) {
			return each(raw, checkEffective)
		},
		"psk_anchors.json": func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkPSK) },
		"xirr.json":        func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkXIRR) },
		"irr_tvm.json":     func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkTVM) },
		"day_counts.json":  func(_ string, raw []byte) ([]outcome, error) { return each(raw, checkDayCount) },
	}
}

// unitFlow is a payment or an advance of Appendix J: so many whole unit periods after
// the first advance, and a fraction of one more.
type unitFlow struct {
	Amount number `json:"amount"`
	Whole  number `json:"t"`
	Part   number `json:"f"`
}

// flow reads the record; sign tells advances from payments.
func (f unitFlow) flow(sign float64) (rates.UnitFlow, error) {
	amount, err := f.Amount.float()
	if err != nil {
		return rates.UnitFlow{}, err
	}
	whole, err := f.Whole.whole()
	if err != nil {
		return rates.UnitFlow{}, err
	}
	part, err := f.Part.float()
	return rates.UnitFlow{Amount: sign * amount, Whole: whole, Fraction: part}, err
}

// appendixJCase is an example of Regulation Z, Appendix J (12 CFR 1026).
type appendixJCase struct {
	PerYear  number     `json:"unit_periods_per_year"`
	Advances []unitFlow `json:"advances"`
	Payments []unitFlow `json:"payments"`
	Expected number     `json:"expected_apr_percent"`
}

// checkAppendixJ asks for two decimals of per cent, as the regulation's own examples
// print; what a lender may be off by is an eighth of a per cent (1026.22).
func checkAppendixJ(c appendixJCase) error {
	var flows []rates.UnitFlow
	// Two keys and no more; the order of flows has no part in the rate.
	for sign, list := range map[float64][]unitFlow{1: c.Advances, -1: c.Payments} {
		for _, f := range list {
			flow, err := f.flow(sign)
			if err != nil {
				return err
			}
			flows = append(flows, flow)
		}
	}
	perYear, err := c.PerYear.float()
	if err != nil {
		return err
	}
	apr, err := rates.AppendixJ(flows, perYear)
	return compareDecimals(apr*100, err, c.Expected, 2)
}

// effectiveCase is an example of the European and British rules, whose flows are placed
// in years already, since examples differ in how they count them.
type effectiveCase struct {
	Flows []struct {
		Amount number `json:"amount"`
		Years  number `json:"years"`
	} `json:"flows"`
	Expected number `json:"expected_apr_percent"`
	Decimals number `json:"decimals"`
}

// checkEffective asks for as many decimals as the example prints.
func checkEffective(c effectiveCase) error {
	flows := make([]rates.Flow, len(c.Flows))
	for i, f := range c.Flows {
		amount, err := f.Amount.float()
		if err != nil {
			return err
		}
		years, err := f.Years.float()
		if err != nil {
			return err
		}
		flows[i] = rates.Flow{Time: years, Amount: amount}
	}
	decimals, err := c.Decimals.whole()
	if err != nil {
		return err
	}
	apr, err := rates.Effective(flows)
	return compareDecimals(apr*100, err, c.Expected, decimals)
}

// pskCase is an example of the full cost of credit by Russian law (353-FZ, article 6):
// the rate of a base period times the number of such periods in a year.
type pskCase struct {
	BaseDays number `json:"base_period_days"`
	Flows    []struct {
		Day    number `json:"day"`
		Amount number `json:"amount"`
	} `json:"flows"`
	Expected number `json:"expected_psk_percent"`
}

// checkPSK asks for three decimals, which the law prescribes.
func checkPSK(c pskCase) error {
	flows := make([]rates.DayFlow, len(c.Flows))
	for i, f := range c.Flows {
		amount, err := f.Amount.float()
		if err != nil {
			return err
		}
		day, err := f.Day.whole()
		if err != nil {
			return err
		}
		flows[i] = rates.DayFlow{Day: day, Amount: amount}
	}
	// A record without a base period leaves it to the law's rule.
	base, err := c.BaseDays.whole()
	// The most frequent interval between payments, by the law.
	if c.BaseDays == "" {
		base, err = rates.BasePeriod(flows)
	}
	if err != nil {
		return err
	}
	psk, err := rates.PSKByDays(flows, base)
	return compareDecimals(psk*100, err, c.Expected, 3)
}

// xirrCase is a case of the spreadsheets' XIRR: pairs of a date and an amount.
type xirrCase struct {
	DayCount string      `json:"day_count"`
	Flows    [][2]number `json:"flows"`
	Expected number      `json:"expected"`
}

// checkXIRR accepts the rate within 1e-9, or any rate whose value is within
// 1e-3 of zero: some flows have two rates.
func checkXIRR(c xirrCase) error {
	convention, err := daycount.Parse(c.DayCount)
	if err != nil {
		return err
	}
	flows := make([]rates.DatedFlow, len(c.Flows))
	for i, f := range c.Flows {
		on, err := civil.Parse(string(f[0]))
		if err != nil {
			return err
		}
		amount, err := f[1].float()
		if err != nil {
			return err
		}
		flows[i] = rates.DatedFlow{On: on, Amount: amount}
	}
	rate, err := rates.XIRR(flows, convention)
	// An expected null, a refusal where a rate is wanted and the like are settled here:
	// only a rate that differs is looked at once more.
	failed := compareWithin(rate, err, c.Expected, 1e-9)
	if failed == nil || c.Expected == "" || err != nil {
		return failed
	}
	// The rate is judged by what it makes of the flows: another root is as right as
	// theirs.
	value, err := rates.XNPV(rate, flows, convention)
	if err != nil || !(math.Abs(value) <= 1e-3) {
		return fmt.Errorf("%w; value %g at that rate", failed, value)
	}
	return nil
}

// tvmCase is a call of a spreadsheet's function by its name and arguments.
type tvmCase struct {
	Function string            `json:"function"`
	Flows    []number          `json:"flows"`
	Args     map[string]number `json:"args"`
	Expected number            `json:"expected"`
}

// checkTVM holds rates to 1e-10 and amounts to 1e-9. Tolerances are absolute; amounts
// are of some thousands, so a double keeps both.
func checkTVM(c tvmCase) error {
	amounts, err := floats(c.Flows)
	if err != nil {
		return err
	}
	args := map[string]float64{}
	for name, n := range c.Args {
		// Flags come as true and false, which are 1 and 0 to a spreadsheet.
		if args[name], err = n.float(); err != nil && n != "true" && n != "false" {
			return err
		}
		if n == "true" {
			args[name] = 1
		}
	}
	a := rates.Annuity{
		Rate: args["rate"], Periods: args["nper"], Payment: args["pmt"], Present: args["pv"], Future: args["fv"],
		// Three libraries, three names for payments at the beginning of a period.
		Advance: args["type"] != 0 || args["when"] != 0 || args["pmt_at_beginning"] != 0,
	}
	switch strings.ToLower(c.Function) {
	case "irr":
		rate, err := rates.IRR(amounts)
		return compareWithin(rate, err, c.Expected, 1e-10)
	case "rate":
		rate, err := a.RATE()
		return compareWithin(rate, err, c.Expected, 1e-10)
	// NumPy's NPV, which is the value at the time of the first flow; that of
	// spreadsheets discounts the first one, too.
	case "npv":
		value, err := rates.NPV(a.Rate, amounts)
		return compareWithin(value, err, c.Expected, 1e-9)
	}
	functions := map[string]func() (float64, error){
		"pmt": a.PMT, "fv": a.FV, "pv": a.PV, "nper": a.NPER,
		"ipmt": func() (float64, error) { return a.IPMT(args["per"]) },
		"ppmt": func() (float64, error) { return a.PPMT(args["per"]) },
	}
	function, ok := functions[strings.ToLower(c.Function)]
	if !ok {
		return fmt.Errorf("function %q is not known", c.Function)
	}
	value, err := function()
	return compareWithin(value, err, c.Expected, 1e-9)
}

// compareDecimals asks for the expected figure at its printed decimals. Both sides are
// rounded by the same rule, so a figure in print may have more decimals than are asked
// for.
func compareDecimals(percent float64, err error, expected number, decimals int) error {
	if err != nil || expected == "" {
		return compareWithin(percent, err, expected, 0)
	}
	want, err := expected.float()
	if err != nil {
		return err
	}
	got := rates.Percent(percent/100, decimals)
	if wantText := rates.Percent(want/100, decimals); got != wantText {
		return fmt.Errorf("got %s %%, want %s %%", got, wantText)
	}
	return nil
}

// compareWithin asks for the expected number within a tolerance. An expected
// null asks for an explicit refusal. A refusal has to be one of package rates: any
// other error would be a fault that passes for an answer.
func compareWithin(got float64, err error, expected number, tolerance float64) error {
	if expected == "" {
		if err == nil {
			return fmt.Errorf("got %v, want a refusal", got)
		}
		if !errors.Is(err, rates.ErrNoSolution) && !errors.Is(err, rates.ErrBadInput) {
			return fmt.Errorf("want a refusal that says why, got %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	want, err := expected.float()
	if err != nil {
		return err
	}
	// Written this way round, so that NaN fails.
	if !(math.Abs(got-want) <= tolerance) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}
