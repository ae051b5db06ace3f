package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/internal/app"
)

// checkBooks audits the journey from the operator's side: the trial balance of the lender, the loan, the ledger's accounts of this loan and
// the bank's own list of payouts. The ledger hears of bookings by event, so it is asked until it has caught up.
func (d *demo) checkBooks(ctx context.Context) (string, error) {
	// The person's session may not see books: this is the lender's side, with the installation's own key.
	operator, err := app.DialOperator(d.options.DataDir, d.journey.Tenant)
	if err != nil {
		return "", err
	}
	ctx = operator.Context(ctx)
	var faults error
	err = poll(ctx, func() (bool, error) {
		// All three at once, so that a failure tells everything that is wrong and not the first thing.
		faults = errors.Join(d.trialBalance(ctx, operator), d.loanAccount(ctx, operator), d.loanClosed(ctx, operator))
		return faults == nil, faults
	})
	if err != nil {
		return "", err
	}
	if err := d.onePayout(ctx, operator); err != nil {
		return "", err
	}
	return "trial balance 0, loan balance 0, one payout at the bank", nil
}

// trialBalance asks that debits and credits are equal in each currency. It is the lender's whole book, other journeys included: one that is
// wrong anywhere is wrong.
func (d *demo) trialBalance(ctx context.Context, operator *app.Operator) error {
	res, err := operator.Ledger.GetTrialBalance(ctx, &paymentsv1.GetTrialBalanceRequest{})
	if err != nil {
		return err
	}
	for _, balance := range res.GetBalances() {
		debits, credits := balance.GetTotalDebits().GetMinorUnits(), balance.GetTotalCredits().GetMinorUnits()
		if debits != credits {
			return fmt.Errorf("trial balance %s: debits %d, credits %d", balance.GetCurrencyCode(), debits, credits)
		}
	}
	return nil
}

// loanAccount asks that the ledger holds nothing against this loan any more, and that something went through it. An account that nothing
// went through would be balanced, too, and prove nothing.
func (d *demo) loanAccount(ctx context.Context, operator *app.Operator) error {
	res, err := operator.Ledger.GetAccount(ctx, &paymentsv1.GetAccountRequest{Code: "loan-principal:" + d.journey.LoanID})
	if err != nil {
		return err
	}
	for _, account := range res.GetAccounts() {
		debits, credits := account.GetDebitsPosted().GetMinorUnits(), account.GetCreditsPosted().GetMinorUnits()
		if debits == 0 || debits != credits {
			return fmt.Errorf("account %s: debits %d, credits %d", account.GetCode(), debits, credits)
		}
	}
	return nil
}

// loanClosed asks that the loan owes nothing. Nothing owed and nothing overpaid: the payoff was quoted to the cent.
func (d *demo) loanClosed(ctx context.Context, operator *app.Operator) error {
	res, err := operator.Loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: d.journey.LoanID})
	if err != nil {
		return err
	}
	loan := res.GetLoan()
	if loan.GetState() != loansv1.Loan_STATE_CLOSED || loan.GetTotalOutstanding().GetMinorUnits() != 0 || loan.GetOverpaid().GetMinorUnits() != 0 {
		return fmt.Errorf("the loan is %s, owes %d, is overpaid by %d", loan.GetState(), loan.GetTotalOutstanding().GetMinorUnits(), loan.GetOverpaid().GetMinorUnits())
	}
	return nil
}

// onePayout asks that the bank paid this loan out once. Asked of the bank and not of us, because what we do not know of is what would be
// wrong.
func (d *demo) onePayout(ctx context.Context, operator *app.Operator) error {
	res, err := operator.Loans.ListTransactions(ctx, &loansv1.ListTransactionsRequest{LoanId: d.journey.LoanID})
	if err != nil {
		return err
	}
	payoutID := ""
	for _, transaction := range res.GetTransactions() {
		if transaction.GetType() == loansv1.Transaction_TYPE_DISBURSEMENT {
			payoutID = transaction.GetPaymentId()
		}
	}
	payout, err := operator.Payments.GetPayout(ctx, &paymentsv1.GetPayoutRequest{PayoutId: payoutID})
	if err != nil {
		return err
	}
	made, err := d.outside.payouts(ctx)
	if err != nil {
		return err
	}
	completed, card := 0, ""
	for _, p := range made {
		// The bank's own list leads from the payout that we know of to the card, and from the card to all payouts.
		if p.PaymentID == payout.GetPayout().GetProviderPaymentId() {
			card = p.CardID
		}
	}
	// The card belongs to this journey alone, so every payout to it is one for this loan, whatever we know of it.
	for _, p := range made {
		if card != "" && p.CardID == card && strings.EqualFold(p.Status, "COMPLETED") {
			completed++
		}
	}
	// More than one is money lost, none is a loan without money.
	if completed != 1 {
		return fmt.Errorf("the bank made %d payouts for this loan", completed)
	}
	return nil
}
