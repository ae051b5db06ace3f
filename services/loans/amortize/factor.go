package amortize

import (
	"math/big"
	"math/bits"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/lendgate/lendgate/internal/money"
)

// factor is the interest on one unit for one period, as an exact fraction.
// Nearly all fractions fit in 64 bits and are multiplied in 128; the others
// (ACT/ACT with a rate of many decimals) are kept wide.
type factor struct {
	num, den uint64
	wideNum  *big.Int
	wideDen  *big.Int
}

// newFactor is a·b ÷ (c·d) in lowest terms; all are positive, but a or b may be zero.
func newFactor(a, b, c, d int64) factor {
	a, c = reduce(a, c)
	a, d = reduce(a, d)
	b, c = reduce(b, c)
	b, d = reduce(b, d)
	numHigh, num := bits.Mul64(uint64(a), uint64(b))
	denHigh, den := bits.Mul64(uint64(c), uint64(d))
	if numHigh == 0 && denHigh == 0 {
		return factor{num: num, den: den}
	}
	return factor{
		wideNum: new(big.Int).Mul(big.NewInt(a), big.NewInt(b)),
		wideDen: new(big.Int).Mul(big.NewInt(c), big.NewInt(d)),
	}
}

// reduce divides both by their greatest common divisor, which keeps the numbers
// of the annuity formula short.
func reduce(a, b int64) (int64, int64) {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if x <= 1 {
		return a, b
	}
	return a / x, b / x
}

// fraction is the factor as numerator and denominator of any size.
func (f factor) fraction() (num, den *big.Int) {
	if f.wideDen != nil {
		return f.wideNum, f.wideDen
	}
	return new(big.Int).SetUint64(f.num), new(big.Int).SetUint64(f.den)
}

// rat is the factor times an amount, exactly.
func (f factor) rat(amount int64) *big.Rat {
	num, den := f.fraction()
	return new(big.Rat).SetFrac(new(big.Int).Mul(num, big.NewInt(amount)), den)
}

// of is the interest on an amount that is not negative, rounded.
func (f factor) of(amount int64, r money.Rounding) (int64, error) {
	if f.wideDen == nil && amount >= 0 {
		high, low := bits.Mul64(uint64(amount), f.num)
		// Div64 needs a quotient of 64 bits; one of 62 leaves room to round up.
		if high < f.den>>2 {
			quotient, rest := bits.Div64(high, low, f.den)
			if rest != 0 && roundsUp(quotient, rest, f.den, r) {
				quotient++
			}
			return int64(quotient), nil
		}
	}
	num, den := f.fraction()
	return money.RoundQuotient(new(big.Int).Mul(num, big.NewInt(amount)), den, r)
}

// roundsUp is the rounding of package money for positive 64-bit quotients.
func roundsUp(quotient, rest, den uint64, r money.Rounding) bool {
	switch r {
	case money.Up:
		return true
	case money.Down:
		return false
	}
	// rest < den; compare the rest with what it lacks to den, as doubling could overflow.
	switch lack := den - rest; {
	case rest > lack:
		return true
	case rest < lack:
		return false
	}
	return r == money.HalfUp || quotient&1 == 1
}

// less reports whether f is smaller than g.
func (f factor) less(g factor) bool {
	fn, fd := f.fraction()
	gn, gd := g.fraction()
	return new(big.Int).Mul(fn, gd).Cmp(new(big.Int).Mul(gn, fd)) < 0
}

// percent is a rate as a fraction: "0.798" per cent is 798/100000.
type percent struct{ num, den int64 }

// Bounds of a rate's text: 12 decimals, and at most a million per cent.
const (
	maxRateDecimals = 12
	maxRateLength   = 24
	maxRatePercent  = 1_000_000
)

// parsePercent reads decimal text in per cent, zero or more.
func parsePercent(field, text string) (percent, error) {
	if len(text) > maxRateLength || strings.ContainsAny(text, "eE+") {
		return percent{}, refuse(field, "%.24q is no plain decimal", text)
	}
	var d apd.Decimal
	if _, _, err := d.SetString(text); err != nil || d.Form != apd.Finite {
		return percent{}, refuse(field, "%q is no plain decimal", text)
	}
	d.Reduce(&d)
	switch {
	case d.Negative && !d.IsZero():
		return percent{}, refuse(field, "must not be negative, is %s", text)
	case d.Exponent < -maxRateDecimals:
		return percent{}, refuse(field, "has more than %d decimals", maxRateDecimals)
	case d.Cmp(apd.New(maxRatePercent, 0)) > 0:
		return percent{}, refuse(field, "must not exceed %d %%", maxRatePercent)
	}
	p := percent{num: d.Coeff.Int64(), den: 100}
	for range d.Exponent {
		p.num *= 10
	}
	for range -d.Exponent {
		p.den *= 10
	}
	return p, nil
}
