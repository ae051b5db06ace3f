// Package policy owns what a scoring policy is and how it decides: a feature dictionary, rules, a scorecard, bands of its score and limits,
// all written as one JSON document.
//
// It promises that
//   - a document that Parse takes decides every set of facts, without error and without panic; one that it refuses is refused with all its
//     faults at once;
//   - the same policy and the same facts give the same decision, today and when it is disputed: nothing else goes in, neither time nor
//     chance nor order of maps;
//   - the trace tells, in order, the facts that were ignored, what was computed, every rule, every attribute, the band and the limits;
//   - the reasons are those of the steps that made the outcome.
//
// Order of a decision: read the facts, compute the debt burden, ask the rules, add the points, find the band, compute the limits, take the
// worst outcome. Documents are versions that are never changed; keeping them is the service's work. cash.json is the first policy of a
// product, and the example to write others by.
package policy
