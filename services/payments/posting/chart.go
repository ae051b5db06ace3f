package posting

import (
	"fmt"
	"regexp"
	"strings"
)

// Side is the side on which an account grows.
type Side string

// Assets and expenses grow on the debit side; liabilities, equity and income on the credit side. A contra account grows on the other side
// than the accounts that it stands against.
const (
	Debit  Side = "DEBIT"
	Credit Side = "CREDIT"
)

// Group is a line of the chart of accounts. An account is a group, or a group and a subject: "loan-principal:loan_…".
type Group struct {
	Code string
	Side Side
	// MayGoNegative is false where a balance on the wrong side would be a mistake: nobody repays more principal than was lent.
	MayGoNegative bool
}

// The groups that the rules of this package post to.
const (
	FundsPSP             = "funds-psp"             // Our money at the payment provider.
	DisbursementClearing = "disbursement-clearing" // Payouts that left and are not yet on a loan's account.
	CollectionClearing   = "collection-clearing"   // Payments that arrived and are not yet on a loan's account.
	LoanPrincipal        = "loan-principal"
	InterestIncome       = "interest-income"
	FeeIncome            = "fee-income"
	PenaltyIncome        = "penalty-income"
	Overpayment          = "overpayment" // What we owe to persons who paid too much.
)

// Chart is the chart of accounts, the same for every lender. The clearing accounts pass through zero in both directions, and what a
// provider holds for us may be an overdraft, so they have no limit.
func Chart() []Group {
	return []Group{
		// Assets.
		{FundsPSP, Debit, true},
		{"funds-bank", Debit, true},
		{DisbursementClearing, Debit, true},
		{CollectionClearing, Debit, true},
		{LoanPrincipal, Debit, false},
		{"interest-receivable", Debit, false},
		{"fee-receivable", Debit, false},
		{"penalty-receivable", Debit, false},
		{"interest-suspense", Credit, true}, // Contra: interest of loans that do not perform.
		{"loss-allowance", Credit, true},    // Contra: what is expected not to come back.
		// Liabilities.
		{Overpayment, Credit, false},
		{"unallocated-receipts", Credit, false},
		{"deferred-fee", Credit, false},
		{"tax-payable", Credit, true},
		{"merchant-payable", Credit, false},
		{"investor-payable", Credit, false},
		// Equity.
		{"owner-capital", Credit, true},
		// Income.
		{InterestIncome, Credit, true},
		{FeeIncome, Credit, true},
		{PenaltyIncome, Credit, true},
		{"recovery-income", Credit, true},
		// Expenses.
		{"write-off-expense", Debit, true},
		{"fraud-loss", Debit, true},
		{"goodwill-expense", Debit, true},
		{"waiver-expense", Debit, true},
		{"psp-fee-expense", Debit, true},
		{"provision-expense", Debit, true},
	}
}

// accountCode is a group with an optional subject; a subject is a wire id or an opaque word, never personal data.
var accountCode = regexp.MustCompile(`^[a-z][a-z-]{1,39}(:[A-Za-z0-9_-]{1,39})?$`)

// GroupOf finds the group of an account's code, ErrNoAccount when the chart has none or the code has another form.
func GroupOf(code string) (Group, error) {
	name, _, _ := strings.Cut(code, ":")
	if accountCode.MatchString(code) {
		for _, group := range Chart() {
			if group.Code == name {
				return group, nil
			}
		}
	}
	return Group{}, fmt.Errorf("%w: %q", ErrNoAccount, code)
}
