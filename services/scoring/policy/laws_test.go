package policy_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/limit"
	"github.com/lendgate/lendgate/services/scoring/policy"
	"github.com/lendgate/lendgate/services/scoring/rules"
)

// drawValue makes a value of a feature, now and then a missing one. Amounts are drawn where applicants are, and now and then anywhere.
func drawValue(t *rapid.T, def feature.Definition) string {
	if rapid.IntRange(0, 9).Draw(t, def.Name+" told") == 0 {
		return ""
	}
	if def.Kind == feature.Word {
		return rapid.SampledFrom(def.Words).Draw(t, def.Name)
	}
	greatest := def.Max
	if rapid.IntRange(0, 9).Draw(t, def.Name+" sane") > 0 {
		greatest = min(def.Max, 5_000_000)
	}
	return strconv.FormatInt(rapid.Int64Range(def.Min, greatest).Draw(t, def.Name), 10)
}

func drawFacts(t *rapid.T, p *policy.Policy) []feature.Fact {
	var facts []feature.Fact
	for _, def := range p.Features {
		if !def.Derived {
			facts = append(facts, feature.Fact{Name: def.Name, Value: drawValue(t, def)})
		}
	}
	return facts
}

func TestEveryDecisionKeepsThePolicy(t *testing.T) {
	t.Parallel()
	p := parse(t)
	least, greatest := p.Scorecard.Span()
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t, p)
		got, faults := p.Decide(facts)
		if len(faults) > 0 {
			t.Fatalf("refused: %v", faults)
		}
		if got.Score < least || got.Score > greatest || got.DefaultProbabilityBP < 0 || got.DefaultProbabilityBP > 10_000 {
			t.Fatalf("%d points and %d bp", got.Score, got.DefaultProbabilityBP)
		}
		if got.Limits.PrincipalMinor > p.Limits.MaxPrincipalMinor {
			t.Fatalf("limits %+v above the cap", got.Limits)
		}
		if (got.Outcome == rules.Decline) && got.Limits != (limit.Limits{}) || got.Outcome == rules.Approve && got.Limits == (limit.Limits{}) {
			t.Fatalf("%s with limits %+v", got.Outcome, got.Limits)
		}
		if got.Outcome != rules.Approve && len(got.ReasonCodes) == 0 || len(got.ReasonCodes) > 10 {
			t.Fatalf("%s because of %v", got.Outcome, got.ReasonCodes)
		}
		worst, points := rules.Approve, p.Scorecard.BasePoints
		for _, step := range got.Trace {
			worst, points = max(worst, step.Outcome), points+step.Points
		}
		if points != got.Score {
			t.Fatalf("the trace has %d points, the decision %d", points, got.Score)
		}
		if worst > got.Outcome {
			t.Fatalf("the trace asks for %s, the decision is %s", worst, got.Outcome)
		}
		again, _ := p.Decide(facts)
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("decided otherwise the second time:\n%s", diff)
		}
	})
}

func TestMoreIncomeNeverHurts(t *testing.T) {
	t.Parallel()
	p := parse(t)
	rapid.Check(t, func(t *rapid.T) {
		facts := drawFacts(t, p)
		income := rapid.Int64Range(0, 10_000_000).Draw(t, "known income")
		more := income + rapid.Int64Range(0, 10_000_000).Draw(t, "more income")
		poorer, richer := withFact(facts, policy.Income, income), withFact(facts, policy.Income, more)
		a, _ := p.Decide(poorer)
		b, _ := p.Decide(richer)
		if b.Score < a.Score || b.DefaultProbabilityBP > a.DefaultProbabilityBP || b.DebtBurdenBP > a.DebtBurdenBP {
			t.Fatalf("from %d to %d of income: score %d to %d, burden %d to %d", income, more, a.Score, b.Score, a.DebtBurdenBP, b.DebtBurdenBP)
		}
		if b.Outcome > a.Outcome || b.Limits.PrincipalMinor < a.Limits.PrincipalMinor || b.Limits.InstalmentMinor < a.Limits.InstalmentMinor {
			t.Fatalf("from %d to %d of income: %s to %s, %+v to %+v", income, more, a.Outcome, b.Outcome, a.Limits, b.Limits)
		}
	})
}

func withFact(facts []feature.Fact, name string, value int64) []feature.Fact {
	out := make([]feature.Fact, len(facts))
	for i, fact := range facts {
		if fact.Name == name {
			fact.Value = strconv.FormatInt(value, 10)
		}
		out[i] = fact
	}
	return out
}
