package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/pgtest"
)

// victim, when set, makes TestVictim wait to be killed.
const victim = "LENDGATE_PGTEST_VICTIM"

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	// A session that is left open must not keep the template from being copied.
	_, err = conn.Exec(ctx, "CREATE TABLE loan (id bigint PRIMARY KEY); INSERT INTO loan VALUES (1)")
	return err
}

func count(t testing.TB, url string) (loans int) {
	t.Helper()
	connected(t, url, func(conn *pgx.Conn) error {
		return conn.QueryRow(t.Context(), "SELECT count(*) FROM loan").Scan(&loans)
	})
	return loans
}

func execSQL(t testing.TB, url, statement string) {
	t.Helper()
	connected(t, url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), statement)
		return err
	})
}

func connected(t testing.TB, url string, fn func(*pgx.Conn) error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := fn(conn); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	var migrations atomic.Int32
	counted := func(ctx context.Context, url string) error {
		migrations.Add(1)
		return migrate(ctx, url)
	}
	t.Run("tests", func(t *testing.T) {
		for range 8 {
			t.Run("writes what others do not see", func(t *testing.T) {
				t.Parallel()
				url := pgtest.Database(t, "own", counted)
				execSQL(t, url, "INSERT INTO loan VALUES (2)")
				if got := count(t, url); got != 2 {
					t.Errorf("%d loans, want the migration's and ours", got)
				}
			})
		}
	})
	if got := migrations.Load(); got != 1 {
		t.Errorf("the migrations ran %d times, want once", got)
	}
}

func TestDatabaseGoesWithTheTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("test", func(t *testing.T) {
		url = pgtest.Database(t, "gone", migrate)
		conn, err := pgx.Connect(t.Context(), url) // Left open: it must not save the database.
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), url)
	var state interface{ SQLState() string }
	if !errors.As(err, &state) || state.SQLState() != "3D000" { // invalid_catalog_name
		t.Errorf("after the test, connecting gives %v, %v; want that there is no such database", conn, err)
	}
}

func TestDatabaseWithoutMigrationsIsEmpty(t *testing.T) {
	t.Parallel()
	execSQL(t, pgtest.Database(t, "", nil), "CREATE TABLE loan (id bigint)")
}

// TestVictim is the test that TestServerGoesWithTheTestBinary kills.
func TestVictim(t *testing.T) {
	if os.Getenv(victim) == "" {
		t.Skip("runs only as a part of TestServerGoesWithTheTestBinary")
	}
	fmt.Println(pgtest.Database(t, "victim", migrate))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestServerGoesWithTheTestBinary(t *testing.T) {
	t.Parallel()
	if os.Getenv("LENDGATE_TEST_DATABASE_URL") != "" {
		t.Skip("an outside server does not go")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestVictim$")
	cmd.Env = append(os.Environ(), victim+"=1")
	stdin, err := cmd.StdinPipe() // Held open: the victim waits on it.
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the victim got no database: %v, %v", err, cmd.Wait())
	}
	conn, err := pgx.Connect(t.Context(), strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	var folder string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&folder); err != nil {
		t.Fatal(err)
	}
	// What is left of the conversation is to hear its end.
	wire := conn.PgConn().Conn()
	defer wire.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // It says that it was killed.

	if err := wire.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The connection ends when the server does.
	if _, err := io.Copy(io.Discard, wire); os.IsTimeout(err) {
		t.Fatal("the server outlives the test binary")
	}
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s is left", folder)
		case <-look.C:
		}
	}
}
