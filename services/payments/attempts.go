package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
)

// Operations of attempts. All but asking are written down, because each makes something at the provider that a death in the middle would
// leave in doubt.
const (
	operationPrepare = "PREPARE"
	operationExecute = "EXECUTE"
	operationOpen    = "OPEN"
)

// outcomeLost is the outcome of an attempt whose process died. It is not one of the adapter's: what an adapter cannot tell is UNKNOWN, and
// here nobody was left to tell.
const outcomeLost = "LOST"

// attempt is a call to a provider, as it is written down.
type attempt struct {
	paymentID uuid.UUID
	// number counts the calls for one payment from 1, whatever they were.
	number    int32
	operation string
	orderID   string
}

// lastAttempt reads the last attempt of a locked payment; the zero row when there was none.
func (s *Service) lastAttempt(ctx context.Context, tx pgx.Tx, paymentID uuid.UUID) (paymentsdb.PaymentAttempt, error) {
	row, err := s.q.GetLastAttempt(ctx, tx, paymentsdb.GetLastAttemptParams{TenantID: actor.Must(ctx).TenantID, PaymentID: paymentID})
	if errors.Is(err, pgx.ErrNoRows) {
		return paymentsdb.PaymentAttempt{}, nil
	}
	if err != nil {
		return row, fmt.Errorf("read attempt: %w", err)
	}
	return row, nil
}

// underWay tells how long an attempt may still be under way; 0 when it is over or was lost. The deadline is a lease by our clock and longer
// than any call may take, so that a call that is over by it is over in truth.
func (s *Service) underWay(last paymentsdb.PaymentAttempt) time.Duration {
	if last.Number == 0 || last.Outcome != nil {
		return 0
	}
	return max(last.Deadline.Sub(s.clock.Now()), 0)
}

// closeLost notes that the process of an attempt died, and tells whether it did. It is called under the payment's lock once underWay has
// said 0.
func (s *Service) closeLost(ctx context.Context, tx pgx.Tx, last *paymentsdb.PaymentAttempt) (bool, error) {
	if last.Number == 0 || last.Outcome != nil {
		return false, nil
	}
	a := attempt{paymentID: last.PaymentID, number: last.Number}
	if _, err := s.finishAttempt(ctx, tx, a, outcomeLost, "", ""); err != nil {
		return false, err
	}
	lost := outcomeLost
	last.Outcome = &lost
	return true, nil
}

// beginAttempt writes down a call that is about to be made, in the transaction that decides to make it. A unique index lets one payment
// have one attempt without an outcome, should two ever decide at once.
func (s *Service) beginAttempt(ctx context.Context, tx pgx.Tx, a attempt, providerPaymentID *string) error {
	who, now := actor.Must(ctx), s.clock.Now()
	err := s.q.InsertAttempt(ctx, tx, paymentsdb.InsertAttemptParams{
		TenantID: who.TenantID, PaymentID: a.paymentID, Number: a.number, Operation: a.operation, OrderID: a.orderID,
		ProviderPaymentID: providerPaymentID, Deadline: now.Add(attemptLease), Actor: who.String(), CreateTime: now,
	})
	if err != nil {
		return fmt.Errorf("write attempt: %w", err)
	}
	return nil
}

// finishAttempt notes what became of a call; false when it had been given up as lost meanwhile. What the call told is then of no use to the
// row, though it still may be true.
func (s *Service) finishAttempt(ctx context.Context, tx pgx.Tx, a attempt, outcome, providerPaymentID, code string) (bool, error) {
	now := s.clock.Now()
	rows, err := s.q.FinishAttempt(ctx, tx, paymentsdb.FinishAttemptParams{
		TenantID: actor.Must(ctx).TenantID, PaymentID: a.paymentID, Number: a.number, Outcome: outcome,
		ProviderPaymentID: nullable(providerPaymentID), ProviderCode: nullable(code), FinishTime: &now,
	})
	if err != nil {
		return false, fmt.Errorf("finish attempt: %w", err)
	}
	return rows == 1, nil
}

// orderID is our name of a payment at the provider: its wire id, followed by the number of the attempt from the second on. An attempt that
// certainly had no effect gives its name to the next one; one whose effect is not known keeps it, since the provider may have made a payment
// by that name. Such a payment does nothing: it is never executed, and nobody knows the address of its page.
func orderID(prefix string, paymentID uuid.UUID, last paymentsdb.PaymentAttempt) string {
	base := id.Format(prefix, paymentID)
	switch {
	case last.Number == 0:
		return base
	case text(last.Outcome) == outcomeName(kit.OutcomeRetryable) && last.Operation != operationExecute:
		return last.OrderID
	default:
		return fmt.Sprintf("%s-%d", base, last.Number+1)
	}
}

// paymentOfOrder is the reverse of orderID: which payment an order of ours is about.
func paymentOfOrder(kind PaymentKind, order string) (uuid.UUID, bool) {
	prefix := id.Payout
	if kind == CollectionKind {
		prefix = id.Collection
	}
	// Wire ids hold no hyphen.
	base, _, _ := strings.Cut(order, "-")
	paymentID, err := id.Parse(prefix, base)
	return paymentID, err == nil
}

// outcomeName is an outcome in rows.
func outcomeName(outcome kit.Outcome) string { return strings.ToUpper(outcome.String()) }

// outcomeOf classifies the error of a call. A name that is taken says only that an attempt of which we have no record came first.
func outcomeOf(err error) kit.Outcome {
	if errors.Is(err, ErrOrderTaken) {
		return kit.OutcomeUnknown
	}
	return kit.OutcomeOf(err)
}

// oneRow is the error of a write that must change exactly one row.
func oneRow(what string, rows int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case rows != 1:
		return fmt.Errorf("%s: %d rows", what, rows)
	default:
		return nil
	}
}
