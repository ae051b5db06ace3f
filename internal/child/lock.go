package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrLocked means that a living process holds the lock.
var ErrLocked = errors.New("locked by another process")

// FileLock is a lock that this process holds.
type FileLock struct{ file *os.File }

// Close gives the lock back. Closing twice is an error without effect.
func (l *FileLock) Close() error {
	// Unlocking says it for the file however many descriptors it has: closing
	// ours would leave the lock with a child that another goroutine has forked
	// and that has not yet closed what it inherited.
	err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	return errors.Join(err, l.file.Close())
}

// Lock takes the exclusive lock of the file at path, creating it if needed,
// and notes our process id in it for people to read. The lock ends when it
// is closed or this process dies; the file itself stays, since removing it
// would let two processes lock two files of one name.
//
// It returns an error that wraps ErrLocked, and names the holder, when
// somebody else has it.
func Lock(path string) (*FileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path)
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w (pid %s)", path, ErrLocked, strings.TrimSpace(string(holder)))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The note is a courtesy; the lock holds without it.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return &FileLock{file: f}, nil
}

// WaitLock takes the lock of the file at path as soon as its holder gives it
// back. It returns the context's error if that ends first.
func WaitLock(ctx context.Context, path string) (*FileLock, error) {
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		lock, err := Lock(path)
		if !errors.Is(err, ErrLocked) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-retry.C:
		}
	}
}

// FreePort returns a port of 127.0.0.1 that nobody listens on right now.
// Somebody may take it before the caller does, who then has to try again.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
