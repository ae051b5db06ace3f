package stage

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
)

// Fanout is the home screen composed with connect-go's clients over HTTP/1.1, side by side with errgroup.
type Fanout struct {
	persons      identityv1connect.PersonServiceClient
	loans        loansv1connect.LoanServiceClient
	applications loansv1connect.ApplicationServiceClient
	notices      pushv1connect.NotificationServiceClient
}

// NewFanout dials the backends. The pool is as large as the load needs: net/http's own limit of two idle connections would be unfair.
func NewFanout(backend string) *Fanout {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512}}
	url := "http://" + backend
	return &Fanout{
		persons: identityv1connect.NewPersonServiceClient(client, url), loans: loansv1connect.NewLoanServiceClient(client, url),
		applications: loansv1connect.NewApplicationServiceClient(client, url), notices: pushv1connect.NewNotificationServiceClient(client, url),
	}
}

// GetHome asks the three backends and shapes their answers.
func (h *Fanout) GetHome(ctx context.Context, _ *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	var a Answers
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		a.Person, err = h.persons.GetPerson(ctx, &identityv1.GetPersonRequest{})
		return err
	})
	group.Go(func() (err error) {
		a.Loans, err = h.loans.ListLoans(ctx, LoansRequest())
		return err
	})
	group.Go(func() (err error) {
		a.Applications, err = h.applications.ListApplications(ctx, ApplicationsRequest())
		return err
	})
	group.Go(func() (err error) {
		a.Notices, err = h.notices.ListNotifications(ctx, NoticesRequest())
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	return a.Screen(), nil
}
