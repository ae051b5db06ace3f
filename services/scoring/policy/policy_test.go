package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/limit"
	"github.com/lendgate/lendgate/services/scoring/policy"
	"github.com/lendgate/lendgate/services/scoring/rules"
)

func parse(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(policy.Default())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// applicant is the usual one: 35 years old, employed, 30,000 a month, asking for 20,000 over twelve months.
func applicant() map[string]string {
	return map[string]string{
		"age_years": "35", "monthly_income_minor": "3000000", "employment": "employed", "requested_principal_minor": "2000000",
		"requested_instalment_minor": "200000", "requested_instalments": "12",
	}
}

// factsOf lists facts in the order of the dictionary, then the names that it does not hold.
func factsOf(p *policy.Policy, values map[string]string) []feature.Fact {
	var out []feature.Fact
	for _, def := range p.Features {
		if value, ok := values[def.Name]; ok {
			out = append(out, feature.Fact{Name: def.Name, Value: value})
		}
	}
	if value, ok := values["shoe_size"]; ok {
		out = append(out, feature.Fact{Name: "shoe_size", Value: value})
	}
	return out
}

func TestTheFirstPolicyDecides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  map[string]string // "-" takes a fact away
		outcome rules.Outcome
		grades  string
		reason  string // the first; empty means any
	}{
		{"the usual applicant, telling little", nil, rules.Approve, "AB", ""},
		{
			"the usual applicant, telling all",
			map[string]string{
				"monthly_obligations_minor": "0", "employment_months": "48", "existing_loans": "0", "max_days_past_due": "0",
			},
			rules.Approve, "A", "",
		},
		{"a pensioner of modest means", map[string]string{"age_years": "66", "employment": "retired", "monthly_income_minor": "1200000"}, rules.Approve, "BC", ""},
		{"too young", map[string]string{"age_years": "17"}, rules.Decline, "AB", "AGE_OUT_OF_RANGE"},
		{"of age today", map[string]string{"age_years": "18"}, rules.Approve, "AB", ""},
		{"the oldest", map[string]string{"age_years": "70"}, rules.Approve, "AB", ""},
		{"too old", map[string]string{"age_years": "71"}, rules.Decline, "AB", "AGE_OUT_OF_RANGE"},
		{"without work", map[string]string{"employment": "unemployed"}, rules.Decline, "BC", "EMPLOYMENT_UNSTABLE"},
		{"with little income", map[string]string{"monthly_income_minor": "699999", "requested_instalment_minor": "50000"}, rules.Decline, "CD", "INCOME_INSUFFICIENT"},
		{"with no income", map[string]string{"monthly_income_minor": "0"}, rules.Decline, "E", "INCOME_INSUFFICIENT"},
		{"half of the income goes", map[string]string{"monthly_obligations_minor": "1300000"}, rules.Approve, "BC", "DEBT_BURDEN_HIGH"},
		{"a cent more than half", map[string]string{"monthly_obligations_minor": "1300001"}, rules.Decline, "BC", "DEBT_BURDEN_HIGH"},
		{"a loan already", map[string]string{"existing_loans": "1"}, rules.Approve, "BC", ""},
		{"two loans already", map[string]string{"existing_loans": "2"}, rules.Decline, "BC", "EXISTING_LOAN"},
		{"long past due", map[string]string{"max_days_past_due": "91"}, rules.Decline, "BC", "PAYMENT_HISTORY_POOR"},
		{"past due", map[string]string{"max_days_past_due": "31"}, rules.Refer, "BC", "PAYMENT_HISTORY_POOR"},
		{"new at work", map[string]string{"employment_months": "2"}, rules.Refer, "B", "EMPLOYMENT_UNSTABLE"},
		{"of no known age", map[string]string{"age_years": "-"}, rules.Refer, "AB", "PROFILE_INCOMPLETE"},
		{"of no known income", map[string]string{"monthly_income_minor": ""}, rules.Refer, "CD", "PROFILE_INCOMPLETE"},
		{
			"a student with a little of everything",
			map[string]string{
				"employment": "student", "monthly_income_minor": "1000000", "requested_instalment_minor": "250000",
			},
			rules.Refer, "D", "SCORE_LOW",
		},
		{
			"no rule hits, but too few points",
			map[string]string{
				"employment": "student", "monthly_income_minor": "790000", "requested_instalment_minor": "330000", "existing_loans": "1",
				"max_days_past_due": "20", "employment_months": "5",
			},
			rules.Decline, "E", "SCORE_LOW",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, values := parse(t), applicant()
			for name, value := range tt.change {
				values[name] = value
				if value == "-" {
					delete(values, name)
				}
			}
			got, faults := p.Decide(factsOf(p, values))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if got.Outcome != tt.outcome || !strings.Contains(tt.grades, got.Grade) {
				t.Errorf("%s, grade %s of %d points; want %s, one of %s", got.Outcome, got.Grade, got.Score, tt.outcome, tt.grades)
			}
			if tt.reason != "" && (len(got.ReasonCodes) == 0 || got.ReasonCodes[0] != tt.reason) {
				t.Errorf("reasons %v, want %s first", got.ReasonCodes, tt.reason)
			}
			if declined := got.Outcome == rules.Decline; declined && got.Limits != (limit.Limits{}) {
				t.Errorf("declined with limits %+v", got.Limits)
			}
			if got.Outcome == rules.Approve && got.Limits.PrincipalMinor < 2_000_000 {
				t.Errorf("approved, but what was asked for is not within %+v", got.Limits)
			}
		})
	}
}

