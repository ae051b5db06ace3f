package amortize

import (
	"math/big"

	"github.com/lendgate/lendgate/internal/money"
)

// level chooses the level payment by the rule for the last instalment.
func (p plan) level(rule Final) (int64, error) {
	start, err := p.formula()
	if err != nil {
		return 0, err
	}
	switch rule {
	case FinalTakesRest:
		return start, nil
	case FinalSmoothed:
		return p.smoothed(start)
	}
	lower, gap, err := p.leastNotLower(start)
	if err != nil {
		return 0, err
	}
	// The gap is last instalment − level payment: zero or less at lower, and more
	// than zero one step below it.
	below := lower - p.step
	switch rule {
	case FinalHigher:
		if gap == 0 {
			return lower, nil
		}
		return below, nil
	case FinalSimilar:
		// On a tie the borrower's regular payment is the lower one.
		above, err := p.gap(below)
		if err != nil {
			return 0, err
		}
		if above <= -gap {
			return below, nil
		}
	}
	return lower, nil
}

// formula is the annuity payment, rounded. A payment that would repay more
// than principal and capped cost is lowered to what repays just that.
func (p plan) formula() (int64, error) {
	num, den := p.annuity()
	payment, err := p.rounded(num, den, p.rounding.Payment)
	if err != nil || p.maxCost == noCap {
		return payment, err
	}
	most, err := p.rounded(big.NewInt(p.principal+p.maxCost), big.NewInt(p.repaying()), money.Up)
	return min(payment, most), err
}

// rounded is a fraction as a multiple of step.
func (p plan) rounded(num, den *big.Int, r money.Rounding) (int64, error) {
	steps, err := money.RoundQuotient(num, new(big.Int).Mul(den, big.NewInt(p.step)), r)
	if err != nil {
		return 0, err
	}
	// Such a payment is refused later; here it must not overflow first.
	if steps > noCap/p.step {
		return 0, money.ErrOverflow
	}
	return steps * p.step, nil
}

// leastNotLower finds the least level payment whose last instalment is not
// higher, and the gap between them. A higher payment leaves a lower balance
// everywhere, and rounding keeps that order, so the gap falls with the payment
// and a search by halves is exact.
func (p plan) leastNotLower(start int64) (level, gap int64, err error) {
	low, high, gap, err := p.bracket(start)
	for err == nil && high-low > p.step {
		var middleGap int64
		middle := low + (high-low)/p.step/2*p.step
		if middleGap, err = p.gap(middle); middleGap <= 0 {
			high, gap = middle, middleGap
		} else {
			low = middle
		}
	}
	return high, gap, err
}

// bracket finds a payment that is too low and one that is not, with the gap of
// the latter. It starts at the formula's payment, which is nearly always within
// a few units, and doubles its steps.
func (p plan) bracket(start int64) (low, high, gap int64, err error) {
	if gap, err = p.gap(start); err != nil {
		return 0, 0, 0, err
	}
	low, high = start, start
	for width := p.step; gap > 0; width *= 2 {
		low, high = high, high+width
		if gap, err = p.gap(high); err != nil {
			return 0, 0, 0, err
		}
	}
	if low < high {
		return low, high, gap, nil
	}
	// Paying nothing leaves a gap, so going down ends at zero at the latest.
	for width := p.step; ; width *= 2 {
		low = max(0, high-width)
		lowGap, err := p.gap(low)
		if err != nil || lowGap > 0 {
			return low, high, gap, err
		}
		high, gap = low, lowGap
	}
}

// gap is the last instalment less the level payment.
func (p plan) gap(level int64) (int64, error) {
	last, err := p.final(level)
	return last - level, err
}

// smoothed spreads what the last instalment is off over all instalments, when
// that is more than half a unit each, and keeps it if it brings the two nearer.
func (p plan) smoothed(level int64) (int64, error) {
	n := p.repaying()
	gap, err := p.gap(level)
	if err != nil {
		return 0, err
	}
	// A gap beyond the payment itself means that nothing is left for the last.
	if magnitude(gap) <= n/2*p.step || gap < -level {
		return level, nil
	}
	num := new(big.Int).Add(big.NewInt(gap), new(big.Int).Mul(big.NewInt(level), big.NewInt(n)))
	adjusted, err := p.rounded(num, big.NewInt(n), p.rounding.Payment)
	if err != nil {
		return 0, err
	}
	newGap, err := p.gap(adjusted)
	if err != nil || magnitude(newGap) >= magnitude(gap) {
		return level, err
	}
	return adjusted, nil
}

func magnitude(n int64) int64 { return max(n, -n) }
