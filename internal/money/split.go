package money

import (
	"fmt"
	"math/big"
	"slices"
)

// Allocate shares m by weights with the largest-remainder method: every part
// gets the floor of its share, and the minor units left over go one each to the
// largest remainders, the earlier part first on a tie. The parts sum to m.
// Weights are not negative and not all zero; a weight of zero gets nothing.
func (m Money) Allocate(weights ...int64) ([]Money, error) {
	total := new(big.Int)
	for _, w := range weights {
		if w < 0 {
			return nil, fmt.Errorf("%w: %d", ErrBadWeights, w)
		}
		total.Add(total, big.NewInt(w))
	}
	if total.Sign() == 0 {
		return nil, fmt.Errorf("%w: nothing to share by", ErrBadWeights)
	}

	parts := make([]Money, len(weights))
	rests := make([]*big.Int, len(weights))
	left := m.MinorUnits
	for i, w := range weights {
		// Truncation towards zero keeps |part| within |share| for refunds too.
		share := new(big.Int).Mul(big.NewInt(m.MinorUnits), big.NewInt(w))
		part, rest := share.QuoRem(share, total, new(big.Int))
		parts[i], rests[i] = m.Of(part.Int64()), rest
		left -= part.Int64()
	}

	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].CmpAbs(rests[a]) })
	unit := int64(1)
	if left < 0 {
		unit = -1
	}
	// Fewer units are left than there are parts with a remainder.
	for _, i := range order {
		if left == 0 {
			break
		}
		parts[i].MinorUnits += unit
		left -= unit
	}
	return parts, nil
}

// Split divides m into n parts that differ by at most one minor unit; the
// first parts take the rest. n is at least 1.
func (m Money) Split(n int) ([]Money, error) {
	if n < 1 {
		return nil, fmt.Errorf("%w: %d parts", ErrBadWeights, n)
	}
	each, rest := m.MinorUnits/int64(n), m.MinorUnits%int64(n)
	parts := make([]Money, n)
	for i := range parts {
		parts[i] = m.Of(each)
		switch {
		case int64(i) < rest:
			parts[i].MinorUnits++
		case int64(i) < -rest:
			parts[i].MinorUnits--
		}
	}
	return parts, nil
}
