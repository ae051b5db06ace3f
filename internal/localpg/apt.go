package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/lendgate/lendgate/internal/child"
)

// createClusterDir holds drop-in settings of Debian's postgresql-common.
const createClusterDir = "/etc/postgresql-common/createcluster.d"

// fromAPT installs Debian's PostgreSQL package without the cluster that it
// would make, and returns the folder of its binaries. It keeps its hands off a
// machine that has a cluster, however old: installing could upgrade and
// restart somebody's server.
func fromAPT(ctx context.Context, o FindOptions) (string, error) {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return "", errors.New("apt-get is not on this machine")
	}
	if os.Geteuid() != 0 {
		return "", errors.New("apt-get needs root")
	}
	if clusters, _ := filepath.Glob("/etc/postgresql/*/*"); len(clusters) > 0 {
		return "", fmt.Errorf("apt-get is not used, so as not to disturb the cluster of %s", clusters[0])
	}
	lock, err := child.WaitLock(ctx, filepath.Join(os.TempDir(), "lendgate-apt.lock"))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()

	restore, err := withoutMainCluster()
	if err != nil {
		return "", err
	}
	defer restore()
	name := "postgresql" // whatever version the distribution prefers
	if o.wanted != 0 {
		name = fmt.Sprintf("postgresql-%d", o.wanted)
	}
	o.say("installing %s with apt-get", name)
	if err := aptGet(ctx, apt, "install", "--no-install-recommends", name); err != nil {
		// A fresh machine has no package lists, a neglected one outdated lists.
		o.say("updating package lists")
		if err := aptGet(ctx, apt, "update"); err != nil {
			return "", err
		}
		if err := aptGet(ctx, apt, "install", "--no-install-recommends", name); err != nil {
			return "", err
		}
	}
	b, ok := installed(ctx, o.wanted)
	if !ok {
		return "", fmt.Errorf("the %s of this distribution is too old", name)
	}
	return b.Dir, nil
}

// withoutMainCluster tells postgresql-common to make no cluster, and returns
// the function that takes that back: the setting is ours for one installation
// and must not surprise whoever installs another version later.
func withoutMainCluster() (restore func(), err error) {
	if err := os.MkdirAll(createClusterDir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(createClusterDir, "lendgate.conf")
	if err := os.WriteFile(path, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(path) }, nil
}

// aptGet runs one apt-get command to its end. Neither Ctrl-C nor our own death
// stops it halfway, for that would leave the machine's packages half
// configured.
func aptGet(ctx context.Context, apt string, args ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cmd := exec.Command(apt, append([]string{"-y", "-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLine(string(out)))
	}
	return nil
}
