package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
)

const (
	// payoutSteps bounds the steps of one run: prepare, execute, ask, and one to spare.
	// More would be a loop: what has not moved by then is left to the next run of the job.
	payoutSteps = 4
	// payoutPoll is the shortest pause between two looks at a payout: a person waits for the money.
	payoutPoll = time.Second
)

// payoutTurn is one step of a payout that was decided and, when it calls, written down.
type payoutTurn struct {
	step    payoutStep
	payout  paymentsdb.Payout
	cardID  string // The provider's token of the card.
	attempt attempt
	// wait is how long a call of somebody else may still be under way; the step waits for it.
	wait time.Duration
	// quiet is true once the last call is so long over that it cannot still be on its way to the provider.
	quiet bool
}

// drivePayout brings a payout on until it is final or has to wait, and tells how long; 0 means that it is final. It may run several times at
// once and may die anywhere. It is safe at any point of death because each step is decided anew from rows, under the lock, and the only
// step that moves money is written down before it is made.
func (s *Service) drivePayout(ctx context.Context, payoutID uuid.UUID) (time.Duration, error) {
	for range payoutSteps {
		turn, err := s.claimPayout(ctx, payoutID)
		switch {
		case err != nil:
			return 0, err
		case turn.step == stepDone:
			return 0, nil
		case turn.wait > 0:
			return turn.wait, nil
		}
		moved, err := s.takePayoutTurn(ctx, turn)
		if err != nil {
			return 0, err
		}
		if !moved {
			return pollPause(s.clock.Now().Sub(turn.payout.CreateTime), payoutPoll), nil
		}
	}
	return payoutPoll, nil
}

// claimPayout decides the next step under the payout's lock, and writes the attempt down before anything is called. An attempt whose process
// died is closed first: a lost execution makes the payout UNKNOWN.
func (s *Service) claimPayout(ctx context.Context, payoutID uuid.UUID) (turn payoutTurn, err error) {
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		turn = payoutTurn{}
		tenantID := actor.Must(ctx).TenantID
		row, err := s.q.LockPayout(ctx, tx, paymentsdb.LockPayoutParams{TenantID: tenantID, ID: payoutID})
		if err != nil {
			return fmt.Errorf("lock payout: %w", err)
		}
		last, err := s.lastAttempt(ctx, tx, payoutID)
		if err != nil {
			return err
		}
		turn.payout = row
		// Somebody calls for this payout now, in another job or by a notification: leave it to them.
		if turn.wait = s.underWay(last); turn.wait > 0 {
			turn.step = stepAsk
			return nil
		}
		// The lease is over and nothing was noted: whoever called has died, before the call, in it, or after.
		lost, err := s.closeLost(ctx, tx, &last)
		if err != nil {
			return err
		}
		// A lost preparation moved nothing, so only a lost execution leaves a doubt.
		if lost && last.Operation == operationExecute {
			if err := s.setPayout(ctx, tx, &turn.payout, movedPayout{state: payoutUnknown}); err != nil {
				return err
			}
		}
		return s.chooseStep(ctx, tx, &turn, last)
	})
	return turn, err
}

// chooseStep decides what comes next and prepares it. A step that makes something happen is written down here, before it is made; asking is
// not, since it changes nothing. CREATED is the only state that leads to a call that moves money, and leaving it is written in the
// transaction that learnt of the call's end.
func (s *Service) chooseStep(ctx context.Context, tx pgx.Tx, turn *payoutTurn, last paymentsdb.PaymentAttempt) error {
	row := turn.payout
	turn.step = nextPayoutStep(kit.PayoutState(row.State), row.ProviderPaymentID != nil, s.clock.Now().Sub(row.CreateTime))
	turn.attempt = attempt{paymentID: row.ID, number: last.Number + 1, orderID: last.OrderID}
	turn.quiet = !s.clock.Now().Before(last.Deadline)
	switch turn.step {
	case stepPrepare:
		card, err := s.q.GetCard(ctx, tx, paymentsdb.GetCardParams{TenantID: row.TenantID, ID: row.CardID})
		if err != nil {
			return fmt.Errorf("read card: %w", err)
		}
		turn.cardID = text(card.ProviderCardID)
		turn.attempt.operation, turn.attempt.orderID = operationPrepare, orderID(id.Payout, row.ID, last)
		return s.beginAttempt(ctx, tx, turn.attempt, nil)
	case stepExecute:
		turn.attempt.operation = operationExecute
		return s.beginAttempt(ctx, tx, turn.attempt, row.ProviderPaymentID)
	// No execution is under way and none was lost: otherwise the state would not be CREATED. So the hold may be voided.
	case stepGiveUp:
		turn.step = stepDone
		return s.setPayout(ctx, tx, &turn.payout, movedPayout{state: payoutRejected, code: codeUnreachable})
	default:
		return nil
	}
}

