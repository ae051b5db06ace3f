package words_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lendgate/lendgate/internal/words"
)

func files(texts map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range texts {
		out["texts/"+name+".json"] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func load(t *testing.T, texts map[string]string) *words.Catalog {
	t.Helper()
	c, err := words.Load(files(texts), "texts")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFindFallsBack(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{"en": `{"a":"A","b":"B"}`, "uk": `{"a":"А укр"}`, "pt-BR": `{"a":"A br"}`})
	for _, test := range []struct{ name, locale, key, language, text string }{
		{"a language has its own", "uk", "a", "uk", "А укр"},
		{"a region has its language's", "uk-UA", "a", "uk", "А укр"},
		{"a region may have its own", "pt-BR", "a", "pt-BR", "A br"},
		{"a gap is filled in English", "uk", "b", "en", "B"},
		{"an unknown language is English", "ka", "a", "en", "A"},
		{"no language is English", "", "a", "en", "A"},
		{"an unknown key has nothing", "uk", "c", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if language, text := c.Find(test.locale, test.key); language != test.language || text != test.text {
				t.Errorf("Find = %q, %q", language, text)
			}
		})
	}
}

func TestCountTakesTheFormOfTheLanguage(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{
		"en": `{"days":{"one":"{n} day","other":"{n} days"},"one":"{n} in all"}`,
		"uk": `{"days":{"one":"{n} день","few":"{n} дні","many":"{n} днів"}}`,
		"pl": `{"days":{"one":"{n} dzień","few":"{n} dni","many":"{n} dni"}}`,
	})
	for _, test := range []struct {
		locale string
		n      int
		want   string
	}{
		{"en", 1, "1 day"}, {"en", 2, "2 days"}, {"en", 21, "21 days"},
		{"uk", 1, "1 день"}, {"uk-UA", 2, "2 дні"}, {"uk", 5, "5 днів"}, {"uk", 11, "11 днів"}, {"uk", 21, "21 день"}, {"uk", 112, "112 днів"},
		{"pl", 1, "1 dzień"}, {"pl", 21, "21 dni"}, {"ka", 1, "1 day"},
	} {
		if got := c.Count(test.locale, "days", test.n); got != test.want {
			t.Errorf("%s %d: %q, want %q", test.locale, test.n, got, test.want)
		}
	}
	if got := c.Count("en", "one", 1); got != "1 in all" {
		t.Errorf("a text without forms: %q", got)
	}
	if got := c.Count("en", "none", 1); got != "" {
		t.Errorf("an unknown key: %q", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, en, uk, fault string }{
		{"alike", `{"a":"x {n}","d":{"one":"d","other":"ds"}}`, `{"a":"{n} х","d":{"one":"д","few":"д","many":"д"}}`, ""},
		{"a key too few", `{"a":"x","b":"y"}`, `{"a":"x"}`, "uk.json lacks b"},
		{"a key too many", `{"a":"x"}`, `{"a":"x","b":"y"}`, "uk.json has b"},
		{"another placeholder", `{"a":"x {n}"}`, `{"a":"x {m}"}`, "placeholders"},
		{"an empty text", `{"a":"x"}`, `{"a":" "}`, "empty"},
		{"a form too few", `{"a":{"one":"x","other":"y"}}`, `{"a":{"one":"x","other":"y"}}`, `plural form "few"`},
		{"a form that is never used", `{"a":{"one":"x","few":"z","other":"y"}}`, `{"a":{"one":"x","few":"y","many":"z"}}`, `en.json: a: plural form "few"`},
		{"forms in one language alone", `{"a":{"one":"x","other":"y"}}`, `{"a":"x"}`, "none in the other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := load(t, map[string]string{"en": test.en, "uk": test.uk}).Faults()
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("Faults = %v, want %q", err, test.fault)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string]map[string]string{
		"a folder without English":   {"uk": `{}`},
		"a file that is no JSON":     {"en": `{`},
		"a text that is a number":    {"en": `{"a":1}`},
		"a form that does not exist": {"en": `{"a":{"several":"x"}}`},
		"a name that is no language": {"en": `{}`, "no language": `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := words.Load(files(texts), "texts"); err == nil {
				t.Error("it was read")
			}
		})
	}
}
