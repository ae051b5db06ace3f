package web_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/child"
	"github.com/lendgate/lendgate/internal/localtemporal"
)

// Patience with a machine under load: the first start compiles the workflow server where nobody did before.
const (
	buildPatience = 10 * time.Minute
	startPatience = 2 * time.Minute
	stopPatience  = time.Minute
	glance        = 50 * time.Millisecond
)

// platform is a running `lendgate up` with a folder of its own.
type platform struct {
	app.Platform
	dir string
}

// startPlatform builds the binary and runs it until the test ends.
func startPlatform(t *testing.T) *platform {
	t.Helper()
	root := moduleRoot(t)
	dir, err := os.MkdirTemp("", "lendgate-web-") // Not t.TempDir: PostgreSQL runs under another account and must be let through.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o711), os.Mkdir(filepath.Join(dir, "bin"), 0o755)); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "lendgate")
	ctx, cancel := context.WithTimeout(t.Context(), buildPatience)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/lendgate")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/lendgate: %v\n%s", err, said)
	}
	temporald, err := localtemporal.Build(ctx, localtemporal.BuildOptions{BinDir: filepath.Join(root, ".lendgate", "bin")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(temporald, filepath.Join(dir, "bin", filepath.Base(temporald))); err != nil {
		t.Fatal(err)
	}
	return runPlatform(t, root, binary, dir)
}

func runPlatform(t *testing.T, root, binary, dir string) *platform {
	t.Helper()
	out, err := os.Create(filepath.Join(dir, "up.out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	command := exec.Command(binary, "up")
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "LENDGATE_") })
	command.Dir, command.Env = root, append(environment, "LENDGATE_DATA_DIR="+dir, "LENDGATE_EDGE_ADDRESS=127.0.0.1:0")
	command.Stdout, command.Stderr = out, out
	process, err := child.Start(command, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := process.Stop(ctx, syscall.SIGTERM); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	p := &platform{dir: dir}
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	err = await(ctx, func() (bool, error) {
		select {
		case <-process.Done():
			return false, fmt.Errorf("lendgate up ended: %v", process.Err())
		default:
		}
		var err error
		p.Platform, err = app.FindPlatform(dir)
		return err == nil, nil
	})
	if err != nil {
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("the platform does not start: %v\n%s", err, said)
	}
	return p
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal(fs.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
}

// await looks until the answer is yes, an error is final, or ctx ends.
func await(ctx context.Context, look func() (bool, error)) error {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if yes, err := look(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// screenshots is the folder for pictures of the screens; empty means none.
var screenshots = flag.String("screenshots", "", "folder to keep pictures of the screens in")
