package localtemporal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/internal/localtemporal"
)

// hello writes a module that compiles in a moment, in the place of the real one.
func hello(t *testing.T, says string) (source string) {
	t.Helper()
	source = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module hello\n\ngo 1.26\n",
		"go.sum":  "",
		"main.go": "package main\n\nfunc main() { println(\"" + says + "\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return source
}

func TestBuildCompilesOncePerSource(t *testing.T) {
	t.Parallel()
	var said []string
	o := localtemporal.BuildOptions{
		Source: hello(t, "one"), BinDir: filepath.Join(t.TempDir(), "bin"),
		Progress: func(line string) { said = append(said, line) },
	}
	want, ok, err := localtemporal.Compiled(t.Context(), o)
	if err != nil || ok {
		t.Fatalf("before the first build Compiled returned %v, %v", ok, err)
	}
	one, err := localtemporal.Build(t.Context(), o)
	if err != nil || one != want {
		t.Fatalf("Build returned %s, %v, want %s", one, err, want)
	}
	if len(said) != 2 {
		t.Errorf("the build said %q, want a line before and after", said)
	}
	if again, err := localtemporal.Build(t.Context(), o); err != nil || again != one || len(said) != 2 {
		t.Errorf("the second build returned %s, %v and said %q", again, err, said)
	}

	o.Source = hello(t, "two")
	two, err := localtemporal.Build(t.Context(), o)
	if err != nil || two == one {
		t.Fatalf("other sources gave %s, %v", two, err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.BinDir, "temporald-*")); len(left) != 1 || left[0] != two {
		t.Errorf("after the second source there is %q, want only %s", left, two)
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	t.Run("with the sources", func(t *testing.T) {
		t.Parallel()
		source := hello(t, `" + unknown + "`)
		_, err := localtemporal.Build(t.Context(), localtemporal.BuildOptions{Source: source, BinDir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "undefined: unknown") {
			t.Errorf("Build returned %v, want the compiler's words", err)
		}
	})
	t.Run("with the program", func(t *testing.T) {
		t.Parallel()
		binary, err := localtemporal.Build(t.Context(), localtemporal.BuildOptions{Source: hello(t, "no such database"), BinDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = localtemporal.Start(t.Context(), localtemporal.Options{
			Binary: binary, DatabaseURL: "postgres://user:secret@127.0.0.1:1/", LogFile: filepath.Join(t.TempDir(), "log"),
		})
		if err == nil || !strings.Contains(err.Error(), "no such database") {
			t.Errorf("Start returned %v, want the program's last words", err)
		}
	})
	t.Run("with the address of the database, without the password", func(t *testing.T) {
		t.Parallel()
		_, err := localtemporal.Start(t.Context(), localtemporal.Options{DatabaseURL: "postgres://user:secret@[::1/"})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Start returned %v", err)
		}
	})
}

func TestBuildNeedsSourceTree(t *testing.T) {
	t.Chdir(t.TempDir()) // This bars t.Parallel.
	_, err := localtemporal.Build(t.Context(), localtemporal.BuildOptions{BinDir: t.TempDir()})
	if !errors.Is(err, localtemporal.ErrNoSource) {
		t.Errorf("Build returned %v, want ErrNoSource", err)
	}
}
