// Package sim is TurboSMS on one's own machine: message/send.json,
// message/status.json and user/balance.json in the vendor's wire format,
// delivery-report webhooks with the vendor's retries, and an inbox in which a
// person, or a test, reads what a phone would have shown.
//
// It can say no: it checks the bearer token, the sender's name, phones, the
// stop list, text lengths and identical requests, and answers with the vendor's
// codes under HTTP 200. It shares no code with the adapter.
//
//	GET  /_sim/messages?phone=   JSON, oldest first
//	GET  /_sim/inbox             the same as a page, newest first
//
// and the routes of simkit.Desk. Operations for faults are "message/send",
// "message/status", "user/balance", and "DLR" for the reports that it sends.
//
// The last four digits of a phone decide what happens to it:
//
//	…0404 is on the stop list       …0503 cannot be sent to
//	…0777 is not delivered          …0778 expires        …0779 never reports
package sim
