package identity

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// phoneField is the name under which phones are indexed.
const phoneField = "phone"

// parsePhone reads a phone and gives its E.164 form. Only numbers of the lender's own country that can take an SMS pass: codes to foreign
// and to premium-rate numbers are how SMS pumping earns money.
func parsePhone(text, country string) (string, error) {
	number, err := phonenumbers.Parse(text, country)
	if err != nil || !phonenumbers.IsValidNumber(number) || phonenumbers.GetRegionCodeForNumber(number) != country {
		return "", phoneInvalid()
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(number, phonenumbers.E164), nil
	default:
		return "", phoneInvalid()
	}
}

func phoneInvalid() error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PHONE_INVALID, "the phone number cannot be reached by SMS from here",
		rpcerr.Field("phone", "is no mobile number of the lender's country"))
}

// maskPhone hides all but the country code and the last four digits: "+380 ** *** 12 34". What is no phone is hidden whole.
func maskPhone(e164 string) string {
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return ""
	}
	national := phonenumbers.GetNationalSignificantNumber(number)
	hidden := len(national) - 4
	if hidden < 1 {
		return ""
	}
	groups := []string{"+" + strconv.Itoa(int(number.GetCountryCode()))}
	if hidden > 3 {
		groups = append(groups, strings.Repeat("*", hidden-3))
	}
	groups = append(groups, strings.Repeat("*", min(hidden, 3)), national[hidden:hidden+2], national[hidden+2:])
	return strings.Join(groups, " ")
}
