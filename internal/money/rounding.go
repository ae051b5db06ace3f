package money

import (
	"fmt"
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// Rounding names how a fraction of a minor unit is resolved. The zero value is
// refused everywhere: a contract must name its rounding.
type Rounding uint8

// The rounding modes that contracts use.
const (
	// HalfEven rounds to the nearest, a tie to the even neighbour (Fineract, accounting).
	HalfEven Rounding = iota + 1
	// HalfUp rounds to the nearest, a tie away from zero (Excel, most contracts).
	HalfUp
	// Down drops the fraction, towards zero (interest of the UK cost cap).
	Down
	// Up takes any fraction as a whole unit, away from zero (level payments).
	Up
)

// String is the name that ParseRounding reads.
func (r Rounding) String() string {
	switch r {
	case HalfEven:
		return "half_even"
	case HalfUp:
		return "half_up"
	case Down:
		return "down"
	case Up:
		return "up"
	default:
		return "unspecified"
	}
}

// ParseRounding reads half_even, half_up, down or up.
func ParseRounding(name string) (Rounding, error) {
	for _, r := range []Rounding{HalfEven, HalfUp, Down, Up} {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrBadRounding, name)
}

// Validate reports ErrBadRounding for the zero value and unknown modes.
func (r Rounding) Validate() error {
	if r < HalfEven || r > Up {
		return fmt.Errorf("%w: %d", ErrBadRounding, uint8(r))
	}
	return nil
}

// Mul is m × rate, rounded once to whole minor units. The rate is a finite
// decimal; the product is exact before it is rounded.
func (m Money) Mul(rate *apd.Decimal, r Rounding) (Money, error) {
	if rate.Form != apd.Finite {
		return Money{}, fmt.Errorf("%w: rate %s", ErrBadAmount, rate)
	}
	// A rate beyond these bounds is a mistake, and its power of ten would cost memory.
	if rate.Exponent > 40 || rate.Exponent < -400 {
		return Money{}, fmt.Errorf("%w: rate %s", ErrOverflow, rate)
	}
	num := rate.Coeff.MathBigInt()
	if rate.Negative {
		num.Neg(num)
	}
	den := big.NewInt(1)
	shift := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(rate.Exponent, -rate.Exponent))), nil)
	if rate.Exponent >= 0 {
		num.Mul(num, shift)
	} else {
		den = shift
	}
	return m.mulBig(num, den, r)
}

// MulFraction is m × numerator ÷ denominator, rounded once to whole minor
// units: a share, or days of a period.
func (m Money) MulFraction(numerator, denominator int64, r Rounding) (Money, error) {
	if denominator == 0 {
		return Money{}, fmt.Errorf("%w: division by zero", ErrBadAmount)
	}
	return m.mulBig(big.NewInt(numerator), big.NewInt(denominator), r)
}

func (m Money) mulBig(num, den *big.Int, r Rounding) (Money, error) {
	minor, err := RoundQuotient(num.Mul(num, big.NewInt(m.MinorUnits)), den, r)
	if err != nil {
		return Money{}, err
	}
	return m.Of(minor), nil
}

// RoundQuotient is num ÷ den as a whole number in the named rounding, computed
// exactly. It reports ErrOverflow when the result does not fit in int64.
func RoundQuotient(num, den *big.Int, r Rounding) (int64, error) {
	if err := r.Validate(); err != nil {
		return 0, err
	}
	if den.Sign() == 0 {
		return 0, fmt.Errorf("%w: division by zero", ErrBadAmount)
	}
	quotient, rest := new(big.Int).QuoRem(num, den, new(big.Int))
	if rest.Sign() != 0 && awayFromZero(quotient, rest, den, r) {
		quotient.Add(quotient, big.NewInt(int64(num.Sign()*den.Sign())))
	}
	if !quotient.IsInt64() {
		return 0, fmt.Errorf("%w: %s", ErrOverflow, quotient)
	}
	return quotient.Int64(), nil
}

// awayFromZero decides whether a truncated quotient with a rest moves one unit
// away from zero.
func awayFromZero(quotient, rest, den *big.Int, r Rounding) bool {
	switch r {
	case Down:
		return false
	case Up:
		return true
	}
	// Compare twice the rest with the divisor: more than half, half, or less.
	twice := new(big.Int).Lsh(rest, 1)
	switch twice.CmpAbs(den) {
	case 1:
		return true
	case -1:
		return false
	}
	return r == HalfUp || quotient.Bit(0) == 1
}
