// Package words finds texts for people: catalogues of JSON files, one a language, and one rule for which language serves whom.
//
// It owns the form of a catalogue: a flat object of keys; a text, or a text for each plural form of the language (CLDR's one, few, many,
// other); {name} where a value goes. It promises that English answers where a language has no text, and that Faults finds every such gap, so
// that a test keeps the languages alike. It does not hold texts itself, and it does not write amounts: package mobile does.
package words
