package migrate_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/migrate"
	"github.com/lendgate/lendgate/internal/pgtest"
)

var masterKey = []byte("test master key, 32 bytes or more, of no installation")

func database(t *testing.T) (string, *pgx.Conn) {
	t.Helper()
	url := pgtest.Database(t, "lendgate", func(ctx context.Context, url string) error {
		return migrate.Up(ctx, url, masterKey, nil)
	})
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return url, conn
}

func TestUpTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	url, conn := database(t)
	before := countTables(t, conn)
	if err := migrate.Up(t.Context(), url, masterKey, nil); err != nil {
		t.Fatalf("second run: %v", err)
	}
	if after := countTables(t, conn); after != before {
		t.Errorf("the second run left %d tables, the first %d", after, before)
	}
}

func countTables(t *testing.T, conn *pgx.Conn) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = ANY($1)", migrate.Services()).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEveryTenantTableHasRowLevelSecurity walks the catalogue: a table with a tenant is held to it by a policy, and its service's role
// cannot step around it.
func TestEveryTenantTableHasRowLevelSecurity(t *testing.T) {
	t.Parallel()
	_, conn := database(t)
	rows, err := conn.Query(t.Context(), `
		SELECT n.nspname || '.' || c.relname
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY($1)
		  AND (NOT c.relrowsecurity OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))`, migrate.Services())
	if err != nil {
		t.Fatal(err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range open {
		t.Errorf("%s has a tenant and no row-level security", table)
	}
}

// TestRolesHoldLittle asks that no service's role may make roles or databases, step around row-level security, own a table or see another
// service's schema.
func TestRolesHoldLittle(t *testing.T) {
	t.Parallel()
	_, conn := database(t)
	for _, service := range migrate.Services() {
		role := migrate.Role(service)
		var powerful bool
		err := conn.QueryRow(t.Context(), `
			SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
			FROM pg_roles WHERE rolname = $1`, role).Scan(&powerful)
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if powerful {
			t.Errorf("%s may do more than read and write its rows", role)
		}
		for _, other := range migrate.Services() {
			var usage bool
			if err := conn.QueryRow(t.Context(), "SELECT has_schema_privilege($1, $2, 'USAGE')", role, other).Scan(&usage); err != nil {
				t.Fatal(err)
			}
			if usage != (other == service) {
				t.Errorf("%s may use schema %s: %v", role, other, usage)
			}
		}
	}
}
