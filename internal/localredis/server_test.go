package localredis_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/internal/localredis"
)

// launcherDir, when set, turns the test binary into a launcher that starts a
// Redis in that folder and then waits to be killed.
const launcherDir = "LENDGATE_LOCALREDIS_LAUNCHER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(launcherDir); dir != "" {
		server, err := localredis.Start(context.Background(), localredis.Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(server.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T, o localredis.Options) (*localredis.Server, *redis.Client) {
	t.Helper()
	o.Dir = t.TempDir()
	server, err := localredis.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 { // Stopping twice is no error.
			if err := server.Stop(context.Background()); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		<-server.Done()
	})
	parsed, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(parsed)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

// needProgram skips the test on a machine without redis-server.
func needProgram(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
}

func TestRedisServesAndForgetsInTime(t *testing.T) {
	t.Parallel()
	for name, inProcess := range map[string]bool{"in-process": true, "redis-server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !inProcess {
				needProgram(t)
			}
			server, client := start(t, localredis.Options{InProcess: inProcess})
			if !strings.HasPrefix(server.Kind(), name) {
				t.Errorf("kind is %q, want %s", server.Kind(), name)
			}
			ctx := t.Context()
			if err := client.Set(ctx, "nonce", "seen", 100*time.Millisecond).Err(); err != nil {
				t.Fatal(err)
			}
			if got, err := client.SetNX(ctx, "nonce", "again", time.Minute).Result(); err != nil || got {
				t.Errorf("a fresh nonce was accepted twice: %v, %v", got, err)
			}
			if err := client.Set(ctx, "session", "kept", time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
			// A blocking read is the wait: nothing is ever pushed to this list.
			for client.Exists(ctx, "nonce").Val() == 1 {
				client.BLPop(ctx, time.Second, "nothing")
			}
			if got := client.Get(ctx, "session").Val(); got != "kept" {
				t.Errorf("a key of an hour is %q after a moment", got)
			}
		})
	}
}

func TestRedisEndsWithItsLauncher(t *testing.T) {
	t.Parallel()
	needProgram(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), launcherDir+"="+t.TempDir())
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
		t.Fatalf("the launcher did not start Redis: %v, %v", err, cmd.Wait())
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It says that it was killed.
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The connection ends when the server does.
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Error("Redis outlives its launcher")
	}
}
