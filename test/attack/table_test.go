package attack_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What became of a row.
const (
	held      = "held"
	elsewhere = "held nearer to the code"
	notYet    = "not applicable yet"
	broken    = "BROKEN"
)

// row is a row of the matrix. Exactly one of run, by and missing is set.
type row struct {
	id, attack, expected string
	// run attacks, and says how much of it was done.
	run func(*testing.T, *people) string
	// by are the tests that hold it where this suite cannot reach, as folder.TestName.
	by []string
	// missing says what is not built yet.
	missing string
}

// result is a row as the page tells it.
type result struct{ row, state, how string }

// page is the document with the tables, from this folder.
var page = filepath.Join("..", "..", "docs", "security.md")

var testPattern = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+|Fuzz[A-Za-z0-9]+)\(`)

// testsOfTheTree are the names of all tests, as the folder's last part and the name.
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	root, names := os.DirFS(filepath.Join("..", "..")), map[string]bool{}
	for _, pattern := range []string{"*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go"} {
		files, err := globOf(root, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for name, raw := range files {
			for _, found := range testPattern.FindAllSubmatch(raw, -1) {
				names[path.Base(path.Dir(name))+"."+string(found[1])] = true
			}
		}
	}
	if len(names) < 200 {
		t.Fatalf("only %d tests were found in the tree", len(names))
	}
	return names
}

// between is the part of the page between two markers, or an error that names them.
func between(text, name string) (begin, end int, err error) {
	from, to := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	begin, end = strings.Index(text, from), strings.Index(text, to)
	if begin < 0 || end < begin {
		return 0, 0, fmt.Errorf("%s has no part %q", page, name)
	}
	return begin + len(from), end, nil
}

// keep writes a part of the page with -update, and otherwise compares what statuses tell of it with the page.
func keep(t *testing.T, name, made string, statuses func(string) []string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	begin, end, err := between(text, name)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(text[:begin]+made+text[end:]), 0o644); err != nil { //nolint:gosec // A page of the documentation.
			t.Fatal(err)
		}
		return
	}
	if was, is := statuses(text[begin:end]), statuses(made); !slices.Equal(was, is) {
		t.Errorf("docs/security.md tells something else; go test ./test/attack -update writes it:\n%s", made)
	}
}

// table is the matrix as the page shows it.
func table(results []result, rows []row) string {
	var b strings.Builder
	counts := map[string]int{}
	for _, r := range results {
		counts[r.state]++
	}
	fmt.Fprintf(&b, "%d rows: %d held, %d held nearer to the code, %d not applicable yet, %d broken.\n\n", len(results), counts[held], counts[elsewhere], counts[notYet], counts[broken])
	b.WriteString("| row | attack | expected | state | how |\n|---|---|---|---|---|\n")
	for i, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.row, rows[i].attack, rows[i].expected, r.state, r.how)
	}
	return b.String()
}

// statesOf reads row and state out of the table, which is all that a run is compared by: counts grow with the contract.
func statesOf(table string) []string {
	var states []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) == 7 && len(strings.TrimSpace(cells[1])) == 3 && !strings.Contains(cells[1], "---") && strings.TrimSpace(cells[1]) != "row" {
			states = append(states, strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[4]))
		}
	}
	return states
}

// globOf reads the files of a pattern.
func globOf(root fs.FS, pattern string) (map[string][]byte, error) {
	names, err := fs.Glob(root, pattern)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = fs.ReadFile(root, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}
