package mobile

import (
	"context"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

const (
	homeLoans   = 10
	homeNotices = 5
)

// Home shapes the first screen after login.
type Home struct {
	Screens       *Screens
	Persons       identityv1connect.PersonServiceClient
	Loans         loansv1connect.LoanServiceClient
	Applications  *ApplicationCards
	Notifications pushv1connect.NotificationServiceClient
}

// GetHome composes the home screen.
func (s *Home) GetHome(ctx context.Context, req *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	screen := &mobilev1.GetHomeResponse{}
	err := s.Screens.compose(ctx, screen, req.GetReadMask(),
		section{"greeting", func(ctx context.Context) (err error) { screen.Greeting, err = s.greeting(ctx); return }},
		section{"loans", func(ctx context.Context) (err error) { screen.Loans, err = s.loans(ctx); return }},
		section{"application", func(ctx context.Context) (err error) {
			screen.Application, err = s.Applications.section(ctx, s.Screens)
			return
		}},
		section{"notices", func(ctx context.Context) (err error) { screen.Notices, err = s.notices(ctx); return }},
	)
	if err != nil {
		return nil, err
	}
	return screen, nil
}

func (s *Home) greeting(ctx context.Context) (*mobilev1.GreetingSection, error) {
	res, status, err := fetch(ctx, s.Screens, "identity.person", s.Persons.GetPerson, &identityv1.GetPersonRequest{})
	person := res.GetPerson()
	return &mobilev1.GreetingSection{
		Status: status, GivenName: person.GetProfile().GetGivenName(), ProfileIncomplete: len(person.GetMissingFields()) > 0,
	}, err
}

func (s *Home) loans(ctx context.Context) (*mobilev1.LoansSection, error) {
	res, status, err := fetch(ctx, s.Screens, "loans.loans", s.Loans.ListLoans, &loansv1.ListLoansRequest{
		Page: &typev1.PageRequest{PageSize: homeLoans},
	})
	section, say := &mobilev1.LoansSection{Status: status}, s.Screens.speech(ctx)
	for _, live := range []bool{true, false} { // Live loans first, the order of the list kept within both.
		for _, loan := range res.GetLoans() {
			if (loan.GetState() == loansv1.Loan_STATE_ACTIVE || loan.GetState() == loansv1.Loan_STATE_APPROVED) == live {
				section.Loans = append(section.Loans, loanCard(say, loan))
			}
		}
	}
	return section, err
}

func (s *Home) notices(ctx context.Context) (*mobilev1.NoticesSection, error) {
	res, status, err := fetch(ctx, s.Screens, "push.notices", s.Notifications.ListNotifications, &pushv1.ListNotificationsRequest{
		Page: &typev1.PageRequest{PageSize: homeNotices},
	})
	section := &mobilev1.NoticesSection{Status: status}
	for _, n := range res.GetNotifications() {
		section.Notices = append(section.Notices, &mobilev1.Notice{
			NotificationId: n.GetId(), Title: n.GetTitle(), Body: n.GetBody(), CreateTime: n.GetCreateTime(),
		})
	}
	return section, err
}

// loanCard is a loan in short.
func loanCard(say speech, loan *loansv1.Loan) *mobilev1.LoanCard {
	state := stateName(loan.GetState().String())
	return &mobilev1.LoanCard{
		LoanId: loan.GetId(), Number: loan.GetNumber(), State: state, StateText: say.text("loan." + state),
		Outstanding: say.amount(loan.GetTotalOutstanding()), NextDue: say.amount(loan.GetNextDue()), NextDueDate: loan.GetNextDueDate(),
		DaysPastDue: loan.GetDaysPastDue(), OverdueText: say.overdue(loan.GetDaysPastDue()),
	}
}
