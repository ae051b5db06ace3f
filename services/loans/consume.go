package loans

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/civil"
)

// HandleEvent takes in a fact of another service inside the given transaction: a collection that arrived is booked as RepayLoan books it,
// once for each collection however often and by whomever it is told. Facts that do not concern this service are passed over. It fits
// bus.Inbox.
func (s *Service) HandleEvent(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error {
	// An error goes back to the bus, which tries again and at last puts the event aside for people: money for a loan that is not there, or
	// that is not paid out, must be seen and not be swallowed.
	arrived := event.GetCollectionPaid()
	if arrived == nil {
		return nil
	}
	today, err := s.BusinessDate(ctx, tx)
	if err != nil {
		return err
	}
	_, _, err = s.receive(ctx, tx, arrived.GetLoanId(), arrived.GetCollectionId(), moneyFrom(arrived.GetAmount()),
		func(loan loansdb.Loan) (civil.Date, error) { return arrivalDate(arrived, loan, today), nil })
	return err
}

// arrivalDate is the day for which money counts that is here already, so that no date can refuse it: the day told, brought between the last
// movement on the loan and the business date. Facts of two collections may come in either order.
func arrivalDate(arrived *eventv1.CollectionPaid, loan loansdb.Loan, today civil.Date) civil.Date {
	on, err := dateFrom(arrived.GetValueDate())
	if err != nil || on.After(today) {
		on = today
	}
	if loan.ValueDate != nil && on.Before(*loan.ValueDate) {
		on = *loan.ValueDate
	}
	return on
}
