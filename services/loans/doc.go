// Package loans is the service behind lendgate.loans.v1: products and quotes,
// applications and offers, agreements and their signatures, and loans from
// payout to closing.
//
// It owns the schema "loans". It promises that
//   - a state changes only through its verb, under a lock on its row, together
//     with the event that tells of it;
//   - a loan keeps the product version that it was made with;
//   - what a person signs is the document whose hash they gave, and the evidence
//     of it is kept;
//   - a payment is booked once, whoever tells of it and how often, and its parts
//     sum to it; paying what QuotePayoff asks closes the loan with nothing owed.
//
// All computing is done by pure subpackages: amortize (schedules), allocate
// (payments), rates (APR), daycount, penalty, offering and agreement (the
// document). The service reads rows, asks them, and writes rows.
//
// It does not decide who gets a loan (scoring), move money or keep the ledger
// (payments), wait for people (flows), or show screens (bff).
package loans
