package mobile

import (
	"context"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/internal/actor"
)

// Loan shapes the screen of one loan.
type Loan struct {
	Screens *Screens
	Loans   loansv1connect.LoanServiceClient
}

// GetLoan composes the loan screen.
func (s *Loan) GetLoan(ctx context.Context, req *mobilev1.GetLoanRequest) (*mobilev1.GetLoanResponse, error) {
	screen := &mobilev1.GetLoanResponse{Loan: &mobilev1.LoanSection{}, Schedule: &mobilev1.ScheduleSection{}, Transactions: &mobilev1.TransactionsSection{}}
	loanID := req.GetLoanId()
	var loanErr error
	compose(ctx,
		func(ctx context.Context) {
			screen.Loan.Loan, screen.Loan.Status, loanErr = fetchLoan(ctx, s.Screens, s.Loans, loanID)
		},
		func(ctx context.Context) {
			screen.Schedule.Schedule, screen.Schedule.Status, _ = fetch(ctx, s.Screens, "schedule/"+loanID, func(ctx context.Context) (*loansv1.Schedule, error) {
				res, err := s.Loans.GetSchedule(ctx, &loansv1.GetScheduleRequest{LoanId: loanID})
				return res.GetSchedule(), err
			})
		},
		func(ctx context.Context) {
			screen.Transactions.Transactions, screen.Transactions.Status, _ = fetch(ctx, s.Screens, "transactions/"+loanID, func(ctx context.Context) ([]*loansv1.Transaction, error) {
				res, err := s.Loans.ListTransactions(ctx, &loansv1.ListTransactionsRequest{LoanId: loanID})
				return res.GetTransactions(), err
			})
		},
	)
	if loanErr != nil {
		return nil, required(loanErr)
	}
	screen.Loan.Card = loanCard(actor.Must(ctx).Locale, screen.GetLoan().GetLoan())
	return screen, nil
}

func fetchLoan(ctx context.Context, screens *Screens, loans loansv1connect.LoanServiceClient, loanID string) (*loansv1.Loan, *mobilev1.SectionStatus, error) {
	return fetch(ctx, screens, "loan/"+loanID, func(ctx context.Context) (*loansv1.Loan, error) {
		res, err := loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: loanID})
		return res.GetLoan(), err
	})
}
