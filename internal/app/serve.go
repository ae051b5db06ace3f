package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lendgate/lendgate/internal/journal"
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
	log, flush := journal.New(os.Stderr, config.LogLevel)
	defer flush()
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
		if f, err = p.newFront(config, client, log); err != nil {
			return err
		}
		f.edge.Settle(ctx)
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
	servers, err := p.openPorts(ctx, f)
	if err != nil {
		return err
	}
	failed := make(chan error, len(servers))
	for name, s := range servers {
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
	note := p.note(servers)
	if err := note.write(p.config.DataDir); err != nil {
		p.log.WarnContext(ctx, "verbs on this machine will not find this process", "error", err.Error())
	}
	defer note.forget(p.config.DataDir)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	p.runs = append(p.runs, func(ctx context.Context) { p.plan.watch(ctx, hangups) })
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
	if !drain(f.face(), servers, p.config.DrainGrace, p.config.DrainTime) {
		p.log.WarnContext(ctx, "requests were cut off: they did not end within the drain time", "drain_time", p.config.DrainTime.String())
	}
	cancel()
	group.Wait()
	return err
}

// openPorts opens the ports of this process. When one cannot be had, none stays open.
func (p *process) openPorts(ctx context.Context, f *front) (map[string]*server, error) {
	handlers := map[string]http.Handler{"internal": p.internalHandler(), "ops": p.opsHandler(func() bool { return ctx.Err() != nil })}
	addresses := map[string]string{"internal": p.config.InternalAddress, "ops": p.config.OpsAddress, "edge": p.config.EdgeAddress}
	if f != nil {
		handlers["edge"] = f.edge.Handler()
		p.runs = append(p.runs, p.logged("websocket", f.socket.Run))
	}
	servers := map[string]*server{}
	for name, handler := range handlers {
		s, err := p.open(ctx, name, addresses[name], handler)
		if err != nil {
			for _, open := range servers {
				_ = open.listener.Close()
			}
			return nil, err
		}
		servers[name] = s
	}
	servers["internal"].links = p.links
	return servers, nil
}

// open opens one port. The edge's may have been opened by a service manager, and is fit for the open.
func (p *process) open(ctx context.Context, name, address string, handler http.Handler) (*server, error) {
	if name != "edge" {
		return listen(ctx, name, address, false, handler)
	}
	inherited, err := inheritedListener(os.Getenv, firstInherited)
	if err != nil {
		return nil, err
	}
	var s *server
	if inherited != nil {
		s = newServer(name, inherited, handler)
		s.inherited = true
	} else if s, err = listen(ctx, name, address, false, handler); err != nil {
		return nil, err
	}
	s.scheme = p.config.edgeScheme()
	s.guard(p.config.connectionsPerAddress(), p.clock)
	return s, nil
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
