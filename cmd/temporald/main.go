package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

// memoryTarget makes the garbage collector work harder above this many bytes.
// It is a soft limit: a busy server may exceed it, an idle one shrinks back.
const memoryTarget = 160 << 20

// stopPatience bounds the shutdown, which takes about a second by itself.
const stopPatience = 4 * time.Second

type options struct {
	address        string
	host           string
	port           int
	user           string
	database       string
	visibility     string
	namespace      string
	retention      time.Duration
	logLevel       string
	exitWithParent bool
}

func parseFlags(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("temporald", flag.ContinueOnError)
	set.StringVar(&o.address, "address", "127.0.0.1:0", "loopback address of the frontend; port 0 picks a free one")
	set.StringVar(&o.host, "db-host", "127.0.0.1", "PostgreSQL host, or the folder of its unix socket")
	set.IntVar(&o.port, "db-port", 5432, "PostgreSQL port")
	set.StringVar(&o.user, "db-user", "postgres", "PostgreSQL user; may create databases unless both exist")
	set.StringVar(&o.database, "db-name", "temporal", "database of workflow state")
	set.StringVar(&o.visibility, "db-visibility-name", "temporal_visibility", "database of workflow search")
	set.StringVar(&o.namespace, "namespace", "default", "namespace to register")
	set.DurationVar(&o.retention, "retention", 7*24*time.Hour, "how long finished workflows of the namespace are kept")
	set.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn or error")
	set.BoolVar(&o.exitWithParent, "exit-with-parent", false, "stop when standard input is closed")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return o, nil
}

func main() {
	o, err := parseFlags(os.Args[1:])
	if err != nil {
		os.Exit(2) // The flag package has already said why.
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.exitWithParent {
		ctx = untilClosed(ctx, os.Stdin)
	}
	// The launcher reads one line and no more. What a library prints goes to the
	// log.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	if err := run(ctx, o, stdout); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "temporald:", err)
		os.Exit(1)
	}
}

// untilClosed returns a context that ends when r does. The launcher holds the
// other end of the pipe and never writes to it, so the end of input means that
// the launcher is gone, however it went.
func untilClosed(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r)
	}()
	return ctx
}

// run serves until ctx ends.
func run(ctx context.Context, o options, stdout io.Writer) error {
	debug.SetMemoryLimit(memoryTarget)
	debug.SetGCPercent(50)
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: o.logLevel}))

	db := database{host: o.host, port: o.port, user: o.user, password: os.Getenv("TEMPORALD_DB_PASSWORD")}
	if err := prepare(ctx, db, logger, o.database, o.visibility); err != nil {
		return err
	}
	layout, err := pickPorts(o.address)
	if err != nil {
		return err
	}
	cfg := serverConfig(layout, db.store(o.database), db.store(o.visibility))
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(layout.hosts()),
		temporal.WithDynamicConfigClient(smallMachine()),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return fmt.Errorf("assemble the server: %w", err)
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	defer stopWithin(stopPatience, server)

	if err := register(ctx, layout.frontend(), o.namespace, o.retention); err != nil {
		return err
	}
	line := struct {
		Ready   bool   `json:"ready"`
		Address string `json:"address"`
	}{true, layout.frontend()}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("announce readiness: %w", err)
	}
	<-ctx.Done()
	return nil
}

// stopWithin shuts the server down, but waits no longer than patience: a
// connection that somebody opened and never used would hold gRPC up for two
// minutes. What is cut off is safe, because all state is in the database.
func stopWithin(patience time.Duration, server temporal.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Stop() // It always returns nil.
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// freePort asks the system for a port that nobody listens on. Somebody else
// may take it before we do; then the server fails to start and the launcher
// tries again.
func freePort(address string) (int, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
