package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/payments/posting"
)

// payoutOrder is a checked request for a payout. The amount is positive and in a currency that exists; whose loan and card they are is
// checked against rows.
type payoutOrder struct {
	loanID, personID, cardID uuid.UUID
	amount                   money.Money
}

// CreatePayout implements PaymentService: the row, the hold in the ledger and the job that sends it are one transaction. So the answer says
// that the money will be sent and not that it was: the provider is called by the job, after the commit. A loan has one payout for ever;
// asking again, under whatever request_id, gets that one.
func (s *Service) CreatePayout(ctx context.Context, req *paymentsv1.CreatePayoutRequest) (*paymentsv1.CreatePayoutResponse, error) {
	order, err := readPayoutOrder(req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.keeper, paymentsv1connect.PaymentServiceCreatePayoutProcedure, req, &paymentsv1.CreatePayoutResponse{},
		func(tx pgx.Tx) (*paymentsv1.CreatePayoutResponse, error) {
			row, err := s.createPayout(ctx, tx, order)
			if err != nil {
				return nil, err
			}
			return &paymentsv1.CreatePayoutResponse{Payout: payoutProto(row)}, nil
		})
}

// readPayoutOrder checks what can be checked without the database.
func readPayoutOrder(req *paymentsv1.CreatePayoutRequest) (order payoutOrder, err error) {
	if order.loanID, err = readID("loan_id", id.Loan, req.GetLoanId()); err != nil {
		return order, err
	}
	if order.personID, err = readID("person_id", id.Person, req.GetPersonId()); err != nil {
		return order, err
	}
	if order.cardID, err = id.Parse(id.Card, req.GetCardId()); err != nil {
		return order, noCard()
	}
	order.amount, err = readAmount("amount", req.GetAmount())
	return order, err
}

// createPayout records a payout, or answers with the one that the loan has. It calls nobody and may be run again with its transaction.
func (s *Service) createPayout(ctx context.Context, tx pgx.Tx, order payoutOrder) (paymentsdb.Payout, error) {
	who := actor.Must(ctx)
	// The lock on the loan comes first and holds to the commit; the accounts of the hold are locked after it, here as everywhere.
	if existing, err := s.payoutOfLoan(ctx, tx, order); err != nil || existing.ID != uuid.Nil {
		return existing, err
	}
	card, err := s.activeCard(ctx, tx, order)
	if err != nil {
		return paymentsdb.Payout{}, err
	}
	// The provider that knows the card carries the payout, whichever is the first in the configuration by now.
	carrier, ok := s.provider(card.Provider)
	if !ok {
		return paymentsdb.Payout{}, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN, "the card's provider is not served any more")
	}
	if err := fitsProvider(carrier, order.amount); err != nil {
		return paymentsdb.Payout{}, err
	}
	// The hold comes before the row, which names it; all are one transaction, so none is without the others.
	payoutID := id.New()
	holdID, err := s.holdPayout(ctx, tx, order)
	if err != nil {
		return paymentsdb.Payout{}, err
	}
	rows, err := s.q.InsertPayout(ctx, tx, paymentsdb.InsertPayoutParams{
		TenantID: who.TenantID, ID: payoutID, LoanID: order.loanID, PersonID: order.personID, CardID: order.cardID,
		AmountMinor: order.amount.MinorUnits, Currency: order.amount.Currency, Provider: card.Provider, HoldID: holdID, Actor: who.String(),
		CreateTime: s.clock.Now(),
	})
	if err := oneRow("write payout", rows, err); err != nil {
		return paymentsdb.Payout{}, err
	}
	if err := s.enqueue(ctx, tx, driveArgs{TenantID: who.TenantID, Payment: PayoutKind, PaymentID: payoutID}); err != nil {
		return paymentsdb.Payout{}, err
	}
	return s.q.GetPayout(ctx, tx, paymentsdb.GetPayoutParams{TenantID: who.TenantID, ID: payoutID})
}

