package policy

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/limit"
	"github.com/lendgate/lendgate/services/scoring/rules"
)

// mostSteps bounds the rules and the attributes, so that a trace fits the contract's.
const mostSteps = 100

// The forms of the codes that leave a policy. The contract bounds their lengths.
var (
	codePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	// Reasons are constants of catalogues, codes are words of the document, grades are read by people.
	reasonPattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,59}$`)
	gradePattern  = regexp.MustCompile(`^[A-Z0-9+-]{1,8}$`)
)

// validate lists everything that is wrong.
func (p *Policy) validate() []error {
	var faults []error
	if _, err := money.Exponent(p.Currency); err != nil {
		faults = append(faults, fmt.Errorf("currency %q is no ISO 4217 code", p.Currency))
	}
	faults = append(faults, p.Features.Validate()...)
	faults = append(faults, p.validateOwnFeatures()...)
	if len(p.Rules) > mostSteps || len(p.Scorecard.Attributes) > mostSteps {
		faults = append(faults, fmt.Errorf("more than %d rules or attributes", mostSteps))
	}
	faults = append(faults, p.validateCodes()...)
	faults = append(faults, rules.Validate(p.Rules, p.Features)...)
	faults = append(faults, p.Scorecard.Validate(p.Features)...)
	faults = append(faults, p.validateBands()...)
	return append(faults, p.Limits.Validate()...)
}

// validateOwnFeatures checks the features that the policy itself computes with. A negative amount would turn limits around. Burden is
// derived from the others and so cannot be sent: a caller could otherwise tell us how much a person can bear.
func (p *Policy) validateOwnFeatures() []error {
	var faults []error
	for _, name := range []string{Income, Obligation, Principal, Instalment, Burden} {
		def, ok := p.Features.Find(name)
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("features: %q is needed to compute burden and limits", name))
		case def.Kind != feature.Whole || def.Min < 0:
			faults = append(faults, fmt.Errorf("features: %q has to be a whole number that is not negative", name))
		}
	}
	for _, def := range p.Features {
		if def.Derived != (def.Name == Burden) {
			faults = append(faults, fmt.Errorf("features: %q: %q is derived, and it alone", def.Name, Burden))
		}
	}
	return faults
}

// validateCodes checks the codes of rules and attributes, which share one trace, and all reason codes. A trace line is found by its code
// alone, so no two steps may share one, our own steps included.
func (p *Policy) validateCodes() []error {
	var faults []error
	seen := map[string]bool{}
	code := func(code string) {
		if !codePattern.MatchString(code) {
			faults = append(faults, fmt.Errorf("code %q is not of the form %s", code, codePattern))
		}
		if seen[code] {
			faults = append(faults, fmt.Errorf("code %q stands twice", code))
		}
		seen[code] = true
	}
	reason := func(of, reason string) {
		if !reasonPattern.MatchString(reason) {
			faults = append(faults, fmt.Errorf("reason_code %q of %s is not of the form %s", reason, of, reasonPattern))
		}
	}
	for _, own := range []string{stepUnknown, stepBurden, stepBand, stepLimits} {
		code(own)
	}
	for _, rule := range p.Rules {
		code(rule.Code)
		reason(rule.Code, rule.ReasonCode)
	}
	for _, attribute := range p.Scorecard.Attributes {
		code(attribute.Code)
		reason(attribute.Code, attribute.ReasonCode)
	}
	for _, band := range p.Bands {
		if band.Outcome != rules.Approve {
			reason("band "+band.Grade, band.ReasonCode)
		}
	}
	reason("limits", p.Limits.ReasonCode)
	return faults
}

// validateBands checks that a better score never brings a worse outcome or less money, and that no score is left out. Bands stand from the
// best down, and the first whose least score is reached is the grade. Steps that are all the same direction are what makes a score
// defensible: more points never harm.
func (p *Policy) validateBands() []error {
	if len(p.Bands) == 0 {
		return []error{errors.New("bands: none")}
	}
	var faults []error
	seen := map[string]bool{}
	for i, band := range p.Bands {
		fault := func(why string) { faults = append(faults, fmt.Errorf("bands[%d] %q: %s", i, band.Grade, why)) }
		if !gradePattern.MatchString(band.Grade) {
			fault("the grade is not of the form " + gradePattern.String())
		}
		if seen[band.Grade] {
			fault("the grade stands twice")
		}
		seen[band.Grade] = true
		if err := limit.ValidateMultiple(band.IncomeMultipleBP); err != nil {
			fault(err.Error())
		}
		if band.Outcome == rules.Approve && band.ReasonCode != "" {
			fault("a band that approves has no reason")
		}
		if i == 0 {
			continue
		}
		before := p.Bands[i-1]
		if band.MinScore >= before.MinScore {
			fault("min_score does not descend")
		}
		if band.Outcome < before.Outcome {
			fault("the outcome is better than that of the band before")
		}
		if band.IncomeMultipleBP > before.IncomeMultipleBP {
			fault("income_multiple_bp is more than that of the band before")
		}
	}
	// Scores begin at 0, which Scorecard.Validate holds.
	if last := p.Bands[len(p.Bands)-1]; last.MinScore > 0 {
		faults = append(faults, fmt.Errorf("bands: scores below %d have no grade", last.MinScore))
	}
	return faults
}
