// Package totp computes time-based one-time passwords: RFC 6238 over RFC 4226.
//
// It promises the numbers of both RFCs' test vectors. It keeps nothing: which codes were used is for the caller to remember, as the newest
// time step.
package totp
