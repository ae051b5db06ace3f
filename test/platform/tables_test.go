package platform_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemas are those of the services.
var schemas = []string{"identity", "loans", "payments", "scoring", "push", "flows"}

// databaseURL is the private cluster of a running installation, as its administrator, whom row-level security does not bind. The folder
// tells all: the password's file, and the port in the file that PostgreSQL keeps for its own tools.
func (in *installation) databaseURL(t *testing.T) string {
	t.Helper()
	lines := strings.Split(in.read(filepath.Join("postgres", "data", "postmaster.pid")), "\n")
	if len(lines) < 4 {
		t.Fatalf("the installation's PostgreSQL does not run: %q", lines)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("lendgate", strings.TrimSpace(in.read(filepath.Join("postgres", "password")))),
		Host: net.JoinHostPort("127.0.0.1", lines[3]), Path: "/lendgate", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// rows counts the rows of every table of every service, and how often rows were changed in place: "loans.loans" → "12 rows, …". What River
// keeps about itself changes at all times and says nothing; its jobs count. Nor do used nonces count: a request that is signed well uses its
// own up, whatever else is wrong with it.
func rows(ctx context.Context, url string) (map[string]string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // Nothing was written.
	found, err := conn.Query(ctx, `SELECT schemaname, tablename FROM pg_tables
		WHERE schemaname = ANY ($1) AND (tablename NOT LIKE 'river\_%' OR tablename = 'river_job') AND tablename <> 'nonces'`, schemas)
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(found, pgx.RowToStructByPos[struct{ Schema, Table string }])
	if err != nil {
		return nil, err
	}
	counts := map[string]string{}
	for _, table := range tables {
		// The newest transaction that touched a row tells a change that leaves the number of rows alone.
		var count int64
		var newest string
		query := fmt.Sprintf("SELECT count(*), coalesce(max(xmin::text::bigint), 0)::text FROM %s", pgx.Identifier{table.Schema, table.Table}.Sanitize())
		if err := conn.QueryRow(ctx, query).Scan(&count, &newest); err != nil {
			return nil, err
		}
		counts[table.Schema+"."+table.Table] = fmt.Sprintf("%d rows, the newest of transaction %s", count, newest)
	}
	if len(counts) < 40 {
		return nil, errors.New("the schemas of the services are not there")
	}
	return counts, nil
}

// settledRows waits until nothing is written for a while any more, such as receipts of messages, and counts.
func settledRows(t *testing.T, url string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const calm = 2 * time.Second
	var last map[string]string
	since := time.Now()
	err := await(ctx, func() (bool, error) {
		now, err := rows(ctx, url)
		if err != nil {
			return false, err
		}
		if fmt.Sprint(now) != fmt.Sprint(last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > calm, nil
	})
	if err != nil {
		t.Fatalf("the tables do not come to rest: %v", err)
	}
	return last
}
