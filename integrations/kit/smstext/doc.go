// Package smstext counts and splits the text of an SMS the way networks bill it
// (3GPP TS 23.038 and 23.040).
//
// A text whose every character is in the GSM 7-bit alphabet costs septets: 160
// in a single message, 153 in each part of a longer one, and 2 for each
// character of the extension table. Any other character turns the whole text
// into UCS-2: 70 and 67 UTF-16 units. Neither an escape pair nor a surrogate
// pair is ever split across parts, so the number of parts can be larger than
// the units divided by the limit.
//
// The package is pure: no clock, no network, no provider.
package smstext
