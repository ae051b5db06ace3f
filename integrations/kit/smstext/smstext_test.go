package smstext_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/integrations/kit/smstext"
)

func TestCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		want smstext.Cost
	}{
		{"an empty text costs nothing", "", smstext.Cost{Encoding: smstext.GSM7}},
		{"160 plain characters are one message", strings.Repeat("a", 160), smstext.Cost{smstext.GSM7, 160, 1}},
		{"161 plain characters are two", strings.Repeat("a", 161), smstext.Cost{smstext.GSM7, 161, 2}},
		{"306 fill two parts of 153", strings.Repeat("a", 306), smstext.Cost{smstext.GSM7, 306, 2}},
		{"307 open a third", strings.Repeat("a", 307), smstext.Cost{smstext.GSM7, 307, 3}},
		{"80 extension characters cost 160", strings.Repeat("€", 80), smstext.Cost{smstext.GSM7, 160, 1}},
		{"81 extension characters are two parts", strings.Repeat("€", 81), smstext.Cost{smstext.GSM7, 162, 2}},
		{
			"an escape pair at the edge moves whole, so 306 septets need three parts",
			strings.Repeat("a", 152) + "{" + strings.Repeat("a", 152), smstext.Cost{smstext.GSM7, 306, 3},
		},
		{"Cyrillic is UCS-2", "Ваш код 123456", smstext.Cost{smstext.UCS2, 14, 1}},
		{"70 Cyrillic letters are one message", strings.Repeat("я", 70), smstext.Cost{smstext.UCS2, 70, 1}},
		{"71 are two", strings.Repeat("я", 71), smstext.Cost{smstext.UCS2, 71, 2}},
		{"one curly quote turns the whole text", strings.Repeat("a", 70) + "’", smstext.Cost{smstext.UCS2, 71, 2}},
		{"extension characters cost 1 in UCS-2", "я{}€", smstext.Cost{smstext.UCS2, 4, 1}},
		{"an emoji is two units", "😀", smstext.Cost{smstext.UCS2, 2, 1}},
		{
			"a surrogate pair at the edge moves whole",
			strings.Repeat("я", 66) + "😀" + strings.Repeat("я", 66), smstext.Cost{smstext.UCS2, 134, 3},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := smstext.Count(test.text); got != test.want {
				t.Errorf("Count = %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestSplitLaws: parts join to the text, none is longer than its limit, and no
// part is empty or cuts a character.
func TestSplitLaws(t *testing.T) {
	t.Parallel()
	alphabet := rapid.SampledFrom([]rune("aZ5 @€{]~яЇ😀‘ñ\n"))
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(alphabet, 0, 700).Draw(t, "text"))
		parts := smstext.Split(text)
		cost := smstext.Count(text)
		if strings.Join(parts, "") != text {
			t.Fatalf("parts do not join to the text")
		}
		if cost.Parts != len(parts) {
			t.Fatalf("Count says %d parts, Split made %d", cost.Parts, len(parts))
		}
		limit := map[bool]int{true: 153, false: 67}[cost.Encoding == smstext.GSM7]
		if len(parts) == 1 {
			limit = map[bool]int{true: 160, false: 70}[cost.Encoding == smstext.GSM7]
		}
		for _, part := range parts {
			units := len(utf16.Encode([]rune(part)))
			if cost.Encoding == smstext.GSM7 {
				units = utf8.RuneCountInString(part) + strings.Count(part, "€") +
					strings.Count(part, "{") + strings.Count(part, "]") + strings.Count(part, "~")
			}
			if units == 0 || units > limit || !utf8.ValidString(part) {
				t.Fatalf("part %q has %d units, limit %d", part, units, limit)
			}
		}
	})
}
