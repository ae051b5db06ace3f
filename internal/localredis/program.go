package localredis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/internal/child"
)

// startPatience bounds the wait for a server that neither serves nor ends.
const startPatience = 20 * time.Second

// startAttempts is how often a start is tried: somebody may take the free port
// that was found for it.
const startAttempts = 5

// versionPattern finds "7.0.15" in "Redis server v=7.0.15 sha=00000000:0 …".
var versionPattern = regexp.MustCompile(`\bv=(\d+\.\d+\.\d+)`)

func programVersion(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return "", err
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return "", fmt.Errorf("it says %q instead of its version", out)
	}
	return string(match[1]), nil
}

// recent tells whether the version has what lendgate uses: GETEX and the
// options of SET came with 6.2.
func recent(version string) bool {
	majorText, rest, _ := strings.Cut(version, ".")
	minorText, _, _ := strings.Cut(rest, ".")
	major, majorErr := strconv.Atoi(majorText)
	minor, minorErr := strconv.Atoi(minorText)
	return majorErr == nil && minorErr == nil && (major > 6 || major == 6 && minor >= 2)
}

// startProgram runs redis-server in dir.
func startProgram(ctx context.Context, path, version, dir string) (*Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		addr, process, err := launch(ctx, path, dir)
		if err == nil {
			return &Server{
				addr: addr, kind: "redis-server " + version, pid: process.PID(), done: process.Done(),
				stop: func(ctx context.Context) error { return process.Stop(ctx, syscall.SIGTERM) },
			}, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || attempt == startAttempts {
			return nil, err
		}
	}
}

// launch starts the program once, on a free port, and waits until it serves.
func launch(ctx context.Context, path, dir string) (addr string, process *child.Process, err error) {
	port, err := child.FreePort()
	if err != nil {
		return "", nil, err
	}
	log, err := os.Create(filepath.Join(dir, "redis.log"))
	if err != nil {
		return "", nil, err
	}
	defer log.Close()
	cmd := exec.Command(path,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
		// It must not take the laptop's memory, and when it is full it refuses
		// rather than forgets: a forgotten nonce would let a replay pass.
		"--maxmemory", "128mb", "--maxmemory-policy", "noeviction",
	)
	cmd.Stdout, cmd.Stderr = log, log
	if process, err = child.Start(cmd, syscall.SIGTERM); err != nil {
		return "", nil, err
	}
	addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	err = awaitReady(ctx, addr, process)
	if err == nil {
		return addr, process, nil
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = process.Stop(stopCtx, syscall.SIGTERM) // The first error is the one that tells.
	said, _ := os.ReadFile(log.Name())
	if strings.Contains(string(said), "Address already in use") {
		err = fmt.Errorf("%w: %w", syscall.EADDRINUSE, err)
	}
	return "", nil, fmt.Errorf("redis-server does not start: %w; see %s", err, log.Name())
}

// awaitReady returns when the server answers or has ended.
func awaitReady(ctx context.Context, addr string, process *child.Process) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ReadTimeout: time.Second})
	defer client.Close()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		// Somebody else may have taken the port and answer in its place. The
		// process id tells them apart.
		info, err := client.Info(ctx, "server").Result()
		if err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", process.PID())) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-process.Done():
			return fmt.Errorf("it ended: %v", process.Err())
		case <-retry.C:
		}
	}
}
