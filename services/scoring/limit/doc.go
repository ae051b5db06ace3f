// Package limit owns how much may be lent: from income, what is paid already, a cap on the debt burden and a grade's multiple of income.
//
// It promises that
//   - no limit exceeds a cap, and paying a full instalment keeps the debt burden within its cap;
//   - more income, less obligations or a greater multiple never lower a limit;
//   - all rounding is to the lender's caution: limits down, the burden up. Everything is whole: minor units and basis points.
//
// The debt burden is what Ukraine and its neighbours call PDN: all monthly payments, the new one included, over monthly income. The new
// instalment counts as a monthly one. The package does not price loans: which principal an instalment pays for is the loans service's.
package limit
