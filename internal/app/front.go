package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

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
)

// webhookPrefix is where third parties reach us, before the lender and the provider.
const webhookPrefix = "/webhooks"

// front is what phones, partners and third parties reach: the edge with the screens, the partners' services, the websocket and the webhooks.
type front struct {
	edge   *edge.Edge
	socket *realtime.Handler
}

// newFront mounts everything on a new edge.
func (p *process) newFront(config Config, client redis.UniversalClient, wakeups realtime.Wakeups, log *slog.Logger) (*front, error) {
	c := p.clients
	lenders, err := withDemoPartner(p.tenants, config)
	if err != nil {
		return nil, err
	}
	e, err := edge.New(edge.Config{Authorities: config.EdgeAuthorities, TrustedProxies: config.EdgeTrustedProxies}, edge.Deps{
		Log: log, Clock: p.clock, Door: p.door, Redis: client, Tenants: lenders, Devices: c.devices, Sessions: c.sessions, Metrics: p.registry,
	})
	if err != nil {
		return nil, err
	}
	p.mountScreens(e, log)
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return partnerv1connect.NewCatalogServiceHandler(&partner.Catalog{Products: c.products}, o...)
	})
	metrics, err := realtime.NewMetrics(p.registry)
	if err != nil {
		return nil, err
	}
	socket, err := realtime.New(realtime.Config{
		Authenticator: realtimeAuthenticator{signer: p.secrets.realtimeSigner(), clock: p.clock},
		Log:           statusLog{streams: c.streams}, Wakeups: wakeups, Clock: p.clock, Logger: log, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	e.Handle("GET "+mobile.RealtimePath, socket)
	e.Webhooks(webhookPrefix, p.takeWebhook)
	for _, mount := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha} {
		path, handler := mount(grpcreflect.NewStaticReflector(outsideServices()...), connect.WithReadMaxBytes(4<<10)) // A question is a name.
		e.Stream(path, handler)
	}
	return &front{edge: e, socket: socket}, nil
}

// outsideServices are the services that phones and partners see.
func outsideServices() []string {
	return []string{
		mobilev1connect.AppServiceName, mobilev1connect.AuthServiceName, mobilev1connect.HomeServiceName, mobilev1connect.ProfileServiceName,
		mobilev1connect.ApplyServiceName, mobilev1connect.LoanServiceName, mobilev1connect.PayServiceName,
		partnerv1connect.CatalogServiceName,
	}
}

func (p *process) mountScreens(e *edge.Edge, log *slog.Logger) {
	c := p.clients
	screens := mobile.NewScreens(p.clock, log)
	cards := mobile.NewApplicationCards(c.applications, c.flows)
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewAppServiceHandler(&mobile.App{Tenants: p.tenants, Clock: p.clock}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewAuthServiceHandler(&mobile.Auth{
			Devices: c.devices, Sessions: c.sessions, RealtimeTokens: p.secrets.realtimeSigner(), Clock: p.clock, AppVersion: edge.AppVersion,
		}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewHomeServiceHandler(&mobile.Home{
			Screens: screens, Persons: c.persons, Loans: c.loans, Applications: cards, Notifications: c.notifications,
		}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewProfileServiceHandler(&mobile.Profile{
			Screens: screens, Persons: c.persons, Devices: c.devices, Notifications: c.notifications, Applications: c.applications, Flows: c.flows, Log: log,
		}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewApplyServiceHandler(&mobile.Apply{
			Screens: screens, Products: c.products, Applications: c.applications, Agreements: c.agreements, Payments: c.payments, Flows: c.flows, Cards: cards,
		}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewLoanServiceHandler(&mobile.Loan{Screens: screens, Loans: c.loans}, o...)
	})
	e.Mount(func(o ...connect.HandlerOption) (string, http.Handler) {
		return mobilev1connect.NewPayServiceHandler(&mobile.Pay{Screens: screens, Loans: c.loans, Payments: c.payments}, o...)
	})
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

// handler is the front with a trace around every request.
func (f *front) handler(tracing trace.TracerProvider) http.Handler {
	return traced(f.edge.Handler(), "edge", tracing)
}

func traced(handler http.Handler, name string, tracing trace.TracerProvider) http.Handler {
	return otelhttp.NewHandler(handler, name, otelhttp.WithTracerProvider(tracing), otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.URL.Path }))
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
