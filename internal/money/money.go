package money

import (
	"cmp"
	"errors"
	"fmt"
	"math"
)

// Errors of this package. They are wrapped with detail; match them with errors.Is.
var (
	// ErrUnknownCurrency means the code is not an active ISO 4217 currency.
	ErrUnknownCurrency = errors.New("money: unknown currency")
	// ErrCurrencyMismatch means two amounts of different currencies met.
	ErrCurrencyMismatch = errors.New("money: currency mismatch")
	// ErrOverflow means the result does not fit in int64 minor units.
	ErrOverflow = errors.New("money: overflow")
	// ErrBadAmount means a text is not a decimal amount of its currency.
	ErrBadAmount = errors.New("money: bad amount")
	// ErrBadRounding means that no rounding mode, or an unknown one, was named.
	ErrBadRounding = errors.New("money: bad rounding mode")
	// ErrBadWeights means that weights are absent, negative or all zero.
	ErrBadWeights = errors.New("money: bad weights")
)

// Money is an amount in minor units (cents for USD, whole yen for JPY) of one
// ISO 4217 currency. It is comparable with ==. The zero Money has no currency
// and is good for nothing but IsZero; make amounts with New, Zero or Parse.
type Money struct {
	// MinorUnits may be negative: a refund, a credit.
	MinorUnits int64
	// Currency is the upper-case ISO 4217 code.
	Currency string
}

// New makes an amount from minor units, refusing an unknown currency.
func New(minorUnits int64, currency string) (Money, error) {
	m := Money{MinorUnits: minorUnits, Currency: currency}
	return m, m.Validate()
}

// Zero is nothing of a currency, refusing an unknown one.
func Zero(currency string) (Money, error) { return New(0, currency) }

// Validate reports ErrUnknownCurrency unless the currency is an active one.
func (m Money) Validate() error {
	_, err := Exponent(m.Currency)
	return err
}

// IsZero reports whether the amount is nothing, in whatever currency.
func (m Money) IsZero() bool { return m.MinorUnits == 0 }

// IsPositive reports whether the amount is greater than zero.
func (m Money) IsPositive() bool { return m.MinorUnits > 0 }

// IsNegative reports whether the amount is less than zero.
func (m Money) IsNegative() bool { return m.MinorUnits < 0 }

// Of is another amount of the same currency. It saves validating again inside
// calculations that stay within one currency.
func (m Money) Of(minorUnits int64) Money {
	return Money{MinorUnits: minorUnits, Currency: m.Currency}
}

// Add is m + n.
func (m Money) Add(n Money) (Money, error) {
	if err := m.sameCurrency(n); err != nil {
		return Money{}, err
	}
	sum := m.MinorUnits + n.MinorUnits
	// Two's complement: an overflow flips the sign against both operands.
	if (sum > m.MinorUnits) != (n.MinorUnits > 0) && n.MinorUnits != 0 {
		return Money{}, fmt.Errorf("%w: %d + %d", ErrOverflow, m.MinorUnits, n.MinorUnits)
	}
	return m.Of(sum), nil
}

// Sub is m − n.
func (m Money) Sub(n Money) (Money, error) {
	if err := m.sameCurrency(n); err != nil {
		return Money{}, err
	}
	diff := m.MinorUnits - n.MinorUnits
	if (diff < m.MinorUnits) != (n.MinorUnits > 0) && n.MinorUnits != 0 {
		return Money{}, fmt.Errorf("%w: %d - %d", ErrOverflow, m.MinorUnits, n.MinorUnits)
	}
	return m.Of(diff), nil
}

// Neg is −m. The smallest int64 has no opposite and overflows.
func (m Money) Neg() (Money, error) {
	if m.MinorUnits == math.MinInt64 {
		return Money{}, fmt.Errorf("%w: -(%d)", ErrOverflow, m.MinorUnits)
	}
	return m.Of(-m.MinorUnits), nil
}

// Cmp is −1, 0 or +1 as m is less than, equal to or greater than n.
func (m Money) Cmp(n Money) (int, error) {
	if err := m.sameCurrency(n); err != nil {
		return 0, err
	}
	return cmp.Compare(m.MinorUnits, n.MinorUnits), nil
}

// Min is the smaller of both.
func (m Money) Min(n Money) (Money, error) {
	c, err := m.Cmp(n)
	if err != nil {
		return Money{}, err
	}
	if c <= 0 {
		return m, nil
	}
	return n, nil
}

// Sum adds amounts of one currency; the currency is named so that an empty
// list still has an answer.
func Sum(currency string, amounts ...Money) (Money, error) {
	total, err := Zero(currency)
	if err != nil {
		return Money{}, err
	}
	for _, a := range amounts {
		if total, err = total.Add(a); err != nil {
			return Money{}, err
		}
	}
	return total, nil
}

func (m Money) sameCurrency(n Money) error {
	if m.Currency != n.Currency {
		return fmt.Errorf("%w: %q and %q", ErrCurrencyMismatch, m.Currency, n.Currency)
	}
	return nil
}
