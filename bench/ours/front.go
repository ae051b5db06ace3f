package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/bff/partner"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/tenant"
)

// front is what the edge of a mode is put together from.
type front struct {
	settings settings
	log      *slog.Logger
	clock    clock.Clock
	door     *inproc.Door
	tracing  *trace.TracerProvider
	clients  clients
}

// newFront puts the edge together as internal/app does.
func newFront(s settings, log *slog.Logger) (http.Handler, error) {
	f := &front{settings: s, log: log, clock: clock.System{}, tracing: trace.NewTracerProvider()}
	var err error
	if f.door, err = scene.NewDoor(log, f.clock); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	f.door.Instrument(f.tracing, registry)
	if f.clients, err = f.dial(); err != nil {
		return nil, err
	}
	lenders, err := f.lenders()
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(s.redis)
	if err != nil {
		return nil, fmt.Errorf("Redis URL: %w", err)
	}
	options.PoolSize = 16
	sessionKeys, err := scene.SessionKeys()
	if err != nil {
		return nil, err
	}
	e, err := edge.New(edge.Config{}, edge.Deps{
		Log: log, Clock: f.clock, Door: f.door, Redis: redis.NewClient(options), Tenants: lenders,
		Devices: f.clients.devices, Sessions: f.clients.sessions, SessionKeys: sessionKeys, Metrics: registry, Tracing: f.tracing,
	})
	if err != nil {
		return nil, err
	}
	if err := f.mount(e, registry); err != nil {
		return nil, err
	}
	return e.Handler(), nil
}

// lenders are one lender with its shops, whose servers sign by shared secrets.
func (f *front) lenders() (*tenant.Directory, error) {
	lender := &tenant.Tenant{ID: scene.Tenant, Name: "Demo lender", Currency: "UAH", Country: "UA", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"}}
	if f.settings.shops != "" {
		lender.Partners = scene.Partners(f.settings.shops)
	}
	return tenant.NewDirectory(lender)
}

// mount serves what phones and shops ask for in a contest.
func (f *front) mount(e *edge.Edge, registry prometheus.Registerer) error {
	c := f.clients
	screens := mobile.NewScreens(f.clock, f.log)
	screens.Instrument(registry)
	cards := mobile.NewApplicationCards(c.applications, nil) // No application is under way, so that the process is never asked.
	home := &mobile.Home{Screens: screens, Persons: c.persons, Loans: c.loans, Applications: cards, Notifications: c.notifications}
	if f.settings.mode == "static" {
		answer, err := homeScreen(home)
		if err != nil {
			return err
		}
		e.Mount(mobilev1connect.HomeServiceRoutes(scene.Ready{Answer: answer}))
	} else {
		e.Mount(mobilev1connect.HomeServiceRoutes(home))
	}
	e.Mount(mobilev1connect.ProfileServiceRoutes(&mobile.Profile{Screens: screens, Persons: c.persons, Notifications: c.notifications, Log: f.log}))
	e.Mount(partnerv1connect.CatalogServiceRoutes(&partner.Catalog{Products: c.products}))
	return nil
}

// homeScreen composes the home screen once, as a person of the cast would get it.
func homeScreen(home *mobile.Home) (*mobilev1.GetHomeResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return home.GetHome(actor.With(ctx, actor.Actor{
		TenantID: scene.Tenant, Kind: actor.KindPerson, Permissions: actor.BorrowerPermissions(), Locale: "uk",
	}), &mobilev1.GetHomeRequest{})
}

// writeAnswer writes the home screen, which the peers that compute nothing answer with.
func writeAnswer(name string) error {
	log := slog.New(slog.DiscardHandler)
	f := &front{settings: settings{mode: "inproc"}, log: log, clock: clock.System{}}
	var err error
	if f.door, err = inproc.NewDoor(log, f.clock, actor.NewSigner(make([]byte, 32), actor.CallLifetime)); err != nil {
		return err
	}
	if f.clients, err = f.dial(); err != nil {
		return err
	}
	c := f.clients
	screen, err := homeScreen(&mobile.Home{
		Screens: mobile.NewScreens(f.clock, log), Persons: c.persons, Loans: c.loans,
		Applications: mobile.NewApplicationCards(c.applications, nil), Notifications: c.notifications,
	})
	if err != nil {
		return err
	}
	text, err := protojson.Marshal(screen)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}
