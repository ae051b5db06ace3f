package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/localpg"
	"github.com/lendgate/lendgate/internal/localredis"
	"github.com/lendgate/lendgate/internal/localtemporal"
)

// stopPatience bounds how long one local server may take to stop.
const stopPatience = 15 * time.Second

// machine is what the services stand on: servers of the operator's own, or local ones that it starts and stops.
type machine struct {
	databaseURL, redisURL, temporalAddress string
	brokers                                []string
	// parts say what runs where, for the table.
	parts []part
	// children are the processes that were started here, by name.
	children map[string]int
	// stops undo the starts, the last first.
	stops []func(ctx context.Context) error
	// ended is signalled when a local server ends by itself.
	ended chan error
}

// part is a row of the table.
type part struct{ name, what string }

// startMachine starts what the configuration does not bring. The Temporal server is compiled beside everything else on the first start.
func startMachine(ctx context.Context, config Config, progress *progress) (*machine, error) {
	m := &machine{ended: make(chan error, 4), children: map[string]int{}}
	build := startTemporalBuild(ctx, config, progress)
	steps := []func() error{
		func() error { return m.startDatabase(ctx, config, progress) },
		func() error { return m.startRedis(ctx, config, progress) },
		func() error { return m.startBroker(config, progress) },
		func() error { return m.startTemporal(ctx, config, build, progress) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, errors.Join(err, m.stop())
		}
	}
	return m, nil
}

func (m *machine) startDatabase(ctx context.Context, config Config, progress *progress) error {
	if config.DatabaseURL != "" {
		m.databaseURL = config.DatabaseURL
		m.parts = append(m.parts, part{"PostgreSQL", "yours (LENDGATE_DATABASE_URL)"})
		return nil
	}
	done := progress.begin("PostgreSQL")
	dir := filepath.Join(config.DataDir, "postgres")
	binaries, err := localpg.Find(ctx, localpg.FindOptions{Dir: dir, InstallDir: filepath.Join(config.DataDir, "postgres-bin"), Progress: progress.note})
	if err != nil {
		return err
	}
	cluster, err := localpg.Start(ctx, localpg.Options{Binaries: binaries, Dir: dir, Durable: true, Progress: progress.note})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	m.keep("PostgreSQL", cluster.Done(), cluster.Stop)
	if err := cluster.EnsureDatabase(ctx, "lendgate"); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	m.databaseURL, m.children["postgres"] = cluster.URL("lendgate"), cluster.PID()
	what := fmt.Sprintf("%s, private cluster, pid %d", binaries.Version, cluster.PID())
	m.parts = append(m.parts, part{"PostgreSQL", what})
	done(what)
	return nil
}

func (m *machine) startRedis(ctx context.Context, config Config, progress *progress) error {
	if config.RedisURL != "" {
		m.redisURL = config.RedisURL
		m.parts = append(m.parts, part{"Redis", "yours (LENDGATE_REDIS_URL)"})
		return nil
	}
	done := progress.begin("Redis")
	dir := filepath.Join(config.DataDir, "redis")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	server, err := localredis.Start(ctx, localredis.Options{Dir: dir})
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	m.keep("Redis", server.Done(), server.Stop)
	m.redisURL = server.URL()
	if pid := server.PID(); pid != 0 {
		m.children["redis"] = pid
	}
	m.parts = append(m.parts, part{"Redis", server.Kind() + " at " + server.Addr()})
	done(server.Kind())
	return nil
}

// startBroker starts a broker in this process whose log outlives it. Losing the log loses nothing but time: the outboxes are the truth.
func (m *machine) startBroker(config Config, progress *progress) error {
	if len(config.KafkaBrokers) > 0 {
		m.brokers = config.KafkaBrokers
		m.parts = append(m.parts, part{"Event bus", "yours (LENDGATE_KAFKA_BROKERS)"})
		return nil
	}
	done := progress.begin("Event bus")
	dir := filepath.Join(config.DataDir, "kafka")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	topics := make([]string, 0, len(ServiceNames()))
	for _, service := range ServiceNames() {
		topics = append(topics, bus.Topic(service))
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites(), kfake.SeedTopics(1, topics...), kfake.AllowAutoTopicCreation(),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") }),
	)
	if err != nil {
		return fmt.Errorf("start the event bus: %w", err)
	}
	m.keep("Event bus", nil, func(context.Context) error { cluster.Close(); return nil })
	m.brokers = cluster.ListenAddrs()
	m.parts = append(m.parts, part{"Event bus", "Kafka API in process at " + strings.Join(m.brokers, ",")})
	done("in process")
	return nil
}

// temporalBuild is the compilation of the Temporal server under way.
type temporalBuild struct {
	done   chan struct{}
	binary string
	err    error
}

func startTemporalBuild(ctx context.Context, config Config, progress *progress) *temporalBuild {
	if config.TemporalAddress != "" {
		return nil
	}
	build := &temporalBuild{done: make(chan struct{})}
	go func() {
		defer close(build.done)
		build.binary, build.err = localtemporal.Build(ctx, localtemporal.BuildOptions{
			BinDir: filepath.Join(config.DataDir, "bin"), Progress: progress.note,
		})
	}()
	return build
}

func (m *machine) startTemporal(ctx context.Context, config Config, build *temporalBuild, progress *progress) error {
	if build == nil {
		m.temporalAddress = config.TemporalAddress
		m.parts = append(m.parts, part{"Temporal", "yours (LENDGATE_TEMPORAL_ADDRESS)"})
		return nil
	}
	done := progress.begin("Temporal")
	select {
	case <-build.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if build.err != nil {
		return fmt.Errorf("compile the Temporal server (or set LENDGATE_TEMPORAL_ADDRESS to one of yours): %w", build.err)
	}
	server, err := localtemporal.Start(ctx, localtemporal.Options{
		Binary: build.binary, DatabaseURL: m.databaseURL, LogFile: filepath.Join(config.DataDir, "temporal.log"),
	})
	if err != nil {
		return fmt.Errorf("start Temporal: %w", err)
	}
	m.keep("Temporal", server.Done(), server.Stop)
	m.temporalAddress, m.children["temporald"] = server.Address(), server.PID()
	m.parts = append(m.parts, part{"Temporal", fmt.Sprintf("on the same PostgreSQL, at %s, pid %d", server.Address(), server.PID())})
	done("at " + server.Address())
	return nil
}

// keep remembers how to stop a server and watches whether it ends by itself.
func (m *machine) keep(name string, ended <-chan struct{}, stop func(ctx context.Context) error) {
	stopping := make(chan struct{})
	m.stops = append(m.stops, func(ctx context.Context) error {
		close(stopping)
		if err := stop(ctx); err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
		return nil
	})
	if ended == nil {
		return
	}
	go func() {
		<-ended
		select {
		case <-stopping:
		default:
			m.ended <- fmt.Errorf("%s has ended by itself; its log is in the data folder", name)
		}
	}()
}

// stop stops what was started, the last first.
func (m *machine) stop() error {
	var faults []error
	for i := len(m.stops) - 1; i >= 0; i-- {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		faults = append(faults, m.stops[i](ctx))
		cancel()
	}
	m.stops = nil
	return errors.Join(faults...)
}
