// Package amortize owns repayment schedules: which instalment falls on which
// day, and how much of it is principal, interest and fee.
//
// It promises that
//   - the principal parts of a schedule sum to the principal, and the last
//     balance is zero;
//   - interest is computed exactly, from integers, and rounded once per
//     instalment in the named mode; no floating point is used;
//   - interest is simple within a period and never earns interest itself: what
//     an instalment does not cover is carried to the next one;
//   - a cost cap binds what is charged, in the middle of a period if need be;
//   - impossible terms are refused with a [TermsError] that names the field.
//
// It does not know payments made (package allocate), annual percentage rates
// (package rates), holidays, or what day it is. The same terms always give the
// same schedule.
package amortize
