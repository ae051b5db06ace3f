// Package sim is T-Bank on one's own machine: the acquiring half (/v2) with its
// hosted pay page and notifications, and the payout half (/e2c/v2) with its
// card-binding page, in the vendor's wire formats.
//
// It can say no: it verifies Token, DigestValue and SignatureValue with code of
// its own, refuses duplicate orders, wrong states, unknown cards and excessive
// amounts with the vendor's codes, and declines by card number (see Card). It
// imports nothing from the adapter, so the two cannot share one mistake.
//
// It is an http.Handler without a listener, mountable under any prefix by
// http.StripPrefix. With Options.StatePath its truth survives a killed process.
// Beside the vendor's methods it serves, for tests and people,
//
//	GET  /_sim/payments        every payment, oldest first
//	GET  /_sim/payouts         every payout, for audits ("one payout at the provider")
//	GET  /_sim/notifications   what was sent and what became of it
//	POST /_sim/settings        {"payout_polls": n}
//
// and the routes of simkit.Desk. Operations for faults are the method names
// ("Init", "GetState", "e2c.Payment", …), "Pay" for the form, and
// "Notification" for what it sends.
//
// Where no public text exists the choice is ours and marked so in a comment.
package sim
