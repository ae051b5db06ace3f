package cases

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFloors runs all outside cases and holds every file to the number of cases
// that it once passed.
func TestFloors(t *testing.T) {
	t.Parallel()
	report, err := Run(casesDir(t))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "floors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var floors map[string]int
	if err := json.Unmarshal(raw, &floors); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Files {
		t.Logf("cases: %s %d/%d", f.File, f.Passed, f.Total)
		if f.Err != nil {
			t.Errorf("%s: %v", f.File, f.Err)
		}
		floor, known := floors[f.File]
		if f.Passed < floor {
			t.Errorf("%s: passed %d, the floor is %d", f.File, f.Passed, floor)
			for _, failure := range f.Failures {
				t.Logf("%s: %s", failure.ID, failure.Reason)
			}
		}
		if !known {
			t.Logf("%s has no floor yet", f.File)
		}
		delete(floors, f.File)
	}
	for file := range floors {
		t.Errorf("%s has a floor and was not found", file)
	}
}

// casesDir is the folder of outside cases, which not every checkout has.
func casesDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LENDGATE_CASES")
	if dir == "" {
		dir = filepath.Join("..", "shared", "cases")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(moduleRoot(t), dir)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the outside cases are not here; set LENDGATE_CASES to their folder: %v", err)
	}
	return dir
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above this package")
		}
		dir = parent
	}
}

func TestFilesAreMatchedByName(t *testing.T) {
	t.Parallel()
	known := map[string]runner{}
	for _, name := range []string{"xirr.json", "xirr_more.json", "psk_anchors.json", "lines.jsonl"} {
		known[name] = func(string, []byte) ([]outcome, error) { return []outcome{{ID: name}}, nil }
	}
	for name, want := range map[string]string{
		"xirr.json":        "xirr.json",
		"xirr_2.json":      "xirr.json",
		"xirr2.json":       "xirr.json",
		"xirr-new.json":    "xirr.json",
		"xirr.v2.json":     "xirr.json",
		"xirr.jsonl":       "xirr.json",
		"xirr_more_2.json": "xirr_more.json",
		"second_xirr.json": "xirr.json",
		"lines_2.jsonl":    "lines.jsonl",
		"xirrs.json":       "",
		"psk.json":         "",
		"other.json":       "",
	} {
		got := ""
		if run := find(known, name); run != nil {
			outcomes, err := run("", nil)
			if err != nil {
				t.Fatal(err)
			}
			got = outcomes[0].ID
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "some/where/psk_anchors_2.json", `[
		{"id":"right","base_period_days":30,"flows":[{"day":0,"amount":"-100"},{"day":30,"amount":"130"}],"expected_psk_percent":"365.000"},
		{"id":"wrong","base_period_days":30,"flows":[{"day":0,"amount":"-100"},{"day":30,"amount":"130"}],"expected_psk_percent":"364.000"},
		{"id":"broken","base_period_days":[30]}]`)
	write(t, dir, "xirr.json", `not json`)
	write(t, dir, "irr_tvm.json", ``)
	write(t, dir, "day_counts.json", `[]`)
	write(t, dir, "strange/thing.json", `{}`)
	write(t, dir, "README.md", `# not a case`)
	write(t, dir, ".hidden/xirr.json", `[]`)

	report, err := Run(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"files":[` +
		`{"file":"day_counts.json","passed":0,"total":1},` +
		`{"file":"irr_tvm.json","passed":0,"total":1},` +
		`{"file":"some/where/psk_anchors_2.json","passed":1,"total":3},` +
		`{"file":"xirr.json","passed":0,"total":1}],` +
		`"unknown":["strange/thing.json"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	var text bytes.Buffer
	if err := report.WriteText(&text, true); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"cases: some/where/psk_anchors_2.json 1/3\n",
		"  wrong: got 365.000 %, want 364.000 %\n",
		"  broken: json: cannot unmarshal",
		"cases: strange/thing.json unknown\n",
	} {
		if !bytes.Contains(text.Bytes(), []byte(line)) {
			t.Errorf("the text lacks %q:\n%s", line, text.String())
		}
	}
}

func TestAnEmptyFolderHasEmptyLists(t *testing.T) {
	t.Parallel()
	report, err := Run(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(report); err != nil || string(got) != `{"files":[],"unknown":[]}` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := Run(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent folder is no error")
	}
}

func TestARunnerThatPanicsCostsItsFileOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.json", `[]`)
	f := runFile(filepath.Join(dir, "x.json"), "x.json", func(string, []byte) ([]outcome, error) {
		var none []outcome
		return none[:1:1], nil
	})
	if f.Err == nil || f.Passed != 0 || f.Total != 1 {
		t.Errorf("got %+v", f)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
