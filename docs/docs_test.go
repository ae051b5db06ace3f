package docs_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// update rewrites what is derived from sources instead of comparing it.
var update = flag.Bool("update", false, "rewrite line numbers in links, errors.md and the picture of the demo")

// top is the module's folder: tests run in their own.
const top = ".."

// read is the text of a file of the module.
func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// expect compares a derived file with what it should be, or writes it with -update.
func expect(t *testing.T, name, want string) {
	t.Helper()
	file := filepath.Join(top, filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, _ := os.ReadFile(file); string(have) != want { // An absent file differs, too.
		t.Errorf("%s is not current; write it anew with: go test ./docs -update", name)
	}
}

// sources are the module's own files with an extension, by paths relative to the module, in order. Generated ones, installed ones and those
// of tests are left out.
func sources(t *testing.T, extension string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if hidden(name, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) == extension {
			relative, err := filepath.Rel(top, name)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// hidden tells the folders without anything that people wrote.
func hidden(name, base string) bool {
	return name != top && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || base == "dist" || base == "gen" || base == "third_party")
}
