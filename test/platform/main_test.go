package platform_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/localtemporal"
)

// buildPatience bounds the compilation of the binary and of the workflow server on a machine that has neither.
const buildPatience = 10 * time.Minute

// programs are what the tests run, compiled once for all of them.
type programs struct {
	// root is the module's folder, where the binary is started, as an operator starts it.
	root     string
	lendgate string
	// temporald is the compiled workflow server: installations share it, since to compile it takes minutes.
	temporald string
}

// build compiles on first use. It is global because the tests have nothing else in common that could hold it.
var build = sync.OnceValues(func() (*programs, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildPatience)
	defer cancel()
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	p := &programs{root: root, lendgate: filepath.Join(scratch, "lendgate")}
	command := exec.CommandContext(ctx, "go", "build", "-o", p.lendgate, "./cmd/lendgate")
	command.Dir = root
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build ./cmd/lendgate: %w\n%s", err, said)
	}
	p.temporald, err = localtemporal.Build(ctx, localtemporal.BuildOptions{BinDir: filepath.Join(root, ".lendgate", "bin")})
	return p, err
})

// scratch is removed when all tests have run.
var scratch string

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "lendgate-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	// PostgreSQL runs under an account of its own when we are root: it must be let through, though it sees nothing on its way.
	if err := os.Chmod(scratch, 0o711); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if shared != nil {
		if err := shared.stop(); err != nil && code == 0 {
			fmt.Fprintf(os.Stderr, "stop the shared installation: %v\n", err)
			return 1
		}
	}
	return code
}

// shared is an installation that several tests use one after another, none of which stops or kills it.
var shared *installation

// useShared starts the shared installation for the first test that asks.
func useShared(t *testing.T) *installation {
	t.Helper()
	if shared == nil {
		in := newInstallation(t)
		in.start(t)
		shared = in
	}
	in := shared
	in.reportOn(t)
	return in
}

// slow leaves out tests that run the platform when only fast ones are wanted.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the platform for a while; left out by -short")
	}
}
