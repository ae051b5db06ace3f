package walls_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file is refused; 400 are wanted.
const maxLines = 600

// vague are names that say nothing about what a package provides.
var vague = []string{
	"base", "common", "commons", "core", "helper", "helpers", "lib", "manager", "managers", "misc", "model", "models", "shared", "stuff",
	"types", "util", "utils",
}

// Patterns are put together here so that this file does not fit them.
var (
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|(?i:not (yet )?imple` + `mented)`)
	// machinePath fits absolute paths of somebody's machine; /tmp, /proc and the like are the same everywhere.
	machinePath = regexp.MustCompile(`(^|[\s"'` + "`" + `(=:])/(work|root|ho` + `me/[a-z]+|Users/[A-Za-z]+)/`)
)

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, f := range handwritten(t, ".go", ".ts", ".tsx", ".sql", ".proto") {
		if lines := bytes.Count(f.text, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, at most %d: split it by what its parts are about", f.path, lines, maxLines)
		}
	}
}

func TestNothingIsLeftUnfinished(t *testing.T) {
	t.Parallel()
	for _, f := range handwritten(t, ".go", ".ts", ".tsx", ".sql", ".proto", ".sh") {
		number := 0
		for line := range bytes.Lines(f.text) {
			number++
			if found := unfinished.Find(line); found != nil {
				t.Errorf("%s:%d says %s: finish it, or write an issue", f.path, number, found)
			}
			if found := machinePath.Find(line); found != nil {
				t.Errorf("%s:%d has a path of one machine (%s): take it from a flag, the environment or the module's folder", f.path, number, bytes.TrimSpace(found))
			}
		}
	}
}

func TestFoldersSayWhatTheyProvide(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range handwritten(t, ".go") {
		dir := path.Dir(f.path)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		for segment := range strings.SplitSeq(dir, "/") {
			if slices.Contains(vague, segment) {
				t.Errorf("the folder %s says nothing about what it provides: name it for that", dir)
			}
		}
	}
}

func TestEveryPackageIsExplained(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, f := range handwritten(t, ".go") {
		dir := path.Dir(f.path)
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		tree := parse(t, f, parser.ParseComments|parser.PackageClauseOnly)
		explained[dir] = explained[dir] || tree.Doc != nil && len(strings.Fields(tree.Doc.Text())) > 5
	}
	for dir, ok := range explained {
		if !ok {
			t.Errorf("%s has no package comment: say in doc.go what it owns, promises and does not", dir)
		}
	}
}

// banned are calls that a folder must not make: what to call, where, and what to do instead.
var banned = []struct {
	pkg, name string
	applies   func(path string) bool
	instead   string
}{
	{"time", "Sleep", func(name string) bool { return strings.HasSuffix(name, "_test.go") }, "wait on a channel, a condition or a context, or use testing/synctest"},
	{"time", "Now", inService, "inject internal/clock.Clock; pure packages take values"},
	{"time", "Since", inService, "inject internal/clock.Clock; pure packages take values"},
}

// wallClocks are files that may read the wall's clock, with the reason.
var wallClocks = map[string]string{
	"push/jobs.go": "River asks its retry policy for a point in its own time, which is the wall's",
}

// inService tells the folders where time is injected: services, push and what phones reach. Tests measure real time if they must.
func inService(name string) bool {
	return !strings.HasSuffix(name, "_test.go") && wallClocks[name] == "" &&
		(strings.HasPrefix(name, "services/") || strings.HasPrefix(name, "push/") || strings.HasPrefix(name, "bff/"))
}

func TestNothingHiddenRuns(t *testing.T) {
	t.Parallel()
	for _, f := range handwritten(t, ".go") {
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, f.path, f.text, 0)
		if err != nil {
			t.Errorf("%s: %v", f.path, err)
			continue
		}
		for _, declaration := range tree.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s has an init function: nothing runs unasked; call it from where it is needed", set.Position(function.Pos()))
			}
		}
		ast.Inspect(tree, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := selector.X.(*ast.Ident)
			if !ok || from.Obj != nil {
				return true // A variable that happens to be called as a package is.
			}
			for _, b := range banned {
				if from.Name == b.pkg && selector.Sel.Name == b.name && b.applies(f.path) {
					t.Errorf("%s uses %s.%s: %s", set.Position(selector.Pos()), b.pkg, b.name, b.instead)
				}
			}
			return true
		})
	}
}

func parse(t *testing.T, f file, mode parser.Mode) *ast.File {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, mode)
	if err != nil {
		t.Fatalf("%s: %v", f.path, err)
	}
	return tree
}
