package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/payments/posting"
)

// collectionPoll is the shortest pause between two looks at a collection. The notification usually comes first. The job only makes up for
// one that was lost.
const collectionPoll = 5 * time.Second

// openCollection opens the page of a collection that has none, and answers with the collection as it stands. One caller at a time calls the
// provider; the others are told to come back.
func (s *Service) openCollection(ctx context.Context, collectionID uuid.UUID) (paymentsdb.Collection, error) {
	// Written down, called, written down again: no transaction is open around the call.
	row, call, err := s.claimOpening(ctx, collectionID)
	if err != nil {
		return row, err
	}
	if call.number == 0 {
		return row, refusedCollection(row)
	}
	carrier, ok := s.provider(row.Provider)
	if !ok {
		return row, fmt.Errorf("collection: provider %q is not configured", row.Provider)
	}
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	report, callErr := carrier.OpenCollection(callCtx, CollectionOrder{
		TenantID: row.TenantID, OrderID: call.orderID, Customer: id.Format(id.Person, row.PersonID),
		Amount: money.Money{MinorUnits: row.AmountMinor, Currency: row.Currency}, Due: row.DueTime,
	})
	// The caller may have gone away meanwhile; what the provider did has happened all the same, and is written down.
	row, err = s.settleOpening(context.WithoutCancel(ctx), row, call, report, callErr)
	if err != nil {
		return row, err
	}
	if collectionState(row.State).rank() == 0 {
		// No page, for now. Nobody can have paid, so that the same request may simply come again.
		return row, providerUnavailable()
	}
	return row, refusedCollection(row)
}

// refusedCollection is the error of a collection that the provider refused to open. A collection that failed after its page was open is no
// error of this call: the person saw the page.
func refusedCollection(row paymentsdb.Collection) error {
	if collectionState(row.State) == collectionFailed && row.PaymentURL == nil {
		return providerRefused(text(row.ProviderCode))
	}
	return nil
}

// providerUnavailable asks the caller to come again with the same request_id.
func providerUnavailable() error {
	return rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE, "the payment provider does not answer; try again",
		rpcerr.RetryAfter(2*time.Second))
}

// providerRefused passes the provider's code on; its text may quote personal data and stays in the adapter.
func providerRefused(code string) error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PROVIDER_REFUSED, "the payment provider refused", rpcerr.Meta("provider_code", code))
}

// claimOpening writes down the attempt to open a page. There is none to make, and the attempt has the number 0, when the collection has a
// page or has ended. An attempt that another process has in hand is waited for; one whose process died is closed as lost, and the next
// bears another order id.
func (s *Service) claimOpening(ctx context.Context, collectionID uuid.UUID) (row paymentsdb.Collection, call attempt, err error) {
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		// InTx may run this function again: what the run before decided must not stay.
		call = attempt{}
		if row, err = s.lockCollection(ctx, tx, collectionID); err != nil {
			return err
		}
		if collectionState(row.State).rank() > 0 || !s.clock.Now().Before(row.DueTime) {
			return nil
		}
		last, err := s.lastAttempt(ctx, tx, collectionID)
		if err != nil {
			return err
		}
		if wait := s.underWay(last); wait > 0 {
			return rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS, "the payment page is being opened",
				rpcerr.RetryAfter(min(wait, time.Second)))
		}
		if _, err := s.closeLost(ctx, tx, &last); err != nil {
			return err
		}
		call = attempt{paymentID: row.ID, number: last.Number + 1, operation: operationOpen, orderID: orderID(id.Collection, row.ID, last)}
		if err := s.beginAttempt(ctx, tx, call, nil); err != nil {
			return err
		}
		row.OrderID = &call.orderID // By which the job can ask, should the answer get lost.
		return s.setCollection(ctx, tx, &row, collectionState(row.State))
	})
	return row, call, err
}

