package edge

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/tenant"
)

// Config is what an operator may set. The zero value of each field means its default.
type Config struct {
	// MaxBodyBytes bounds a request's content, compressed and not. Default 64 KiB.
	MaxBodyBytes int64
	// MaxInFlight is how many requests are worked on at once before any is shed. Default 512.
	MaxInFlight int64
	// PerDevice is how many requests a device may make in a minute. Default 600.
	PerDevice int64
	// PerPartner is how many requests a partner may make in a minute, whichever of its keys signs them. Default 1200.
	PerPartner int64
	// PerAddress is how many unsigned and enrolling requests an address may make in a minute. Default 120.
	PerAddress int64
	// TrustedProxies are the networks whose X-Forwarded-For is believed. Default none.
	TrustedProxies []netip.Prefix
	// Authorities are the hosts that signatures may be made for. Default any, which is for development only.
	Authorities []string
	// CacheLifetime is how long answers about keys and sessions are kept: the longest that a revocation takes. Default 5 s.
	CacheLifetime time.Duration
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxBodyBytes, 64<<10)
	setDefault(&c.MaxInFlight, 512)
	setDefault(&c.PerDevice, 600)
	setDefault(&c.PerPartner, 1200)
	setDefault(&c.PerAddress, 120)
	setDefault(&c.CacheLifetime, 5*time.Second)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Deps is what the edge is made of.
type Deps struct {
	Log      *slog.Logger
	Clock    clock.Clock
	Door     *inproc.Door
	Redis    redis.UniversalClient
	Tenants  *tenant.Directory
	Devices  identityv1connect.DeviceServiceClient
	Sessions identityv1connect.SessionServiceClient
	Metrics  prometheus.Registerer
}

// Edge is the chain and what is mounted on it.
type Edge struct {
	config   Config
	deps     Deps
	texts    catalog
	metrics  metrics
	limits   rateLimits
	sessions *sessionCache
	verifier signature.Verifier
	keys     *deviceKeys
	partners partnerKeys
	rpcs     *http.ServeMux
	raw      *http.ServeMux
	streams  *http.ServeMux
	writer   *connect.ErrorWriter
	inFlight atomic.Int64
	draining atomic.Bool
}

// New makes an edge without anything mounted.
func New(config Config, deps Deps) (*Edge, error) {
	config = config.withDefaults()
	texts, err := loadCatalog()
	if err != nil {
		return nil, err
	}
	partners, err := newPartnerKeys(deps.Tenants)
	if err != nil {
		return nil, err
	}
	limits, err := newRateLimits(config, deps.Redis)
	if err != nil {
		return nil, err
	}
	e := &Edge{
		config: config, deps: deps, texts: texts, limits: limits,
		metrics:  newMetrics(deps.Metrics),
		sessions: newSessionCache(deps.Sessions, deps.Clock, config.CacheLifetime),
		keys:     newDeviceKeys(deps.Devices, deps.Clock, config.CacheLifetime),
		partners: partners,
		rpcs:     http.NewServeMux(),
		raw:      http.NewServeMux(),
		streams:  http.NewServeMux(),
		writer:   connect.NewErrorWriter(),
	}
	e.verifier = signature.Verifier{
		Keys: e.keys, Nonces: newNonces(deps.Redis, deps.Clock), Now: deps.Clock.Now, Authorities: config.Authorities,
	}
	return e, nil
}

// Mount serves the RPCs of a service. make is a constructor that protoc-gen-connect-go made, closed over its implementation.
func (e *Edge) Mount(make func(options ...connect.HandlerOption) (string, http.Handler)) {
	path, handler := make(
		connect.WithInterceptors(e.wordsInterceptor(), e.deps.Door.Interceptor()),
		connect.WithReadMaxBytes(int(e.config.MaxBodyBytes)),
		connect.WithCompressMinBytes(1024),
	)
	e.rpcs.Handle(path, handler)
}

// Handle serves something that is no RPC, such as the websocket or a webhook: it gets the first part of the chain and checks callers
// itself. pattern is one of net/http.
func (e *Edge) Handle(pattern string, handler http.Handler) { e.raw.Handle(pattern, handler) }

// Stream serves something that answers before its caller has said everything, such as gRPC's reflection: no content is read for it, so it
// bounds by itself what it reads. Apart from that, and from an address, it gets what Handle gives.
func (e *Edge) Stream(pattern string, handler http.Handler) { e.streams.Handle(pattern, handler) }

// Handler is the whole edge.
func (e *Edge) Handler() http.Handler {
	rpcs := chain(e.rpcs,
		e.route, e.appVersion, e.verify, e.authenticate, e.permit, e.rateLimit, e.idempotency, e.decode, e.etag)
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := e.raw.Handler(r); pattern != "" {
			e.raw.ServeHTTP(w, r) // Not the handler itself: the mux fills in the path's values.
			return
		}
		rpcs.ServeHTTP(w, r)
	})
	whole := chain(inner, e.readBody, e.clientAddress)
	entry := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := e.streams.Handler(r); pattern != "" {
			e.streams.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	})
	return chain(entry, e.request, e.recover, e.shed)
}

// Drain makes the edge unready: new requests are told to go elsewhere, those in hand are finished.
func (e *Edge) Drain() { e.draining.Store(true) }

// Ready tells whether the edge takes requests.
func (e *Edge) Ready() bool { return !e.draining.Load() }
