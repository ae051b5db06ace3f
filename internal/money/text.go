package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a decimal text of major units: "456.88" of USD is 45688 minor
// units. A sign may lead; blanks, thousands separators, exponents and more
// decimals than the currency has are refused: guessing would lose money.
func Parse(text, currency string) (Money, error) {
	digits, err := Exponent(currency)
	if err != nil {
		return Money{}, err
	}
	body := strings.TrimPrefix(text, "-")
	negative := len(body) != len(text)
	whole, fraction, hasPoint := strings.Cut(body, ".")
	if !allDigits(whole) || (hasPoint && !allDigits(fraction)) {
		return Money{}, fmt.Errorf("%w: %q", ErrBadAmount, text)
	}
	if len(fraction) > digits {
		return Money{}, fmt.Errorf("%w: %q has more than %d decimals of %s", ErrBadAmount, text, digits, currency)
	}
	number := whole + fraction + strings.Repeat("0", digits-len(fraction))
	if negative {
		number = "-" + number
	}
	minor, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("%w: %q %s", ErrOverflow, text, currency)
	}
	return Money{MinorUnits: minor, Currency: currency}, nil
}

// String is the amount as decimal text of major units without the code:
// "456.88". It is what Parse reads. An amount of unknown currency prints its
// minor units and says so, because a guess at the point could mislead.
func (m Money) String() string {
	digits, err := Exponent(m.Currency)
	if err != nil {
		return strconv.FormatInt(m.MinorUnits, 10) + " minor units"
	}
	text := strconv.FormatInt(m.MinorUnits, 10)
	if digits == 0 {
		return text
	}
	sign := ""
	if m.MinorUnits < 0 {
		sign, text = "-", text[1:]
	}
	if pad := digits + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	point := len(text) - digits
	return sign + text[:point] + "." + text[point:]
}

// WithCode is the amount followed by its currency, for logs and messages of
// errors: "456.88 USD".
func (m Money) WithCode() string { return m.String() + " " + m.Currency }

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
