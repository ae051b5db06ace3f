// Package daycount owns how the days between two dates become a part of a year.
//
// It promises exact answers: [Convention.Days] is a whole number and
// [Convention.Fraction] a fraction of integers, so that interest can be
// computed without floating point. A convention is always named by the caller;
// there is no default, because the same loan at 12 % differs by five days of
// interest a year between ACT/360 and ACT/365.
//
// It knows neither rates nor money nor holidays.
package daycount
