package localpg_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/localpg"
)

// launcherDir, when set, turns the test binary into a launcher that starts the
// cluster in that folder and then waits to be killed.
const launcherDir = "LENDGATE_LOCALPG_LAUNCHER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(launcherDir); dir != "" {
		if err := launch(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func launch(dir string) error {
	b, err := localpg.Find(context.Background(), localpg.FindOptions{Dir: dir})
	if err != nil {
		return err
	}
	c, err := localpg.Start(context.Background(), localpg.Options{Binaries: b, Dir: dir, Durable: true})
	if err != nil {
		return err
	}
	fmt.Println(c.URL("postgres"))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// findOnce looks PostgreSQL up once for all tests, and installs it on a
// machine that has none.
var findOnce = sync.OnceValues(func() (localpg.Binaries, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return localpg.Binaries{}, err
	}
	return localpg.Find(context.Background(), localpg.FindOptions{InstallDir: filepath.Join(cache, "lendgate", "postgres")})
})

func options(t *testing.T) localpg.Options {
	t.Helper()
	b, err := findOnce()
	if err != nil {
		t.Fatal(err)
	}
	return localpg.Options{Binaries: b, Dir: t.TempDir(), Progress: func(line string) { t.Log(line) }}
}

func start(t *testing.T, o localpg.Options) *localpg.Cluster {
	t.Helper()
	c, err := localpg.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return c
}

// query runs one statement that returns one text, or nothing.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), statement).Scan(&answer); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", statement, err)
	}
	return answer
}

const (
	insertLoans = "CREATE TABLE loan AS SELECT generate_series(1, 1000) AS id"
	countLoans  = "SELECT count(*)::text FROM loan"
)

func TestClusterKeepsItsDataAcrossStarts(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Durable = true
	c := start(t, o)
	if err := c.EnsureDatabase(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureDatabase(t.Context(), "books"); err != nil {
		t.Fatalf("a database that exists: %v", err)
	}
	query(t, c.URL("books"), insertLoans)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	default:
		t.Fatal("Stop returned before the server ended")
	}

	again := start(t, o)
	if got := query(t, again.URL("books"), countLoans); got != "1000" {
		t.Errorf("after a restart there are %s loans, want 1000", got)
	}
}

func TestClusterRefusesWrongPasswordAndForeignLauncher(t *testing.T) {
	t.Parallel()
	o := options(t)
	c := start(t, o)

	t.Run("a connection without the password is refused", func(t *testing.T) {
		cfg, err := pgx.ParseConfig(c.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Password = "guess"
		if conn, err := pgx.ConnectConfig(t.Context(), cfg); err == nil {
			_ = conn.Close(context.Background())
			t.Fatal("connected with a wrong password")
		}
	})
	t.Run("the password is for the owner's eyes", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(o.Dir, "password"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("password file has mode %v, want 0600", info.Mode())
		}
	})
	t.Run("a second launcher is told who uses the cluster", func(t *testing.T) {
		_, err := localpg.Start(t.Context(), o)
		if !errors.Is(err, localpg.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
			t.Fatalf("second Start returned %v, want ErrInUse with our pid", err)
		}
		query(t, c.URL("postgres"), "SELECT 'unharmed'")
	})
}

func TestClusterSurvivesKilledLauncher(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Durable = true

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), launcherDir+"="+o.Dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // Held open: the launcher waits on it.
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the launcher did not start the cluster: %v, %v", err, cmd.Wait())
	}
	query(t, strings.TrimSpace(url), insertLoans)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It says that it was killed.

	c := start(t, o)
	if got := query(t, c.URL("postgres"), countLoans); got != "1000" {
		t.Errorf("after the launcher was killed there are %s loans, want 1000", got)
	}
}

func TestClusterSurvivesKilledServer(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Durable = true
	c := start(t, o)
	query(t, c.URL("postgres"), insertLoans)
	if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatalf("stop after the server was killed: %v", err)
	}
	again := start(t, o)
	if got := query(t, again.URL("postgres"), countLoans); got != "1000" {
		t.Errorf("after the server was killed there are %s loans, want 1000", got)
	}
}

func TestClusterReplacesOrphan(t *testing.T) {
	t.Parallel()
	o := options(t)
	first := start(t, o)
	query(t, first.URL("postgres"), insertLoans)
	first.Abandon()

	second := start(t, o)
	select {
	case <-first.Done():
	default:
		t.Error("two servers run on one folder")
	}
	if got := query(t, second.URL("postgres"), countLoans); got != "1000" {
		t.Errorf("after the orphan was replaced there are %s loans, want 1000", got)
	}
}

func TestClusterDisregardsStalePID(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]bool{
		"a living stranger": true,
		"a zombie":          false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			if err := start(t, o).Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			// cat waits for input, and ends when it gets none. Until Wait is
			// called it then stays a zombie.
			stranger := exec.Command("cat")
			stdin, err := stranger.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := stranger.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = stdin.Close(); _ = stranger.Wait() })
			if !keep {
				_ = stdin.Close()
			}
			stale := fmt.Sprintf("%d\n%s/data\n1700000000\n5432\n\n127.0.0.1\n  5432001 0\nready   \n", stranger.Process.Pid, o.Dir)
			if err := os.WriteFile(filepath.Join(o.Dir, "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
				t.Fatal(err)
			}

			c := start(t, o)
			query(t, c.URL("postgres"), "SELECT 'serves'")
			if err := stranger.Process.Signal(syscall.Signal(0)); keep && err != nil {
				t.Errorf("the stranger was harmed: %v", err)
			}
		})
	}
}

func TestClusterRunsUnderEachAccountOfRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has to choose an account")
	}
	o := options(t)
	// As in a home folder of root's: nobody else may enter.
	if err := os.Chmod(filepath.Dir(o.Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	served := 0
	for i := range localpg.RootAccounts() {
		// One after the other on the same folder, so that each has to take the
		// data over from the one before it.
		c, err := localpg.Start(t.Context(), o.WithRootAccount(i))
		if err != nil {
			t.Logf("account %d: %v", i, err) // Some cannot work here.
			continue
		}
		query(t, c.URL("postgres"), "SELECT 'serves'")
		served++
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d accounts can run the server here", served, localpg.RootAccounts())
	if served == 0 {
		t.Error("no account can run the server")
	}
}
