package loans

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/allocate"
)

// loanList is the list that page tokens of ListLoans belong to; those of ListTransactions belong to transactionList and the loan's id.
const (
	loanList        = "loans.loans"
	transactionList = "loans.transactions/"
)

// The types of transactions, as columns hold them.
const (
	// The wire calls the payment of a disbursement a payout, that of a repayment a collection: see transactionMessage.
	typeDisbursement = "DISBURSEMENT"
	typeRepayment    = "REPAYMENT"
)

// GetLoan implements the LoanService. Figures are computed as of the business date from what is booked: nothing runs at night to make them.
// So a figure is right also on the day after a night in which everything was down.
func (s *Service) GetLoan(ctx context.Context, req *loansv1.GetLoanRequest) (*loansv1.GetLoanResponse, error) {
	res := &loansv1.GetLoanResponse{}
	err := s.readAccount(ctx, req.GetLoanId(), func(a account, today civil.Date) (err error) {
		res.Loan, err = a.message(today)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// GetSchedule implements the LoanService. Until the money has arrived it answers the plan as if it arrived on the business date. What is
// paid stands beside what is owed, instalment by instalment.
func (s *Service) GetSchedule(ctx context.Context, req *loansv1.GetScheduleRequest) (*loansv1.GetScheduleResponse, error) {
	res := &loansv1.GetScheduleResponse{}
	err := s.readAccount(ctx, req.GetLoanId(), func(a account, today civil.Date) (err error) {
		res.Schedule, err = a.schedule(today)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// QuotePayoff implements the LoanService. What it quotes is what RepayLoan closes the loan with on the same day, to the minor unit: both
// settle the same state.
func (s *Service) QuotePayoff(ctx context.Context, req *loansv1.QuotePayoffRequest) (*loansv1.QuotePayoffResponse, error) {
	res := &loansv1.QuotePayoffResponse{}
	// The quote holds for the business date only. It is no promise: a day later interest and penalties have grown, and RepayLoan settles
	// anew.
	err := s.readAccount(ctx, req.GetLoanId(), func(a account, today civil.Date) error {
		if loanState(a.loan.State) != loanActive {
			return loanStateInvalid(a.loan.State)
		}
		// Penalties up to today are part of what closes the loan.
		accrued, on, err := a.asOf(today)
		if err != nil {
			return err
		}
		quote, err := allocate.Payoff(accrued.state, on)
		if err != nil {
			return err
		}
		res.Quote = &loansv1.PayoffQuote{
			Date: wireDate(on), Principal: wireMoney(quote.Principal), Interest: wireMoney(quote.Interest), Fee: wireMoney(quote.Fee),
			Penalty: wireMoney(quote.Penalty), Total: wireMoney(quote.Total), Saved: wireMoney(quote.Saved),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ListLoans implements the LoanService. All loans of a page are of one consistent view and one business date, and cost four queries however
// many they are.
func (s *Service) ListLoans(ctx context.Context, req *loansv1.ListLoansRequest) (*loansv1.ListLoansResponse, error) {
	who := actor.Must(ctx)
	page, err := s.tokens.Read(who, loanList, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &loansv1.ListLoansResponse{}
	err = s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListLoans(ctx, tx, loansdb.ListLoansParams{PersonID: ownRows(ctx), After: after(page), PageSize: page.Limit()})
		if err != nil {
			return fmt.Errorf("list loans: %w", err)
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, loanList, page, rows, func(row loansdb.Loan) uuid.UUID { return row.ID })
		today, err := s.BusinessDate(ctx, tx)
		if err != nil {
			return err
		}
		// Rows and accounts are of one repeatable-read view, so a booking that commits meanwhile shows whole or not at all.
		accounts, err := s.openAccounts(ctx, tx, rows...)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			message, err := a.message(today)
			if err != nil {
				return err
			}
			res.Loans = append(res.Loans, message)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ListTransactions implements the LoanService. The page token belongs to the loan: that of another loan is refused. Movements are never
// changed or deleted, so a page that was read stays true.
func (s *Service) ListTransactions(ctx context.Context, req *loansv1.ListTransactionsRequest) (*loansv1.ListTransactionsResponse, error) {
	who, list := actor.Must(ctx), transactionList+req.GetLoanId()
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &loansv1.ListTransactionsResponse{}
	err = s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		loan, err := s.ownLoan(ctx, tx, req.GetLoanId(), s.queries.GetLoan)
		if err != nil {
			return err
		}
		rows, err := s.queries.ListTransactions(ctx, tx, loansdb.ListTransactionsParams{LoanID: loan.ID, After: after(page), PageSize: page.Limit()})
		if err != nil {
			return fmt.Errorf("list transactions: %w", err)
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(row loansdb.Transaction) uuid.UUID { return row.ID })
		for _, row := range rows {
			res.Transactions = append(res.Transactions, transactionMessage(row))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// readAccount shows an account of the wire's id that the caller may see to look, with the business date.
func (s *Service) readAccount(ctx context.Context, wireID string, look func(a account, today civil.Date) error) error {
	return s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		loan, err := s.ownLoan(ctx, tx, wireID, s.queries.GetLoan)
		if err != nil {
			return err
		}
		today, err := s.BusinessDate(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.openAccount(ctx, tx, loan)
		if err != nil {
			return err
		}
		return look(a, today)
	})
}

// ownLoan reads, or locks, a loan of the wire's id that the caller may see. An id of a wrong form, a loan that does not exist and a loan of
// somebody else are answered alike.
func (s *Service) ownLoan(
	ctx context.Context, tx pgx.Tx, wireID string, read func(context.Context, loansdb.DBTX, uuid.UUID) (loansdb.Loan, error),
) (loansdb.Loan, error) {
	// One value for every cause, so that the answers cannot drift apart and tell a stranger which ids exist.
	missing := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND, "no such loan")
	loanID, err := id.Parse(id.Loan, wireID)
	if err != nil {
		return loansdb.Loan{}, missing
	}
	row, err := read(ctx, tx, loanID)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !actor.Must(ctx).MaySee(row.PersonID):
		return loansdb.Loan{}, missing
	case err != nil:
		return loansdb.Loan{}, fmt.Errorf("read loan: %w", err)
	}
	return row, nil
}
