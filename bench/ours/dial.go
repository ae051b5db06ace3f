package main

import (
	"strings"

	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	"github.com/lendgate/lendgate/internal/link"
)

// clients reach the backends, wherever they run.
type clients struct {
	devices       identityv1connect.DeviceServiceClient
	sessions      identityv1connect.SessionServiceClient
	persons       identityv1connect.PersonServiceClient
	loans         loansv1connect.LoanServiceClient
	applications  loansv1connect.ApplicationServiceClient
	products      loansv1connect.ProductServiceClient
	notifications pushv1connect.NotificationServiceClient
}

// dial makes the clients of the mode.
func (f *front) dial() (clients, error) {
	if f.settings.mode == "remote" {
		return f.remote()
	}
	people, err := scene.Cast(f.settings.cast, f.settings.people)
	if err != nil {
		return clients{}, err
	}
	b, call := scene.NewBackends(people, f.clock.Now()), f.door.Call
	return clients{
		devices: identityv1connect.NewDeviceServiceInproc(b, call), sessions: identityv1connect.NewSessionServiceInproc(b, call),
		persons: identityv1connect.NewPersonServiceInproc(b.Persons, call), loans: loansv1connect.NewLoanServiceInproc(b.Loans, call),
		applications: loansv1connect.NewApplicationServiceInproc(b.Applications, call), products: loansv1connect.NewProductServiceInproc(b.Products, call),
		notifications: pushv1connect.NewNotificationServiceInproc(b.Notifications, call),
	}, nil
}

// remote dials the backends as internal/app dials the services of other processes: over a link, with a proof of the actor for every call and a
// span around it. An address that is a path is a unix socket.
func (f *front) remote() (clients, error) {
	at := "http://" + f.settings.backend
	if strings.HasPrefix(f.settings.backend, "/") {
		at = link.UnixScheme + "://" + f.settings.backend
	}
	address, err := link.ParseAddress(at)
	if err != nil {
		return clients{}, err
	}
	call := link.NewPeer(link.PeerConfig{Address: address, Door: f.door, Log: f.log}).Call
	// Backends that take no link answer that they implement nothing.
	return clients{
		devices:       identityv1connect.NewDeviceServiceInproc(identityv1connect.UnimplementedDeviceServiceHandler{}, call),
		sessions:      identityv1connect.NewSessionServiceInproc(identityv1connect.UnimplementedSessionServiceHandler{}, call),
		persons:       identityv1connect.NewPersonServiceInproc(identityv1connect.UnimplementedPersonServiceHandler{}, call),
		loans:         loansv1connect.NewLoanServiceInproc(loansv1connect.UnimplementedLoanServiceHandler{}, call),
		applications:  loansv1connect.NewApplicationServiceInproc(loansv1connect.UnimplementedApplicationServiceHandler{}, call),
		products:      loansv1connect.NewProductServiceInproc(loansv1connect.UnimplementedProductServiceHandler{}, call),
		notifications: pushv1connect.NewNotificationServiceInproc(pushv1connect.UnimplementedNotificationServiceHandler{}, call),
	}, nil
}
