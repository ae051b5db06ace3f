package web_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// databaseURL is the platform's private cluster, as its administrator. The folder tells all: the password's file, and the port in the file
// that PostgreSQL keeps for its own tools.
func (p *platform) databaseURL(t *testing.T) string {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(p.dir, "postgres", "password"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(filepath.Join(p.dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(state), "\n")
	if len(lines) < 4 {
		t.Fatalf("the platform's PostgreSQL does not run: %q", lines)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("lendgate", strings.TrimSpace(string(password))),
		Host: net.JoinHostPort("127.0.0.1", lines[3]), Path: "/lendgate", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// holdLoans locks the table of loans as a long repair would: whoever reads it waits, until it is released.
func holdLoans(t *testing.T, p *platform) (release func()) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, p.databaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = conn.Close(ctx) }) // Ends the transaction, too.
	t.Cleanup(release)
	for _, statement := range []string{"BEGIN", "LOCK TABLE loans.loans IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	return release
}
