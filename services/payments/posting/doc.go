// Package posting is the bookkeeping of a lender as pure rules: which accounts there are, which entries an event makes, what a transaction
// must be, and how it moves balances.
//
// It promises that the entries of every rule sum to zero in each currency and name accounts of the chart, that no addition wraps around,
// and that an account with a limit never passes it: holds against the account count as if they were posted, holds in its favour do not
// count until they are.
//
// Interest, fees and penalties are booked on a cash basis: they become income when they are paid. The receivable accounts of an accrual
// basis are in the chart, for lenders that post accruals themselves through LedgerService.
//
// It stores nothing, knows no clock and no tenant, and does not decide when to book.
package posting
