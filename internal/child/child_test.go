package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/lendgate/lendgate/internal/child"
)

// launcher, when set, turns the test binary into a process that starts a child
// and then waits to be killed.
const launcher = "LENDGATE_CHILD_LAUNCHER"

func TestMain(m *testing.M) {
	if os.Getenv(launcher) != "" {
		cmd := exec.Command("sh", "-c", "trap 'echo asked; exit' TERM; echo started; while :; do read -r _ || :; done <&3")
		cmd.Stdout = os.Stdout
		cmd.ExtraFiles = []*os.File{os.Stdin} // Reading it blocks until the test closes it.
		if _, err := child.Start(cmd, syscall.SIGTERM); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

func TestChildIsToldOfOurDeath(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a death signal")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), launcher+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, write, err := os.Pipe() // Ours alone, so that Wait does not wait for the grandchild.
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	lines := bufio.NewReader(stdout)
	if line, err := lines.ReadString('\n'); line != "started\n" {
		t.Fatalf("the grandchild said %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It says that it was killed.
	rest, err := io.ReadAll(lines)
	if err != nil || string(rest) != "asked\n" {
		t.Errorf("after its parent's death the grandchild said %q, %v; want asked", rest, err)
	}
}

func TestStopEndsTheChild(t *testing.T) {
	t.Parallel()
	t.Run("politely when it obeys", func(t *testing.T) {
		t.Parallel()
		p, err := child.Start(exec.Command("sleep", "600"), syscall.SIGKILL)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Stop(t.Context(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if p.Err() == nil {
			t.Error("a child that a signal ended reports success")
		}
		if err := p.Stop(t.Context(), syscall.SIGTERM); err != nil {
			t.Errorf("stopping twice: %v", err)
		}
	})
	t.Run("by force when it does not", func(t *testing.T) {
		t.Parallel()
		p, err := child.Start(exec.Command("sleep", "600"), syscall.SIGKILL)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		// The window signal ends nobody, so the patience, which is none, does.
		if err := p.Stop(ctx, syscall.SIGWINCH); !errors.Is(err, context.Canceled) {
			t.Errorf("Stop returned %v, want the context's error", err)
		}
		<-p.Done()
	})
	t.Run("and a program that is not there never starts", func(t *testing.T) {
		t.Parallel()
		if _, err := child.Start(exec.Command(filepath.Join(t.TempDir(), "absent")), syscall.SIGKILL); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Start returned %v, want that the file is absent", err)
		}
	})
}

func TestLockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := child.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.Lock(path); !errors.Is(err, child.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("the second holder got %v, want ErrLocked with our pid", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := child.Lock(path)
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	_ = second.Close()
}
