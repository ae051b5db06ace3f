package attack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// requirement is a line of docs/asvs/coverage.yaml.
type requirement struct {
	id     string
	Level  int      `json:"level"`
	Status string   `json:"status"`
	By     []string `json:"by"`
	Why    string   `json:"why"`
}

// statuses that a requirement may have, in the order of the page.
var asvsStatuses = []string{"covered", "not applicable", "open"}

var requirementPattern = regexp.MustCompile(`(?m)^(V\d+\.\d+\.\d+): (\{.*\})$`)

// coverage reads the list. Each line is YAML whose right side is JSON as well.
func coverage(t *testing.T) []requirement {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "asvs", "coverage.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []requirement
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		found := requirementPattern.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			t.Fatalf("not a requirement: %s", line)
		}
		r := requirement{id: found[1]}
		decoder := json.NewDecoder(strings.NewReader(found[2]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		all = append(all, r)
	}
	return all
}

// TestASVSCoverage holds the list to what is in the tree: what is covered names tests that exist, everything else says why.
func TestASVSCoverage(t *testing.T) {
	t.Parallel()
	all, known := coverage(t), testsOfTheTree(t)
	for _, r := range slices.Concat(signatureRows(), accessRows(), loginRows(), inputRows()) {
		known["attack.TestMatrix/"+r.id] = r.missing == ""
	}
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.id] {
			t.Errorf("%s stands there twice", r.id)
		}
		seen[r.id] = true
		switch r.Status {
		case "covered":
			if len(r.By) == 0 || r.Why != "" {
				t.Errorf("%s is covered by nothing, or says why it is not", r.id)
			}
		case "not applicable", "open":
			if len(r.By) > 0 || len(r.Why) < 10 {
				t.Errorf("%s is %s and does not say why", r.id, r.Status)
			}
		default:
			t.Errorf("%s is %q", r.id, r.Status)
		}
		for _, test := range r.By {
			if !known[test] {
				t.Errorf("%s: there is no test %s", r.id, test)
			}
		}
	}
	expectWholeList(t, all)
	keep(t, "asvs", asvsTable(all), func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") })
}

// expectWholeList compares ids and levels with OWASP's list, when that is at hand.
func expectWholeList(t *testing.T, all []requirement) {
	t.Helper()
	dir := os.Getenv("LENDGATE_CASES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "cases")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir) // From the module's folder.
	}
	raw, err := os.ReadFile(filepath.Join(dir, "asvs_5.0.0.json"))
	if err != nil {
		t.Logf("the outside cases are not here, so that the list is not compared: %v", err)
		return
	}
	var list struct {
		Requirements []struct {
			ID    string `json:"req_id"`
			Level string `json:"L"`
		} `json:"requirements"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for _, want := range list.Requirements {
		i := slices.IndexFunc(all, func(r requirement) bool { return r.id == want.ID })
		switch {
		case i < 0 && want.Level != "3":
			t.Errorf("%s of level %s is not in the list", want.ID, want.Level)
		case i >= 0 && fmt.Sprint(all[i].Level) != want.Level:
			t.Errorf("%s is of level %s", want.ID, want.Level)
		}
	}
}

// asvsTable counts by level and lists what is open.
func asvsTable(all []requirement) string {
	var b strings.Builder
	b.WriteString("| level | requirements | covered | not applicable | open |\n|---|---|---|---|---|\n")
	for level := 1; level <= 3; level++ {
		counts, total := map[string]int{}, 0
		for _, r := range all {
			if r.Level == level {
				counts[r.Status]++
				total++
			}
		}
		fmt.Fprintf(&b, "| %d | %d |", level, total)
		for _, status := range asvsStatuses {
			fmt.Fprintf(&b, " %d |", counts[status])
		}
		b.WriteString("\n")
	}
	b.WriteString("\nWhat is open:\n\n| requirement | level | what is missing |\n|---|---|---|\n")
	for _, r := range all {
		if r.Status == "open" {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", r.id, r.Level, r.Why)
		}
	}
	return b.String()
}
