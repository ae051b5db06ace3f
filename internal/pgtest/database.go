package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cleanupPatience bounds the dropping of one database.
const cleanupPatience = 30 * time.Second

// Database returns the URL of a new database that migrate has been run on. It
// is dropped, with whatever is still connected, when the test ends.
//
// Name stands for what migrate does: within one test binary, migrate is run for
// the first test that gives the name, and the others get copies of the result.
// A nil migrate gives an empty database. The URL's user is the administrator of
// the server, whom row-level security does not bind.
//
// A failure to provide the database fails the test.
func Database(t testing.TB, name string, migrate func(ctx context.Context, url string) error) (url string) {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	template := "template0"
	if migrate != nil {
		if template, err = s.template(name, migrate); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
	}
	database := s.newName()
	if err := s.create(t.Context(), database, template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), cleanupPatience)
		defer cancel()
		if err := s.drop(ctx, database); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s.url(database)
}

// shared is the one server of this test binary. It is global because tests have
// nothing else in common that could hold it.
var shared = sync.OnceValues(func() (*server, error) {
	return startServer(context.Background())
})

// template returns the name of the template that migrate makes, which is run
// once however many tests ask at the same time.
func (s *server) template(name string, migrate func(ctx context.Context, url string) error) (string, error) {
	s.mu.Lock()
	once, ok := s.templates[name]
	if !ok {
		// The first test's context does not bound it: the others wait, too.
		once = sync.OnceValues(func() (string, error) { return s.makeTemplate(context.Background(), name, migrate) })
		s.templates[name] = once
	}
	s.mu.Unlock()
	return once()
}

func (s *server) makeTemplate(ctx context.Context, name string, migrate func(ctx context.Context, url string) error) (string, error) {
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	// Migrations make roles, which belong to the whole server: other test
	// binaries on the same outside server have to wait.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, 0)", lockSpace); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock($1, 0)", lockSpace) }()

	database := s.newName()
	if err := s.create(ctx, database, "template0"); err != nil {
		return "", err
	}
	if err := migrate(ctx, s.url(database)); err != nil {
		return "", fmt.Errorf("migrations %q: %w", name, err)
	}
	// A database can be copied only while nobody is connected to it. Pools that
	// the migrations have closed may still be on their way out.
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(database)+" ALLOW_CONNECTIONS false"); err != nil {
		return "", err
	}
	if err := s.disconnect(ctx, database); err != nil {
		return "", err
	}
	return database, nil
}

func (s *server) create(ctx context.Context, database, template string) error {
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+quote(database)+" TEMPLATE "+quote(template)); err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	return nil
}

func (s *server) drop(ctx context.Context, database string) error {
	if _, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(database)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", database, err)
	}
	return nil
}

// disconnect ends all sessions on the database and waits for them.
func (s *server) disconnect(ctx context.Context, database string) error {
	const patience = 5000 // milliseconds
	_, err := s.admin.Exec(ctx, "SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity WHERE datname = $1", database, patience)
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
