// Package simkit is what every simulator of a third party shares: a clock whose
// timers a test can drive, injected faults, a journal of what was accepted, a
// courier that delivers webhooks with the vendor's retries, and a state file
// that survives a killed process.
//
// It promises that the same three administrative routes work on every
// simulator, relative to where it is mounted:
//
//	POST /_sim/faults  {"operation","kind","times",…}   break the next calls
//	GET  /_sim/faults                                   what is still armed
//	GET  /_sim/calls?operation=                         what was asked, in order
//	POST /_sim/reset                                    forget faults, calls and state
//
// It knows no vendor: no signatures, no wire formats, no error codes. Adapters
// do not import it. A simulator holds demo data only and has no access control
// on the administrative routes, so it is never mounted on a public address.
package simkit
