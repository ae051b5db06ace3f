package cases

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is the result of one case file. Its JSON is read by scripts that hold scores
// against floors, so its names stay.
type File struct {
	// File is the path relative to the folder that was run, with slashes.
	File string `json:"file"`
	// Passed of Total cases gave the expected answer.
	Passed int `json:"passed"`
	Total  int `json:"total"`
	// Failures say which cases failed and how, in the order of the file.
	Failures []Failure `json:"-"`
	// Skipped are cases of a kind that lendgate does not claim; they are not in Total.
	Skipped []string `json:"-"`
	// Err says why the file could not be read; Passed and Total are then 0 and 1,
	// so that a broken file can never look like a full score.
	Err error `json:"-"`
}

// Failure is a case whose answer differed.
type Failure struct {
	ID     string
	Reason string
}

// Report is the result of a folder.
type Report struct {
	Files []File `json:"files"`
	// Unknown are the case files no runner knows, relative and with slashes.
	Unknown []string `json:"unknown"`
}

// Run runs every case file under a folder, whatever the folders within are
// called. It fails only when the folder cannot be read at all.
func Run(dir string) (Report, error) {
	// A link to the folder is as good as the folder.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Report{}, fmt.Errorf("reading cases: %w", err)
	}
	known := runners()
	report := Report{Files: []File{}, Unknown: []string{}}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if strings.HasPrefix(name, ".") && path != dir {
				return filepath.SkipDir
			}
			return nil
		}
		if !isCaseFile(name) {
			return nil
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if run := find(known, name); run != nil {
			report.Files = append(report.Files, runFile(path, relative, run))
		} else if !isCompanion(name) {
			report.Unknown = append(report.Unknown, relative)
		}
		return nil
	})
	if err != nil {
		return Report{}, fmt.Errorf("reading cases: %w", err)
	}
	return report, nil
}

// runners are all the runners there are, by the base name of their file.
func runners() map[string]runner {
	all := map[string]runner{}
	for _, group := range []map[string]runner{rateRunners(), scheduleRunners(), signingRunners()} {
		for name, run := range group {
			all[name] = run
		}
	}
	return all
}

// isCaseFile tells data from the notes beside it.
func isCaseFile(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".json", ".jsonl"}, filepath.Ext(name))
}

// isCompanion tells a file that others refer to and that holds no cases.
func isCompanion(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "rfc9421_keys")
}

// find is the runner of a file: by its base name, or by the longest known name
// that it continues or follows with a separator, as xirr_2.json continues and
// more_xirr.json follows xirr.json.
func find(known map[string]runner, name string) runner {
	if run, ok := known[name]; ok {
		return run
	}
	var best string
	for candidate := range known {
		if len(candidate) > len(best) && isVariant(stem(name), stem(candidate)) {
			best = candidate
		}
	}
	return known[best]
}

// separators may stand between a known name and what a variant adds to it.
const separators = "_-. 0123456789"

// isVariant tells whether a name is a known one with something before or after it.
func isVariant(name, known string) bool {
	if rest, ok := strings.CutPrefix(name, known); ok {
		return rest == "" || strings.ContainsRune(separators, rune(rest[0]))
	}
	rest, ok := strings.CutSuffix(name, known)
	return ok && strings.ContainsRune(separators, rune(rest[len(rest)-1]))
}

// stem is a name without its extension, so that xirr.jsonl is found by xirr.json.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// runFile runs one file and turns whatever goes wrong into its result.
func runFile(path, relative string, run runner) (result File) {
	result.File = relative
	broken := func(err error) File { return File{File: relative, Total: 1, Err: err} }
	// Outside data must never take the command down: a runner that trips over a
	// shape nobody foresaw costs that file alone.
	defer func() {
		if r := recover(); r != nil {
			result = broken(fmt.Errorf("runner stopped: %v", r))
		}
	}()

	raw, err := os.ReadFile(path)
	if err != nil {
		return broken(err)
	}
	outcomes, err := run(filepath.Dir(path), raw)
	if err != nil {
		return broken(err)
	}
	if len(outcomes) == 0 {
		return broken(errors.New("no cases in the file"))
	}
	for _, o := range outcomes {
		switch {
		case o.Skipped:
			result.Skipped = append(result.Skipped, o.ID)
			continue
		case o.Err == nil:
			result.Passed++
		default:
			result.Failures = append(result.Failures, Failure{ID: o.ID, Reason: o.Err.Error()})
		}
		result.Total++
	}
	return result
}

// WriteText writes the report for people, one line per file; verbose adds why
// each case failed.
func (r Report) WriteText(w io.Writer, verbose bool) error {
	var b strings.Builder
	for _, f := range r.Files {
		fmt.Fprintf(&b, "cases: %s %d/%d", f.File, f.Passed, f.Total)
		if len(f.Skipped) > 0 {
			fmt.Fprintf(&b, " (%d not attempted)", len(f.Skipped))
		}
		b.WriteByte('\n')
		if f.Err != nil {
			fmt.Fprintf(&b, "  %v\n", f.Err)
		}
		if !verbose {
			continue
		}
		for _, failure := range f.Failures {
			fmt.Fprintf(&b, "  %s: %s\n", failure.ID, failure.Reason)
		}
	}
	for _, u := range r.Unknown {
		fmt.Fprintf(&b, "cases: %s unknown\n", u)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
