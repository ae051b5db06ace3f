package flows

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Where features come from.
const (
	sourceProfile     = "profile"
	sourceLoans       = "loans"
	sourceApplication = "application"
)

// Question is what scoring is asked. It is stored in the engine's history, so its JSON names stay.
type Question struct {
	ProductCode string `json:"product_code"`
	// PrincipalMinor and InstalmentMinor are in minor units of CurrencyCode. The instalment is the largest of the schedule.
	PrincipalMinor  int64     `json:"principal_minor"`
	InstalmentMinor int64     `json:"instalment_minor"`
	CurrencyCode    string    `json:"currency_code"`
	Features        []Feature `json:"features"`
	// ObserveTime is of when the features are.
	ObserveTime time.Time `json:"observe_time"`
}

// Feature is one fact with its source. Value is decimal text, a word, true or false; empty means not known.
type Feature struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// newQuestion puts together what is known: the names are those of scoring's feature dictionary. Amounts are in minor units; what is not
// known has an empty value, which is not the same as zero. today is the time of observation in the tenant's zone.
func newQuestion(
	asked *loansv1.Application, quote *loansv1.Schedule, profile *identityv1.Profile, loans []*loansv1.Loan, observed, today time.Time,
) Question {
	currency := asked.GetPrincipal().GetCurrencyCode()
	q := Question{
		ProductCode: asked.GetProductCode(), PrincipalMinor: asked.GetPrincipal().GetMinorUnits(), CurrencyCode: currency, ObserveTime: observed,
	}
	for _, instalment := range quote.GetInstalments() {
		q.InstalmentMinor = max(q.InstalmentMinor, instalment.GetTotal().GetMinorUnits())
	}
	existing, pastDue := record(loans)
	q.Features = []Feature{
		{"requested_principal_minor", strconv.FormatInt(q.PrincipalMinor, 10), sourceApplication},
		{"requested_instalment_minor", strconv.FormatInt(q.InstalmentMinor, 10), sourceApplication},
		{"requested_instalments", strconv.Itoa(int(asked.GetInstalments())), sourceApplication},
		{"age_years", yearsSince(profile.GetBirthDate(), today), sourceProfile},
		{"monthly_income_minor", minorUnits(profile.GetMonthlyIncome(), currency), sourceProfile},
		{"monthly_obligations_minor", minorUnits(profile.GetMonthlyObligations(), currency), sourceProfile},
		{"employment", employment(profile.GetEmployment()), sourceProfile},
		{"employment_months", monthsSince(profile.GetEmployedSince(), today), sourceProfile},
		{"existing_loans", existing, sourceLoans},
		{"max_days_past_due", pastDue, sourceLoans},
	}
	return q
}

// request is the question as scoring takes it. Time of observation and source go along for the record, so that a decision can be explained
// by what was known when.
func (q Question) request(s Subject, requestID string) *scoringv1.DecideApplicationRequest {
	req := &scoringv1.DecideApplicationRequest{
		RequestId: requestID, ApplicationId: s.ApplicationID, PersonId: s.PersonID, ProductCode: q.ProductCode,
		Principal:  &typev1.Money{MinorUnits: q.PrincipalMinor, CurrencyCode: q.CurrencyCode},
		Instalment: &typev1.Money{MinorUnits: q.InstalmentMinor, CurrencyCode: q.CurrencyCode},
	}
	for _, f := range q.Features {
		req.Features = append(req.Features, &scoringv1.Feature{
			Name: f.Name, Value: f.Value, Source: f.Source, ObserveTime: timestamppb.New(q.ObserveTime),
		})
	}
	return req
}

// record counts the loans that are not closed, and the most days that any loan is past due: not known of who never had a loan.
func record(loans []*loansv1.Loan) (existing, pastDue string) {
	var open, days int
	var any bool
	for _, loan := range loans {
		switch loan.GetState() {
		case loansv1.Loan_STATE_APPROVED, loansv1.Loan_STATE_ACTIVE:
			// A loan that waits for its payout counts: the money may leave at any moment.
			open++
		case loansv1.Loan_STATE_CANCELLED:
			continue // No money ever went out: it says nothing about paying back.
		}
		any, days = true, max(days, int(loan.GetDaysPastDue()))
	}
	if !any {
		return "0", ""
	}
	return strconv.Itoa(open), strconv.Itoa(days)
}

// minorUnits is an amount as a feature, not known when it was not told.
func minorUnits(m *typev1.Money, currency string) string {
	if m == nil || m.GetCurrencyCode() != currency {
		return "" // An amount in another currency cannot be compared.
	}
	return strconv.FormatInt(m.GetMinorUnits(), 10)
}

// employment is the enum's name as scoring's dictionary has it, "self_employed"; a person who did not say is not unemployed.
func employment(e identityv1.Employment) string {
	if e == identityv1.Employment_EMPLOYMENT_UNSPECIFIED {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(e.String(), "EMPLOYMENT_"))
}

// monthsSince are full months from a date to today; empty when there is no date or it lies ahead. A month that began on a day which a
// later month does not have is full on the first day of the next one.
func monthsSince(from *typev1.Date, today time.Time) string {
	months, ok := fullMonths(from, today)
	if !ok {
		return ""
	}
	return strconv.Itoa(months)
}

// yearsSince are full years. Who was born on 29 February is a year older on 1 March of a common year.
func yearsSince(from *typev1.Date, today time.Time) string {
	months, ok := fullMonths(from, today)
	if !ok {
		return ""
	}
	return strconv.Itoa(months / 12)
}

// fullMonths counts by the calendar; false when there is no date, or one that has not come.
func fullMonths(from *typev1.Date, today time.Time) (int, bool) {
	if from == nil {
		return 0, false
	}
	months := (today.Year()-int(from.GetYear()))*12 + int(today.Month()) - int(from.GetMonth())
	if today.Day() < int(from.GetDay()) {
		months--
	}
	return months, months >= 0
}

// requiredConsents are those without which no application is decided. A bureau may not be asked without the second, so a decision without
// it would rest on half of what it should.
func requiredConsents() []identityv1.ConsentPurpose {
	return []identityv1.ConsentPurpose{
		identityv1.ConsentPurpose_CONSENT_PURPOSE_PERSONAL_DATA, identityv1.ConsentPurpose_CONSENT_PURPOSE_CREDIT_BUREAU,
	}
}

// missing names profile fields and then consents that are still to be given, the latter as "consent_personal_data". A consent that was
// withdrawn is missing like one that was never given.
func missing(person *identityv1.Person, consents []*identityv1.Consent) []string {
	names := slices.Clone(person.GetMissingFields())
	for _, purpose := range requiredConsents() {
		holds := slices.ContainsFunc(consents, func(c *identityv1.Consent) bool { return c.GetPurpose() == purpose && c.GetWithdrawTime() == nil })
		if !holds {
			names = append(names, "consent_"+strings.ToLower(strings.TrimPrefix(purpose.String(), "CONSENT_PURPOSE_")))
		}
	}
	return names
}
