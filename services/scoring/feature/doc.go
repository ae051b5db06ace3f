// Package feature owns the feature dictionary: which facts a policy knows, of what kind they are, and which values they may have.
//
// It promises that
//   - a value that was read lies within its domain, and every value outside it is reported, all at once;
//   - missing is a value of its own, never a zero: an empty text, a name that was not sent and an unset default are all missing;
//   - a name that the dictionary does not hold is told apart and never reaches a rule or a scorecard, so that nothing which happened after
//     a decision can leak into one.
//
// Numbers are whole: money in minor units, ratios in basis points, ages in years. The package knows no time, no database and no person.
package feature
