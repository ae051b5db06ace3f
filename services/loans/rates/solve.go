package rates

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

var (
	// ErrNoSolution means that no rate above −100 % solves the equation, or
	// none that a float64 can hold.
	ErrNoSolution = errors.New("rates: no solution")
	// ErrBadInput means flows or arguments that make no equation: none at all,
	// not finite, a period that is not positive.
	ErrBadInput = errors.New("rates: bad input")
)

// Flow is an amount at a time in years (or in any period, for a rate per that
// period). One sign means paid out and the other received; which is which does
// not change the rate.
type Flow struct {
	Time   float64
	Amount float64
}

// Bounds of the search, as the logarithm of the growth over the whole term:
// beyond them a discount factor leaves float64.
const maxLogGrowth = 690

// present is the flows in order of time, merged where times are equal and
// shifted so that the first is at zero.
type present struct {
	flows []Flow
	term  float64
}

func newPresent(flows []Flow) (present, error) {
	sorted := make([]Flow, 0, len(flows))
	for _, f := range flows {
		if math.IsNaN(f.Time+f.Amount) || math.IsInf(f.Time, 0) || math.IsInf(f.Amount, 0) {
			return present{}, fmt.Errorf("%w: flow %v", ErrBadInput, f)
		}
		sorted = append(sorted, f)
	}
	slices.SortStableFunc(sorted, func(a, b Flow) int {
		// The amount breaks ties so that sums do not depend on the order given.
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Amount, b.Amount))
	})
	merged := sorted[:0]
	for _, f := range sorted {
		if n := len(merged); n > 0 && merged[n-1].Time == f.Time {
			merged[n-1].Amount += f.Amount
			continue
		}
		merged = append(merged, f)
	}
	merged = slices.DeleteFunc(merged, func(f Flow) bool { return f.Amount == 0 })
	if len(merged) == 0 {
		return present{}, fmt.Errorf("%w: every flow is zero", ErrNoSolution)
	}
	start := merged[0].Time
	for i := range merged {
		merged[i].Time -= start
	}
	return present{flows: merged, term: merged[len(merged)-1].Time}, nil
}

// value is the present value at the force of interest x = ln(1+rate). For a
// negative x it is the value at the end of the term instead: the two differ by
// a positive factor, so roots and signs are the same and nothing overflows.
func (p present) value(x float64) float64 {
	shift := 0.0
	if x < 0 {
		shift = p.term
	}
	sum := 0.0
	for _, f := range p.flows {
		sum += f.Amount * math.Exp(x*(shift-f.Time))
	}
	return sum
}

// root finds the force of interest where the value is zero; of several roots the
// smallest that is not negative, or else the one nearest to zero.
func (p present) root() (float64, error) {
	if p.term == 0 {
		return 0, fmt.Errorf("%w: all flows on one day", ErrNoSolution)
	}
	// A rate beyond e^690 is no float64, and neither is a growth beyond that.
	limit := maxLogGrowth / math.Max(p.term, 1)
	switch p.signChanges() {
	case 0:
		return 0, fmt.Errorf("%w: flows of one sign", ErrNoSolution)
	case 1:
		// Descartes' rule: exactly one root; walk away from zero towards it.
		return p.onlyRoot(limit)
	default:
		return p.chosenRoot(limit)
	}
}

// signChanges counts how often the amounts change sign in order of time. It
// bounds the number of roots.
func (p present) signChanges() int {
	changes := 0
	for i := 1; i < len(p.flows); i++ {
		if p.flows[i].Amount*p.flows[i-1].Amount < 0 {
			changes++
		}
	}
	return changes
}

// onlyRoot walks from zero in the direction where the sign must change, with
// doubled steps, and then closes in.
func (p present) onlyRoot(limit float64) (float64, error) {
	atZero := p.value(0)
	if atZero == 0 {
		return 0, nil
	}
	// For a growing rate the first flow outweighs all others.
	step := 0.5 / p.term
	if (atZero > 0) == (p.flows[0].Amount > 0) {
		step = -step
	}
	inner, atInner := 0.0, atZero
	for math.Abs(inner) < limit {
		outer := math.Max(-limit, math.Min(limit, inner+step))
		atOuter := p.value(outer)
		if atOuter == 0 {
			return outer, nil
		}
		if (atOuter > 0) != (atInner > 0) {
			return brent(p.value, inner, outer, atInner, atOuter), nil
		}
		inner, atInner = outer, atOuter
		step *= 2
	}
	return 0, fmt.Errorf("%w: rate out of range", ErrNoSolution)
}

// gridSteps is how finely scan looks on each side of zero.
const gridSteps = 400

