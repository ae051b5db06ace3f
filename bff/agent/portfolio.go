package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Portfolio shows customers, applications and loans.
type Portfolio struct {
	Persons      identityv1connect.PersonServiceClient
	Applications loansv1connect.ApplicationServiceClient
	Loans        loansv1connect.LoanServiceClient
	Decisions    scoringv1connect.DecisionServiceClient
	Records      Records
}

// maxTransactions is how many of a loan's transactions the console shows at once, as its contract says.
const maxTransactions = 100

// FindCustomer answers with the customer behind a phone. The record names the customer that was found, never the phone.
func (s *Portfolio) FindCustomer(ctx context.Context, req *agentv1.FindCustomerRequest) (*agentv1.FindCustomerResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PortfolioServiceFindCustomerProcedure, req, func() (*agentv1.FindCustomerResponse, error) {
		res, err := s.Persons.FindPerson(ctx, &identityv1.FindPersonRequest{Phone: req.GetPhone()})
		return &agentv1.FindCustomerResponse{Person: res.GetPerson()}, err
	})
}

// ListApplications answers with a page of applications of all customers.
func (s *Portfolio) ListApplications(ctx context.Context, req *agentv1.ListApplicationsRequest) (*agentv1.ListApplicationsResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PortfolioServiceListApplicationsProcedure, req, func() (*agentv1.ListApplicationsResponse, error) {
		res, err := s.Applications.ListApplications(ctx, &loansv1.ListApplicationsRequest{Page: req.GetPage(), PersonId: req.GetPersonId(), State: req.GetState()})
		return &agentv1.ListApplicationsResponse{Applications: res.GetApplications(), Page: res.GetPage()}, err
	})
}

// GetApplication answers with an application, its offers and the decision about it.
func (s *Portfolio) GetApplication(ctx context.Context, req *agentv1.GetApplicationRequest) (*agentv1.GetApplicationResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PortfolioServiceGetApplicationProcedure, req, func() (*agentv1.GetApplicationResponse, error) {
		found, err := s.Applications.GetApplication(ctx, &loansv1.GetApplicationRequest{ApplicationId: req.GetApplicationId()})
		if err != nil {
			return nil, err
		}
		offers, err := s.Applications.ListOffers(ctx, &loansv1.ListOffersRequest{ApplicationId: req.GetApplicationId()})
		if err != nil {
			return nil, err
		}
		res := &agentv1.GetApplicationResponse{Application: found.GetApplication(), Offers: offers.GetOffers()}
		if res.GetApplication().GetDecisionId() == "" {
			return res, nil
		}
		decision, err := s.Decisions.GetDecision(ctx, &scoringv1.GetDecisionRequest{DecisionId: res.GetApplication().GetDecisionId()})
		res.Decision = decision.GetDecision()
		return res, err
	})
}

// GetLoan answers with a loan, its schedule and its newest transactions.
func (s *Portfolio) GetLoan(ctx context.Context, req *agentv1.GetLoanRequest) (*agentv1.GetLoanResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.PortfolioServiceGetLoanProcedure, req, func() (*agentv1.GetLoanResponse, error) {
		found, err := s.Loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: req.GetLoanId()})
		if err != nil {
			return nil, err
		}
		schedule, err := s.Loans.GetSchedule(ctx, &loansv1.GetScheduleRequest{LoanId: req.GetLoanId()})
		if err != nil {
			return nil, err
		}
		list, err := s.Loans.ListTransactions(ctx, &loansv1.ListTransactionsRequest{
			LoanId: req.GetLoanId(), Page: &typev1.PageRequest{PageSize: maxTransactions},
		})
		return &agentv1.GetLoanResponse{Loan: found.GetLoan(), Schedule: schedule.GetSchedule(), Transactions: list.GetTransactions()}, err
	})
}
