package scene

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Backends answer from memory for identity, loans and push.
type Backends struct {
	identityv1connect.UnimplementedDeviceServiceHandler
	identityv1connect.UnimplementedSessionServiceHandler
	Persons       *Persons
	Loans         *Loans
	Applications  *Applications
	Notifications *Notifications
	Products      *Products

	devices  map[string]Person
	sessions map[string]Person
	ends     *timestamppb.Timestamp
	stall    *Stall
	paid     atomic.Bool
}

// Persons, Loans, Applications, Notifications and Products are the services that screens ask.
type (
	Persons struct {
		identityv1connect.UnimplementedPersonServiceHandler
		content *content
	}
	Loans struct {
		loansv1connect.UnimplementedLoanServiceHandler
		content *content
		owner   *Backends
	}
	Applications struct {
		loansv1connect.UnimplementedApplicationServiceHandler
		content *content
		owner   *Backends
	}
	Notifications struct {
		pushv1connect.UnimplementedNotificationServiceHandler
		content *content
	}
	Products struct {
		loansv1connect.UnimplementedProductServiceHandler
		content *content
	}
)

// NewBackends makes backends that know the people. now is the beginning of their sessions, which last for a day.
func NewBackends(people []Person, now time.Time) *Backends {
	c := newContent()
	b := &Backends{
		Persons: &Persons{content: c}, Notifications: &Notifications{content: c}, Products: &Products{content: c},
		devices: map[string]Person{}, sessions: map[string]Person{}, ends: timestamppb.New(now.Add(24 * time.Hour)), stall: &Stall{},
	}
	b.Loans, b.Applications = &Loans{content: c, owner: b}, &Applications{content: c, owner: b}
	for _, p := range people {
		b.devices[p.Key.ID], b.sessions[p.Token] = p, p
	}
	return b
}

// GetDeviceKey answers with the key of a device of the cast.
func (b *Backends) GetDeviceKey(_ context.Context, req *identityv1.GetDeviceKeyRequest) (*identityv1.GetDeviceKeyResponse, error) {
	p, ok := b.devices[req.GetKeyId()]
	if !ok {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN, "no such device")
	}
	return &identityv1.GetDeviceKeyResponse{DeviceKey: &identityv1.DeviceKey{
		KeyId: p.Key.ID, DeviceId: p.DeviceID, TenantId: Tenant, PublicKey: p.Public,
	}}, nil
}

// AuthenticateSession answers with the session of a person of the cast.
func (b *Backends) AuthenticateSession(_ context.Context, req *identityv1.AuthenticateSessionRequest) (*identityv1.AuthenticateSessionResponse, error) {
	p, ok := b.sessions[req.GetAccessToken()]
	if !ok {
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "no such session")
	}
	return &identityv1.AuthenticateSessionResponse{TenantId: Tenant, Locale: "uk", Session: &identityv1.Session{
		Id: p.SessionID, PersonId: p.ID, DeviceId: p.DeviceID, Permissions: actor.BorrowerPermissions(), ExpireTime: b.ends,
	}}, nil
}

// GetPerson answers with the demo person, whoever asks.
func (s *Persons) GetPerson(context.Context, *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	return s.content.person, nil
}

// ListLoans answers with the demo loans.
func (s *Loans) ListLoans(ctx context.Context, _ *loansv1.ListLoansRequest) (*loansv1.ListLoansResponse, error) {
	s.owner.stall.wait(ctx)
	if s.owner.paid.Load() {
		return s.content.loans[1], nil
	}
	return s.content.loans[0], nil
}

// ListApplications answers with an application that has become a loan.
func (s *Applications) ListApplications(ctx context.Context, _ *loansv1.ListApplicationsRequest) (*loansv1.ListApplicationsResponse, error) {
	s.owner.stall.wait(ctx)
	return s.content.applications, nil
}

// ListNotifications answers with the demo notices.
func (s *Notifications) ListNotifications(context.Context, *pushv1.ListNotificationsRequest) (*pushv1.ListNotificationsResponse, error) {
	return s.content.notices, nil
}

// RegisterPushToken takes any token.
func (s *Notifications) RegisterPushToken(context.Context, *pushv1.RegisterPushTokenRequest) (*pushv1.RegisterPushTokenResponse, error) {
	return &pushv1.RegisterPushTokenResponse{}, nil
}

// ListProducts answers with the demo products.
func (s *Products) ListProducts(context.Context, *loansv1.ListProductsRequest) (*loansv1.ListProductsResponse, error) {
	return s.content.products, nil
}

// Ready answers the home screen from one ready message.
type Ready struct{ Answer *mobilev1.GetHomeResponse }

// GetHome answers with the message.
func (r Ready) GetHome(context.Context, *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	return r.Answer, nil
}

// Routes serves the backends over HTTP in all protocols of Connect. The ready home screen is for peers that only translate.
func (b *Backends) Routes(home Ready, options ...connect.HandlerOption) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(mobilev1connect.NewHomeServiceHandler(home, options...))
	mux.Handle(identityv1connect.NewDeviceServiceHandler(b, options...))
	mux.Handle(identityv1connect.NewSessionServiceHandler(b, options...))
	mux.Handle(identityv1connect.NewPersonServiceHandler(b.Persons, options...))
	mux.Handle(loansv1connect.NewLoanServiceHandler(b.Loans, options...))
	mux.Handle(loansv1connect.NewApplicationServiceHandler(b.Applications, options...))
	mux.Handle(pushv1connect.NewNotificationServiceHandler(b.Notifications, options...))
	mux.Handle(loansv1connect.NewProductServiceHandler(b.Products, options...))
	return mux
}

// Direct lets the conductor change the play: POST /pay books a payment on the first loan, or takes it back (?undo=1), so that the home screen
// is another; POST /stall?percent=5&ms=500 makes that share of the calls to loans late. Not for the contestants.
func (b *Backends) Direct() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pay", func(_ http.ResponseWriter, r *http.Request) { b.paid.Store(r.FormValue("undo") == "") })
	mux.HandleFunc("POST /stall", func(w http.ResponseWriter, r *http.Request) {
		var percent, ms int64
		if _, err := fmt.Sscan(r.FormValue("percent"), &percent); err != nil {
			http.Error(w, "percent: a whole number", http.StatusBadRequest)
			return
		}
		if _, err := fmt.Sscan(r.FormValue("ms"), &ms); err != nil {
			http.Error(w, "ms: a whole number", http.StatusBadRequest)
			return
		}
		b.stall.percent.Store(percent)
		b.stall.millis.Store(ms)
	})
	return mux
}

// Stall makes a share of calls late.
type Stall struct{ percent, millis atomic.Int64 }

// wait is over when the call may go on, or nobody waits for it any more.
func (s *Stall) wait(ctx context.Context) {
	if rand.Int64N(100) >= s.percent.Load() {
		return
	}
	timer := time.NewTimer(time.Duration(s.millis.Load()) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
