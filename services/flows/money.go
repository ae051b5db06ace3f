package flows

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Payment is what a process needs to know of its payout. It is kept in the engine's history.
type Payment struct {
	PayoutID string                  `json:"payout_id"`
	State    paymentsv1.Payout_State `json:"state"`
	// Date is the day in the tenant's zone on which it became final; the zero date until then.
	Date civil.Date `json:"date,omitzero"`
}

// final tells whether the state changes no more. UNKNOWN is not final.
func (p Payment) final() bool {
	return p.State == paymentsv1.Payout_STATE_PAID || p.State == paymentsv1.Payout_STATE_REJECTED
}

// CreatePayout sends the loan's principal to where the person asked. The request_id follows from the loan, and payments makes one payout a
// loan. It is refused only for reasons that say that nothing was sent. Every other error is tried again for ever, because it leaves open
// whether a payout was recorded.
func (a *activities) CreatePayout(ctx context.Context, s Subject, loanID string) (Payment, error) {
	application, err := a.backends.Applications.GetApplication(s.asService(ctx), &loansv1.GetApplicationRequest{ApplicationId: s.ApplicationID})
	if err != nil {
		return Payment{}, err
	}
	// The amount is read from the loan and not carried along: what is sent is what was signed.
	loan, err := a.backends.Loans.GetLoan(s.asService(ctx), &loansv1.GetLoanRequest{LoanId: loanID})
	if err != nil {
		return Payment{}, err
	}
	res, err := a.backends.Payments.CreatePayout(s.asService(ctx), &paymentsv1.CreatePayoutRequest{
		RequestId: s.requestID("payout/" + loanID), LoanId: loanID, PersonId: s.PersonID, Amount: loan.GetLoan().GetPrincipal(),
		CardId: application.GetPayoutDestination(),
	})
	if err != nil {
		return Payment{}, refusedFor(err, typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID,
			typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN)
	}
	return a.payment(s, res.GetPayout())
}

// AwaitPayout answers with the payout once it is final, and fails until then, so that the engine runs it again.
func (a *activities) AwaitPayout(ctx context.Context, s Subject, payoutID string) (Payment, error) {
	res, err := a.backends.Payments.GetPayout(s.asService(ctx), &paymentsv1.GetPayoutRequest{PayoutId: payoutID})
	if err != nil {
		return Payment{}, err
	}
	payment, err := a.payment(s, res.GetPayout())
	if err == nil && !payment.final() {
		// Benign: waiting is no failure and shall not light up anybody's alarms.
		err = temporal.NewApplicationErrorWithOptions("the payout is not final", "PAYOUT_NOT_FINAL",
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return payment, err
}

// payment reads a payout; the day is civil and the lender's own, since interest runs from it.
func (a *activities) payment(s Subject, payout *paymentsv1.Payout) (Payment, error) {
	payment := Payment{PayoutID: payout.GetId(), State: payout.GetState()}
	if payout.GetFinishTime() == nil {
		return payment, nil
	}
	lender, ok := a.tenants.Get(s.TenantID)
	if !ok {
		return Payment{}, fmt.Errorf("tenant %q is not configured", s.TenantID)
	}
	payment.Date = civil.Of(payout.GetFinishTime().AsTime().In(lender.Zone()))
	return payment, nil
}

// DisburseLoan records that the money has arrived. It is never given up: the money is with the person.
func (a *activities) DisburseLoan(ctx context.Context, s Subject, loanID string, payment Payment) error {
	// Another day is another request: under one request_id it would be refused as reused.
	req := &loansv1.DisburseLoanRequest{RequestId: s.requestID("disburse/" + payment.PayoutID), LoanId: loanID, PaymentId: payment.PayoutID}
	if !payment.Date.IsZero() {
		req.ValueDate = &typev1.Date{Year: int32(payment.Date.Year), Month: int32(payment.Date.Month), Day: int32(payment.Date.Day)}
	}
	_, err := a.backends.Loans.DisburseLoan(s.asService(ctx), req)
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_INVALID_DATE {
		// The tenant's books stand at an earlier day than its clock: their day counts.
		_, err = a.backends.Loans.DisburseLoan(s.asService(ctx), &loansv1.DisburseLoanRequest{
			RequestId: s.requestID("disburse/" + payment.PayoutID + "/business-date"), LoanId: loanID, PaymentId: payment.PayoutID,
		})
	}
	return err
}

// CancelLoan ends a loan whose payout was refused for good. A repeat gets the first answer.
func (a *activities) CancelLoan(ctx context.Context, s Subject, loanID string) error {
	_, err := a.backends.Loans.CancelLoan(s.asService(ctx), &loansv1.CancelLoanRequest{RequestId: s.requestID("cancel/" + loanID), LoanId: loanID})
	return err
}
