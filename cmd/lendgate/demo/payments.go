package demo

import (
	"context"
	"errors"
	"fmt"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// payInstalment pays what is due next.
func (d *demo) payInstalment(ctx context.Context) (string, error) {
	return d.payOnce(ctx, "instalment", paymentsv1.Collection_PURPOSE_INSTALMENT, &d.journey.Payment)
}

// payOff pays the rest. The platform quotes the sum; paying it to the cent has to close the loan with nothing over.
func (d *demo) payOff(ctx context.Context) (string, error) {
	return d.payOnce(ctx, "payoff", paymentsv1.Collection_PURPOSE_PAYOFF, &d.journey.Payoff)
}

// payOnce opens a payment page, pays on it and waits until the payment has arrived and is booked. The id of the payment is kept before the
// page is filled in: a journey that breaks off here finds the payment again and pays no second time.
func (d *demo) payOnce(ctx context.Context, name string, purpose paymentsv1.Collection_Purpose, paymentID *string) (string, error) {
	request, err := d.journey.request(name)
	if err != nil {
		return "", err
	}
	res, err := d.phone.pay.StartPayment(withRequestID(ctx, request), &mobilev1.StartPaymentRequest{RequestId: request, LoanId: d.journey.LoanID, Purpose: purpose})
	switch {
	case err == nil:
		*paymentID = res.GetPayment().GetId()
	case *paymentID == "" || rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID:
		return "", err // Otherwise the payment of an earlier run has closed the loan already.
	}
	if err := d.journey.save(); err != nil {
		return "", err
	}
	// A payment that has been made already has no page any more.
	if form := res.GetPayment().GetPaymentUrl(); form != "" {
		if err := d.outside.fill(ctx, form); err != nil {
			return "", err
		}
	}
	if err := d.awaitBooked(ctx, *paymentID); err != nil {
		return "", err
	}
	payment, err := d.phone.pay.GetPayment(ctx, &mobilev1.GetPaymentRequest{PaymentId: *paymentID})
	if err != nil {
		return "", err
	}
	amount := payment.GetPayment().GetAmount()
	return fmt.Sprintf("%d.%02d %s", amount.GetMinorUnits()/100, amount.GetMinorUnits()%100, amount.GetCurrencyCode()), nil
}

// awaitBooked waits until a payment stands among the loan's transactions. The bank's success is not enough: the loan hears of it by event,
// and only then owes less.
func (d *demo) awaitBooked(ctx context.Context, paymentID string) error {
	err := poll(ctx, func() (bool, error) {
		screen, err := d.phone.loan.GetLoan(ctx, &mobilev1.GetLoanRequest{LoanId: d.journey.LoanID})
		for _, transaction := range screen.GetTransactions().GetTransactions() {
			if transaction.GetPaymentId() == paymentID {
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("payment %s was not booked: %w", paymentID, err)
	}
	return nil
}

// awaitClosed hears of the closing and holds the home screen against it: what is told and what is shown must agree.
func (d *demo) awaitClosed(ctx context.Context) (string, error) {
	if _, err := d.socket.await(ctx, realtimev1.StatusEvent_KIND_LOAN_CLOSED); err != nil {
		return "", err
	}
	screen, err := d.phone.home.GetHome(ctx, &mobilev1.GetHomeRequest{})
	if err != nil {
		return "", err
	}
	for _, card := range screen.GetLoans().GetLoans() {
		if card.GetLoanId() == d.journey.LoanID {
			return card.GetStateText(), nil
		}
	}
	return "", errors.New("the home screen does not show the loan")
}
