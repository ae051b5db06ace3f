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
	"github.com/lendgate/lendgate/internal/actor"
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
func (s *Home) GetHome(ctx context.Context, _ *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	screen := &mobilev1.GetHomeResponse{}
	var greetingErr error
	compose(ctx,
		func(ctx context.Context) { screen.Greeting, greetingErr = s.greeting(ctx) },
		func(ctx context.Context) { screen.Loans = s.loans(ctx) },
		func(ctx context.Context) { screen.Application = s.Applications.section(ctx, s.Screens) },
		func(ctx context.Context) { screen.Notices = s.notices(ctx) },
	)
	if greetingErr != nil {
		return nil, required(greetingErr)
	}
	return screen, nil
}

func (s *Home) greeting(ctx context.Context) (*mobilev1.GreetingSection, error) {
	person, status, err := fetch(ctx, s.Screens, "person", func(ctx context.Context) (*identityv1.Person, error) {
		res, err := s.Persons.GetPerson(ctx, &identityv1.GetPersonRequest{})
		return res.GetPerson(), err
	})
	return &mobilev1.GreetingSection{
		Status: status, GivenName: person.GetProfile().GetGivenName(), ProfileIncomplete: len(person.GetMissingFields()) > 0,
	}, err
}

func (s *Home) loans(ctx context.Context) *mobilev1.LoansSection {
	loans, status, _ := fetch(ctx, s.Screens, "loans", func(ctx context.Context) ([]*loansv1.Loan, error) {
		res, err := s.Loans.ListLoans(ctx, &loansv1.ListLoansRequest{Page: &typev1.PageRequest{PageSize: homeLoans}})
		return res.GetLoans(), err
	})
	section := &mobilev1.LoansSection{Status: status}
	locale := actor.Must(ctx).Locale
	for _, live := range []bool{true, false} { // Live loans first, the order of the list kept within both.
		for _, loan := range loans {
			if (loan.GetState() == loansv1.Loan_STATE_ACTIVE || loan.GetState() == loansv1.Loan_STATE_APPROVED) == live {
				section.Loans = append(section.Loans, loanCard(locale, loan))
			}
		}
	}
	return section
}

func (s *Home) notices(ctx context.Context) *mobilev1.NoticesSection {
	notifications, status, _ := fetch(ctx, s.Screens, "notices", func(ctx context.Context) ([]*pushv1.Notification, error) {
		res, err := s.Notifications.ListNotifications(ctx, &pushv1.ListNotificationsRequest{Page: &typev1.PageRequest{PageSize: homeNotices}})
		return res.GetNotifications(), err
	})
	section := &mobilev1.NoticesSection{Status: status}
	for _, n := range notifications {
		section.Notices = append(section.Notices, &mobilev1.Notice{
			NotificationId: n.GetId(), Title: n.GetTitle(), Body: n.GetBody(), CreateTime: n.GetCreateTime(),
		})
	}
	return section
}

// loanCard is a loan in short.
func loanCard(locale string, loan *loansv1.Loan) *mobilev1.LoanCard {
	state := stateName(loan.GetState().String())
	return &mobilev1.LoanCard{
		LoanId: loan.GetId(), Number: loan.GetNumber(), State: state, StateText: text(locale, "loan."+state),
		Outstanding: amount(locale, loan.GetTotalOutstanding()), NextDue: amount(locale, loan.GetNextDue()),
		NextDueDate: loan.GetNextDueDate(), DaysPastDue: loan.GetDaysPastDue(),
	}
}
