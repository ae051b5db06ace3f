package policy

import (
	"fmt"
	"slices"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/limit"
	"github.com/lendgate/lendgate/services/scoring/rules"
	"github.com/lendgate/lendgate/services/scoring/scorecard"
)

const (
	// mostAttributeReasons is how many attributes of the scorecard are told as reasons: people can act on a few.
	mostAttributeReasons = 4
	// mostReasons is the contract's bound on all reasons.
	mostReasons = 10
)

// The codes of the steps that are no rule and no attribute.
const (
	stepUnknown = "feature_unknown" // a fact that the dictionary does not hold was ignored
	stepBurden  = "debt_burden"     // the debt burden was computed
	stepBand    = "score_band"      // the band that the score is in
	stepLimits  = "limits"          // the most that may be lent
)

// Decision is what a policy made of facts.
type Decision struct {
	Outcome rules.Outcome
	Score   int
	// Grade is that of the band, also when a rule decided: it tells the risk, the outcome what follows.
	Grade string
	// DefaultProbabilityBP is within 12 months, in basis points.
	DefaultProbabilityBP int
	// DebtBurdenBP is in basis points; limit.BurdenMost also stands for one that cannot be known.
	DebtBurdenBP int64
	// Limits are nothing when the outcome is Decline.
	Limits limit.Limits
	// ReasonCodes tell why the outcome is not better, most important first. For an approval: why the score is not.
	ReasonCodes []string
	Trace       []Step
}

// Step is one line of the trace.
type Step struct {
	// Code is that of the rule or attribute, or one of the policy's own.
	Code string
	// Input is what was looked at, such as "age_years=17" or "age_years missing".
	Input string
	// Hit is true when a rule hit, or a bin of an attribute matched.
	Hit bool
	// Points are an attribute's. They and the card's base points sum to the score.
	Points int
	// Outcome is that of a rule that hit or of the band; otherwise Approve.
	Outcome rules.Outcome
}

// Decide takes a decision, or reports the facts that are outside their domains and decides nothing. Every rule and attribute is evaluated,
// even once a rule has declined, so that a trace always says everything that was known.
func (p *Policy) Decide(facts []feature.Fact) (Decision, []feature.Fault) {
	reading := p.Features.Read(facts)
	if len(reading.Faults) > 0 {
		return Decision{}, reading.Faults
	}
	set := reading.Set
	set[Burden] = p.burden(set)
	findings := rules.Evaluate(p.Rules, set)
	score, gains := p.Scorecard.Score(set)
	band := p.band(score)
	limits, known := p.limits(set, band)

	outcome, reasons := rules.Verdict(findings)
	// Outcomes are ordered from APPROVE to DECLINE, so the greater one is the worse and nothing makes an outcome better.
	outcome = max(outcome, band.Outcome)
	if limits == (limit.Limits{}) && outcome == rules.Approve {
		reasons = append(reasons, p.Limits.ReasonCode)
		if outcome = rules.Decline; !known {
			outcome = rules.Refer // Nobody can tell what could be lent: a person has to find out.
		}
	}
	if outcome == rules.Decline {
		limits = limit.Limits{}
	}
	return Decision{
		Outcome: outcome, Score: score, Grade: band.Grade, DefaultProbabilityBP: p.Scorecard.Scaling.DefaultProbability(score),
		DebtBurdenBP: knownOr(set[Burden], limit.BurdenMost), Limits: limits,
		ReasonCodes: explain(outcome, reasons, band, gains),
		Trace:       trace(reading.Unknown, set[Burden], findings, gains, score, band, limits),
	}, nil
}

// burden computes the debt burden. It is missing when something that it is made of is.
func (p *Policy) burden(set feature.Set) feature.Value {
	income, incomeKnown := set[Income].Number()
	instalment, instalmentKnown := set[Instalment].Number()
	obligations, obligationsKnown := p.obligations(set)
	if !incomeKnown || !instalmentKnown || !obligationsKnown {
		return feature.Value{}
	}
	return feature.Number(limit.Burden(obligations, instalment, income))
}

// obligations are what other debts cost each month. Whether silence means none is the policy's to say, never the code's.
func (p *Policy) obligations(set feature.Set) (minor int64, known bool) {
	minor, known = set[Obligation].Number()
	return minor, known || p.AssumeNoObligations
}

// band finds the grade of a score. The last band takes all scores that are left.
func (p *Policy) band(score int) Band {
	i := slices.IndexFunc(p.Bands, func(b Band) bool { return score >= b.MinScore })
	if i < 0 {
		i = len(p.Bands) - 1
	}
	return p.Bands[i]
}

// limits are nothing, and not known, when the income or the obligations are missing.
func (p *Policy) limits(set feature.Set, band Band) (limits limit.Limits, known bool) {
	income, incomeKnown := set[Income].Number()
	obligations, obligationsKnown := p.obligations(set)
	if !incomeKnown || !obligationsKnown {
		return limit.Limits{}, false
	}
	return limit.Of(p.Limits.Caps, limit.Capacity{
		IncomeMinor: income, ObligationsMinor: obligations, MultipleBP: band.IncomeMultipleBP,
	}), true
}

// explain puts the reasons together: first those of rules and limits, then, when the score was too low, that and what it lacked most. An
// approval by points alone tells what the score lacked. Attributes are no reason of what a rule decided.
func explain(outcome rules.Outcome, reasons []string, band Band, gains []scorecard.Gain) []string {
	byScore := band.Outcome != rules.Approve
	if byScore {
		reasons = append(reasons, band.ReasonCode)
	}
	if byScore || outcome == rules.Approve {
		reasons = append(reasons, scorecard.Reasons(gains, mostAttributeReasons)...)
	}
	told := []string{}
	for _, reason := range reasons {
		if len(told) < mostReasons && !slices.Contains(told, reason) {
			told = append(told, reason)
		}
	}
	return told
}

// trace puts the steps in the order in which they were taken. Values stand in it, so it is sealed where it is kept.
func trace(unknown []feature.Fact, burden feature.Value, findings []rules.Finding, gains []scorecard.Gain, score int, band Band, limits limit.Limits) []Step {
	steps := make([]Step, 0, len(unknown)+len(findings)+len(gains)+3)
	for _, fact := range unknown {
		steps = append(steps, Step{Code: stepUnknown, Input: fact.Name + "=" + fact.Value})
	}
	steps = append(steps, Step{Code: stepBurden, Input: input(Burden, burden), Hit: !burden.Missing()})
	for _, f := range findings {
		step := Step{Code: f.Code, Input: input(f.Field, f.Value), Hit: f.Hit}
		if f.Hit {
			step.Outcome = f.Outcome
		}
		steps = append(steps, step)
	}
	for _, g := range gains {
		steps = append(steps, Step{Code: g.Code, Input: input(g.Field, g.Value), Hit: g.Matched, Points: g.Points})
	}
	return append(steps,
		Step{Code: stepBand, Input: fmt.Sprintf("score=%d grade=%s", score, band.Grade), Hit: true, Outcome: band.Outcome},
		Step{
			Code: stepLimits, Hit: limits != (limit.Limits{}),
			Input: fmt.Sprintf("max_principal_minor=%d max_instalment_minor=%d", limits.PrincipalMinor, limits.InstalmentMinor),
		})
}

// input writes what a step looked at.
func input(name string, value feature.Value) string {
	if value.Missing() {
		return name + " missing"
	}
	return name + "=" + value.Text()
}

// knownOr is a number, or another one when it is missing.
func knownOr(value feature.Value, other int64) int64 {
	if n, ok := value.Number(); ok {
		return n
	}
	return other
}
