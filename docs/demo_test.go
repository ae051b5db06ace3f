package docs_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// The measures of the picture, in pixels.
const (
	glyph   = 7.8 // Width of a character at size 13.
	leading = 19
	margin  = 18
)

// TestDemoPicture draws the recorded demo as a terminal. The record is text, so that a diff shows what changed.
func TestDemoPicture(t *testing.T) {
	t.Parallel()
	expect(t, "docs/images/demo.svg", terminal(t, read(t, "docs/images/demo.txt")))
}

// TestREADMEShowsTheRecordedDemo keeps the block in the README to lines of the record.
func TestREADMEShowsTheRecordedDemo(t *testing.T) {
	t.Parallel()
	record := read(t, "docs/images/demo.txt")
	shown := 0
	for line := range strings.Lines(read(t, "README.md")) {
		if strings.HasPrefix(line, "✓") {
			shown++
			if !strings.Contains(record, line) {
				t.Errorf("the README shows what was not recorded: %s", line)
			}
		}
	}
	if shown == 0 {
		t.Error("the README shows no step of the demo")
	}
}

func terminal(t *testing.T, text string) string {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	columns := 0
	for _, line := range lines {
		columns = max(columns, utf8.RuneCountInString(line))
	}
	width, height := 2*margin+int(float64(columns)*glyph), 2*margin+leading*len(lines)
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="The demo in a terminal">`+"\n", width, height, width, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" rx="8" fill="#14181f"/>`+"\n", width, height)
	out.WriteString(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="#d7dde5">` + "\n")
	for i, line := range lines {
		y := margin + leading*i + 14
		for _, part := range parts(line) {
			if strings.TrimSpace(part.text) == "" {
				continue
			}
			lead := utf8.RuneCountInString(part.text) - utf8.RuneCountInString(strings.TrimLeft(part.text, " "))
			shown := strings.TrimSpace(part.text)
			var escaped strings.Builder
			if err := xml.EscapeText(&escaped, []byte(shown)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, `<text x="%.1f" y="%d" textLength="%.1f"%s xml:space="preserve">%s</text>`+"\n", margin+float64(part.column+lead)*glyph, y,
				float64(utf8.RuneCountInString(shown))*glyph, part.style, escaped.String())
		}
	}
	out.WriteString("</g>\n</svg>\n")
	return out.String()
}

// part is a piece of a line in one style.
type part struct {
	column int
	text   string
	style  string
}

// parts splits a line of the demo: the tick, the number and name, the time, and what came of it.
func parts(line string) []part {
	runes := []rune(line)
	const name, seconds, result = 6, 64, 73
	switch {
	case strings.HasPrefix(line, "$ "):
		return []part{{0, line, ` fill="#7fb2ff"`}}
	case !strings.HasPrefix(line, "✓") || len(runes) <= result:
		return []part{{0, line, ` font-weight="600"`}}
	default:
		return []part{
			{0, string(runes[:1]), ` fill="#53d48a"`}, {1, string(runes[1:name]), ` fill="#7c8796"`}, {name, string(runes[name:seconds]), ""},
			{seconds, string(runes[seconds:result]), ` fill="#7c8796"`}, {result, string(runes[result:]), ` fill="#c9b27c"`},
		}
	}
}
