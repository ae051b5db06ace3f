package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lendgate/lendgate/internal/migrate"
)

// Ground runs what the parts of an installation stand on, and no part: PostgreSQL with migrated schemas, Redis, Temporal, the event bus and
// the simulators of third parties, until ctx ends. What serve has to be told is printed to out as lines NAME='value', and nothing else is, so
// that a shell can take it over. It is how one machine runs the platform in several processes. LENDGATE_PUBLIC_URL, or else
// LENDGATE_EDGE_ADDRESS, has to say where the edge will be: third parties are told so.
func Ground(ctx context.Context, config Config, out io.Writer) (err error) {
	if err := os.MkdirAll(config.DataDir, 0o755); err != nil {
		return err
	}
	log, closeLog, err := fileLogger(config)
	if err != nil {
		return err
	}
	defer closeLog()
	keys, err := loadSecrets(config.MasterKeyFile)
	if err != nil {
		return err
	}
	m, err := startMachine(ctx, config, newProgress(os.Stderr, time.Now))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	if err := migrate.Up(ctx, m.databaseURL, keys.master, nil); err != nil {
		return err
	}
	if err := makeDemoPartnerKey(config); err != nil {
		return err
	}
	if config.PublicURL == "" {
		config.PublicURL = config.edgeScheme() + "://" + config.EdgeAddress
	}
	server, sims, err := openSimulators(ctx, config, log)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.serve("", "") }()
	defer func() { err = errors.Join(err, stopSimulators(server.http, sims)) }()

	note := Platform{
		SimulatorsURL: server.url(), Brokers: m.brokers, Processes: []Process{{Name: groundName, PID: os.Getpid(), Children: m.children}},
	}
	if err := note.write(config.DataDir); err != nil {
		return err
	}
	defer note.forget(config.DataDir)
	printSettings(out, m, server.url(), config.PublicURL)
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.ended:
		return err
	case err := <-failed:
		return err
	}
}

// openSimulators opens the port of the simulators and makes them, without serving yet.
func openSimulators(ctx context.Context, config Config, log *slog.Logger) (*server, *simulators, error) {
	handler := &lateHandler{}
	server, err := listen(ctx, "simulators", simulatorsAddress(config.DataDir), true, handler)
	if err != nil {
		return nil, nil, err
	}
	sims, err := startSimulators(config, server.url(), log)
	if err != nil {
		return nil, nil, errors.Join(err, server.listener.Close())
	}
	handler.Handler = sims.handler()
	if err := os.WriteFile(filepath.Join(config.DataDir, "simulators", "address"), []byte(server.address()), 0o600); err != nil {
		return nil, nil, errors.Join(err, server.listener.Close())
	}
	return server, sims, nil
}

// printSettings prints what serve has to be told, quoted for a shell. The last line says that all is there.
func printSettings(out io.Writer, m *machine, simulatorsURL, publicURL string) {
	for _, line := range [][2]string{
		{"LENDGATE_DATABASE_URL", m.databaseURL}, {"LENDGATE_REDIS_URL", m.redisURL}, {"LENDGATE_TEMPORAL_ADDRESS", m.temporalAddress},
		{"LENDGATE_KAFKA_BROKERS", strings.Join(m.brokers, ",")}, {"LENDGATE_SIMULATORS_URL", simulatorsURL},
		{"LENDGATE_PUBLIC_URL", publicURL},
	} {
		fmt.Fprintf(out, "%s='%s'\n", line[0], strings.ReplaceAll(line[1], "'", `'\''`))
	}
}

// stopSimulators lets requests in hand finish and writes the simulators' books down.
func stopSimulators(server *http.Server, sims *simulators) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), sims.stop(ctx))
}
