package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// maxImages bounds all pictures together, in bytes: a clone should stay small.
const maxImages = 300_000

var (
	linkPattern     = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	linePattern     = regexp.MustCompile(`^L(\d+)(?:-L(\d+))?$`)
	namePattern     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*$`)
	headingPattern  = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	notSlug         = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	fencedPattern   = regexp.MustCompile("(?ms)^```.*?^```$")
	receiverPattern = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)$`)
)

// pages are the documents whose links are checked: those of the root, of docs/ and of deploy/.
func pages(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(sources(t, ".md"), func(name string) bool {
		return strings.Contains(name, "/") && !strings.HasPrefix(name, "docs/") && !strings.HasPrefix(name, "deploy/")
	})
}

// TestLinksLeadSomewhere checks every relative link of the documents: the file or folder is there, a heading is there, and a line link goes
// to a line that holds the name in its text. With -update, line numbers follow the code.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	list := pages(t)
	if len(list) < 10 {
		t.Fatalf("found only %d documents", len(list))
	}
	for _, page := range list {
		text := read(t, page)
		links := linkPattern.FindAllStringSubmatch(fencedPattern.ReplaceAllString(text, ""), -1)
		changed := text
		for _, link := range links {
			label, target := link[1], link[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			moved, err := check(page, label, target)
			switch {
			case err != nil:
				t.Errorf("%s: [%s](%s): %v", page, label, target, err)
			case moved != target:
				changed = strings.ReplaceAll(changed, link[0], "["+label+"]("+moved+")")
			}
		}
		if changed != text {
			if err := os.WriteFile(filepath.Join(top, page), []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// check looks whether a link leads somewhere. It answers with the target, which has another line after -update.
func check(page, label, target string) (string, error) {
	file, fragment, _ := strings.Cut(target, "#")
	name := page
	if file != "" {
		name = path.Join(path.Dir(page), file)
	}
	info, err := os.Stat(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil || fragment == "" {
		return target, err
	}
	if info.IsDir() {
		return target, fmt.Errorf("a folder has no %s", fragment)
	}
	raw, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		return target, err
	}
	if strings.HasSuffix(name, ".md") {
		return target, heading(string(raw), fragment)
	}
	found := linePattern.FindStringSubmatch(fragment)
	if found == nil {
		return target, fmt.Errorf("%s is no line", fragment)
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		return target, err
	}
	moved, err := line(strings.Split(string(raw), "\n"), path.Ext(name), label, number)
	if err != nil || moved == number || found[2] != "" {
		return target, err
	}
	return file + "#L" + strconv.Itoa(moved), nil
}

// line checks that a line holds the name in a link's text, and with -update answers with the line that declares the name.
func line(lines []string, extension, label string, number int) (int, error) {
	label = strings.TrimSuffix(strings.Trim(label, "`"), "()")
	name := namePattern.FindString(label)
	if name == "" {
		return number, fmt.Errorf("the text of a line link ends with the name that stands in the line")
	}
	if *update {
		if moved := declaration(lines, extension, label, name); moved > 0 {
			return moved, nil
		}
		return number, fmt.Errorf("the file does not hold %s any more", name)
	}
	if number < 1 || number > len(lines) || !word(name).MatchString(lines[number-1]) {
		return number, fmt.Errorf("line %d does not hold %s; run: go test ./docs -update", number, name)
	}
	return number, nil
}

func word(name string) *regexp.Regexp {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
}

// declaration is the line that declares a name, else the first that holds it; 0 when none does. A label "Type.Name" means the method.
func declaration(lines []string, extension, label, name string) int {
	var patterns []string
	switch extension {
	case ".go":
		if found := receiverPattern.FindStringSubmatch(label); found != nil {
			patterns = append(patterns, `^func \(\w* ?\*?`+found[1]+`(\[.*\])?\) `+name+`\(`)
		}
		patterns = append(patterns, `^func (\([^)]*\) )?`+name+`[\[(]`, `^type `+name+`\b`, `^\t?(const |var )?`+name+`\b.*=`)
	case ".proto":
		patterns = append(patterns, `^\s*(rpc|message|service|enum) `+name+`\b`)
	case ".sql":
		patterns = append(patterns, `^-- name: `+name+` `, `^CREATE (TABLE|FUNCTION|POLICY|TRIGGER|CONSTRAINT TRIGGER|UNIQUE INDEX) `+name+`\b`, `CONSTRAINT `+name+`\b`)
	}
	for _, pattern := range append(patterns, `\b`+name+`\b`) {
		expression := regexp.MustCompile(pattern)
		if i := slices.IndexFunc(lines, expression.MatchString); i >= 0 {
			return i + 1
		}
	}
	return 0
}

// heading looks for a heading by its anchor, made as GitHub makes it.
func heading(text, anchor string) error {
	for _, found := range headingPattern.FindAllStringSubmatch(fencedPattern.ReplaceAllString(text, ""), -1) {
		slug := strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-")
		if slug == anchor {
			return nil
		}
	}
	return fmt.Errorf("there is no heading #%s", anchor)
}

func TestPicturesAreSmall(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("images")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	if sum == 0 || sum > maxImages {
		t.Errorf("the pictures have %d bytes, at most %d", sum, maxImages)
	}
}