// takePayoutTurn makes the call of a step, outside of any transaction, and writes down what came of it. It tells whether the payout moved, so
// that another step may follow at once.
func (s *Service) takePayoutTurn(ctx context.Context, turn payoutTurn) (bool, error) {
	carrier, ok := s.provider(turn.payout.Provider)
	if !ok {
		return false, fmt.Errorf("payout: provider %q is not configured", turn.payout.Provider)
	}
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var report PayoutReport
	var callErr error
	switch turn.step {
	case stepPrepare:
		report, callErr = carrier.PreparePayout(callCtx, PayoutOrder{
			OrderID: turn.attempt.orderID, CardID: turn.cardID,
			Amount: money.Money{MinorUnits: turn.payout.AmountMinor, Currency: turn.payout.Currency},
		})
	case stepExecute:
		report, callErr = carrier.ExecutePayout(callCtx, text(turn.payout.ProviderPaymentID))
	default:
		report, callErr = carrier.PayoutState(callCtx, text(turn.payout.ProviderPaymentID))
	}
	// What came of the call is written down even when the caller has gone away meanwhile.
	return s.settlePayout(context.WithoutCancel(ctx), turn, report, callErr)
}

// settlePayout writes down what came of a call, under the payout's lock.
func (s *Service) settlePayout(ctx context.Context, turn payoutTurn, report PayoutReport, callErr error) (moved bool, err error) {
	// Some answers of the provider name no amount; only one that is named and differs is a contradiction.
	if callErr == nil && report.Amount != 0 && report.Amount != turn.payout.AmountMinor {
		s.log.ErrorContext(ctx, "the provider tells another amount than ours; nothing is booked", "payout_id", turn.payout.ID.String(),
			"ours_minor", turn.payout.AmountMinor, "theirs_minor", report.Amount)
		callErr = errOtherAmount
	}
	outcome := outcomeOf(callErr)
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.LockPayout(ctx, tx, paymentsdb.LockPayoutParams{TenantID: turn.payout.TenantID, ID: turn.payout.ID})
		if err != nil {
			return fmt.Errorf("lock payout: %w", err)
		}
		// Only steps that were written down are finished; asking has no attempt.
		ours := true
		if turn.step != stepAsk {
			ours, err = s.finishAttempt(ctx, tx, turn.attempt, outcomeName(outcome), report.PaymentID, kit.CodeOf(callErr))
			if err != nil {
				return err
			}
		}
		to := decidePayout(turn, ours, row, report, callErr)
		// A prepared payment that got its number has moved, too: it can be executed at once.
		moved = to.state != kit.PayoutState(row.State) || to.providerPaymentID != "" && row.ProviderPaymentID == nil
		if !moved {
			return nil
		}
		return s.setPayout(ctx, tx, &row, to)
	})
	return moved, err
}

// movedPayout is what changes in a payout's row; empty texts leave what is there.
type movedPayout struct {
	state             kit.PayoutState
	providerPaymentID string
	code              string
}

// decidePayout is what becomes of a payout after a call. ours is false when the attempt had been given up as lost while the call was under
// way: then somebody else may have gone on, and only what the provider told for good counts. It is pure, and holds the rule that the
// platform stands on: only a proof that nothing happened lets money be sent once more.
func decidePayout(turn payoutTurn, ours bool, row paymentsdb.Payout, report PayoutReport, callErr error) movedPayout {
	step, state, outcome := turn.step, kit.PayoutState(row.State), outcomeOf(callErr)
	stay := movedPayout{state: state}
	switch {
	case step == stepPrepare && !ours:
		return stay // A prepared payment that nobody executes does nothing.
	case step == stepPrepare && outcome == kit.OutcomeDone && state == payoutCreated && row.ProviderPaymentID == nil:
		return movedPayout{state: state, providerPaymentID: report.PaymentID}
	case step == stepPrepare && outcome == kit.OutcomeRefused && state == payoutCreated:
		return movedPayout{state: payoutRejected, code: kit.CodeOf(callErr)}
	case step == stepPrepare:
		return stay
	case step == stepExecute && ours && state == payoutCreated:
		return movedPayout{state: afterExecute(outcome, report.State), code: kit.CodeOf(callErr)}
	case outcome == kit.OutcomeDone:
		return movedPayout{state: movePayout(state, report.State, turn.quiet)}
	default:
		return stay
	}
}

// setPayout writes a locked payout's new state. A final one ends the hold in the ledger and is told, in the same transaction.
func (s *Service) setPayout(ctx context.Context, tx pgx.Tx, row *paymentsdb.Payout, to movedPayout) error {
	now := s.clock.Now()
	row.State = string(to.state)
	// Once set it stays: a trigger of the table refuses another one.
	if to.providerPaymentID != "" {
		row.ProviderPaymentID = &to.providerPaymentID
	}
	if to.state == payoutRejected {
		row.ProviderCode = nullable(to.code)
	}
	if to.state.Final() {
		row.FinishTime = &now
	}
	rows, err := s.q.UpdatePayout(ctx, tx, paymentsdb.UpdatePayoutParams{
		TenantID: row.TenantID, ID: row.ID, State: row.State, ProviderPaymentID: row.ProviderPaymentID, ProviderCode: row.ProviderCode,
		UpdateTime: now, FinishTime: row.FinishTime,
	})
	if err := oneRow("write payout", rows, err); err != nil {
		return err
	}
	if !to.state.Final() {
		return nil
	}
	// The hold was made with the payout, so it is there to be ended, and it ends once: a payout becomes final once.
	outcome := outcomePosted
	if to.state == payoutRejected {
		outcome = outcomeVoided
	}
	if err := s.resolve(ctx, tx, row.HoldID, outcome); err != nil {
		return err
	}
	return s.tellPayout(ctx, tx, *row)
}
