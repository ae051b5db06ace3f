package words

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Fallback is the language that has every text.
const Fallback = "en"

// Catalog holds texts by language and key.
type Catalog struct {
	languages map[string]texts
}

type texts struct {
	tag  language.Tag
	keys map[string]text
}

// text is one text, or one for each plural form; the form "other" serves all without an own one.
type text map[plural.Form]string

// Load reads the files <language>.json of a folder.
func Load(files fs.FS, folder string) (*Catalog, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	c := &Catalog{languages: map[string]texts{}}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok {
			continue
		}
		raw, err := fs.ReadFile(files, path.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("words: %w", err)
		}
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("words: %s: %w", entry.Name(), err)
		}
		keys := map[string]text{}
		if err := json.Unmarshal(raw, &keys); err != nil {
			return nil, fmt.Errorf("words: %s: %w", entry.Name(), err)
		}
		c.languages[name] = texts{tag: tag, keys: keys}
	}
	if _, ok := c.languages[Fallback]; !ok {
		return nil, fmt.Errorf("words: no %s.json in %s", Fallback, folder)
	}
	return c, nil
}

// MustLoad is Load for files that are compiled in. It panics when they cannot be read: the binary was built wrong, and a test says so before.
func MustLoad(files fs.FS, folder string) *Catalog {
	c, err := Load(files, folder)
	if err != nil {
		panic(err)
	}
	return c
}

// Languages are the BCP 47 languages that have texts, in alphabetical order.
func (c *Catalog) Languages() []string { return slices.Sorted(maps.Keys(c.languages)) }

// Keys are the keys of the fallback language, in alphabetical order.
func (c *Catalog) Keys() []string { return slices.Sorted(maps.Keys(c.languages[Fallback].keys)) }

// Find is the text for a key in a language, its base language or English, and which of them it is. Both are empty when there is none.
func (c *Catalog) Find(locale, key string) (found, words string) {
	found, _, forms := c.find(locale, key)
	return found, forms[plural.Other]
}

// Count is the text for a number of things, in the plural form that the language asks for, with the number in the place of {n}.
func (c *Catalog) Count(locale, key string, n int) string {
	_, tag, forms := c.find(locale, key)
	words, ok := forms[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
	if !ok {
		words = forms[plural.Other]
	}
	return strings.ReplaceAll(words, "{n}", strconv.Itoa(n))
}

func (c *Catalog) find(locale, key string) (string, language.Tag, text) {
	base, _, _ := strings.Cut(locale, "-")
	for _, candidate := range [...]string{locale, base, Fallback} {
		if forms, ok := c.languages[candidate].keys[key]; ok {
			return candidate, c.languages[candidate].tag, forms
		}
	}
	return "", language.Und, nil
}

// formNames are CLDR's names of the plural forms.
func formNames() map[string]plural.Form {
	return map[string]plural.Form{
		"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
	}
}

// UnmarshalJSON reads a text, or an object with a text for each plural form.
func (t *text) UnmarshalJSON(raw []byte) error {
	var single string
	if err := json.Unmarshal(raw, &single); err == nil {
		*t = text{plural.Other: single}
		return nil
	}
	var forms map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		return fmt.Errorf("neither a text nor plural forms: %s", raw)
	}
	*t = text{}
	for name, words := range forms {
		form, ok := formNames()[name]
		if !ok {
			return fmt.Errorf("%q is no plural form", name)
		}
		(*t)[form] = words
	}
	return nil
}
