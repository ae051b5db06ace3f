package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/otelconnect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/link"
	"github.com/lendgate/lendgate/internal/migrate"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/tenant"
)

// ServiceNames are the backends, in the order in which they are built.
func ServiceNames() []string {
	return []string{"identity", "loans", "payments", "scoring", "push", "flows"}
}

// process is one process of an installation: the parts that run in it and what they share.
type process struct {
	config  Config
	machine *machine
	secrets secrets
	log     *slog.Logger
	clock   clock.Clock
	// plan is what may change while the process runs; tenants are its lenders.
	plan     *planner
	tenants  *tenant.Directory
	tokens   *pagetoken.Tokens
	sealer   *seal.Sealer
	door     *inproc.Door
	registry *prometheus.Registry
	tracing  *trace.TracerProvider
	// spans makes a span of every call over the network, on both of its sides.
	spans    *otelconnect.Interceptor
	services []string
	// sandboxCodes are the fixed codes of demo phones; empty wherever third parties are real.
	sandboxCodes map[string]string

	handlers handlers
	clients  clients
	// links are those of other processes to the services of this one.
	links *link.Server
	// databases are those of the services of this process.
	databases map[string]*pgdb.DB
	// runs are the loops that live as long as the process.
	runs []func(ctx context.Context)
	// closes undo what was opened, the last first.
	closes []func()
}

// newProcess makes what all parts share. services are those that run here.
func newProcess(ctx context.Context, config Config, m *machine, keys secrets, log *slog.Logger, services []string) (*process, error) {
	p := &process{
		config: config, machine: m, secrets: keys, log: log, clock: clock.System{}, registry: newRegistry(), services: services,
		databases: map[string]*pgdb.DB{}, tenants: &tenant.Directory{},
	}
	first, err := readPlan(config)
	if err != nil {
		return nil, err
	}
	p.plan = newPlanner(p, first)
	p.tenants.Replace(first.lenders)
	if p.tokens, err = pagetoken.New(keys.master); err != nil {
		return nil, err
	}
	if p.sealer, err = seal.New(keys.master, p.clock); err != nil {
		return nil, err
	}
	if p.door, err = inproc.NewDoor(log, p.clock, keys.actorSigner()); err != nil {
		return nil, err
	}
	if p.tracing, err = newTracing(ctx, config.TraceEndpoint); err != nil {
		return nil, err
	}
	p.door.Instrument(p.tracing, p.registry)
	p.closes = append(p.closes, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = p.tracing.Shutdown(ctx) // The last traces may be lost; nothing else is.
	})
	p.spans, err = otelconnect.NewInterceptor(otelconnect.WithTracerProvider(p.tracing), otelconnect.WithPropagator(propagation.TraceContext{}),
		otelconnect.WithoutMetrics(), otelconnect.WithTrustRemote())
	if err != nil {
		return nil, err
	}
	peers, err := newPeers(config, p.door, log, p.local)
	if err != nil {
		return nil, err
	}
	for _, each := range peers {
		p.closes = append(p.closes, each.link.Close)
	}
	p.clients = dialer{door: p.door, local: p.local, peers: peers, tracing: p.spans}.clients(&p.handlers)
	p.links = link.NewServer(link.ServerConfig{Door: p.door, Log: log})
	return p, nil
}

// local tells whether a service runs in this process.
func (p *process) local(service string) bool { return slices.Contains(p.services, service) }

// internalHandler serves this process's services to the others, over links and by Connect. Guard bounds what comes by Connect.
func (p *process) internalHandler() http.Handler {
	return p.links.Handler(p.door.Guard(p.handlers.routes(p.local, p.links, connect.WithInterceptors(p.spans, p.door.Interceptor()))))
}

// note is this process's share of the platform, given its servers by name.
func (p *process) note(servers map[string]*server) Platform {
	note := Platform{
		Services: map[string]string{}, Brokers: p.machine.brokers,
		Processes: []Process{{Name: strings.Join(p.services, ","), PID: os.Getpid(), OpsURL: servers["ops"].url()}},
	}
	for _, service := range p.services {
		note.Services[service] = servers["internal"].url()
	}
	if edge := servers["edge"]; edge != nil {
		note.EdgeURL, note.EdgeCertificate = edge.url(), p.config.EdgeTLSCertificate
		note.Processes[0].Name = strings.Join(append(slices.Clone(p.services), EdgePart), ",")
	}
	return note
}

// database opens the database of a service with the service's own role.
func (p *process) database(ctx context.Context, service string) (*pgdb.DB, error) {
	url, err := migrate.URL(p.machine.databaseURL, service, p.secrets.master)
	if err != nil {
		return nil, err
	}
	db, err := pgdb.Open(ctx, url, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", service, err)
	}
	p.databases[service] = db
	p.closes = append(p.closes, db.Close)
	return db, nil
}

// keeper is what a service keeps its answers with.
func (p *process) keeper(db *pgdb.DB) idempotency.Keeper {
	return idempotency.Keeper{DB: db, Sealer: p.sealer, Clock: p.clock}
}

// tell starts the relay of a service's outbox.
func (p *process) tell(ctx context.Context, service string, db *pgdb.DB) error {
	url, err := migrate.URL(p.machine.databaseURL, "relay", p.secrets.master)
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return err
	}
	config.MaxConns = 1
	config.ConnConfig.RuntimeParams["application_name"] = "lendgate relay " + service
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	kafka, err := p.kafka(kgo.AllowAutoTopicCreation()) // A topic that nobody hears yet exists nowhere but here.
	if err != nil {
		return err
	}
	p.closes = append(p.closes, pool.Close)
	relay := &bus.Relay{Service: service, Pool: pool, Kafka: kafka, Signals: db.Committed(), Clock: p.clock, Log: p.log}
	p.runs = append(p.runs, relay.Run)
	return nil
}

// hear starts a consumer of a service. db is nil for one without a database; handle must then bear repeats by itself.
func (p *process) hear(service string, db *pgdb.DB, handle bus.Handler, from ...string) error {
	kafka, err := p.kafka(bus.ConsumerOptions(service, from...)...)
	if err != nil {
		return err
	}
	consumer := &bus.Consumer{Service: service, Kafka: kafka, Handle: handle, Log: p.log}
	if db != nil {
		consumer.Bury = bus.Graveyard(db, p.clock, service)
	}
	p.runs = append(p.runs, consumer.Run)
	return nil
}

// inbox makes the handler of a service that takes events in with its own database.
func (p *process) inbox(service string, db *pgdb.DB, take func(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error) bus.Handler {
	return bus.Inbox(db, p.clock, service, take)
}

func (p *process) kafka(options ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(p.machine.brokers...), kgo.ClientID("lendgate")}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("event bus: %w", err)
	}
	p.closes = append(p.closes, client.Close)
	return client, nil
}

// ready tells what keeps this process from serving; nil when nothing does.
func (p *process) ready(ctx context.Context) error {
	var faults []error
	for service, db := range p.databases {
		if err := db.Ping(ctx); err != nil {
			faults = append(faults, fmt.Errorf("database of %s: %w", service, err))
		}
	}
	return errors.Join(faults...)
}

// close closes what was opened.
func (p *process) close() {
	for i := len(p.closes) - 1; i >= 0; i-- {
		p.closes[i]()
	}
	p.closes = nil
}
