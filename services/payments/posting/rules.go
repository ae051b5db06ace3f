package posting

import (
	"fmt"

	"github.com/lendgate/lendgate/internal/money"
)

// Kinds name what happened, in ledger_transactions.kind. They are the first half of a booking's source, so a kind that was renamed would
// let old facts be booked again.
const (
	KindPayout         = "payout.sent"
	KindCollectionPaid = "collection.paid"
	KindLoanDisbursed  = "loan.disbursed"
	KindLoanRepaid     = "loan.repaid"
)

// Payout is money that leaves for a borrower. It is held when the payout is recorded, posted when the provider has paid, voided when it
// refused. The loan's account is not touched: it takes over from clearing when loans tells of the disbursement.
func Payout(amount money.Money) ([]Entry, error) {
	return transfer(DisbursementClearing, FundsPSP, amount)
}

// LoanDisbursed is a loan that begins: the money that left is owed by the borrower now.
func LoanDisbursed(loan string, principal money.Money) ([]Entry, error) {
	return transfer(LoanPrincipal+":"+loan, DisbursementClearing, principal)
}

// CollectionPaid is money that arrived from a borrower and is not yet booked on a loan.
func CollectionPaid(amount money.Money) ([]Entry, error) {
	return transfer(FundsPSP, CollectionClearing, amount)
}

// Repayment is how a payment was spread over a loan. Parts of nothing are left out of the books.
type Repayment struct {
	Amount    money.Money
	Principal money.Money
	Interest  money.Money
	Fee       money.Money
	Penalty   money.Money
	Overpaid  money.Money
}

// LoanRepaid spreads a payment over the loan's accounts. Interest, fee and penalty become income here: the cash basis. They are negative
// when a payoff gives back what was paid of them in advance, which lessens the income; principal and overpayment never are.
func LoanRepaid(loan string, r Repayment) ([]Entry, error) {
	if !r.Amount.IsPositive() {
		return nil, fmt.Errorf("%w: a repayment of %d", ErrBadAmount, r.Amount.MinorUnits)
	}
	entries := []Entry{{CollectionClearing, r.Amount}}
	for _, part := range []Entry{
		{LoanPrincipal + ":" + loan, r.Principal},
		{InterestIncome, r.Interest},
		{FeeIncome, r.Fee},
		{PenaltyIncome, r.Penalty},
		{Overpayment + ":" + loan, r.Overpaid},
	} {
		if part.Amount.IsZero() {
			continue
		}
		if part.Amount.IsNegative() && !givenBack(part.Account) {
			return nil, fmt.Errorf("%w: %s of %d", ErrBadAmount, part.Account, part.Amount.MinorUnits)
		}
		credit, err := part.Amount.Neg()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadAmount, err)
		}
		entries = append(entries, Entry{part.Account, credit})
	}
	return entries, Check(entries)
}

// givenBack tells whether a repayment may lessen an account of its spread.
func givenBack(account string) bool {
	return account == InterestIncome || account == FeeIncome || account == PenaltyIncome
}

// transfer debits one account and credits another. The credit is the debit's opposite, so it sums to zero by construction; Check is for the
// amount and the accounts.
func transfer(debit, credit string, amount money.Money) ([]Entry, error) {
	if !amount.IsPositive() {
		return nil, fmt.Errorf("%w: %d", ErrBadAmount, amount.MinorUnits)
	}
	entries := []Entry{{debit, amount}, {credit, amount.Of(-amount.MinorUnits)}}
	return entries, Check(entries)
}
