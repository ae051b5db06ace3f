package words

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// Faults are the differences between the languages: a key that is missing or too many, a text that is empty, other placeholders, a plural
// form that the language needs and has not, or has and never uses. Nil means that they are alike. It is for tests.
func (c *Catalog) Faults() error {
	var faults []error
	english := c.languages[Fallback].keys
	for _, name := range c.Languages() {
		own := c.languages[name]
		for _, key := range slices.Sorted(maps.Keys(english)) {
			forms, ok := own.keys[key]
			if !ok {
				faults = append(faults, fmt.Errorf("%s.json lacks %s", name, key))
				continue
			}
			for _, fault := range compare(own.tag, forms, english[key]) {
				faults = append(faults, fmt.Errorf("%s.json: %s: %s", name, key, fault))
			}
		}
		for key := range own.keys {
			if _, ok := english[key]; !ok {
				faults = append(faults, fmt.Errorf("%s.json has %s, which %s.json has not", name, key, Fallback))
			}
		}
	}
	return errors.Join(faults...)
}

// compare holds a text against the English one.
func compare(tag language.Tag, forms, english text) (faults []string) {
	if len(english) > 1 {
		needed := formsOf(tag)
		for name, form := range formNames() {
			if _, has := forms[form]; has != needed[form] && form != plural.Other {
				faults = append(faults, fmt.Sprintf("plural form %q: there is %t, needed %t", name, has, needed[form]))
			}
		}
	}
	if (len(english) > 1) != (len(forms) > 1) {
		faults = append(faults, "plural forms in one language and none in the other")
	}
	want := placeholders(english[plural.Other])
	for _, words := range forms {
		switch {
		case strings.TrimSpace(words) == "" || words != strings.TrimSpace(words):
			faults = append(faults, "a text is empty or has space around it")
		case placeholders(words) != want:
			faults = append(faults, fmt.Sprintf("placeholders %q, in English %q", placeholders(words), want))
		}
	}
	return faults
}

// formsOf are the plural forms that a language has for whole numbers.
func formsOf(tag language.Tag) map[plural.Form]bool {
	forms := map[plural.Form]bool{}
	for n := range 200 {
		forms[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)] = true
	}
	return forms
}

func placeholders(words string) string {
	return strings.Join(slices.Sorted(slices.Values(placeholder.FindAllString(words, -1))), " ")
}