// chosenRoot scans for the smallest root that is not negative and then, where
// there is none, for the negative one nearest to zero: a lender's flows that
// have both are quoted at the positive rate, and far below zero the value at the
// start of the term is too steep to check.
func (p present) chosenRoot(limit float64) (float64, error) {
	for _, side := range []float64{1, -1} {
		if x, ok := p.scan(side, limit); ok {
			return x, nil
		}
	}
	return 0, fmt.Errorf("%w: the value never crosses zero", ErrNoSolution)
}

// scan looks for the first root at one side of zero, on a grid that widens with
// the distance. Between grid points it also looks for a touch: two roots, or a
// double one, that lie closer together than the grid.
func (p present) scan(side, limit float64) (float64, bool) {
	// Points are at s*sinh(k): nearly even around zero, exponential far away.
	scale := math.Min(limit, 0.05/p.term)
	width := math.Asinh(limit / scale)
	at := func(k int) float64 { return side * scale * math.Sinh(width*float64(k)/gridSteps) }

	var xs, vs [3]float64
	for k := 0; k <= gridSteps; k++ {
		xs[0], xs[1], xs[2] = xs[1], xs[2], at(k)
		vs[0], vs[1], vs[2] = vs[1], vs[2], p.value(at(k))
		if vs[2] == 0 {
			return xs[2], true
		}
		if k == 0 {
			continue
		}
		// A dip towards zero between three points of one sign may still cross it.
		if k >= 2 && math.Abs(vs[1]) <= math.Abs(vs[0]) && math.Abs(vs[1]) <= math.Abs(vs[2]) {
			if x, ok := p.touch(xs[0], xs[2], vs[1] > 0); ok {
				return brent(p.value, xs[0], x, vs[0], p.value(x)), true
			}
		}
		if (vs[2] > 0) != (vs[1] > 0) {
			return brent(p.value, xs[1], xs[2], vs[1], vs[2]), true
		}
	}
	return 0, false
}

// touch minimises the distance from zero between two points by golden section
// and reports a point where the sign differs from the one outside.
func (p present) touch(a, b float64, positive bool) (float64, bool) {
	const ratio = 0.6180339887498949
	for range 80 {
		c, d := b-ratio*(b-a), a+ratio*(b-a)
		vc, vd := p.value(c), p.value(d)
		if (vc > 0) != positive {
			return c, true
		}
		if (vd > 0) != positive {
			return d, true
		}
		if math.Abs(vc) < math.Abs(vd) {
			b = d
		} else {
			a = c
		}
	}
	return 0, false
}

// brent closes in on a root between a and b, whose values differ in sign
// (R. P. Brent, Algorithms for Minimization Without Derivatives, chapter 4:
// inverse quadratic interpolation that falls back to bisection).
func brent(value func(float64) float64, a, b, va, vb float64) float64 {
	if vb == 0 {
		return b
	}
	c, vc := a, va
	step := b - a
	last := step
	for range 200 {
		if (vb > 0) == (vc > 0) {
			c, vc = a, va
			step = b - a
			last = step
		}
		if math.Abs(vc) < math.Abs(vb) {
			a, b, c = b, c, b
			va, vb, vc = vb, vc, vb
		}
		tolerance := 2e-16 * math.Abs(b)
		middle := (c - b) / 2
		if math.Abs(middle) <= tolerance || vb == 0 {
			return b
		}
		if math.Abs(last) < tolerance || math.Abs(va) <= math.Abs(vb) {
			step, last = middle, middle
		} else {
			step, last = interpolate(a, b, c, va, vb, vc, middle, tolerance, step, last)
		}
		a, va = b, vb
		if math.Abs(step) > tolerance {
			b += step
		} else {
			b += math.Copysign(tolerance, middle)
		}
		vb = value(b)
	}
	return b
}

// interpolate proposes Brent's next step and remembers the one before it; a
// proposal that does not shrink fast enough becomes a bisection.
func interpolate(a, b, c, va, vb, vc, middle, tolerance, step, last float64) (next, before float64) {
	s := vb / va
	var p, q float64
	if a == c {
		p, q = 2*middle*s, 1-s
	} else {
		r, t := vb/vc, va/vc
		p = s * (2*middle*t*(t-r) - (b-a)*(r-1))
		q = (t - 1) * (r - 1) * (s - 1)
	}
	if p > 0 {
		q = -q
	}
	p = math.Abs(p)
	if 2*p < math.Min(3*middle*q-math.Abs(tolerance*q), math.Abs(last*q)) {
		return p / q, step
	}
	return middle, middle
}