// payoutOfLoan finds the payout that a loan has; the zero row when it has none. It lets one caller a loan through at a time, so that what it
// found stays true until the transaction ends; the unique constraint of the table holds against whoever forgets to ask.
func (s *Service) payoutOfLoan(ctx context.Context, tx pgx.Tx, order payoutOrder) (paymentsdb.Payout, error) {
	who := actor.Must(ctx)
	if err := s.q.LockPayoutsOfLoan(ctx, tx, "payout|"+who.TenantID+"|"+order.loanID.String()); err != nil {
		return paymentsdb.Payout{}, fmt.Errorf("lock loan: %w", err)
	}
	row, err := s.q.GetPayoutByLoan(ctx, tx, paymentsdb.GetPayoutByLoanParams{TenantID: who.TenantID, LoanID: order.loanID})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return paymentsdb.Payout{}, nil
	case err != nil:
		return paymentsdb.Payout{}, fmt.Errorf("look for a payout: %w", err)
	// Amount and card are not compared: whoever asks again gets the payout that the loan has, and sees by it what was sent and where.
	case row.PersonID != order.personID || !who.MaySee(row.PersonID):
		return paymentsdb.Payout{}, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PAYMENT_STATE_INVALID, "the loan was paid out to another person",
			rpcerr.Meta("state", row.State))
	}
	return row, nil
}

// holdPayout holds the money of a payout in the ledger. The loan names the source: even the books know only one payout a loan. A hold makes
// the money unavailable and books nothing; the payout's end posts or voids it.
func (s *Service) holdPayout(ctx context.Context, tx pgx.Tx, order payoutOrder) (uuid.UUID, error) {
	entries, err := posting.Payout(order.amount)
	if err != nil {
		return uuid.UUID{}, postingError(err)
	}
	today, err := s.businessDate(ctx)
	if err != nil {
		return uuid.UUID{}, err
	}
	loan := id.Format(id.Loan, order.loanID)
	hold, err := s.book(ctx, tx, booking{
		source: posting.KindPayout + "/" + loan, kind: posting.KindPayout, reference: loan, valueDate: today, pending: true, entries: entries,
	})
	return hold.id, err
}

// activeCard is the card that a payout goes to: the person's own, and registered. A service that acts by itself names person and card; that
// they belong together is checked here, since money goes there.
func (s *Service) activeCard(ctx context.Context, tx pgx.Tx, order payoutOrder) (paymentsdb.Card, error) {
	who := actor.Must(ctx)
	card, err := s.q.GetCard(ctx, tx, paymentsdb.GetCardParams{TenantID: who.TenantID, ID: order.cardID})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return card, noCard()
	case err != nil:
		return card, fmt.Errorf("read card: %w", err)
	case card.PersonID != order.personID || !who.MaySee(card.PersonID) || card.State != cardActive:
		return card, noCard()
	}
	return card, nil
}

// noCard is the one answer for a card that is absent, somebody else's, or not registered to its end.
func noCard() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND, "no such card")
}

// fitsProvider refuses an amount in a currency that the provider does not carry. Exchange is nobody's business here: an amount in another
// currency is the caller's mistake.
func fitsProvider(carrier Provider, amount money.Money) error {
	if amount.Currency != carrier.Currency() {
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, "the payment provider carries "+carrier.Currency(),
			rpcerr.Field("amount.currency_code", "must be "+carrier.Currency()))
	}
	return nil
}

// GetPayout implements PaymentService. It reads our row and calls nobody: following the provider is the job's work. The state may lag
// behind the bank by one pause of the job, and says UNKNOWN rather than guess.
func (s *Service) GetPayout(ctx context.Context, req *paymentsv1.GetPayoutRequest) (*paymentsv1.GetPayoutResponse, error) {
	missing := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PAYOUT_NOT_FOUND, "no such payout")
	payoutID, err := id.Parse(id.Payout, req.GetPayoutId())
	if err != nil {
		return nil, missing
	}
	who := actor.Must(ctx)
	var row paymentsdb.Payout
	err = s.db.Read(ctx, func(tx pgx.Tx) (err error) {
		row, err = s.q.GetPayout(ctx, tx, paymentsdb.GetPayoutParams{TenantID: who.TenantID, ID: payoutID})
		return err
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, missing
	case err != nil:
		return nil, err
	case !who.MaySee(row.PersonID):
		return nil, missing
	}
	return &paymentsv1.GetPayoutResponse{Payout: payoutProto(row)}, nil
}
