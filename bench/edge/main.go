package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/lendgate/lendgate/internal/clock"
)

// options are the flags.
type options struct {
	rounds, requests, warmup, conns int
	only                            string
	peers                           peers
	quick, pinned, caddy            bool
	bin, root, backend              string
}

// peers are running servers by name, as host:port.
type peers map[string]string

// String implements flag.Value.
func (p peers) String() string { return fmt.Sprint(map[string]string(p)) }

// Set implements flag.Value.
func (p peers) Set(text string) error {
	name, address, ok := strings.Cut(text, "=")
	address = strings.TrimPrefix(address, "http://")
	if !ok || name == "" || !strings.Contains(address, ":") {
		return errors.New("say name=http://host:port")
	}
	p[name] = strings.TrimSuffix(address, "/")
	return nil
}

func main() {
	o := options{peers: peers{}}
	flag.IntVar(&o.rounds, "rounds", 5, "rounds in which all contestants take their turn")
	flag.IntVar(&o.requests, "requests", 4000, "requests of a turn")
	flag.IntVar(&o.warmup, "warmup", 3000, "requests to each contestant before the first round")
	flag.IntVar(&o.conns, "conns", 16, "connections of the generator")
	flag.StringVar(&o.only, "only", "", "contestants to run, separated by commas; all when empty")
	flag.Var(o.peers, "peer", "a running peer as name=http://host:port; krakend and grpc-federation give R2 and R3")
	flag.StringVar(&o.backend, "backend", "", "address for the backends, for a peer that must know it before; a free one when empty")
	flag.BoolVar(&o.quick, "quick", false, "three short rounds, to see that the bench works; writes nothing that is committed")
	flag.BoolVar(&o.caddy, "caddy", false, "run caddy too, which takes minutes to build: make bench-caddy")
	flag.BoolVar(&o.pinned, "pinned", false, "set by the program itself when it has moved to its own core")
	flag.StringVar(&o.bin, "bin", ".lendgate/bench", "folder of the built contestants")
	flag.StringVar(&o.root, "root", ".", "folder of the module")
	flag.Parse()
	if o.quick {
		o.rounds, o.requests, o.warmup = min(o.rounds, 3), min(o.requests, 1000), min(o.warmup, 500)
	}
	if err := run(o); err != nil {
		slog.Error("bench-edge", "error", err.Error())
		os.Exit(1)
	}
}

// run moves to the generator's core, or goes on there.
func run(o options) error {
	if !o.pinned {
		return pin()
	}
	runtime.LockOSThread() // Children end when the thread that started them does (Pdeathsig); this one lasts.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "lendgate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // Whatever is left lies where the system cleans up.
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	c := &contest{options: o, dir: dir, clock: clock.System{}}
	defer c.stopAll()
	results, err := c.run(ctx)
	if err != nil {
		return err
	}
	results.print(os.Stdout)
	return results.write(o)
}

// pin starts this program anew on core 1, which children inherit. Threads of a running Go program cannot all be moved.
func pin() error {
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return errors.New("taskset is needed (util-linux): the server under test gets a core of its own")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := append([]string{"taskset", "-c", "1", self, "-pinned"}, os.Args[1:]...)
	return syscall.Exec(taskset, command, os.Environ())
}