func TestADecisionTellsEverything(t *testing.T) {
	t.Parallel()
	p, values := parse(t), applicant()
	values["shoe_size"] = "42"
	values["age_years"] = "17"
	got, faults := p.Decide(factsOf(p, values))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := policy.Decision{
		Outcome: rules.Decline, Score: 630, Grade: "B", DefaultProbabilityBP: 336, DebtBurdenBP: 667, ReasonCodes: []string{"AGE_OUT_OF_RANGE"},
		Trace: []policy.Step{
			{Code: "feature_unknown", Input: "shoe_size=42"},
			{Code: "debt_burden", Input: "debt_burden_bp=667", Hit: true},
			{Code: "age_unknown", Input: "age_years=17"},
			{Code: "age_min", Input: "age_years=17", Hit: true, Outcome: rules.Decline},
			{Code: "age_max", Input: "age_years=17"},
			{Code: "unemployed", Input: "employment=employed"},
			{Code: "income_unknown", Input: "monthly_income_minor=3000000"},
			{Code: "income_min", Input: "monthly_income_minor=3000000"},
			{Code: "debt_burden_max", Input: "debt_burden_bp=667"},
			{Code: "existing_loans_max", Input: "existing_loans missing"},
			{Code: "past_due_max", Input: "max_days_past_due missing"},
			{Code: "employment_new", Input: "employment_months missing"},
			{Code: "past_due_look", Input: "max_days_past_due missing"},
			{Code: "income_band", Input: "monthly_income_minor=3000000", Hit: true, Points: 60},
			{Code: "debt_burden_band", Input: "debt_burden_bp=667", Hit: true, Points: 70},
			{Code: "employment_kind", Input: "employment=employed", Hit: true, Points: 60},
			{Code: "employment_length", Input: "employment_months missing", Points: 20},
			{Code: "existing_loans_band", Input: "existing_loans missing", Points: 30},
			{Code: "past_due_band", Input: "max_days_past_due missing", Points: 40},
			{Code: "score_band", Input: "score=630 grade=B", Hit: true},
			{Code: "limits", Input: "max_principal_minor=0 max_instalment_minor=0"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReasonsOfAnApprovalAreWhatTheScoreLacked(t *testing.T) {
	t.Parallel()
	p := parse(t)
	got, _ := p.Decide(factsOf(p, applicant()))
	// Lost: employment_length 35, then income and past due 20 each, existing loans 10.
	want := []string{"EMPLOYMENT_UNSTABLE", "INCOME_INSUFFICIENT", "PAYMENT_HISTORY_POOR", "EXISTING_LOAN"}
	if diff := cmp.Diff(want, got.ReasonCodes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFactsOutsideTheirDomainAreNotDecidedOn(t *testing.T) {
	t.Parallel()
	p, values := parse(t), applicant()
	values["age_years"], values["debt_burden_bp"] = "200", "0"
	got, faults := p.Decide(factsOf(p, values))
	if len(faults) != 2 || faults[0].Name != "age_years" || faults[1].Name != "debt_burden_bp" {
		t.Errorf("faults %v", faults)
	}
	if diff := cmp.Diff(policy.Decision{}, got); diff != "" {
		t.Errorf("something was decided (-want +got):\n%s", diff)
	}
}

func TestUnknownObligationsReferWhenNoneAreAssumed(t *testing.T) {
	t.Parallel()
	p := parse(t)
	p.AssumeNoObligations = false
	p.Rules = nil
	got, _ := p.Decide(factsOf(p, applicant()))
	if got.Outcome != rules.Refer || got.DebtBurdenBP != limit.BurdenMost || got.Limits != (limit.Limits{}) {
		t.Errorf("%s with a burden of %d bp and limits %+v", got.Outcome, got.DebtBurdenBP, got.Limits)
	}
}

func TestNothingToLendIsADecline(t *testing.T) {
	t.Parallel()
	p := parse(t)
	p.Limits.MinPrincipalMinor = 29_000_000
	got, _ := p.Decide(factsOf(p, applicant()))
	if got.Outcome != rules.Decline || got.ReasonCodes[0] != "INCOME_INSUFFICIENT" {
		t.Errorf("%s because of %v", got.Outcome, got.ReasonCodes)
	}
}

// TestABadPolicyIsRefusedWithAllFaults breaks the first policy in one place after another, and then in all of them at once.
func TestABadPolicyIsRefusedWithAllFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, old, changed, want string }{
		{"currency", `"currency": "UAH"`, `"currency": "ZZZ"`, `currency "ZZZ"`},
		{"missing feature", `"name": "monthly_obligations_minor"`, `"name": "obligations"`, `"monthly_obligations_minor" is needed`},
		{"a rule over nothing", `"field": "existing_loans", "comparison"`, `"field": "loans", "comparison"`, `"loans" is not in the dictionary`},
		{"two steps of one code", `"code": "past_due_look"`, `"code": "past_due_max"`, `code "past_due_max" stands twice`},
		{"a code of our own", `"code": "age_max"`, `"code": "score_band"`, `code "score_band" stands twice`},
		{"a reason in small letters", `"reason_code": "EXISTING_LOAN"`, `"reason_code": "existing"`, `reason_code "existing"`},
		{"points against the direction", `{"below": 3, "points": 0}`, `{"below": 3, "points": 30}`, "not rising"},
		{"a better grade later", `"grade": "C", "min_score": 550, "outcome": "APPROVE"`, `"grade": "B", "min_score": 610, "outcome": "APPROVE"`, "min_score does not descend"},
		{"more money for a worse grade", `"income_multiple_bp": 10000`, `"income_multiple_bp": 30000`, "income_multiple_bp is more"},
		{"scores without a grade", `"grade": "E", "min_score": 0`, `"grade": "E", "min_score": 1`, "scores below 1 have no grade"},
		{"a cap above all income", `"burden_bp": 5000`, `"burden_bp": 50000`, "burden_bp 50000"},
		{"a derived feature that is not", `"derived": true, `, ``, "is derived, and it alone"},
		{"no reason for a band", `"outcome": "DECLINE", "income_multiple_bp": 0, "reason_code": "SCORE_LOW"`, `"outcome": "DECLINE", "income_multiple_bp": 0`, "of band E"},
	}
	all := string(policy.Default())
	for _, tt := range tests {
		one := strings.Replace(string(policy.Default()), tt.old, tt.changed, 1)
		if one == string(policy.Default()) {
			t.Fatalf("%s: %q is not in the policy", tt.name, tt.old)
		}
		if _, err := policy.Parse([]byte(one)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		all = strings.Replace(all, tt.old, tt.changed, 1)
	}
	_, err := policy.Parse([]byte(all))
	if err == nil {
		t.Fatal("taken")
	}
	for _, tt := range tests {
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("all faults at once: %q is not told in\n%v", tt.want, err)
		}
	}
}

func TestTextThatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":            ``,
		"an empty document":  `{}`,
		"a misspelt setting": strings.Replace(string(policy.Default()), `"rules"`, `"ruels"`, 1),
		"two documents":      string(policy.Default()) + `{}`,
		"an unknown outcome": strings.Replace(string(policy.Default()), `"REFER"`, `"MAYBE"`, 1),
		"a fraction":         strings.Replace(string(policy.Default()), `"number": 18`, `"number": 18.5`, 1),
	} {
		if _, err := policy.Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestAPolicyThatWentThroughADatabaseIsTheSame(t *testing.T) {
	t.Parallel()
	want := parse(t)
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := policy.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
