package identity

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
	"github.com/lendgate/lendgate/services/identity/taxid"
)

// checkProfile checks what the contract's rules cannot say. A field that has not been told passes: an application asks for it later, by
// missingFields. today is the lender's business date.
func checkProfile(p *identityv1.Profile, lender *tenant.Tenant, today civil.Date) error {
	if err := checkTexts(p); err != nil {
		return err
	}
	if err := checkDates(p, lender.MinAge, today); err != nil {
		return err
	}
	if p.GetTaxId() != "" && !taxid.Valid(lender.Country, p.GetTaxId()) {
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_TAX_ID_INVALID, "the taxpayer number has a wrong form or check digit",
			rpcerr.Field("profile.tax_id", "is no taxpayer number of "+lender.Country))
	}
	for field, money := range map[string]*typev1.Money{"monthly_income": p.GetMonthlyIncome(), "monthly_obligations": p.GetMonthlyObligations()} {
		if money != nil && (money.GetMinorUnits() < 0 || money.GetCurrencyCode() != lender.Currency) {
			return profileInvalid(field, "is less than zero or not in "+lender.Currency)
		}
	}
	return nil
}

// checkTexts refuses what would garble a document or a screen: control characters, bidirectional overrides, blanks for a name.
func checkTexts(p *identityv1.Profile) error {
	texts := []struct{ field, value string }{
		{"given_name", p.GetGivenName()}, {"family_name", p.GetFamilyName()}, {"address", p.GetAddress()}, {"email", p.GetEmail()},
	}
	for _, text := range texts {
		if strings.ContainsFunc(text.value, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			return profileInvalid(text.field, "holds a control character")
		}
		if text.value != strings.TrimSpace(text.value) {
			return profileInvalid(text.field, "begins or ends with a blank")
		}
	}
	if email := p.GetEmail(); email != "" {
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			return profileInvalid("email", "is no e-mail address")
		}
	}
	return nil
}

// checkDates checks the day of birth and the beginning of employment against the calendar, the business date and each other.
func checkDates(p *identityv1.Profile, minAge int, today civil.Date) error {
	birth, errBirth := pastDate("birth_date", p.GetBirthDate(), today)
	employed, errEmployed := pastDate("employed_since", p.GetEmployedSince(), today)
	switch {
	case errBirth != nil:
		return errBirth
	case errEmployed != nil:
		return errEmployed
	case p.GetBirthDate() == nil:
		return nil
	case age(birth, today) < minAge:
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_UNDERAGE, fmt.Sprintf("people are served from the age of %d", minAge))
	case p.GetEmployedSince() != nil && employed.Before(birth):
		return invalidDate("employed_since", "lies before the day of birth")
	default:
		return nil
	}
}

// pastDate reads a date that the calendar has and that is not in the future; an unset one is the zero date.
func pastDate(field string, d *typev1.Date, today civil.Date) (civil.Date, error) {
	if d == nil {
		return civil.Date{}, nil
	}
	date, err := civil.New(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()))
	if err != nil {
		return civil.Date{}, invalidDate(field, "is not in the calendar")
	}
	if date.After(today) {
		return civil.Date{}, invalidDate(field, "lies in the future")
	}
	return date, nil
}

// age is the number of full years. Who was born on 29 February is a year older on 1 March of a common year.
func age(birth, today civil.Date) int {
	years := today.Year - birth.Year
	if today.Month < birth.Month || (today.Month == birth.Month && today.Day < birth.Day) {
		years--
	}
	return years
}

// missingFields names the fields that an application needs and that have not been told, in the order in which a form asks for them.
func missingFields(p *identityv1.Profile) []string {
	needed := []struct {
		field string
		told  bool
	}{
		{"given_name", p.GetGivenName() != ""},
		{"family_name", p.GetFamilyName() != ""},
		{"birth_date", p.GetBirthDate() != nil},
		{"tax_id", p.GetTaxId() != ""},
		{"address", p.GetAddress() != ""},
		{"employment", p.GetEmployment() != identityv1.Employment_EMPLOYMENT_UNSPECIFIED},
		{"monthly_income", p.GetMonthlyIncome() != nil},
	}
	var missing []string
	for _, n := range needed {
		if !n.told {
			missing = append(missing, n.field)
		}
	}
	return missing
}

// profileInvalid names the field and the fault; never the value, which is personal.
func profileInvalid(field, why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "the profile breaks the contract", rpcerr.Field("profile."+field, why))
}

func invalidDate(field, why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_DATE, "the date does not exist or is not allowed here", rpcerr.Field("profile."+field, why))
}
