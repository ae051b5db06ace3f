package feature

import "strconv"

// Value is what is known of one feature. The zero Value is the missing one. Values are comparable with ==.
type Value struct {
	kind   Kind
	number int64  // of Whole; of Flag 1 is true
	word   string // of Word
}

// Number is a value of kind Whole.
func Number(n int64) Value { return Value{kind: Whole, number: n} }

// Named is a value of kind Word.
func Named(word string) Value { return Value{kind: Word, word: word} }

// Truth is a value of kind Flag.
func Truth(b bool) Value {
	if b {
		return Value{kind: Flag, number: 1}
	}
	return Value{kind: Flag}
}

// Missing tells whether nothing is known.
func (v Value) Missing() bool { return v.kind == "" }

// Number is the number of a whole value; false when the value is missing or of another kind.
func (v Value) Number() (int64, bool) { return v.number, v.kind == Whole }

// Flag is the truth of a flag; false when the value is missing or of another kind.
func (v Value) Flag() (value, ok bool) { return v.number == 1, v.kind == Flag }

// Text writes the value as callers send it: a decimal, a word, true or false; empty when it is missing.
func (v Value) Text() string {
	switch v.kind {
	case Whole:
		return strconv.FormatInt(v.number, 10)
	case Flag:
		return strconv.FormatBool(v.number == 1)
	default:
		return v.word
	}
}

// Set is what is known, by name. A name that is not in it is missing.
type Set map[string]Value
