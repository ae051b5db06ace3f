// Command grpcfan is the home screen by hand with the best client of the market: grpc-go, four calls to three backends over one connection
// side by side, the answer by protojson. No checks.
package main

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bench/peers/stage"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
)

func main() {
	stage.Run(func(f stage.Flags) (http.Handler, error) {
		connection, err := grpc.NewClient(f.Backend, grpc.WithTransportCredentials(insecure.NewCredentials()))
		return home{connection}, err
	})
}

type home struct{ backends *grpc.ClientConn }

// ServeHTTP answers with the home screen in JSON.
func (h home) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := stage.Answers{
		Person: &identityv1.GetPersonResponse{}, Loans: &loansv1.ListLoansResponse{}, Applications: &loansv1.ListApplicationsResponse{},
		Notices: &pushv1.ListNotificationsResponse{},
	}
	group, ctx := errgroup.WithContext(r.Context())
	h.ask(ctx, group, identityv1connect.PersonServiceGetPersonProcedure, &identityv1.GetPersonRequest{}, a.Person)
	h.ask(ctx, group, loansv1connect.LoanServiceListLoansProcedure, stage.LoansRequest(), a.Loans)
	h.ask(ctx, group, loansv1connect.ApplicationServiceListApplicationsProcedure, stage.ApplicationsRequest(), a.Applications)
	h.ask(ctx, group, pushv1connect.NotificationServiceListNotificationsProcedure, stage.NoticesRequest(), a.Notices)
	err := group.Wait()
	var text []byte
	if err == nil {
		text, err = protojson.Marshal(a.Screen())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // A client that went away hears nothing.
}

// ask calls one RPC as a generated stub does.
func (h home) ask(ctx context.Context, group *errgroup.Group, procedure string, req, res proto.Message) {
	group.Go(func() error { return h.backends.Invoke(ctx, procedure, req, res) })
}
