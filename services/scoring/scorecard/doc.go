// Package scorecard owns the points of a policy: which value of which attribute gives how many, what a score means as a probability, and
// which attributes cost the applicant most.
//
// It promises that
//   - every value falls into exactly one bin: numbers into half-open intervals that leave no gap, words into their category, and a missing
//     value and a word in no category into bins of their own;
//   - an attribute that declares a direction keeps it: points never fall as a rising one grows, nor as a falling one shrinks;
//   - the probability of default falls as the score grows, and follows the policy's scaling exactly at its anchor;
//   - reasons are the attributes by points lost against their best bin, most first, ties in the card's order.
//
// Points are integers and more is better. Weights of evidence and the fitting of cards are work of those who write policies, not of this
// package. It knows no rule and no limit.
package scorecard
