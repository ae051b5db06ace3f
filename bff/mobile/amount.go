package mobile

import (
	"strings"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/money"
)

// noBreak is the space of CLDR between groups of digits and before a symbol.
const noBreak = "\u00a0"

// numberStyle is how a language writes amounts (CLDR 46, standard currency pattern).
type numberStyle struct {
	group, decimal string
	symbolFirst    bool
}

// styleOf finds the style of a BCP 47 language; English serves those that are not here.
func styleOf(locale string) numberStyle {
	base, _, _ := strings.Cut(locale, "-")
	switch base {
	case "uk", "ru", "pl":
		return numberStyle{group: noBreak, decimal: ","}
	default:
		return numberStyle{group: ",", decimal: ".", symbolFirst: true}
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
	default:
		return currency
	}
}

// amount makes an Amount for the caller's language. Nil stays nil.
func amount(locale string, m *typev1.Money) *mobilev1.Amount {
	if m == nil {
		return nil
	}
	return &mobilev1.Amount{Money: m, Display: display(locale, m)}
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
	out := groupDigits(whole, style.group)
	if fraction != "" {
		out += style.decimal + fraction
	}
	sign := ""
	if negative {
		sign = "-"
	}
	if style.symbolFirst {
		if len(symbol) == 3 && symbol == m.GetCurrencyCode() {
			symbol += noBreak
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
