package loans

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/outbox"
)

// The facts that this service tells, each in the transaction that makes it true. Facts of an application, its agreement included, come in
// order of the application; facts of a loan in order of the loan.

// tell writes an event of a person down. subject is the key of order.
func (s *Service) tell(ctx context.Context, tx pgx.Tx, person uuid.UUID, subject string, event *eventv1.Event) error {
	event.PersonId, event.SubjectId = id.Format(id.Person, person), subject
	return outbox.Append(ctx, tx, s.keeper.Clock, event)
}

// tellApplicationCreated starts the process that decides.
func (s *Service) tellApplicationCreated(ctx context.Context, tx pgx.Tx, row loansdb.Application) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_ApplicationCreated{
		ApplicationCreated: &eventv1.ApplicationCreated{
			ApplicationId: applicationID, ProductCode: row.ProductCode, Principal: minor(row.PrincipalMinor, row.Currency),
		},
	}})
}

// tellLoanOffered tells how many offers wait; what they are is asked for.
func (s *Service) tellLoanOffered(ctx context.Context, tx pgx.Tx, row loansdb.Application, offers int) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_LoanOffered{
		LoanOffered: &eventv1.LoanOffered{ApplicationId: applicationID, Offers: int32(offers)},
	}})
}

// tellApplicationRejected tells the reasons, most important first.
func (s *Service) tellApplicationRejected(ctx context.Context, tx pgx.Tx, row loansdb.Application) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_ApplicationRejected{
		ApplicationRejected: &eventv1.ApplicationRejected{ApplicationId: applicationID, ReasonCodes: row.ReasonCodes},
	}})
}

// tellOfferAccepted tells that a document waits to be signed.
func (s *Service) tellOfferAccepted(ctx context.Context, tx pgx.Tx, row loansdb.Application) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_OfferAccepted{
		OfferAccepted: &eventv1.OfferAccepted{ApplicationId: applicationID, AgreementId: id.FormatPtr(id.Agreement, row.AgreementID)},
	}})
}

// tellAgreementSigned tells of the loan that was made with the signature, so that its payout can begin.
func (s *Service) tellAgreementSigned(ctx context.Context, tx pgx.Tx, row loansdb.Application) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_AgreementSigned{
		AgreementSigned: &eventv1.AgreementSigned{
			ApplicationId: applicationID, AgreementId: id.FormatPtr(id.Agreement, row.AgreementID), LoanId: id.FormatPtr(id.Loan, row.LoanID),
		},
	}})
}

// tellApplicationEnded tells of an end without a loan: WITHDRAWN, EXPIRED or FAILED.
func (s *Service) tellApplicationEnded(ctx context.Context, tx pgx.Tx, row loansdb.Application) error {
	applicationID := id.Format(id.Application, row.ID)
	return s.tell(ctx, tx, row.PersonID, applicationID, &eventv1.Event{Fact: &eventv1.Event_ApplicationEnded{
		ApplicationEnded: &eventv1.ApplicationEnded{ApplicationId: applicationID, State: row.State},
	}})
}

// tellLoanDisbursed tells what the ledger books as lent: the whole principal, on the value date.
func (s *Service) tellLoanDisbursed(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, booked loansdb.Transaction) error {
	loanID := id.Format(id.Loan, loan.ID)
	return s.tell(ctx, tx, loan.PersonID, loanID, &eventv1.Event{Fact: &eventv1.Event_LoanDisbursed{
		LoanDisbursed: &eventv1.LoanDisbursed{
			LoanId: loanID, PaymentId: id.Format(id.Payout, booked.PaymentID), Principal: minor(booked.AmountMinor, booked.Currency),
			ValueDate: wireDate(booked.ValueDate),
		},
	}})
}

// tellLoanRepaid tells the split that the ledger books. The parts and what is overpaid sum to the amount; a part may be negative, when a
// payoff gives back what was paid in advance.
func (s *Service) tellLoanRepaid(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, booked loansdb.Transaction) error {
	loanID := id.Format(id.Loan, loan.ID)
	return s.tell(ctx, tx, loan.PersonID, loanID, &eventv1.Event{Fact: &eventv1.Event_LoanRepaid{
		LoanRepaid: &eventv1.LoanRepaid{
			LoanId: loanID, TransactionId: id.Format(id.Repayment, booked.ID), PaymentId: id.Format(id.Collection, booked.PaymentID),
			Amount: minor(booked.AmountMinor, booked.Currency), Principal: minor(booked.PrincipalMinor, booked.Currency),
			Interest: minor(booked.InterestMinor, booked.Currency), Fee: minor(booked.FeeMinor, booked.Currency),
			Penalty: minor(booked.PenaltyMinor, booked.Currency), Overpaid: minor(booked.OverpaidMinor, booked.Currency),
			ValueDate: wireDate(booked.ValueDate),
		},
	}})
}

// tellLoanClosed comes after the repayment that closed the loan, once: later money is overpaid and closes nothing.
func (s *Service) tellLoanClosed(ctx context.Context, tx pgx.Tx, loan loansdb.Loan) error {
	loanID := id.Format(id.Loan, loan.ID)
	return s.tell(ctx, tx, loan.PersonID, loanID, &eventv1.Event{Fact: &eventv1.Event_LoanClosed{
		LoanClosed: &eventv1.LoanClosed{LoanId: loanID},
	}})
}

// tellLoanCancelled tells of a loan whose money never arrived. The end of its application is told beside it.
func (s *Service) tellLoanCancelled(ctx context.Context, tx pgx.Tx, loan loansdb.Loan) error {
	loanID := id.Format(id.Loan, loan.ID)
	return s.tell(ctx, tx, loan.PersonID, loanID, &eventv1.Event{Fact: &eventv1.Event_LoanCancelled{
		LoanCancelled: &eventv1.LoanCancelled{LoanId: loanID},
	}})
}
