// Package payments moves money through providers and keeps the books.
//
// It owns payouts, collections, payout cards, the notifications of providers, and the ledger: append-only, double-entry, per tenant. It
// implements PaymentService and LedgerService, tells what happened to money (PayoutPaid, PayoutRejected, CollectionPaid, CollectionFailed)
// and books what the loans service tells (LoanDisbursed, LoanRepaid).
//
// It promises:
//   - A payout is executed at most once and never forgotten, wherever a process dies: every call is written down before it is made, a lost
//     answer is UNKNOWN until the provider itself tells, and only the one payment that the provider prepared can ever be executed.
//   - A state never goes back, whatever order notifications come in. A notification is only a hint: the provider is asked, and the amount
//     compared, before anything is booked.
//   - A change of state, its posting and its event are one database transaction.
//   - Each ledger transaction sums to zero in each currency, which the database checks at commit, and is never changed.
//
// Calls to providers are made outside of transactions, by River jobs that are enqueued with the row they are about; a sweep gives a new job to
// whatever lost its own. Webhooks, jobs and RPCs all come to the same two machines, payout_machine.go and collection_machine.go; what they
// decide is pure, in payout_state.go and collection_state.go.
//
// It does not know loans: whether a person owes what they pay is asked before, by the screens and processes that call it.
package payments
