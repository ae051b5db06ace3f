package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lendgate/lendgate/internal/child"
)

// folderPrefix begins the name of each throwaway server's folder.
const folderPrefix = "lendgate-pgtest-"

// memoryNeeded is the free room in bytes from which a memory file system is
// used. A server takes 50 MB, and each database 10 MB. Containers often give
// 64 MB in all.
const memoryNeeded = 1 << 30

// settlingTime is how old a folder must be before it can be a leftover: a
// younger one may belong to a server that has yet to take its lock.
const settlingTime = time.Minute

// memoryFolder returns where copying a database is fastest: 20 ms in memory,
// ten times that on a disk.
func memoryFolder() string {
	const shm = "/dev/shm"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(shm, &fs); err == nil && uint64(fs.Bavail)*uint64(fs.Bsize) >= memoryNeeded { //nolint:unconvert // The field has another type on other systems.
		if probe, err := os.MkdirTemp(shm, folderPrefix); err == nil {
			_ = os.Remove(probe)
			return shm
		}
	}
	return os.TempDir()
}

// removeLeftovers removes the folders of servers whose process is gone and
// whose cleaner was killed as well. Failures leave them for another time.
func removeLeftovers(parent string) {
	folders, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*")) // The pattern is well formed.
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < settlingTime {
			continue
		}
		// The server's launcher holds this lock while it lives.
		lock, err := child.Lock(filepath.Join(folder, "lock"))
		if err != nil {
			continue
		}
		_ = os.RemoveAll(folder) // A server that still runs ends when its files are gone.
		_ = lock.Close()
	}
}

// cleaner waits until its input ends, which is when the test binary does, then
// stops the server if nothing else has, and removes the folder.
const cleaner = `
read -r nothing
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
tries=0
while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1"
`

// removeAfterUs leaves a process behind that removes the folder when alive is
// closed, which the kernel does at our end. A test binary has no other place
// for that: it may end by a panic, a timeout or a signal, and a package that
// uses this one need not have a TestMain.
func removeAfterUs(folder string) (alive io.Closer, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command("sh", "-c", cleaner, "pgtest-cleaner", folder)
	cmd.Stdin = read
	// A session of its own keeps Ctrl-C at the terminal away from it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the cleaner of %s: %w", folder, err), write.Close())
	}
	return write, nil
}