// settleOpening writes down what came of opening a page. A refusal fails the collection, a proof that nothing happened leaves it to be
// tried again, and everything else makes it UNKNOWN, which is asked about by the order id.
func (s *Service) settleOpening(ctx context.Context, row paymentsdb.Collection, call attempt, report CollectionReport, callErr error) (paymentsdb.Collection, error) {
	if callErr == nil && report.Amount != row.AmountMinor {
		callErr = errOtherAmount // A page for another sum is forgotten: nobody will learn its address.
	}
	outcome := outcomeOf(callErr)
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		var err error
		if row, err = s.lockCollection(ctx, tx, row.ID); err != nil {
			return err
		}
		ours, err := s.finishAttempt(ctx, tx, call, outcomeName(outcome), report.PaymentID, kit.CodeOf(callErr))
		// When the attempt was given up as lost the page is forgotten: nobody will learn its address.
		if err != nil || !ours || collectionState(row.State).rank() > 0 {
			return err
		}
		switch outcome {
		case kit.OutcomeDone:
			row.ProviderPaymentID, row.PaymentURL = nullable(report.PaymentID), nullable(report.PageURL)
			return s.setCollection(ctx, tx, &row, collectionAwaiting)
		case kit.OutcomeRefused:
			row.ProviderCode = nullable(kit.CodeOf(callErr))
			return s.setCollection(ctx, tx, &row, collectionFailed)
		case kit.OutcomeRetryable:
			return nil
		default:
			return s.setCollection(ctx, tx, &row, collectionUnknown)
		}
	})
	return row, err
}

// lockCollection reads a collection and lets nobody else change it until the transaction ends.
func (s *Service) lockCollection(ctx context.Context, tx pgx.Tx, collectionID uuid.UUID) (paymentsdb.Collection, error) {
	row, err := s.q.LockCollection(ctx, tx, paymentsdb.LockCollectionParams{TenantID: actor.Must(ctx).TenantID, ID: collectionID})
	if err != nil {
		return row, fmt.Errorf("lock collection: %w", err)
	}
	return row, nil
}

// driveCollection asks the provider how a collection stands, and tells when to ask again; 0 means that it is final. It never opens a page:
// without the person who asked for it nobody would see it.
func (s *Service) driveCollection(ctx context.Context, collectionID uuid.UUID) (time.Duration, error) {
	// Without a lock: the answer of the provider is compared with the row once more before anything is written.
	row, err := s.readCollection(ctx, collectionID)
	if err != nil {
		return 0, err
	}
	if collectionState(row.State).final() {
		return 0, nil
	}
	report, err := s.askCollection(ctx, row)
	// An order that nobody knows is an answer, and the only error here that proves anything.
	unknownOrder := errors.Is(err, ErrNoSuchOrder)
	if err != nil && !unknownOrder {
		s.log.WarnContext(ctx, "the provider did not tell", "collection_id", row.ID.String(), "outcome", kit.OutcomeOf(err).String(),
			"code", kit.CodeOf(err))
		return s.collectionPause(row), nil
	}
	if err := s.settleCollection(context.WithoutCancel(ctx), &row, report, unknownOrder); err != nil {
		return 0, err
	}
	if collectionState(row.State).final() {
		return 0, nil
	}
	return s.collectionPause(row), nil
}

// collectionPause is how long the job waits: seconds while the person is likely on the page, minutes later.
func (s *Service) collectionPause(row paymentsdb.Collection) time.Duration {
	return pollPause(s.clock.Now().Sub(row.CreateTime), collectionPoll)
}

