// Package allocate owns what a payment does to a loan: which instalments and
// which of their parts it covers, what closing the loan early costs, and how a
// prepayment changes the instalments to come.
//
// It promises that
//   - the parts of an allocation and the overpayment sum to the payment;
//   - nothing is ever paid beyond what is owed;
//   - a loan that pays its schedule on its due dates ends with nothing owed;
//   - no call changes the state it is given: each answers a new one.
//
// It does not decide penalties, write rows, or know what day it is. The state
// is filled from rows by the loans service, and its order of allocation is
// data: lenders and laws differ.
package allocate
