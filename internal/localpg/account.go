package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is under whose name the server runs, and who must own its data.
// PostgreSQL refuses to run as root, and to use a folder that is not its own.
type account struct {
	attr *syscall.SysProcAttr // nil: our own account
	uid  int                  // owner of the data, as this process sees it
	gid  int
}

// command prepares a run of one of the server's programs.
func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	if a.attr != nil {
		attr := *a.attr // The launcher adds to it.
		cmd.SysProcAttr = &attr
	}
	// The server takes defaults from the environment of libpq and of the
	// locale. Ours must not leak into it.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// chooseAccount returns the first account that this machine lets us use.
func chooseAccount(ctx context.Context, b Binaries) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	var failures error
	for _, candidate := range rootAccounts() {
		// A container may forbid namespaces, changing user, or both, and says
		// so only when asked.
		out, err := candidate.command(ctx, filepath.Join(b.Dir, "postgres"), "--version").CombinedOutput()
		if err == nil {
			return candidate, nil
		}
		failures = errors.Join(failures, fmt.Errorf("%w: %s", err, lastLine(string(out))))
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and this machine lets us take no other account: %w", failures)
}

// rootAccounts lists what root can try, best first.
func rootAccounts() []account {
	var accounts []account
	// initdb looks its user up by number, so the number must be a known one.
	for _, name := range []string{"postgres", "nobody", "daemon"} {
		known, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(known.Uid)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.Atoi(known.Gid)
		if err != nil {
			continue
		}
		accounts = append(accounts, disguises(uid, gid)...)
	}
	return accounts
}

// own makes the account the owner of path and all below it. It does nothing
// when path belongs to it already, which is always so for who is not root.
func (a account) own(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == a.uid {
		return nil
	}
	return filepath.WalkDir(path, func(entry string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(entry, a.uid, a.gid)
	})
}