// askCollection asks by the payment when it is known, by the last order otherwise. A collection that was never called about has no order.
func (s *Service) askCollection(ctx context.Context, row paymentsdb.Collection) (CollectionReport, error) {
	carrier, ok := s.provider(row.Provider)
	if !ok {
		return CollectionReport{}, fmt.Errorf("collection: provider %q is not configured", row.Provider)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	switch {
	case row.ProviderPaymentID != nil:
		// By our order id alone a lost answer can be found, since the number of the payment was in it.
		return carrier.CollectionState(ctx, *row.ProviderPaymentID)
	case row.OrderID != nil:
		return carrier.FindCollection(ctx, *row.OrderID)
	default:
		return CollectionReport{}, ErrNoSuchOrder
	}
}

// settleCollection writes down what the provider told. When it knows nothing of the order, and the page could not be opened any more, the
// collection expires.
func (s *Service) settleCollection(ctx context.Context, row *paymentsdb.Collection, report CollectionReport, unknownOrder bool) error {
	asked := *row
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		locked, err := s.lockCollection(ctx, tx, asked.ID)
		if err != nil {
			return err
		}
		*row = locked
		state := collectionState(row.State)
		switch {
		case state.final() || text(row.OrderID) != text(asked.OrderID) || text(row.ProviderPaymentID) != text(asked.ProviderPaymentID):
			return nil // The page was opened meanwhile, anew perhaps: what was told is about the past.
		// A lease later than the page would have closed: an opening that began in the last moment is over, too.
		case unknownOrder && !s.clock.Now().Before(row.DueTime.Add(attemptLease)):
			return s.setCollection(ctx, tx, row, collectionExpired)
		case unknownOrder:
			return nil
		// Money of another amount than was asked for is people's business: it is neither booked as ours nor as theirs.
		case report.Amount != row.AmountMinor:
			s.log.ErrorContext(ctx, "the provider tells another amount than ours; nothing is booked", "collection_id", row.ID.String(),
				"ours_minor", row.AmountMinor, "theirs_minor", report.Amount)
			return nil
		}
		if row.ProviderPaymentID == nil {
			row.ProviderPaymentID = nullable(report.PaymentID)
		}
		// Without the address of its page a collection stays where it is, since AWAITING would promise a page that nobody can open.
		to := moveCollection(state, report.State, row.PaymentURL != nil)
		if to == state {
			return nil
		}
		return s.setCollection(ctx, tx, row, to)
	})
}

// setCollection writes a locked collection. When it becomes paid the money is booked, when it becomes final that is told, in the same
// transaction.
func (s *Service) setCollection(ctx context.Context, tx pgx.Tx, row *paymentsdb.Collection, to collectionState) error {
	now := s.clock.Now()
	row.State = string(to)
	if to.final() {
		row.FinishTime = &now
	}
	rows, err := s.q.UpdateCollection(ctx, tx, paymentsdb.UpdateCollectionParams{
		TenantID: row.TenantID, ID: row.ID, State: row.State, OrderID: row.OrderID, ProviderPaymentID: row.ProviderPaymentID,
		PaymentURL: row.PaymentURL, ProviderCode: row.ProviderCode, UpdateTime: now, FinishTime: row.FinishTime,
	})
	if err := oneRow("write collection", rows, err); err != nil {
		return err
	}
	// Booked before it is told; both are of this transaction, and the outbox keeps order by loan.
	if to == collectionPaid {
		if err := s.bookCollection(ctx, tx, *row); err != nil {
			return err
		}
	}
	if to.final() {
		return s.tellCollection(ctx, tx, *row)
	}
	return nil
}

// bookCollection books money that arrived. The collection names the source, so that it is booked once whatever happens.
func (s *Service) bookCollection(ctx context.Context, tx pgx.Tx, row paymentsdb.Collection) error {
	entries, err := posting.CollectionPaid(money.Money{MinorUnits: row.AmountMinor, Currency: row.Currency})
	if err != nil {
		return err
	}
	today, err := s.businessDate(ctx)
	if err != nil {
		return err
	}
	// To clearing and not to the loan: what the money pays is the loans service's to say, by LoanRepaid.
	_, err = s.book(ctx, tx, booking{
		source: posting.KindCollectionPaid + "/" + id.Format(id.Collection, row.ID), kind: posting.KindCollectionPaid,
		reference: id.Format(id.Loan, row.LoanID), valueDate: today, entries: entries,
	})
	return err
}
