// Package civil owns the calendar day without a time or a zone: the due date of
// an instalment, a date of birth, a business date.
//
// It promises proleptic Gregorian arithmetic in whole days, ISO 8601 text in
// and out, and month steps that keep their anchor day (31 January, 29 February,
// 31 March). It does not know what day it is: the business date comes from the
// tenant's clock and zone, through [Of].
package civil
