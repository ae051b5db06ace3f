package localtemporal_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/lendgate/lendgate/internal/localpg"
	"github.com/lendgate/lendgate/internal/localtemporal"
)

// These two, when set, turn the test binary into a launcher that starts the
// program on the database and then waits to be killed.
const (
	launcherBinary   = "LENDGATE_LOCALTEMPORAL_LAUNCHER_BINARY"
	launcherDatabase = "LENDGATE_LOCALTEMPORAL_LAUNCHER_DATABASE"
)

func TestMain(m *testing.M) {
	if binary := os.Getenv(launcherBinary); binary != "" {
		server, err := localtemporal.Start(context.Background(), localtemporal.Options{
			Binary: binary, DatabaseURL: os.Getenv(launcherDatabase), LogFile: os.DevNull,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(server.Address())
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// program returns the compiled program. It skips the test rather than compile
// it for minutes, unless that was asked for.
func program(t *testing.T) string {
	t.Helper()
	o := localtemporal.BuildOptions{
		BinDir:   filepath.Join("..", "..", ".lendgate", "bin"), // where `lendgate up` keeps it
		Progress: func(line string) { t.Log(line) },
	}
	_, ok, err := localtemporal.Compiled(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !ok && os.Getenv("LENDGATE_TEST_TEMPORALD") == "" {
		t.Skip("cmd/temporald is not compiled yet, which takes minutes: set LENDGATE_TEST_TEMPORALD=1, or run `lendgate up` once")
	}
	binary, err := localtemporal.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// database starts a throwaway PostgreSQL server and returns its URL.
func database(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	b, err := localpg.Find(t.Context(), localpg.FindOptions{InstallDir: filepath.Join(cache, "lendgate", "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := localpg.Start(t.Context(), localpg.Options{Binaries: b, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(context.Background()); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return cluster.URL("postgres")
}

func start(t *testing.T, binary, databaseURL string) *localtemporal.Server {
	t.Helper()
	begin := time.Now()
	server, err := localtemporal.Start(t.Context(), localtemporal.Options{
		Binary: binary, DatabaseURL: databaseURL, LogFile: filepath.Join(t.TempDir(), "temporald.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *localtemporal.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	begin := time.Now()
	if err := server.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	t.Logf("stopped after %s", time.Since(begin).Round(time.Millisecond))
}

// approve is a process that waits for a person in the middle.
func approve(ctx workflow.Context, applicant string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var greeting string
	if err := workflow.ExecuteActivity(ctx, greet, applicant).Get(ctx, &greeting); err != nil {
		return "", err
	}
	var answer string
	workflow.GetSignalChannel(ctx, "answer").Receive(ctx, &answer)
	return greeting + " " + answer, nil
}

func greet(_ context.Context, applicant string) (string, error) { return "dear " + applicant, nil }

// work connects to the server and runs a worker until stop is called.
func work(t *testing.T, address string) (c client.Client, stop func()) {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: address})
	if err != nil {
		t.Fatal(err)
	}
	w := worker.New(c, "smoke", worker.Options{})
	w.RegisterWorkflow(approve)
	w.RegisterActivity(greet)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return c, func() { w.Stop(); c.Close() }
}

func TestWorkflowSurvivesKilledServer(t *testing.T) {
	t.Parallel()
	binary, databaseURL := program(t), database(t)
	first := start(t, binary, databaseURL)
	c, leave := work(t, first.Address())
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "approval", TaskQueue: "smoke"}, approve, "applicant")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("resident memory %s", memory(first.PID()))
	if err := syscall.Kill(first.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	leave()

	second := start(t, binary, databaseURL)
	c, leave = work(t, second.Address())
	defer leave()
	begin := time.Now()
	if err := c.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), "answer", "yes"); err != nil {
		t.Fatal(err)
	}
	var result string
	if err := c.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()).Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	if result != "dear applicant yes" {
		t.Errorf("the workflow returned %q", result)
	}
	t.Logf("finished %s after the signal; resident memory %s", time.Since(begin).Round(time.Millisecond), memory(second.PID()))
}

// memory is what the process holds, for people to read.
func memory(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func TestServerEndsWithItsLauncher(t *testing.T) {
	t.Parallel()
	binary, databaseURL := program(t), database(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), launcherBinary+"="+binary, launcherDatabase+"="+databaseURL)
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
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the launcher did not start the server: %v, %v", err, cmd.Wait())
	}
	// An open connection ends when the server does: no need to look again and
	// again.
	conn, err := net.Dial("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It says that it was killed.
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Error("the server outlives its launcher")
	}
}
