package walls_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the name of the module; paths in this package are relative to it.
const module = "github.com/lendgate/lendgate"

// root is the module's folder: the one above with go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// pkg is a package of the module. Its path is relative to the module; imports of our own are, too, and those of libraries are whole.
type pkg struct {
	path    string
	imports []string
	// testImports are those of its tests alone.
	testImports []string
}

// packages lists the module's packages by one call of go list, which takes nested modules for what they are: not ours.
func packages(t *testing.T) []pkg {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Dir = root(t)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, said.String())
	}
	var list []pkg
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var listed struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, pkg{
			path: relative(listed.ImportPath), imports: relatives(listed.Imports),
			testImports: relatives(slices.Concat(listed.TestImports, listed.XTestImports)),
		})
	}
}

// relative shortens the import path of a package of ours and leaves the others alone. A test variant's "[…]" is dropped.
func relative(importPath string) string {
	importPath, _, _ = strings.Cut(importPath, " ")
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func relatives(importPaths []string) []string {
	out := make([]string, 0, len(importPaths))
	for _, importPath := range importPaths {
		// A path that begins with the module's name is ours; "." would be the root package, which there is none of.
		if rest, ok := strings.CutPrefix(importPath, module+"/"); ok {
			out = append(out, "./"+rest)
			continue
		}
		out = append(out, importPath)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// file is a source file that people wrote.
type file struct {
	// path is relative to the module, with slashes.
	path string
	text []byte
}

// handwritten reads the module's own source files with one of the extensions. Generated, vendored, installed and nested things are none.
func handwritten(t *testing.T, extensions ...string) []file {
	t.Helper()
	top := root(t)
	var files []file
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if entry.IsDir() {
			if skipped(relative, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains(extensions, path.Ext(relative)) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !generated(text) {
			files = append(files, file{path: relative, text: text})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipped tells the folders that hold nothing that we wrote.
func skipped(relative, name string) bool {
	switch {
	case relative == ".":
		return false
	case strings.HasPrefix(name, "."), name == "node_modules", name == "testdata", name == "dist", name == "gen":
		return true
	default:
		return relative == "proto/third_party"
	}
}

// generated tells whether a file says of itself that a program made it, in the words that the Go toolchain looks for.
func generated(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("// Code generated ")) && bytes.HasSuffix(line, []byte(" DO NOT EDIT.")) {
			return true
		}
		if bytes.HasPrefix(line, []byte("package ")) {
			return false
		}
	}
	return false
}
