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
	"sync"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/journal"
	"github.com/lendgate/lendgate/internal/migrate"
)

// Up runs the whole platform in this process until ctx ends: the machine's servers that are missing, migrations, the simulators, all
// services, the edge and the demo data. It tells out what it does, and prints a table when everything is ready.
func Up(ctx context.Context, config Config, out io.Writer) (err error) {
	if err := os.MkdirAll(config.DataDir, 0o755); err != nil {
		return err
	}
	log, closeLog, err := fileLogger(config)
	if err != nil {
		return err
	}
	defer closeLog()
	progress := newProgress(out, time.Now)
	fmt.Fprintln(out, "Starting lendgate. The first start compiles the workflow server, which takes some minutes.")
	keys, err := loadSecrets(config.MasterKeyFile)
	if err != nil {
		return err
	}
	machine, err := startMachine(ctx, config, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, machine.stop()) }()

	done := progress.begin("Migrations")
	if err := migrate.Up(ctx, machine.databaseURL, keys.master, nil); err != nil {
		return err
	}
	if config.DatabaseURL == "" {
		if err := releaseOrphans(ctx, machine.databaseURL); err != nil {
			return err
		}
	}
	done("up to date")

	up, err := newUp(ctx, config, machine, keys, log)
	if err != nil {
		return err
	}
	defer up.stop()
	done = progress.begin("Services")
	if err := up.start(ctx); err != nil {
		return err
	}
	done("all in this process")

	done = progress.begin("Demo data")
	if err := seed(ctx, up.process.clients.products, up.process.tenants.Default()); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	people := demoPeople()
	done(fmt.Sprintf("%d people", len(people)))

	done = progress.begin("Edge")
	up.front.edge.Settle(ctx)
	done("knows whose signatures are new") // A Redis that has just started cannot tell at once.

	platform := up.platform()
	if err := platform.write(config.DataDir); err != nil {
		return err
	}
	defer platform.forget(config.DataDir)
	printTable(out, config, platform, machine, people, progress.elapsed())
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nStopping.")
		return nil
	case err := <-machine.ended:
		return err
	case err := <-up.failed:
		return err
	}
}

// up is a running platform in one process.
type up struct {
	process *process
	front   *front
	sims    *simulators
	// servers by name: edge, internal, ops, simulators.
	servers map[string]*server
	failed  chan error

	cancel context.CancelFunc
	loops  sync.WaitGroup
}

// newUp opens the ports and builds the parts. Handlers are filled in behind the ports, so that addresses are known first.
func newUp(ctx context.Context, config Config, m *machine, keys secrets, log *slog.Logger) (*up, error) {
	u := &up{servers: map[string]*server{}, failed: make(chan error, 8)}
	edge, internal, ops, sims := &lateHandler{}, &lateHandler{}, &lateHandler{}, &lateHandler{}
	for _, s := range []struct {
		name, address string
		handler       http.Handler
	}{
		{"edge", config.EdgeAddress, edge}, {"internal", config.InternalAddress, internal},
		{"ops", config.OpsAddress, ops}, {"simulators", simulatorsAddress(config.DataDir), sims},
	} {
		server, err := listen(ctx, s.name, s.address, true, s.handler)
		if err != nil {
			return nil, err
		}
		u.servers[s.name] = server
	}
	u.servers["edge"].scheme = config.edgeScheme()
	u.servers["edge"].guard(config.connectionsPerAddress(), clock.System{})
	if config.PublicURL == "" {
		config.PublicURL = u.servers["edge"].url()
	}
	var err error
	if u.sims, err = startSimulators(config, u.servers["simulators"].url(), log); err != nil {
		return nil, err
	}
	sims.Handler = u.sims.handler()
	if u.process, err = newProcess(ctx, config, m, keys, log, ServiceNames()); err != nil {
		return nil, err
	}
	u.process.sandboxCodes = demoCodes()
	if err := makeDemoPartnerKey(config); err != nil {
		return nil, err
	}
	client, err := newRedis(m.redisURL, log)
	if err != nil {
		return nil, err
	}
	u.process.closes = append(u.process.closes, func() { _ = client.Close() })
	if err := u.process.build(ctx, u.process.simulatedAccounts(u.servers["simulators"].url(), u.sims.accounts), client); err != nil {
		return nil, err
	}
	if u.front, err = u.process.newFront(config, client, log); err != nil {
		return nil, err
	}
	u.process.runs = append(u.process.runs, func(ctx context.Context) { u.process.plan.watch(ctx, nil) }) // SIGHUP ends up: its terminal is gone.
	edge.Handler = u.front.edge.Handler()
	internal.Handler = u.process.internalHandler()
	u.servers["internal"].links = u.process.links
	ops.Handler = u.process.opsHandler(func() bool { return !u.front.edge.Ready() })
	return u, nil
}

// simulatorsAddress keeps the port of the last start, so that payment pages and webhooks of before a restart stay good.
func simulatorsAddress(dataDir string) string {
	if last, err := os.ReadFile(filepath.Join(dataDir, "simulators", "address")); err == nil {
		return string(last)
	}
	return "127.0.0.1:0"
}

// lateHandler is a handler that is filled in before its server serves.
type lateHandler struct{ http.Handler }

// start serves the ports and runs the loops.
func (u *up) start(context.Context) error {
	if err := os.WriteFile(filepath.Join(u.process.config.DataDir, "simulators", "address"), []byte(u.servers["simulators"].address()), 0o600); err != nil {
		return err
	}
	for name, s := range u.servers {
		certificate, key := "", ""
		if name == "edge" {
			certificate, key = u.process.config.EdgeTLSCertificate, u.process.config.EdgeTLSKey
		}
		go func() {
			if err := s.serve(certificate, key); err != nil {
				u.failed <- err
			}
		}()
	}
	// The loops outlive ctx until requests in hand are done: stop ends them.
	loops, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	for _, run := range append(u.process.runs, u.runSocket) {
		u.loops.Go(func() { run(loops) })
	}
	return nil
}

func (u *up) runSocket(ctx context.Context) {
	if err := u.front.socket.Run(ctx); err != nil && ctx.Err() == nil {
		u.failed <- fmt.Errorf("websocket: %w", err)
	}
}

// stop drains: no new requests, those in hand finish, sockets are sent away, loops end, and what was opened is closed.
func (u *up) stop() {
	config := u.process.config
	if !drain(u.front.face(), u.servers, config.DrainGrace, config.DrainTime) {
		u.process.log.Warn("requests were cut off: they did not end within the drain time", "drain_time", config.DrainTime.String())
	}
	_ = u.front.socket.Close()
	if u.cancel != nil {
		u.cancel()
	}
	u.loops.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), config.DrainTime)
	defer cancel()
	_ = u.servers["simulators"].http.Shutdown(ctx)
	_ = u.sims.stop(ctx)
	u.process.close()
}

// platform says where everything listens.
func (u *up) platform() Platform {
	note := u.process.note(u.servers)
	note.SimulatorsURL = u.servers["simulators"].url()
	note.Processes[0].Name, note.Processes[0].Children = wholeName, u.process.machine.children
	return note
}

// fileLogger logs to DataDir/lendgate.log, so that the terminal stays readable.
func fileLogger(config Config) (*slog.Logger, func(), error) {
	file, err := os.OpenFile(filepath.Join(config.DataDir, "lendgate.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	log, flush := journal.New(file, config.LogLevel)
	return log, func() { flush(); _ = file.Close() }, nil
}
