package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	settingRow = regexp.MustCompile("(?m)^\\| `(LENDGATE_[A-Z_]+)` \\| (.*?) \\| (.+) \\|$")
	settingUse = regexp.MustCompile(`LENDGATE_[A-Z_]+[A-Z]`)
)

// settings reads the environment variables of the configuration, with their defaults, from the tags of the struct Config.
func settings(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, "internal", "app", "config.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	structs := map[string]*ast.StructType{}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.TypeSpec); ok {
			if found, ok := spec.Type.(*ast.StructType); ok {
				structs[spec.Name.Name] = found
			}
		}
		return true
	})
	found := map[string]string{}
	var walk func(name, prefix string)
	walk = func(name, prefix string) {
		for _, field := range structs[name].Fields.List {
			if field.Tag == nil {
				continue
			}
			tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
			if nested, ok := tag.Lookup("envPrefix"); ok {
				walk(field.Type.(*ast.Ident).Name, prefix+nested)
				continue
			}
			variable, _, _ := strings.Cut(tag.Get("env"), ",")
			found[prefix+variable] = tag.Get("envDefault")
		}
	}
	walk("Config", "")
	return found
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	want := settings(t)
	if len(want) < 25 {
		t.Fatalf("found only %d settings", len(want))
	}
	have := map[string]string{}
	for _, row := range settingRow.FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		if _, twice := have[row[1]]; twice {
			t.Errorf("%s is documented twice", row[1])
		}
		have[row[1]] = strings.Trim(row[2], "`")
	}
	for name, value := range want {
		told, ok := have[name]
		switch {
		case !ok:
			t.Errorf("%s is not in docs/configuration.md", name)
		case value != "" && told != value:
			t.Errorf("docs/configuration.md says that %s is %q by default, the code says %q", name, told, value)
		}
		delete(have, name)
	}
	// What is left is read by tests alone; it must be read somewhere.
	used := map[string]bool{}
	for _, file := range sources(t, ".go") {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/pgtest/") {
			for _, name := range settingUse.FindAllString(read(t, file), -1) {
				used[name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if !used[name] {
			t.Errorf("docs/configuration.md documents %s, which nothing reads", name)
		}
	}
}
