package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/lendgate/lendgate/bff/edge/admission"
	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/sessionkey"
	"github.com/lendgate/lendgate/internal/tenant"
	"github.com/lendgate/lendgate/internal/wirejson"
)

// Config is what an operator may set. The zero value of each field means its default.
type Config struct {
	// MaxBodyBytes bounds a request's content, compressed and not. Default 64 KiB.
	MaxBodyBytes int64
	// MinInFlight and MaxInFlight bound how many requests are worked on at once. In between the edge learns how many that should be. Defaults
	// 16 and 512.
	MinInFlight, MaxInFlight int
	// PerDevice is how many requests a device may make in a minute. Default 600.
	PerDevice int64
	// PerDeviceMoney is how many requests that move money a device may make in a minute; they count by themselves. Default 60.
	PerDeviceMoney int64
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
	setDefault(&c.MinInFlight, 16)
	setDefault(&c.MaxInFlight, 512)
	setDefault(&c.PerDevice, 600)
	setDefault(&c.PerDeviceMoney, 60)
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
	Log   *slog.Logger
	Clock clock.Clock
	Door  *inproc.Door
	Redis redis.UniversalClient
	// Tenants and Limits are the first plan; Replan takes later ones.
	Tenants  *tenant.Directory
	Limits   Limits
	Devices  identityv1connect.DeviceServiceClient
	Sessions identityv1connect.SessionServiceClient
	// PartnerKeys keeps the keys that staff issue to partners. Nil: only configured ones work.
	PartnerKeys identityv1connect.PartnerKeyServiceClient
	// SessionKeys derives the keys that sessions sign with. Nil: everything is signed by the device's own key.
	SessionKeys *sessionkey.Maker
	// AnswerKeys are the server's own: the first signs answers, all of them are published. None: no answer is signed.
	AnswerKeys []signature.Key
	Metrics    prometheus.Registerer
	// Tracing makes a span of every request; nil makes none.
	Tracing trace.TracerProvider
	// Denied hears of calls of staff that were refused for want of a permission. Its own error is answered in place of the refusal. Nil:
	// nobody is told.
	Denied func(ctx context.Context, procedure string, refusal error) error
}

// Edge is the chain and what is mounted on it.
type Edge struct {
	config      Config
	deps        Deps
	texts       catalog
	metrics     metrics
	memory      *memory
	sessions    *sessionCache
	verifier    signature.Verifier
	keys        *deviceKeys
	sessionKeys *sessionKeys  // Nil when there are none.
	answers     *answerSigner // Nil when no answer is signed.
	partners    *partnerKeys
	tracer      trace.Tracer
	plans       *wirejson.Compiler
	rpcs        map[string]*rpc // By procedure; complete before the first request.
	rest        restNode        // The same at the paths of REST.
	fresh       *freshness
	locales     locales
	packers     *packers
	scratch     sync.Pool // *scratch
	raw         *http.ServeMux
	streams     *http.ServeMux
	writer      *connect.ErrorWriter
	gate        *admission.Gate
	// otherPace is how long what is no RPC takes.
	otherPace admission.Pace
	draining  atomic.Bool
	plan      atomic.Pointer[plan]
}

// New makes an edge without anything mounted.
func New(config Config, deps Deps) (*Edge, error) {
	config = config.withDefaults()
	texts, err := loadCatalog()
	if err != nil {
		return nil, err
	}
	if _, err := readPartnerRings(deps.Tenants); err != nil {
		return nil, err // Before anything is begun that would have to be ended.
	}
	shared := newMemory(deps.Redis, deps.Clock, deps.Log)
	shared.begin()
	packers, err := newPackers(config.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	if deps.Tracing == nil {
		deps.Tracing = noop.NewTracerProvider()
	}
	e := &Edge{
		config: config, deps: deps, texts: texts, memory: shared,
		tracer:   deps.Tracing.Tracer("lendgate/edge"),
		gate:     admission.New(config.MinInFlight, config.MaxInFlight, deps.Clock),
		sessions: newSessionCache(deps.Sessions, deps.Clock, config.CacheLifetime),
		keys:     newDeviceKeys(deps.Devices, deps.Clock, config.CacheLifetime),
		partners: newPartnerKeys(deps.PartnerKeys, deps.Clock, config.CacheLifetime),
		plans:    wirejson.NewCompiler(),
		rpcs:     map[string]*rpc{},
		fresh:    newFreshness(),
		locales:  newLocales(),
		packers:  packers,
		scratch:  sync.Pool{New: func() any { return &scratch{} }},
		raw:      http.NewServeMux(),
		streams:  http.NewServeMux(),
		writer:   connect.NewErrorWriter(),
	}
	e.Handle("GET "+restDescription, serveDescription())
	if err := e.Replan(deps.Tenants, deps.Limits); err != nil {
		return nil, err
	}
	e.metrics = newMetrics(deps.Metrics, e.gate)
	e.verifier = signature.Verifier{
		Keys: e.keys, Nonces: newNonces(shared, deps.Clock, deps.Devices), Now: deps.Clock.Now, Authorities: config.Authorities,
	}
	e.sessionKeys = newSessionKeys(deps.SessionKeys, e.sessions, deps.Clock, config.CacheLifetime)
	if e.answers = newAnswerSigner(deps.AnswerKeys, deps.Clock); e.answers != nil {
		err = e.publishKeys(deps.AnswerKeys)
	}
	return e, err
}

// Handle serves something that is no RPC, such as the websocket or a webhook: it gets the first part of the chain and checks callers
// itself. pattern is one of net/http.
func (e *Edge) Handle(pattern string, handler http.Handler) { e.raw.Handle(pattern, handler) }

// Stream serves something that answers before its caller has said everything, such as gRPC's reflection: no content is read for it, so it
// bounds by itself what it reads. Apart from that, and from an address, it gets what Handle gives.
func (e *Edge) Stream(pattern string, handler http.Handler) { e.streams.Handle(pattern, handler) }

// Handler is the whole edge.
func (e *Edge) Handler() http.Handler {
	rpcs := chain(http.HandlerFunc(e.dispatch),
		e.route, e.appVersion, e.verify, e.authenticate, e.permit, e.rateLimit, e.idempotency)
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if callOf(r.Context()).rpc == nil {
			if _, pattern := e.raw.Handler(r); pattern != "" {
				e.raw.ServeHTTP(w, r) // Not the handler itself: the mux fills in the path's values.
				return
			}
		}
		rpcs.ServeHTTP(w, r)
	})
	whole := chain(inner, e.readBody, e.admit, e.clientAddress)
	entry := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if callOf(r.Context()).rpc == nil {
			if _, pattern := e.streams.Handler(r); pattern != "" {
				e.streams.ServeHTTP(w, r)
				return
			}
		}
		whole.ServeHTTP(w, r)
	})
	return chain(entry, e.request, e.signAnswer, e.recover, e.shed)
}

// Settle waits until the edge takes writes that are signed from now on. With a Redis that remembers that is at once; with one that was
// started together with the edge it takes up to three seconds, in which nobody should be told that the edge is ready.
func (e *Edge) Settle(ctx context.Context) { e.memory.settle(ctx) }

// Drain makes the edge unready. Requests are served as before, and each answer tells that its connection ends, so that callers go elsewhere
// with their next one and nothing is dropped. Whoever drains closes the port a little later.
func (e *Edge) Drain() { e.draining.Store(true) }

// Ready tells whether the edge takes requests.
func (e *Edge) Ready() bool { return !e.draining.Load() }
