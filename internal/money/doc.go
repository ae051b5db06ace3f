// Package money owns the one representation of an amount: an integer count of
// minor units and an ISO 4217 currency code.
//
// It promises that
//   - arithmetic is exact: every operation that would overflow int64 or mix
//     currencies is refused with a typed error, never wrapped or truncated;
//   - rounding happens only where a [Rounding] is named by the caller;
//   - [Money.Allocate] and [Money.Split] hand out every minor unit: the parts
//     always sum to the whole.
//
// It does not convert between currencies, does not format for people (that is
// locale work of the edges) and never touches floating point.
package money
