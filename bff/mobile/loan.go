package mobile

import (
	"context"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
)

// Loan shapes the screen of one loan.
type Loan struct {
	Screens *Screens
	Loans   loansv1connect.LoanServiceClient
}

// GetLoan composes the loan screen.
func (s *Loan) GetLoan(ctx context.Context, req *mobilev1.GetLoanRequest) (*mobilev1.GetLoanResponse, error) {
	screen, id := &mobilev1.GetLoanResponse{}, req.GetLoanId()
	err := s.Screens.compose(ctx, screen, req.GetReadMask(),
		section{"loan", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "loans.loan/"+id, s.Loans.GetLoan, &loansv1.GetLoanRequest{LoanId: id})
			screen.Loan = &mobilev1.LoanSection{Status: status, Loan: res.GetLoan(), Card: loanCard(s.Screens.speech(ctx), res.GetLoan())}
			return err
		}},
		section{"schedule", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "loans.schedule/"+id, s.Loans.GetSchedule, &loansv1.GetScheduleRequest{LoanId: id})
			screen.Schedule = &mobilev1.ScheduleSection{Status: status, Schedule: res.GetSchedule()}
			return err
		}},
		section{"transactions", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "loans.transactions/"+id, s.Loans.ListTransactions, &loansv1.ListTransactionsRequest{LoanId: id})
			screen.Transactions = &mobilev1.TransactionsSection{Status: status, Transactions: res.GetTransactions()}
			return err
		}},
	)
	if err != nil {
		return nil, err
	}
	return screen, nil
}
