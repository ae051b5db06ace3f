package payments

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/outbox"
	"github.com/lendgate/lendgate/services/payments/posting"
)

// HandleEvent books what the loans service tells; other facts pass. It is for bus.Inbox, which calls it once for each event; a fact is booked
// once even when it comes in two events. An error goes back to the bus, which tries again and keeps the event at last.
func (s *Service) HandleEvent(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error {
	switch fact := event.GetFact().(type) {
	case *eventv1.Event_LoanDisbursed:
		return s.bookDisbursement(ctx, tx, fact.LoanDisbursed)
	case *eventv1.Event_LoanRepaid:
		return s.bookRepayment(ctx, tx, fact.LoanRepaid)
	default:
		return nil
	}
}

// bookDisbursement lets the loan's account take over what the payout left in clearing. Which of the two is booked first does not matter.
// Clearing comes to zero when both are booked; until then it says how much is between the two services.
func (s *Service) bookDisbursement(ctx context.Context, tx pgx.Tx, fact *eventv1.LoanDisbursed) error {
	entries, err := posting.LoanDisbursed(fact.GetLoanId(), moneyOf(fact.GetPrincipal(), fact.GetPrincipal()))
	if err != nil {
		return err
	}
	return s.bookFact(ctx, tx, posting.KindLoanDisbursed, fact.GetLoanId(), fact.GetLoanId(), fact.GetValueDate(), entries)
}

// bookRepayment spreads what a collection left in clearing. An event whose parts are not the whole is a fault of its teller: it is refused, and
// the bus keeps it for people.
func (s *Service) bookRepayment(ctx context.Context, tx pgx.Tx, fact *eventv1.LoanRepaid) error {
	whole := fact.GetAmount()
	entries, err := posting.LoanRepaid(fact.GetLoanId(), posting.Repayment{
		Amount: moneyOf(whole, whole), Principal: moneyOf(fact.GetPrincipal(), whole), Interest: moneyOf(fact.GetInterest(), whole),
		Fee: moneyOf(fact.GetFee(), whole), Penalty: moneyOf(fact.GetPenalty(), whole), Overpaid: moneyOf(fact.GetOverpaid(), whole),
	})
	if err != nil {
		return err
	}
	return s.bookFact(ctx, tx, posting.KindLoanRepaid, fact.GetTransactionId(), fact.GetLoanId(), fact.GetValueDate(), entries)
}

// bookFact posts entries for a fact that factID names, about a loan. The source is kind and fact, so that another event of the same fact,
// told anew by an operator, books nothing.
func (s *Service) bookFact(ctx context.Context, tx pgx.Tx, kind, factID, loanID string, day *typev1.Date, entries []posting.Entry) error {
	if factID == "" {
		return errors.New(kind + ": the event does not name what happened")
	}
	// The teller's day, not today: books of two services that disagree on a day could not be compared.
	date, err := readDate("value_date", day)
	if err != nil {
		return err
	}
	_, err = s.book(ctx, tx, booking{source: kind + "/" + factID, kind: kind, reference: loanID, valueDate: date, entries: entries})
	return err
}

// moneyOf reads a part of a whole; a part that the event leaves out is nothing of the whole's currency. Protobuf leaves an empty message
// out, so that absent and zero are the same here.
func moneyOf(part, whole *typev1.Money) money.Money {
	if part == nil {
		return money.Money{Currency: whole.GetCurrencyCode()}
	}
	return money.Money{MinorUnits: part.GetMinorUnits(), Currency: part.GetCurrencyCode()}
}

// tellPayout tells that a payout became final. The subject is the loan, so that everything about the money of one loan comes in order. Only
// final states are told; UNKNOWN is no news, as it ends in one of the two.
func (s *Service) tellPayout(ctx context.Context, tx pgx.Tx, row paymentsdb.Payout) error {
	p := payoutProto(row)
	event := &eventv1.Event{PersonId: p.GetPersonId(), SubjectId: p.GetLoanId()}
	if row.State == string(payoutPaid) {
		event.Fact = &eventv1.Event_PayoutPaid{PayoutPaid: &eventv1.PayoutPaid{
			PayoutId: p.GetId(), LoanId: p.GetLoanId(), Amount: p.GetAmount(),
		}}
	} else {
		event.Fact = &eventv1.Event_PayoutRejected{PayoutRejected: &eventv1.PayoutRejected{
			PayoutId: p.GetId(), LoanId: p.GetLoanId(), Amount: p.GetAmount(), ProviderCode: p.GetProviderCode(),
		}}
	}
	return outbox.Append(ctx, tx, s.clock, event)
}

// tellCollection tells that a collection became final, with the day for which the payment counts where the lender is. It is today and not
// the provider's time: a payment at 23:59 that we hear of after midnight counts for the day on which we heard.
func (s *Service) tellCollection(ctx context.Context, tx pgx.Tx, row paymentsdb.Collection) error {
	event := &eventv1.Event{PersonId: id.Format(id.Person, row.PersonID), SubjectId: id.Format(id.Loan, row.LoanID)}
	collectionID, amount := id.Format(id.Collection, row.ID), moneyProto(row.AmountMinor, row.Currency)
	if collectionState(row.State) != collectionPaid {
		event.Fact = &eventv1.Event_CollectionFailed{CollectionFailed: &eventv1.CollectionFailed{
			CollectionId: collectionID, LoanId: event.GetSubjectId(), Amount: amount, State: row.State,
		}}
		return outbox.Append(ctx, tx, s.clock, event)
	}
	today, err := s.businessDate(ctx)
	if err != nil {
		return err
	}
	event.Fact = &eventv1.Event_CollectionPaid{CollectionPaid: &eventv1.CollectionPaid{
		CollectionId: collectionID, LoanId: event.GetSubjectId(), Amount: amount, ValueDate: dateProto(today),
	}}
	return outbox.Append(ctx, tx, s.clock, event)
}
