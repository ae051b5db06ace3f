// Package tbank speaks to T-Bank (Tinkoff): internet acquiring (/v2), which
// collects money from borrowers, and A2C payouts (/e2c/v2), which pay loans out
// to cards. Sources: the acquiring OpenAPI 1.80, developer.tbank.ru/eacq, and
// the published payout documentation.
//
// It owns the wire formats, the Token and the DigestValue/SignatureValue
// signatures, the meaning of statuses and error codes, and the verification of
// notifications. Amounts are kopecks in int64.
//
// # What may be repeated
//
// Acquiring.Init and Payouts.Init move nothing. When their outcome is unknown,
// start again under a new OrderId: the forgotten payment can only expire, and
// the forgotten payout is never executed because nobody calls Payment for it.
// Payouts.Payment, Confirm and Cancel move money: when their outcome is
// unknown, ask GetState until it answers, and never repeat them before.
//
// # How far a notification can be trusted
//
// The vendor's Token is a hash over values joined without separators, so
// somebody who has seen one genuine notification can move characters from one
// field to its neighbour and keep the Token valid. Therefore compare OrderId and
// Amount with your own record and ask GetState before money is booked; the
// vendor's documentation demands the comparison too.
//
// The package does not store anything, does not decide when to ask again, and
// shares no code with its simulator in the sim folder.
package tbank
