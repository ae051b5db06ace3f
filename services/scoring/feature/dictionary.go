package feature

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is the type of a feature's values.
type Kind string

// The kinds of features.
const (
	// Whole is a whole number within bounds.
	Whole Kind = "whole"
	// Word is a category.
	Word Kind = "word"
	// Flag is true or false.
	Flag Kind = "flag"
)

// Definition is one entry of the dictionary.
type Definition struct {
	// Name is what callers send, such as "age_years".
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Min and Max are the least and the greatest number, both allowed. Only of kind Whole.
	Min int64 `json:"min,omitempty"`
	Max int64 `json:"max,omitempty"`
	// Words are the categories, in lower case. Only of kind Word.
	Words []string `json:"words,omitempty"`
	// Open lets words through that are not listed; they count as unseen. Only of kind Word.
	Open bool `json:"open,omitempty"`
	// Derived marks a feature that the policy computes itself. Callers may not send it.
	Derived bool `json:"derived,omitempty"`
	// Note says what the feature means, for people.
	Note string `json:"note,omitempty"`
}

// Dictionary is all features that a policy knows.
type Dictionary []Definition

// Fact is a feature as it was sent.
type Fact struct {
	Name string
	// Value is a decimal, a word, true or false. Empty means missing.
	Value string
}

// Fault is a fact that cannot be taken.
type Fault struct {
	// Index is its place among the facts, from 0.
	Index int
	Name  string
	// Why is in plain words and never repeats the value, which is personal.
	Why string
}

// Reading is what facts say to a dictionary.
type Reading struct {
	Set Set
	// Unknown are the facts whose names the dictionary does not hold, in the order they were sent.
	Unknown []Fact
	Faults  []Fault
}

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	wordPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,59}$`)
)

// Find looks a definition up.
func (d Dictionary) Find(name string) (Definition, bool) {
	i := slices.IndexFunc(d, func(def Definition) bool { return def.Name == name })
	if i < 0 {
		return Definition{}, false
	}
	return d[i], true
}

// Read takes facts in. A reading with faults is not to be decided on.
func (d Dictionary) Read(facts []Fact) Reading {
	r := Reading{Set: Set{}}
	seen := map[string]bool{}
	for i, fact := range facts {
		if seen[fact.Name] {
			r.Faults = append(r.Faults, Fault{Index: i, Name: fact.Name, Why: "was sent twice"})
			continue
		}
		seen[fact.Name] = true
		def, ok := d.Find(fact.Name)
		if !ok {
			r.Unknown = append(r.Unknown, fact)
			continue
		}
		value, err := def.Read(fact.Value)
		if err != nil {
			r.Faults = append(r.Faults, Fault{Index: i, Name: fact.Name, Why: err.Error()})
			continue
		}
		r.Set[fact.Name] = value
	}
	return r
}

// Read reads one value. Words are taken in any case; the empty text is missing.
func (d Definition) Read(text string) (Value, error) {
	if d.Derived {
		return Value{}, errors.New("is computed here and may not be sent")
	}
	if text == "" {
		return Value{}, nil
	}
	switch d.Kind {
	case Whole:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Value{}, errors.New("is not a whole number")
		}
		if n < d.Min || n > d.Max {
			return Value{}, fmt.Errorf("is not within %d to %d", d.Min, d.Max)
		}
		return Number(n), nil
	case Flag:
		if text != "true" && text != "false" {
			return Value{}, errors.New("is neither true nor false")
		}
		return Truth(text == "true"), nil
	default:
		word := strings.ToLower(text)
		if !d.Open && !slices.Contains(d.Words, word) {
			return Value{}, errors.New("is none of " + strings.Join(d.Words, ", "))
		}
		return Named(word), nil
	}
}

// Validate lists everything that is wrong with the dictionary itself.
func (d Dictionary) Validate() []error {
	var faults []error
	seen := map[string]bool{}
	for i, def := range d {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("features[%d] %q: %w", i, def.Name, fmt.Errorf(format, args...)))
		}
		if !namePattern.MatchString(def.Name) {
			fault("the name is not of the form %s", namePattern)
		}
		if seen[def.Name] {
			fault("stands twice")
		}
		seen[def.Name] = true
		switch def.Kind {
		case Whole:
			if def.Min > def.Max {
				fault("min %d is above max %d", def.Min, def.Max)
			}
		case Word:
			if len(def.Words) == 0 && !def.Open {
				fault("a closed word needs words")
			}
			for _, word := range def.Words {
				if !wordPattern.MatchString(word) {
					fault("word %q is not of the form %s", word, wordPattern)
				}
			}
		case Flag:
		default:
			fault("kind %q is none of whole, word, flag", def.Kind)
		}
		if def.Kind != Whole && (def.Min != 0 || def.Max != 0) {
			fault("only whole numbers have min and max")
		}
		if def.Kind != Word && (len(def.Words) > 0 || def.Open) {
			fault("only words have words")
		}
	}
	return faults
}
