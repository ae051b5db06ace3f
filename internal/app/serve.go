package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/lendgate/lendgate/internal/migrate"
)

// EdgePart is the name of the edge among the parts that serve can run.
const EdgePart = "edge"

// Serve runs some parts of the platform in this process until ctx ends, and dials the others at their addresses. Databases, Redis, Temporal
// and brokers are the operator's own. The log goes to standard error as JSON lines.
func Serve(ctx context.Context, config Config, parts []string, out io.Writer) error {
	if err := checkServe(config, parts); err != nil {
		return err
	}
	log := newLogger(os.Stderr, config.LogLevel)
	keys, err := loadSecrets(config.MasterKeyFile)
	if err != nil {
		return err
	}
	m := &machine{
		databaseURL: config.DatabaseURL, redisURL: config.RedisURL, temporalAddress: config.TemporalAddress, brokers: config.KafkaBrokers,
	}
	services := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return part == EdgePart })
	p, err := newProcess(ctx, config, m, keys, log, services)
	if err != nil {
		return err
	}
	defer p.close()
	client, err := newRedis(config.RedisURL, log)
	if err != nil {
		return err
	}
	p.closes = append(p.closes, func() { _ = client.Close() })
	accounts, err := p.accounts()
	if err != nil {
		return err
	}
	if err := p.build(ctx, accounts, client); err != nil {
		return err
	}
	var f *front
	if slices.Contains(parts, EdgePart) {
		if f, err = p.newFront(config, client, p.wakeups(client), log); err != nil {
			return err
		}
	}
	return p.serveUntil(ctx, f, out)
}

// checkServe reports everything that serve cannot do without.
func checkServe(config Config, parts []string) error {
	var faults []error
	for _, part := range parts {
		if part != EdgePart && !slices.Contains(ServiceNames(), part) {
			faults = append(faults, fmt.Errorf("there is no part %q, only %s and %s", part, strings.Join(ServiceNames(), ", "), EdgePart))
		}
	}
	for name, missing := range map[string]bool{
		"LENDGATE_DATABASE_URL": config.DatabaseURL == "", "LENDGATE_REDIS_URL": config.RedisURL == "",
		"LENDGATE_TEMPORAL_ADDRESS": config.TemporalAddress == "" && slices.Contains(parts, "flows"),
		"LENDGATE_KAFKA_BROKERS":    len(config.KafkaBrokers) == 0, "LENDGATE_PUBLIC_URL": config.PublicURL == "" && slices.Contains(parts, "payments"),
	} {
		if missing {
			faults = append(faults, fmt.Errorf("%s: serve needs it (lendgate up brings its own)", name))
		}
	}
	return errors.Join(faults...)
}

// accounts are the operator's own at third parties, or those of running simulators whose credentials lie in DataDir.
func (p *process) accounts() (vendorAccounts, error) {
	if !p.local("payments") && !p.local("push") {
		return vendorAccounts{}, nil
	}
	if p.config.SimulatorsURL == "" {
		return p.ownAccounts()
	}
	accounts, err := readSimAccounts(p.config.DataDir, p.config.SimulatorsURL)
	return p.simulatedAccounts(p.config.SimulatorsURL, accounts), err
}

// serveUntil opens the ports, runs the loops and drains when ctx ends.
func (p *process) serveUntil(ctx context.Context, f *front, out io.Writer) error {
	internal, err := p.internalHandler()
	if err != nil {
		return err
	}
	handlers := map[string]http.Handler{"internal": internal, "ops": p.opsHandler(func() bool { return ctx.Err() != nil })}
	addresses := map[string]string{"internal": p.config.InternalAddress, "ops": p.config.OpsAddress}
	if f != nil {
		handlers["edge"], addresses["edge"] = f.handler(p.tracing), p.config.EdgeAddress
		p.runs = append(p.runs, p.logged("websocket", f.socket.Run))
	}
	failed := make(chan error, len(handlers))
	var servers []*server
	for _, name := range []string{"edge", "internal", "ops"} {
		if handlers[name] == nil {
			continue
		}
		s, err := listen(ctx, name, addresses[name], false, handlers[name])
		if err != nil {
			return err
		}
		if name == "edge" && p.config.EdgeTLSCertificate != "" {
			s.scheme = "https"
		}
		servers = append(servers, s)
		fmt.Fprintf(out, "%s %s\n", name, s.url())
		go func() {
			certificate, key := "", ""
			if name == "edge" {
				certificate, key = p.config.EdgeTLSCertificate, p.config.EdgeTLSKey
			}
			if err := s.serve(certificate, key); err != nil {
				failed <- err
			}
		}()
	}
	loops, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var group sync.WaitGroup
	for _, run := range p.runs {
		group.Go(func() { run(loops) })
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), p.config.DrainTime)
	defer done()
	if f != nil {
		f.edge.Drain()
		_ = f.socket.Drain(drain)
	}
	for _, s := range servers {
		_ = s.http.Shutdown(drain)
	}
	cancel()
	group.Wait()
	return err
}

// Migrate brings the database of the configuration to what this binary needs.
func Migrate(ctx context.Context, config Config, out io.Writer) error {
	if config.DatabaseURL == "" {
		return errors.New("LENDGATE_DATABASE_URL: which database? (lendgate up migrates its own)")
	}
	keys, err := loadSecrets(config.MasterKeyFile)
	if err != nil {
		return err
	}
	return migrate.Up(ctx, config.DatabaseURL, keys.master, func(service string) { fmt.Fprintln(out, "migrated", service) })
}
