package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/bff/partner"
	"github.com/lendgate/lendgate/bff/realtime"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/sessionkey"
	"github.com/lendgate/lendgate/web"
)

// webhookPrefix is where third parties reach us, before the lender and the provider.
const webhookPrefix = "/webhooks"

// front is what phones, partners and third parties reach: the edge with the screens, the partners' services, the websocket and the webhooks.
type front struct {
	edge   *edge.Edge
	socket *realtime.Handler
}

// newFront mounts everything on a new edge.
func (p *process) newFront(config Config, client redis.UniversalClient, log *slog.Logger) (*front, error) {
	c := p.clients
	first := p.plan.current.Load()
	lenders, err := withDemoPartner(first.lenders, config)
	if err != nil {
		return nil, err
	}
	sessionKeys, err := p.secrets.sessionKeys()
	if err != nil {
		return nil, err
	}
	answerKeys, err := p.secrets.answerKeys(config.EdgeAnswerKey)
	if err != nil {
		return nil, err
	}
	e, err := edge.New(edge.Config{Authorities: config.EdgeAuthorities, TrustedProxies: config.EdgeTrustedProxies}, edge.Deps{
		Log: log, Clock: p.clock, Door: p.door, Redis: client, Tenants: lenders, Limits: first.limits, Devices: c.devices, Sessions: c.sessions, PartnerKeys: c.partnerKeys, Metrics: p.registry,
		Tracing: p.tracing, SessionKeys: sessionKeys, AnswerKeys: answerKeys,
		Denied: p.noteDenied,
	})
	if err != nil {
		return nil, err
	}
	p.mountScreens(e, sessionKeys, log)
	p.mountConsole(e)
	e.Mount(partnerv1connect.CatalogServiceRoutes(&partner.Catalog{Products: c.products}))
	metrics, err := realtime.NewMetrics(p.registry)
	if err != nil {
		return nil, err
	}
	socket, err := realtime.New(realtime.Config{
		Authenticator: realtimeAuthenticator{signer: p.secrets.realtimeSigner(), clock: p.clock},
		Log:           statusLog{streams: c.streams}, Wakeups: p.wakeups(client, e), Clock: p.clock, Logger: log, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	e.Handle("GET "+mobile.RealtimePath, socket)
	cabinet, err := web.Cabinet()
	if err != nil {
		return nil, err
	}
	e.Handle("GET "+web.CabinetPath, cabinet)
	e.Webhooks(webhookPrefix, p.takeWebhook)
	for _, mount := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha} {
		path, handler := mount(grpcreflect.NewStaticReflector(outsideServices()...), connect.WithReadMaxBytes(4<<10)) // A question is a name.
		e.Stream(path, handler)
	}
	f := &front{edge: e, socket: socket}
	p.plan.front = f
	return f, nil
}

// outsideServices are the services that phones, partners and staff see.
func outsideServices() []string {
	return append([]string{
		mobilev1connect.AppServiceName, mobilev1connect.AuthServiceName, mobilev1connect.HomeServiceName, mobilev1connect.ProfileServiceName,
		mobilev1connect.ApplyServiceName, mobilev1connect.LoanServiceName, mobilev1connect.PayServiceName,
		partnerv1connect.CatalogServiceName,
	}, consoleServices()...)
}

func (p *process) mountScreens(e *edge.Edge, sessionKeys *sessionkey.Maker, log *slog.Logger) {
	c := p.clients
	screens := mobile.NewScreens(p.clock, log)
	screens.Instrument(p.registry)
	cards := mobile.NewApplicationCards(c.applications, c.flows)
	e.Mount(mobilev1connect.AppServiceRoutes(&mobile.App{Tenants: p.tenants, Clock: p.clock}))
	e.Mount(mobilev1connect.AuthServiceRoutes(&mobile.Auth{
		Devices: c.devices, Sessions: c.sessions, RealtimeTokens: p.secrets.realtimeSigner(), SessionKeys: sessionKeys, Clock: p.clock,
		AppVersion: edge.AppVersion,
	}))
	e.Mount(mobilev1connect.HomeServiceRoutes(&mobile.Home{
		Screens: screens, Persons: c.persons, Loans: c.loans, Applications: cards, Notifications: c.notifications,
	}))
	e.Mount(mobilev1connect.ProfileServiceRoutes(&mobile.Profile{
		Screens: screens, Persons: c.persons, Devices: c.devices, Notifications: c.notifications, Applications: c.applications, Flows: c.flows, Log: log,
	}))
	e.Mount(mobilev1connect.ApplyServiceRoutes(&mobile.Apply{
		Screens: screens, Products: c.products, Applications: c.applications, Agreements: c.agreements, Payments: c.payments, Flows: c.flows, Cards: cards,
	}))
	e.Mount(mobilev1connect.LoanServiceRoutes(&mobile.Loan{Screens: screens, Loans: c.loans}))
	e.Mount(mobilev1connect.PayServiceRoutes(&mobile.Pay{Screens: screens, Loans: c.loans, Payments: c.payments}))
}

// takeWebhook hands a notification to the service that knows the provider.
func (p *process) takeWebhook(ctx context.Context, w edge.Webhook) (edge.Acknowledgement, error) {
	switch w.Provider {
	case "tbank":
		res, err := p.clients.payments.ReceiveWebhook(ctx, &paymentsv1.ReceiveWebhookRequest{Provider: w.Provider, Body: w.Body, ContentType: w.ContentType})
		return edge.Acknowledgement{Body: res.GetBody(), ContentType: res.GetContentType()}, err
	case "turbosms":
		res, err := p.clients.notifications.ReceiveReceipt(ctx, &pushv1.ReceiveReceiptRequest{Provider: w.Provider, Body: w.Body, ContentType: w.ContentType})
		return edge.Acknowledgement{Body: res.GetBody(), ContentType: res.GetContentType()}, err
	default:
		return edge.Acknowledgement{}, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN, "no such provider")
	}
}

// newRedis connects to Redis. It is a cache: a process starts without it too.
func newRedis(url string, log *slog.Logger) (redis.UniversalClient, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("Redis URL: %w", err)
	}
	options.PoolSize = 16
	redis.SetLogger(redisLog{log}) // The library keeps one logger for all clients.
	return redis.NewClient(options), nil
}

// redisLog hands the library's lines to our log.
type redisLog struct{ log *slog.Logger }

// Printf notes a line of the library. Redis away is no error of ours: every user of it goes on without.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "redis", "line", fmt.Sprintf(format, args...))
}
