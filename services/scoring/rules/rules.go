package rules

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lendgate/lendgate/services/scoring/feature"
)

// Comparison is how a rule looks at its field.
type Comparison string

// The comparisons, by the kind of feature that they are for.
const (
	// Below, AtMost, Above, AtLeast, Equal and NotEqual compare a whole number with Rule.Number.
	Below    Comparison = "below"
	AtMost   Comparison = "at_most"
	Above    Comparison = "above"
	AtLeast  Comparison = "at_least"
	Equal    Comparison = "equal"
	NotEqual Comparison = "not_equal"
	// In and NotIn look a word up in Rule.Words.
	In    Comparison = "in"
	NotIn Comparison = "not_in"
	// Is compares a flag with Rule.Flag.
	Is Comparison = "is"
	// Missing hits when nothing is known, whatever the kind.
	Missing Comparison = "missing"
)

// What a missing value does to a rule of another comparison than Missing. A rule has to name one.
const (
	MissingHits   = "hit"
	MissingPasses = "pass"
)

// Rule is one condition: when it hits, it asks for its outcome.
type Rule struct {
	// Code names the rule in traces, such as "age_min".
	Code       string     `json:"code"`
	Field      string     `json:"field"`
	Comparison Comparison `json:"comparison"`
	// Number, Words and Flag are what the field is compared with. Exactly the one that the comparison needs is set.
	Number *int64   `json:"number,omitempty"`
	Words  []string `json:"words,omitempty"`
	Flag   *bool    `json:"flag,omitempty"`
	// Missing is MissingHits or MissingPasses.
	Missing string `json:"missing,omitempty"`
	// Outcome is Refer or Decline.
	Outcome Outcome `json:"outcome"`
	// ReasonCode tells people why, such as "AGE_OUT_OF_RANGE".
	ReasonCode string `json:"reason_code"`
}

// Finding is what one rule said.
type Finding struct {
	Code       string
	Field      string
	Value      feature.Value
	Hit        bool
	Outcome    Outcome // of the rule; it counts only when the rule hit
	ReasonCode string
}

// Evaluate asks all rules in order.
func Evaluate(list []Rule, set feature.Set) []Finding {
	findings := make([]Finding, len(list))
	for i, rule := range list {
		value := set[rule.Field]
		findings[i] = Finding{
			Code: rule.Code, Field: rule.Field, Value: value, Hit: rule.hits(value), Outcome: rule.Outcome, ReasonCode: rule.ReasonCode,
		}
	}
	return findings
}

// Verdict is the worst outcome of the findings that hit, and their reasons: those of the worst outcome first, each once. The order of the
// policy is kept within an outcome, so its author decides which reason a person reads first.
func Verdict(findings []Finding) (Outcome, []string) {
	worst, reasons := Approve, []string{}
	for _, outcome := range []Outcome{Decline, Refer} {
		for _, f := range findings {
			if !f.Hit || f.Outcome != outcome {
				continue
			}
			worst = max(worst, outcome)
			if !slices.Contains(reasons, f.ReasonCode) {
				reasons = append(reasons, f.ReasonCode)
			}
		}
	}
	return worst, reasons
}

// hits tells whether the rule's condition holds. The rule is a valid one. That missing values are said by the rule itself keeps a bureau
// that did not answer from declining, or approving, by accident.
func (r Rule) hits(value feature.Value) bool {
	if r.Comparison == Missing {
		return value.Missing()
	}
	if value.Missing() {
		return r.Missing == MissingHits
	}
	number, _ := value.Number()
	switch r.Comparison {
	case Below:
		return number < *r.Number
	case AtMost:
		return number <= *r.Number
	case Above:
		return number > *r.Number
	case AtLeast:
		return number >= *r.Number
	case Equal:
		return number == *r.Number
	case NotEqual:
		return number != *r.Number
	case In:
		return slices.Contains(r.Words, value.Text())
	case NotIn:
		return !slices.Contains(r.Words, value.Text())
	default: // Is
		flag, _ := value.Flag()
		return flag == *r.Flag
	}
}

// Validate lists everything that is wrong with rules over the features of a dictionary. The form of codes is the policy's matter.
func Validate(list []Rule, dictionary feature.Dictionary) []error {
	var faults []error
	for i, rule := range list {
		var own []error
		if rule.Outcome == Approve {
			own = append(own, errors.New("the outcome is neither REFER nor DECLINE"))
		}
		def, ok := dictionary.Find(rule.Field)
		if !ok {
			own = append(own, fmt.Errorf("field %q is not in the dictionary", rule.Field))
		} else {
			own = append(own, rule.validateOperand(def)...)
		}
		for _, fault := range own {
			faults = append(faults, fmt.Errorf("rules[%d] %q: %w", i, rule.Code, fault))
		}
	}
	return faults
}

// validateOperand checks that the comparison suits the kind of the field, and that exactly what it compares with is given.
func (r Rule) validateOperand(def feature.Definition) []error {
	var faults []error
	want := feature.Kind("") // The kind whose operand the comparison needs.
	switch r.Comparison {
	case Below, AtMost, Above, AtLeast, Equal, NotEqual:
		want = feature.Whole
	case In, NotIn:
		want = feature.Word
	case Is:
		want = feature.Flag
	case Missing:
	default:
		return append(faults, fmt.Errorf("there is no comparison %q", r.Comparison))
	}
	if want != "" && def.Kind != want {
		faults = append(faults, fmt.Errorf("%s compares a %s, %q is a %s", r.Comparison, want, r.Field, def.Kind))
	}
	if (r.Number != nil) != (want == feature.Whole) || (len(r.Words) > 0) != (want == feature.Word) || (r.Flag != nil) != (want == feature.Flag) {
		faults = append(faults, fmt.Errorf("%s takes number, words or flag as its kind needs, and nothing else", r.Comparison))
	}
	if want == feature.Word && def.Kind == feature.Word && !def.Open {
		for _, word := range r.Words {
			if !slices.Contains(def.Words, word) {
				faults = append(faults, fmt.Errorf("word %q is not in the dictionary", word))
			}
		}
	}
	if r.Comparison == Missing && r.Missing != "" {
		faults = append(faults, errors.New("the comparison missing says already what a missing value does"))
	}
	if r.Comparison != Missing && r.Missing != MissingHits && r.Missing != MissingPasses {
		faults = append(faults, fmt.Errorf("missing is neither %q nor %q", MissingHits, MissingPasses))
	}
	return faults
}
