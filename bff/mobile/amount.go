package mobile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/money"
)

// noBreak is the space of CLDR between groups of digits and before a symbol.
const noBreak = "\u00a0"

// numberStyle is how a language writes amounts (CLDR 48, standard currency pattern). golang.org/x/text knows the numbers of a language and
// not its currency pattern, which puts the symbol behind in three of our four; so the patterns stand here.
type numberStyle struct {
	group, decimal string
	symbolFirst    bool
	// minGrouped is the number of digits from which they are grouped; Polish writes 1234,50 and 12 345,00.
	minGrouped int
}

// styleOf finds the style of a BCP 47 language; English serves those that are not here.
func styleOf(locale string) numberStyle {
	base, _, _ := strings.Cut(locale, "-")
	switch base {
	case "uk", "ru":
		return numberStyle{group: noBreak, decimal: ",", minGrouped: 4}
	case "pl":
		return numberStyle{group: noBreak, decimal: ",", minGrouped: 5}
	default:
		return numberStyle{group: ",", decimal: ".", symbolFirst: true, minGrouped: 4}
	}
}

// symbolOf is the narrow symbol of a currency; the code serves those without one.
func symbolOf(currency string) string {
	switch currency {
	case "UAH":
		return "₴"
	case "EUR":
		return "€"
	case "USD":
		return "$"
	case "PLN":
		return "zł"
	case "GBP":
		return "£"
	case "JPY":
		return "¥"
	case "RUB":
		return "₽"
	default:
		return currency
	}
}

// display writes money for people, such as "12 345,67 ₴" or "₴12,345.67".
func display(locale string, m *typev1.Money) string {
	plain, err := money.New(m.GetMinorUnits(), m.GetCurrencyCode())
	if err != nil {
		return ""
	}
	style, symbol := styleOf(locale), symbolOf(m.GetCurrencyCode())
	text, negative := strings.CutPrefix(plain.String(), "-")
	whole, fraction, _ := strings.Cut(text, ".")
	out := whole
	if len(whole) >= style.minGrouped {
		out = groupDigits(whole, style.group)
	}
	if fraction != "" {
		out += style.decimal + fraction
	}
	sign := ""
	if negative {
		sign = "-"
	}
	if style.symbolFirst {
		if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
			symbol += noBreak // CLDR's currencySpacing: letters do not touch digits.
		}
		return sign + symbol + out
	}
	return sign + out + noBreak + symbol
}

func groupDigits(digits, separator string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return digits
}
