package stage

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// The questions of the home screen: how many of each.
const (
	homeLoans   = 10
	homeNotices = 5
)

// LoansRequest, ApplicationsRequest and NoticesRequest are what the home screen asks for, beside the person.
func LoansRequest() *loansv1.ListLoansRequest {
	return &loansv1.ListLoansRequest{Page: &typev1.PageRequest{PageSize: homeLoans}}
}

// ApplicationsRequest asks for the newest application.
func ApplicationsRequest() *loansv1.ListApplicationsRequest {
	return &loansv1.ListApplicationsRequest{Page: &typev1.PageRequest{PageSize: 1}}
}

// NoticesRequest asks for the newest notices.
func NoticesRequest() *pushv1.ListNotificationsRequest {
	return &pushv1.ListNotificationsRequest{Page: &typev1.PageRequest{PageSize: homeNotices}}
}

// Answers are those of the backends.
type Answers struct {
	Person       *identityv1.GetPersonResponse
	Loans        *loansv1.ListLoansResponse
	Applications *loansv1.ListApplicationsResponse
	Notices      *pushv1.ListNotificationsResponse
}

// Screen shapes the answers into the home screen.
func (a Answers) Screen() *mobilev1.GetHomeResponse {
	ok := func() *mobilev1.SectionStatus { return &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_OK} }
	person := a.Person.GetPerson()
	screen := &mobilev1.GetHomeResponse{
		Greeting: &mobilev1.GreetingSection{
			Status: ok(), GivenName: person.GetProfile().GetGivenName(), ProfileIncomplete: len(person.GetMissingFields()) > 0,
		},
		Loans: &mobilev1.LoansSection{Status: ok()}, Application: &mobilev1.ApplicationSection{Status: ok()}, Notices: &mobilev1.NoticesSection{Status: ok()},
	}
	for _, loan := range a.Loans.GetLoans() {
		state := strings.TrimPrefix(loan.GetState().String(), "STATE_")
		screen.Loans.Loans = append(screen.Loans.Loans, &mobilev1.LoanCard{
			LoanId: loan.GetId(), Number: loan.GetNumber(), State: state, StateText: stateText(state),
			Outstanding: amount(loan.GetTotalOutstanding()), NextDue: amount(loan.GetNextDue()), NextDueDate: loan.GetNextDueDate(),
			DaysPastDue: loan.GetDaysPastDue(),
		})
	}
	for _, n := range a.Notices.GetNotifications() {
		screen.Notices.Notices = append(screen.Notices.Notices, &mobilev1.Notice{
			NotificationId: n.GetId(), Title: n.GetTitle(), Body: n.GetBody(), CreateTime: n.GetCreateTime(),
		})
	}
	return screen
}

func stateText(state string) string {
	switch state {
	case "ACTIVE":
		return "Діючий"
	case "CLOSED":
		return "Погашено"
	default:
		return state
	}
}

// amount writes an amount as Ukrainian does: groups of three with spaces that do not break, a comma, the symbol at the end.
func amount(m *typev1.Money) *mobilev1.Amount {
	if m == nil {
		return nil
	}
	whole := strconv.FormatInt(m.GetMinorUnits()/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u00a0" + whole[i:]
	}
	return &mobilev1.Amount{Money: m, Display: fmt.Sprintf("%s,%02d\u00a0₴", whole, m.GetMinorUnits()%100)}
}

// Ready reads the home screen that peers without backends answer with.
func Ready(file string) (*mobilev1.GetHomeResponse, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	screen := &mobilev1.GetHomeResponse{}
	return screen, protojson.Unmarshal(text, screen)
}
