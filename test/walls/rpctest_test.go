package walls_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/internal/inproc"
)

// rooms says in which folder a contract's service lives, where its tests are expected. All others live in services/<name>.
var rooms = map[string]string{"mobile": "bff/mobile", "partner": "bff/partner", "agent": "bff/agent", "push": "push"}

// TestEveryRPCHasATest looks for a call of each RPC, or for its generated procedure name, in the tests of the room that serves it and in
// the journeys. It cannot see whether the test is any good; the reviewer does.
func TestEveryRPCHasATest(t *testing.T) {
	t.Parallel()
	called := calledInTests(t)
	missing := map[string][]string{}
	for _, m := range methods(t) {
		folder := room(m)
		if !mentioned(called, folder, m) && !mentioned(called, "test", m) {
			missing[folder] = append(missing[folder], string(m.Descriptor.Name()))
		}
	}
	for folder, names := range missing {
		t.Errorf("no test in %s or test/ calls %s", folder, strings.Join(names, ", "))
	}
}

// room is the folder of the service of an RPC.
func room(m inproc.Method) string {
	// lendgate.<name>.v1 is the package of every contract of ours.
	name := strings.Split(string(m.Descriptor.ParentFile().Package()), ".")[1]
	if folder, ok := rooms[name]; ok {
		return folder
	}
	return "services/" + name
}

func mentioned(called map[string]map[string]bool, folder string, m inproc.Method) bool {
	service := string(m.Descriptor.Parent().Name())
	for dir, names := range called {
		if dir != folder && !strings.HasPrefix(dir, folder+"/") {
			continue
		}
		if names[string(m.Descriptor.Name())] || names[service+string(m.Descriptor.Name())+"Procedure"] {
			return true
		}
	}
	return false
}

// calledInTests lists the names that tests select from something, as in service.GetLoan(…), by folder.
func calledInTests(t *testing.T) map[string]map[string]bool {
	t.Helper()
	called := map[string]map[string]bool{}
	for _, f := range handwritten(t, ".go") {
		if !strings.HasSuffix(f.path, "_test.go") || strings.HasPrefix(f.path, "test/walls/") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, 0)
		if err != nil {
			t.Errorf("%s: %v", f.path, err)
			continue
		}
		dir := path.Dir(f.path)
		if called[dir] == nil {
			called[dir] = map[string]bool{}
		}
		ast.Inspect(tree, func(node ast.Node) bool {
			if selector, ok := node.(*ast.SelectorExpr); ok {
				called[dir][selector.Sel.Name] = true
			}
			return true
		})
	}
	return called
}
