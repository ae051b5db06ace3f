package flows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
)

// How often the state of a payout is asked for, when no event tells of it.
const (
	pollPause    = 200 * time.Millisecond
	pollPauseMax = 30 * time.Second
	// pollsInRow are the tries of one activity. They leave no trace in the history; a new activity begins where they end, so that a payout
	// that is unknown for a month costs the history some hundred events.
	pollsInRow = 500
)

// payOut sends the money and waits until the provider says what happened, however long that takes. The state UNKNOWN is waited out like
// any other that is not final: nothing is sent again. There is no deadline: a payout that is unknown for a month is unknown, and a loan
// whose money may have left must not be cancelled.
func (p *process) payOut(ctx workflow.Context) error {
	var payment Payment
	if err := do(ctx, p.actions.CreatePayout, p.subject, p.loanID).Get(ctx, &payment); err != nil {
		if _, ok := asRefusal(err); ok {
			return p.cancelLoan(ctx) // Nothing was sent: payments does not know such a card or provider.
		}
		return err
	}
	for !payment.final() {
		var err error
		if payment, err = p.watch(ctx, payment); err != nil {
			return err
		}
	}
	if payment.State == paymentsv1.Payout_STATE_REJECTED {
		return p.cancelLoan(ctx)
	}
	// Loans books the money before the process ends, so an application that is shown as DISBURSED has a loan with a schedule.
	if err := do(ctx, p.actions.DisburseLoan, p.subject, p.loanID, payment).Get(ctx, nil); err != nil {
		return err
	}
	p.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	return nil
}

// cancelLoan ends the loan, and loans ends the application as FAILED with it.
func (p *process) cancelLoan(ctx workflow.Context) error {
	if err := do(ctx, p.actions.CancelLoan, p.subject, p.loanID).Get(ctx, nil); err != nil {
		return err
	}
	p.end(flowsv1.ApplicationFlow_OUTCOME_FAILED)
	return nil
}

// watch asks for a payout until it is final, an event tells that something has changed, or the tries are used up; the last two answer
// with the payment as it was.
func (p *process) watch(ctx workflow.Context, payment Payment) (Payment, error) {
	changed := workflow.GetSignalChannel(ctx, signalPayoutChanged)
	// Before asking: a signal from earlier is answered by the look that follows, one from now on cuts the wait short.
	drain(changed)
	polling, stop := workflow.WithCancel(ctx)
	defer stop()
	polling = workflow.WithActivityOptions(polling, workflow.ActivityOptions{
		StartToCloseTimeout: activityTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: pollPause, BackoffCoefficient: 2, MaximumInterval: pollPauseMax, MaximumAttempts: pollsInRow,
		},
	})
	future := workflow.ExecuteActivity(polling, p.actions.AwaitPayout, p.subject, payment.PayoutID)
	if err := workflow.Await(ctx, func() bool { return future.IsReady() || changed.Len() > 0 }); err != nil {
		return payment, err
	}
	if !future.IsReady() {
		return payment, nil // An event came: ask at once instead of waiting for the next try.
	}
	var final Payment
	if err := future.Get(ctx, &final); err != nil {
		return payment, ctx.Err() // The tries are used up.
	}
	return final, nil
}
