package loans

import (
	"errors"
	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/amortize"
	"github.com/lendgate/lendgate/services/loans/rates"
)

// Beyond these a setting is a slip of the keyboard and no product, in per cent a year, of the principal, and a day. They are no legal caps:
// those differ by country, and within these bounds every figure keeps to the columns and messages that hold it.
const (
	maxAnnualRate     = 5000
	maxOriginationFee = 100
	maxDailyPenalty   = 10
)

// maxAPRText is how many characters the contract has for an annual percentage rate. It is what AprPercent of Schedule is validated against,
// so a longer one could be stored and never be answered.
const maxAPRText = 24

// validateProduct refuses settings that contradict each other, or that no loan can be made from: schedules are tried at the corners of the
// limits as of a day.
func validateProduct(req *loansv1.CreateProductVersionRequest, today civil.Date) error {
	if req.GetNames()["en"] == "" {
		return productInvalid("names", "a name in English is required")
	}
	terms := req.GetTerms()
	if err := validateLimits(terms); err != nil {
		return err
	}
	for _, setting := range []struct {
		name, percent string
		most          int64
	}{
		{"annual_rate_percent", terms.GetAnnualRatePercent(), maxAnnualRate},
		{"origination_fee_percent", terms.GetOriginationFeePercent(), maxOriginationFee},
		{"daily_penalty_percent", terms.GetDailyPenaltyPercent(), maxDailyPenalty},
	} {
		if setting.percent == "" {
			continue
		}
		// Sign and form are the contract's rules already; what is left is how much. Decimal and not float: 0.1 % a day is exactly that.
		percent, _, err := apd.NewFromString(setting.percent)
		if err != nil || percent.Cmp(apd.New(setting.most, 0)) > 0 {
			return productInvalid(setting.name, "is absurd")
		}
	}
	p := product{terms: terms, row: loansdb.Product{Currency: terms.GetMinPrincipal().GetCurrencyCode()}}
	// The order is read as payments will read it, so that none fails on a loan years later.
	if _, err := p.order(); err != nil {
		return productInvalid("allocation_order", "must name every target once: a target left out is a debt that no payment covers")
	}
	return p.tryCorners(today)
}

// validateLimits holds the settings that are pairs to each other. Equal limits are fine: a product of one amount or one term.
func validateLimits(terms *loansv1.ProductTerms) error {
	least, most := terms.GetMinPrincipal(), terms.GetMaxPrincipal()
	if _, err := money.Exponent(least.GetCurrencyCode()); err != nil {
		return productInvalid("min_principal", "is in no currency of ISO 4217")
	}
	switch {
	case most.GetCurrencyCode() != least.GetCurrencyCode():
		return productInvalid("max_principal", "is not in the currency of min_principal")
	case least.GetMinorUnits() < 1:
		return productInvalid("min_principal", "must be more than zero")
	case most.GetMinorUnits() < least.GetMinorUnits():
		return productInvalid("max_principal", "is below min_principal")
	case most.GetMinorUnits() > amortize.MaxPrincipal:
		return productInvalid("max_principal", "is absurd")
	case terms.GetMaxInstalments() < terms.GetMinInstalments():
		return productInvalid("max_instalments", "is below min_instalments")
	}
	return nil
}

// tryCorners makes the schedules of the smallest and largest loans over the fewest and most instalments, with their APR. What works at the
// corners works between them but for odd roundings, which QuoteLoan refuses one by one.
func (p product) tryCorners(today civil.Date) error {
	principals := []int64{p.terms.GetMinPrincipal().GetMinorUnits(), p.terms.GetMaxPrincipal().GetMinorUnits()}
	counts := []int32{p.terms.GetMinInstalments(), p.terms.GetMaxInstalments()}
	// Compact drops the second of two equal corners, which stand side by side.
	for _, principal := range slices.Compact(principals) {
		for _, count := range slices.Compact(counts) {
			schedule, err := p.plan(money.Money{MinorUnits: principal, Currency: p.row.Currency}, int(count), today)
			if err != nil {
				return p.cornerInvalid(err)
			}
			// The APR is tried, too: the solver has no answer where the fee takes nearly all that is paid out.
			planned, err := p.planned(schedule)
			if err != nil {
				return p.cornerInvalid(err)
			}
			if len(planned.GetAprPercent()) > maxAPRText {
				return productInvalid("annual_rate_percent", "and the fees make an absurd annual percentage rate")
			}
		}
	}
	return nil
}

// cornerInvalid names the setting that makes a corner impossible; failures of ours pass. The order of the cases matters: a multiple that is
// too coarse shows as a loan that is too small, and the multiple is what to mend.
func (p product) cornerInvalid(err error) error {
	var refused *amortize.TermsError
	switch {
	case errors.Is(err, rates.ErrNoSolution):
		return productInvalid("annual_rate_percent", "has no annual percentage rate")
	case errors.Is(err, amortize.ErrTooSmall) && p.terms.GetInstalmentMultipleMinorUnits() > 1,
		errors.As(err, &refused) && refused.Field == "multiple_of":
		return productInvalid("instalment_multiple_minor_units", "leaves nothing for the last instalments of the smallest loan")
	case errors.Is(err, amortize.ErrTooSmall):
		return productInvalid("min_principal", "is too small for max_instalments")
	case errors.Is(err, money.ErrOverflow):
		return productInvalid("max_principal", "is too large for the rate and max_instalments")
	case errors.As(err, &refused) && refused.Field == "dues":
		return productInvalid("max_instalments", refused.Reason)
	case impossible(err):
		return productInvalid("terms", err.Error())
	}
	return err
}

// productInvalid names the setting twice: as metadata for programs and as a field violation for forms.
func productInvalid(setting, why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PRODUCT_INVALID, "the product's settings contradict each other: "+setting+" "+why,
		rpcerr.Field("terms."+setting, why), rpcerr.Meta("setting", setting))
}
