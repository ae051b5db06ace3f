package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// groups are the rows that the mission asks for: a letter and how many.
var groups = []struct {
	letter string
	rows   int
}{{"L", 22}, {"R", 6}, {"E", 54}, {"F", 8}, {"B", 13}, {"D", 9}}

var (
	rowPattern   = regexp.MustCompile(`(?m)^\| ([A-Z]\d\d) \|(.*)\|$`)
	proofPattern = regexp.MustCompile("`([a-z0-9]+)\\.(Test[A-Za-z0-9]+)`")
	placePattern = regexp.MustCompile("`([a-z][A-Za-z0-9./_-]*)`")
	testPattern  = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	sumPattern   = regexp.MustCompile(`(\d+) work, (\d+) work partly, (\d+) do not work yet`)
)

// capability is a row of capabilities.md.
type capability struct{ id, name, home, state, where, proof string }

func capabilities(t *testing.T) []capability {
	t.Helper()
	var rows []capability
	for _, found := range rowPattern.FindAllStringSubmatch(read(t, "docs/capabilities.md"), -1) {
		cells := strings.Split(found[2], "|")
		if len(cells) != 5 {
			t.Fatalf("%s has %d cells, want capability, home, state, where, proof", found[1], len(cells))
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, capability{id: found[1], name: cells[0], home: cells[1], state: cells[2], where: cells[3], proof: cells[4]})
	}
	return rows
}

// tests are the names of all tests in the tree, as "folder.TestName" with the folder's last part.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range sources(t, ".go") {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, found := range testPattern.FindAllStringSubmatch(read(t, file), -1) {
			names[path.Base(path.Dir(file))+"."+found[1]] = true
		}
	}
	return names
}

func TestEveryCapabilityIsToldOnce(t *testing.T) {
	t.Parallel()
	var want, have []string
	for _, g := range groups {
		for number := 1; number <= g.rows; number++ {
			want = append(want, fmt.Sprintf("%s%02d", g.letter, number))
		}
	}
	counts := map[string]int{}
	for _, row := range capabilities(t) {
		have = append(have, row.id)
		counts[row.state]++
	}
	if !slices.Equal(want, have) {
		t.Errorf("capabilities.md has the rows %v, want %v", have, want)
	}
	sum := fmt.Sprintf("%d work, %d work partly, %d do not work yet", counts["works"], counts["partly"], counts["not yet"])
	for _, page := range []string{"docs/capabilities.md", "README.md"} {
		if told := sumPattern.FindString(read(t, page)); told != sum {
			t.Errorf("%s tells %q, the rows tell %q", page, told, sum)
		}
	}
}

func TestCapabilitiesAreProven(t *testing.T) {
	t.Parallel()
	known := tests(t)
	for _, row := range capabilities(t) {
		proofs := proofPattern.FindAllStringSubmatch(row.proof, -1)
		switch row.state {
		case "works":
			if len(proofs) == 0 {
				t.Errorf("%s works and names no test", row.id)
			}
		case "partly":
			if len(proofs) == 0 || row.where == "" {
				t.Errorf("%s works partly and does not say where, or no test proves the part", row.id)
			}
		case "not yet":
			if len(proofs) > 0 {
				t.Errorf("%s does not work and names a test", row.id)
			}
		default:
			t.Errorf("%s is %q: works, partly or not yet", row.id, row.state)
		}
		for _, proof := range proofs {
			if !known[proof[1]+"."+proof[2]] {
				t.Errorf("%s is proven by %s.%s, which does not exist", row.id, proof[1], proof[2])
			}
		}
		for _, place := range placePattern.FindAllStringSubmatch(row.where, -1) {
			if _, err := os.Stat(filepath.Join(top, filepath.FromSlash(place[1]))); err != nil {
				t.Errorf("%s lives in %s, which does not exist", row.id, place[1])
			}
		}
	}
}
