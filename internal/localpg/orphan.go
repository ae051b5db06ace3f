package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// holder is what stands behind the process id in a postmaster.pid.
type holder int

const (
	gone   holder = iota // there is no such process
	alien                // a zombie, or a program that is not our server
	orphan               // a server that runs on this very folder
)

// clearOrphan makes the data folder free to start on, after a launcher or a
// server was killed. The caller holds the lock of the folder, so a server that
// still runs on it has lost its launcher.
func clearOrphan(ctx context.Context, data string) error {
	path := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil {
		// The file is written in one go, so this is a crash in the middle of
		// it: no server got as far as using the data.
		return os.Remove(path)
	}
	state := identify(pid, data)
	if state == orphan {
		if err := stopOrphan(ctx, pid, data); err != nil {
			return err
		}
		state = identify(pid, data)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if state == gone {
		return nil // The server sees that by itself.
	}
	// The server would take the process for a rival and refuse to start. It
	// disregards the id of its own parent, however, and that will be us. Naming
	// us rather than removing the file keeps its second safeguard at work: the
	// rest of the file names the shared memory, and while any process of the
	// dead server still uses it, the new one refuses to start.
	return os.WriteFile(path, append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...), 0o600)
}

// stopOrphan shuts a server down that is not our child: politely, then
// without a checkpoint, then by force. All three keep what was committed.
func stopOrphan(ctx context.Context, pid int, data string) error {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := syscall.Kill(pid, step.signal); errors.Is(err, syscall.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("stop the PostgreSQL server left over in %s (pid %d): %w", data, pid, err)
		}
		for deadline := time.After(step.patience); deadline != nil; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-deadline:
				deadline = nil
			case <-poll.C:
				if identify(pid, data) != orphan {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("the PostgreSQL server left over in %s (pid %d) does not stop", data, pid)
}
