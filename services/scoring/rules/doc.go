// Package rules owns the hard conditions of a policy as data: a field, a comparison and a value lead to an outcome and a reason.
//
// It promises that
//   - every rule is asked, in the policy's order, also after one has hit: the findings are the full trace;
//   - what a missing value does is written in each rule; nothing is compared with a value that is not there;
//   - the verdict is the worst outcome of the rules that hit, and its reasons stand worst outcome first, then in the policy's order.
//
// It does not compute features and gives no points.
package rules
