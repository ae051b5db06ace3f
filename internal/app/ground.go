package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lendgate/lendgate/internal/migrate"
)

// Ground runs what the parts of an installation stand on, and no part: PostgreSQL with migrated schemas, Redis, Temporal, the event bus and
// the simulators of third parties, until ctx ends. What serve has to be told is printed to out as lines NAME=value, and nothing else is, so
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
	if config.PublicURL == "" {
		config.PublicURL = "http://" + config.EdgeAddress
	}
	handler := &lateHandler{}
	server, err := listen(ctx, "simulators", simulatorsAddress(config.DataDir), true, handler)
	if err != nil {
		return err
	}
	sims, err := startSimulators(config.DataDir, server.url(), config.PublicURL, log)
	if err != nil {
		return errors.Join(err, server.listener.Close())
	}
	handler.Handler = sims.handler()
	if err := os.WriteFile(filepath.Join(config.DataDir, "simulators", "address"), []byte(server.address()), 0o600); err != nil {
		return errors.Join(err, server.listener.Close())
	}
	failed := make(chan error, 1)
	go func() { failed <- server.serve("", "") }()
	defer func() { err = errors.Join(err, stopSimulators(server.http, sims)) }()

	for _, line := range [][2]string{
		{"LENDGATE_DATABASE_URL", m.databaseURL}, {"LENDGATE_REDIS_URL", m.redisURL}, {"LENDGATE_TEMPORAL_ADDRESS", m.temporalAddress},
		{"LENDGATE_KAFKA_BROKERS", strings.Join(m.brokers, ",")}, {"LENDGATE_SIMULATORS_URL", server.url()},
		{"LENDGATE_PUBLIC_URL", config.PublicURL},
	} {
		fmt.Fprintf(out, "%s=%s\n", line[0], line[1])
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.ended:
		return err
	case err := <-failed:
		return err
	}
}

// stopSimulators lets requests in hand finish and writes the simulators' books down.
func stopSimulators(server *http.Server, sims *simulators) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), sims.stop(ctx))
}
