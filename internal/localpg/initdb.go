package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lendgate/lendgate/internal/child"
)

// initialize makes the cluster in o.Dir unless it is there, and returns the
// superuser's password.
func initialize(ctx context.Context, o Options, owner account) (string, error) {
	data, passwordFile := filepath.Join(o.Dir, "data"), filepath.Join(o.Dir, "password")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		password, err := os.ReadFile(passwordFile)
		if err != nil {
			return "", fmt.Errorf("the cluster has lost its password: %w", err)
		}
		return strings.TrimSpace(string(password)), nil
	}
	if o.Progress != nil {
		o.Progress(fmt.Sprintf("creating a PostgreSQL %s cluster in %s", o.Binaries.Version, o.Dir))
	}
	// The cluster is made aside and moved into place, so that a start that was
	// killed in the middle leaves nothing that looks like a cluster.
	password, staging, initial := rand.Text(), data+".new", passwordFile+".new"
	if err := os.RemoveAll(staging); err != nil {
		return "", err
	}
	if err := os.Mkdir(staging, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(initial, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	for _, path := range []string{staging, initial} {
		if err := owner.own(path); err != nil {
			return "", err
		}
	}
	if err := initdb(ctx, o, owner, staging, initial); err != nil {
		return "", err
	}
	// The password goes first: a cluster without it would be lost, a password
	// without a cluster is replaced by the next attempt. It is written anew, so
	// that it is ours and not the server's.
	if err := os.Remove(initial); err != nil {
		return "", err
	}
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, os.Rename(staging, data)
}

// initdb makes a cluster of UTF-8 databases in the empty folder data.
func initdb(ctx context.Context, o Options, owner account, data, passwordFile string) error {
	// C.UTF-8 sorts by code point on every machine and still knows upper and
	// lower case beyond ASCII. Systems without it fall back to plain C.
	var failures error
	for _, locale := range []string{"C.UTF-8", "C"} {
		args := []string{
			"-D", data, "-U", superuser, "-E", "UTF8", "--locale=" + locale, "-T", "simple",
			"-A", "scram-sha-256", "--pwfile=" + passwordFile, "--no-instructions",
		}
		if !o.Durable {
			args = append(args, "--no-sync")
		}
		log, err := os.OpenFile(filepath.Join(o.Dir, "initdb.log"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		cmd := owner.command(ctx, filepath.Join(o.Binaries.Dir, "initdb"), args...)
		cmd.Stdout, cmd.Stderr = log, log
		err = child.Run(ctx, cmd)
		_ = log.Close()
		if err == nil {
			return nil
		}
		said, _ := os.ReadFile(log.Name())
		failures = errors.Join(failures, fmt.Errorf("initdb with locale %s: %w: %s", locale, err, firstError(string(said))))
		if !strings.Contains(string(said), "locale") {
			break
		}
	}
	return failures
}

// firstError returns the first line that initdb called an error, else the last
// line of what it said: hints follow its errors.
func firstError(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "error:") || strings.Contains(line, "FATAL:") {
			return strings.TrimSpace(line)
		}
	}
	return lastLine(text)
}
