// Package migrate brings a database to the schema that this binary needs: roles, one schema a service, the platform tables and the
// service's own, by goose.
//
// It is idempotent and safe to run from several processes at once: an advisory lock lets one work and the others wait. It runs with a role
// that may create roles and schemas; the services themselves run with roles that may do neither.
package migrate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lendgate/lendgate/queries"
)

// Services are the services that have a schema. The relay is none of them: it has a role and no schema.
func Services() []string { return []string{"identity", "loans", "payments", "scoring", "push"} }

// JobServices are the services that keep River jobs in their schema. River's tables lie beside the service's own, so a job and its cause
// commit together.
func JobServices() []string { return []string{"payments", "push"} }

// relayRole reads outboxes of all tenants. It is made first, because every schema's grants name it.
const relayRole = "lendgate_relay"

// lockKey is the advisory lock that one migration holds; any constant serves.
const lockKey = 0x6c656e64

// Role is the database role of a service, or of the relay.
func Role(service string) string { return "lendgate_" + service }

// Password derives the password of a role from the master key, so that none is stored and every process of one installation knows it.
// Changing the derivation locks every running process out until it is restarted with the same release.
func Password(masterKey []byte, role string) string {
	h := hmac.New(sha256.New, masterKey)
	h.Write([]byte("database-role:" + role))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// URL rewrites an administrator's database URL to that of a service's role, with its schema first in the search path.
func URL(adminURL, service string, masterKey []byte) (string, error) {
	u, err := url.Parse(adminURL)
	if err != nil {
		return "", fmt.Errorf("database URL: %w", err)
	}
	role := Role(service)
	u.User = url.UserPassword(role, Password(masterKey, role))
	q := u.Query()
	// Both may also stand in the query, where they would win over the ones set here.
	q.Del("user")
	q.Del("password")
	if service != "relay" {
		q.Set("search_path", service)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Up migrates the database at adminURL. progress is told of every service. It changes nothing that is up to date. A migration that fails
// leaves its own transaction undone and the ones before it done; running again goes on from there.
func Up(ctx context.Context, adminURL string, masterKey []byte, progress func(service string)) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("connect to migrate: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Of the session, not of a transaction: migrations have their own. It ends with the connection, also when this process dies; a pooler
	// that shares connections by transaction must be passed by.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	if err := ensureRole(ctx, conn, relayRole, masterKey); err != nil {
		return err
	}
	for _, service := range Services() {
		if err := upService(ctx, conn, adminURL, service, masterKey); err != nil {
			return fmt.Errorf("migrate %s: %w", service, err)
		}
		if progress != nil {
			progress(service)
		}
	}
	return nil
}

// upService migrates one service. The order matters: role, schema and default privileges first, so that tables are made with them; then the
// platform's tables, River's, and the service's own, which may take privileges back.
func upService(ctx context.Context, conn *pgx.Conn, adminURL, service string, masterKey []byte) error {
	role := Role(service)
	if err := ensureRole(ctx, conn, role, masterKey); err != nil {
		return err
	}
	schema := pgx.Identifier{service}.Sanitize()
	grants := []string{
		"CREATE SCHEMA IF NOT EXISTS " + schema,
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role + ", " + relayRole,
		// Tables made by the migrations that follow. A migration takes back what a table must never allow.
		"ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO " + role,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT USAGE, SELECT ON SEQUENCES TO " + role,
	}
	for _, statement := range grants {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return err
	}
	// Migrations name their tables without a schema, so that the platform's serve every service.
	config.RuntimeParams["search_path"] = service
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if err := upFolder(ctx, db, "platform", "goose_platform_version"); err != nil {
		return err
	}
	if slices.Contains(JobServices(), service) {
		if err := upRiver(ctx, adminURL, service); err != nil {
			return err
		}
	}
	return upFolder(ctx, db, service, "goose_version")
}

// upFolder runs the migrations of a folder. The platform's and the service's own are counted apart, since both begin at 1.
func upFolder(ctx context.Context, db *sql.DB, folder, versionTable string) error {
	migrations, err := queries.Migrations(folder)
	if err != nil {
		return err
	}
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, migrations, goose.WithStore(store))
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil // A service that keeps nothing of its own yet.
	}
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// upRiver makes River's own tables in the service's schema.
func upRiver(ctx context.Context, adminURL, schema string) error {
	pool, err := pgxpool.New(ctx, adminURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schema})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// ensureRole makes a role that may log in and nothing else, and sets its password anew, so that a changed master key takes effect.
// Row-level security holds such a role, since it owns no table and may not bypass it.
func ensureRole(ctx context.Context, conn *pgx.Conn, role string, masterKey []byte) error {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
		return err
	}
	verb := "CREATE"
	if exists {
		verb = "ALTER"
	}
	// DDL takes no parameters; the password is base64url and the role a constant.
	password := Password(masterKey, role)
	if strings.ContainsAny(password, `'\`) {
		return fmt.Errorf("role %s: password has a quote", role)
	}
	statement := fmt.Sprintf("%s ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '%s'", verb, role, password)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("make role %s: %w", role, err)
	}
	return nil
}
