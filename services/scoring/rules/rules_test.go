package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/rules"
)

func TestEachComparison(t *testing.T) {
	t.Parallel()
	number := func(c rules.Comparison) rules.Rule { return rules.Rule{Comparison: c, Number: new(int64(10))} }
	words := func(c rules.Comparison) rules.Rule { return rules.Rule{Comparison: c, Words: []string{"a", "b"}} }
	tests := []struct {
		rule  rules.Rule
		hits  []feature.Value
		holds []feature.Value
	}{
		{number(rules.Below), []feature.Value{feature.Number(9), feature.Number(-1)}, []feature.Value{feature.Number(10), feature.Number(11)}},
		{number(rules.AtMost), []feature.Value{feature.Number(9), feature.Number(10)}, []feature.Value{feature.Number(11)}},
		{number(rules.Above), []feature.Value{feature.Number(11)}, []feature.Value{feature.Number(10), feature.Number(9)}},
		{number(rules.AtLeast), []feature.Value{feature.Number(10), feature.Number(11)}, []feature.Value{feature.Number(9)}},
		{number(rules.Equal), []feature.Value{feature.Number(10)}, []feature.Value{feature.Number(9), feature.Number(11)}},
		{number(rules.NotEqual), []feature.Value{feature.Number(9), feature.Number(11)}, []feature.Value{feature.Number(10)}},
		{words(rules.In), []feature.Value{feature.Named("a"), feature.Named("b")}, []feature.Value{feature.Named("c")}},
		{words(rules.NotIn), []feature.Value{feature.Named("c")}, []feature.Value{feature.Named("a")}},
		{rules.Rule{Comparison: rules.Is, Flag: new(false)}, []feature.Value{feature.Truth(false)}, []feature.Value{feature.Truth(true)}},
	}
	for _, tt := range tests {
		t.Run(string(tt.rule.Comparison), func(t *testing.T) {
			t.Parallel()
			check := func(rule rules.Rule, value feature.Value, want bool) {
				t.Helper()
				rule.Field = "field"
				if got := rules.Evaluate([]rules.Rule{rule}, feature.Set{"field": value})[0].Hit; got != want {
					t.Errorf("%s of %q: hit is %t", rule.Comparison, value.Text(), got)
				}
			}
			for _, value := range tt.hits {
				check(tt.rule, value, true)
			}
			for _, value := range tt.holds {
				check(tt.rule, value, false)
			}
			missing := tt.rule
			missing.Missing = rules.MissingHits
			check(missing, feature.Value{}, true)
			missing.Missing = rules.MissingPasses
			check(missing, feature.Value{}, false)
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		list := []rules.Rule{{Field: "there", Comparison: rules.Missing}, {Field: "absent", Comparison: rules.Missing}}
		findings := rules.Evaluate(list, feature.Set{"there": feature.Number(0)})
		if findings[0].Hit || !findings[1].Hit {
			t.Errorf("a zero hit: %t; an absent field hit: %t", findings[0].Hit, findings[1].Hit)
		}
	})
}

func TestVerdictTakesTheWorstAndPutsItsReasonsFirst(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		findings []rules.Finding
		want     rules.Outcome
		reasons  []string
	}{
		{"nothing hit", []rules.Finding{{Outcome: rules.Decline, ReasonCode: "A"}}, rules.Approve, []string{}},
		{"one refers", []rules.Finding{
			{Outcome: rules.Decline, ReasonCode: "A"},
			{Hit: true, Outcome: rules.Refer, ReasonCode: "B"},
		}, rules.Refer, []string{"B"}},
		{"declines come before what refers, each reason once", []rules.Finding{
			{Hit: true, Outcome: rules.Refer, ReasonCode: "A"},
			{Hit: true, Outcome: rules.Decline, ReasonCode: "B"},
			{Hit: true, Outcome: rules.Decline, ReasonCode: "C"},
			{Hit: true, Outcome: rules.Refer, ReasonCode: "B"},
		}, rules.Decline, []string{"B", "C", "A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outcome, reasons := rules.Verdict(tt.findings)
			if outcome != tt.want {
				t.Errorf("outcome %s, want %s", outcome, tt.want)
			}
			if diff := cmp.Diff(tt.reasons, reasons); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvaluateAsksEveryRuleInOrder(t *testing.T) {
	t.Parallel()
	list := []rules.Rule{
		{Code: "first", Field: "age", Comparison: rules.Below, Number: new(int64(18)), Outcome: rules.Decline, ReasonCode: "A"},
		{Code: "second", Field: "age", Comparison: rules.Above, Number: new(int64(10)), Outcome: rules.Refer, ReasonCode: "B"},
		{Code: "third", Field: "age", Comparison: rules.Above, Number: new(int64(70)), Outcome: rules.Decline, ReasonCode: "A"},
	}
	age := feature.Number(17)
	want := []rules.Finding{
		{Code: "first", Field: "age", Value: age, Hit: true, Outcome: rules.Decline, ReasonCode: "A"},
		{Code: "second", Field: "age", Value: age, Hit: true, Outcome: rules.Refer, ReasonCode: "B"},
		{Code: "third", Field: "age", Value: age, Hit: false, Outcome: rules.Decline, ReasonCode: "A"},
	}
	got := rules.Evaluate(list, feature.Set{"age": age})
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b feature.Value) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestValidateListsEveryFaultOfRules(t *testing.T) {
	t.Parallel()
	dictionary := feature.Dictionary{
		{Name: "age", Kind: feature.Whole, Max: 150},
		{Name: "work", Kind: feature.Word, Words: []string{"employed"}},
		{Name: "verified", Kind: feature.Flag},
	}
	tests := []struct {
		name, rule, want string // want is empty for a right rule
	}{
		{"right", `{"field":"age","comparison":"below","number":18,"missing":"hit","outcome":"DECLINE"}`, ""},
		{"right missing", `{"field":"work","comparison":"missing","outcome":"REFER"}`, ""},
		{"right flag", `{"field":"verified","comparison":"is","flag":false,"missing":"hit","outcome":"REFER"}`, ""},
		{"approves", `{"field":"age","comparison":"below","number":18,"missing":"hit","outcome":"APPROVE"}`, "neither REFER nor DECLINE"},
		{"unknown field", `{"field":"shoe","comparison":"below","number":18,"missing":"hit","outcome":"DECLINE"}`, "not in the dictionary"},
		{"unknown comparison", `{"field":"age","comparison":"near","number":18,"missing":"hit","outcome":"DECLINE"}`, "no comparison"},
		{"kind does not suit", `{"field":"work","comparison":"below","number":18,"missing":"hit","outcome":"DECLINE"}`, "below compares a whole"},
		{"no operand", `{"field":"age","comparison":"below","missing":"hit","outcome":"DECLINE"}`, "as its kind needs"},
		{"one operand too many", `{"field":"age","comparison":"below","number":1,"flag":true,"missing":"hit","outcome":"DECLINE"}`, "as its kind needs"},
		{"unknown word", `{"field":"work","comparison":"in","words":["pirate"],"missing":"hit","outcome":"DECLINE"}`, `word "pirate"`},
		{"says nothing of missing", `{"field":"age","comparison":"below","number":18,"outcome":"DECLINE"}`, "missing is neither"},
		{"says it twice", `{"field":"age","comparison":"missing","missing":"hit","outcome":"DECLINE"}`, "says already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var rule rules.Rule
			if err := json.Unmarshal([]byte(tt.rule), &rule); err != nil {
				t.Fatal(err)
			}
			faults := rules.Validate([]rules.Rule{rule}, dictionary)
			switch {
			case tt.want == "" && len(faults) > 0:
				t.Errorf("refused: %v", faults)
			case tt.want != "" && (len(faults) != 1 || !strings.Contains(faults[0].Error(), tt.want)):
				t.Errorf("faults %v, want %q alone", faults, tt.want)
			}
		})
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	t.Parallel()
	for _, outcome := range []rules.Outcome{rules.Approve, rules.Refer, rules.Decline} {
		text, err := outcome.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back rules.Outcome
		if err := back.UnmarshalText(text); err != nil || back != outcome {
			t.Errorf("%s came back as %s, %v", outcome, back, err)
		}
	}
	var o rules.Outcome
	if err := o.UnmarshalText([]byte("MAYBE")); err == nil {
		t.Error("MAYBE was taken for an outcome")
	}
}
