package loans

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/allocate"
)

// maxPayoutAge is how many days ago a payout may have arrived that is told of now: a year that may be a leap year.
const maxPayoutAge = 366

// DisburseLoan implements the LoanService. From here on the schedule is fixed: due days count from the value date, whatever the plan in the
// agreement was as of. The lock is on the loan first and on its application second, as everywhere.
func (s *Service) DisburseLoan(ctx context.Context, req *loansv1.DisburseLoanRequest) (*loansv1.DisburseLoanResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.LoanServiceDisburseLoanProcedure, req, &loansv1.DisburseLoanResponse{},
		func(tx pgx.Tx) (*loansv1.DisburseLoanResponse, error) {
			loan, err := s.ownLoan(ctx, tx, req.GetLoanId(), s.queries.LockLoan)
			if err != nil {
				return nil, err
			}
			// A repeat under the same request_id was answered before this point. One under another id finds the loan ACTIVE, and is
			// refused.
			payment, err := s.payoutOf(ctx, tx, loan, req.GetPaymentId())
			if err != nil {
				return nil, err
			}
			today, err := s.BusinessDate(ctx, tx)
			if err != nil {
				return nil, err
			}
			on, err := payoutDate(req.GetValueDate(), today)
			if err != nil {
				return nil, err
			}
			a, err := s.disburse(ctx, tx, loan, payment, on)
			if err != nil {
				return nil, err
			}
			message, err := a.message(today)
			return &loansv1.DisburseLoanResponse{Loan: message}, err
		})
}

// payoutOf is the payout behind a disbursement: of a loan that waits for one, and of no other loan. Looking first spares the unique
// constraint, which would answer a caller's mistake as a failure of ours.
func (s *Service) payoutOf(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, wireID string) (uuid.UUID, error) {
	refused := func(why string) error {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_DISBURSABLE, why, rpcerr.Meta("state", loan.State))
	}
	payment, err := id.Parse(id.Payout, wireID)
	if err != nil {
		return uuid.UUID{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "payment_id is no identifier",
			rpcerr.Field("payment_id", "is no identifier of a payout"))
	}
	if loanState(loan.State) != loanApproved {
		return uuid.UUID{}, refused("the loan does not wait for its payout")
	}
	_, err = s.queries.GetTransactionOfPayment(ctx, tx, loansdb.GetTransactionOfPaymentParams{TenantID: loan.TenantID, PaymentID: payment})
	switch {
	case err == nil:
		return uuid.UUID{}, refused("the payout is that of another loan")
	case !errors.Is(err, pgx.ErrNoRows):
		return uuid.UUID{}, fmt.Errorf("read transaction: %w", err)
	}
	return payment, nil
}

// payoutDate is the day on which the money arrived. A future day is refused because interest would be owed before there is a debt; a day of
// years ago is a slip that would make a loan overdue at birth. Unset means the business date.
func payoutDate(wire *typev1.Date, today civil.Date) (civil.Date, error) {
	if wire == nil {
		return today, nil
	}
	on, err := dateFrom(wire)
	if err != nil || on.After(today) || today.Sub(on) > maxPayoutAge {
		return civil.Date{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_DATE, "the value date is no day of the last year",
			rpcerr.Field("value_date", "is no day up to the business date and at most 366 days before it"))
	}
	return on, nil
}

// disburse fixes the schedule of a locked loan, books the money and takes the application to its end. Nothing here asks payments whether it
// truly paid: the caller, by its permission, is the process that payments told.
func (s *Service) disburse(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, payment uuid.UUID, on civil.Date) (account, error) {
	p, err := s.productVersion(ctx, tx, loan.ProductID)
	if err != nil {
		return account{}, err
	}
	a := account{loan: loan, product: p}
	// The whole principal is owed from the first day. A fee is not kept back from the payout but owed with the first instalment.
	principal := money.Money{MinorUnits: loan.PrincipalMinor, Currency: loan.Currency}
	if a.state, err = p.open(principal, int(loan.Instalments), on); err != nil {
		return account{}, err
	}
	// Set before save, which writes the loan's row together with its instalments.
	a.loan.State, a.loan.DisburseDate = stateName(loanActive), &on
	if a, err = s.save(ctx, tx, a, on); err != nil {
		return account{}, err
	}
	booked := loansdb.InsertTransactionParams{
		TenantID: loan.TenantID, ID: id.New(), LoanID: loan.ID, Type: typeDisbursement, ValueDate: on,
		// Of a disbursement all is principal, by the CHECK that the parts make the amount.
		AmountMinor: loan.PrincipalMinor, PrincipalMinor: loan.PrincipalMinor, Currency: loan.Currency, PaymentID: payment,
		Actor: actor.Must(ctx).String(), CreateTime: s.keeper.Clock.Now(),
	}
	if err := s.queries.InsertTransaction(ctx, tx, booked); err != nil {
		return account{}, fmt.Errorf("insert transaction: %w", err)
	}
	if _, err := s.moveApplicationOf(ctx, tx, loan, applicationDisbursed); err != nil {
		return account{}, err
	}
	return a, s.tellLoanDisbursed(ctx, tx, a.loan, loansdb.Transaction(booked))
}

// open is the state of a loan on the day on which its money arrives.
func (p product) open(principal money.Money, instalments int, start civil.Date) (allocate.State, error) {
	terms, err := p.loan(principal, instalments, start)
	if err != nil {
		return allocate.State{}, err
	}
	order, err := p.order()
	if err != nil {
		return allocate.State{}, err
	}
	return allocate.Open(terms, order)
}

// CancelLoan implements the LoanService. Nothing was lent, so nothing is booked; the application fails with the loan, and the person may
// apply anew.
func (s *Service) CancelLoan(ctx context.Context, req *loansv1.CancelLoanRequest) (*loansv1.CancelLoanResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.LoanServiceCancelLoanProcedure, req, &loansv1.CancelLoanResponse{},
		func(tx pgx.Tx) (*loansv1.CancelLoanResponse, error) {
			loan, err := s.ownLoan(ctx, tx, req.GetLoanId(), s.queries.LockLoan)
			if err != nil {
				return nil, err
			}
			if loanState(loan.State) != loanApproved {
				return nil, loanStateInvalid(loan.State)
			}
			// Money that may still be on its way is the caller's to exclude: flows cancels only after the provider refused for good.
			loan.State = stateName(loanCancelled)
			if loan, err = s.updateLoan(ctx, tx, loan); err != nil {
				return nil, err
			}
			application, err := s.moveApplicationOf(ctx, tx, loan, applicationFailed)
			if err != nil {
				return nil, err
			}
			if err := s.tellLoanCancelled(ctx, tx, loan); err != nil {
				return nil, err
			}
			if err := s.tellApplicationEnded(ctx, tx, application); err != nil {
				return nil, err
			}
			today, err := s.BusinessDate(ctx, tx)
			if err != nil {
				return nil, err
			}
			// Without product and schedule: nothing was lent, so there is no figure to compute.
			message, err := account{loan: loan}.message(today)
			return &loansv1.CancelLoanResponse{Loan: message}, err
		})
}

// moveApplicationOf takes the application behind a locked loan to its end.
func (s *Service) moveApplicationOf(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, to loansv1.Application_State) (loansdb.Application, error) {
	application, err := s.queries.LockApplication(ctx, tx, loan.ApplicationID)
	if err != nil {
		return application, fmt.Errorf("lock application: %w", err)
	}
	return s.move(ctx, tx, application, to)
}
