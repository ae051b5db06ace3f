// Package staff lets the first of a lender's staff in from the operator's own machine. Everybody after them is invited over the console's API
// by somebody who may; this way in is for a lender that has nobody yet, or nobody left who remembers a password.
//
// It speaks to identity as the operator, whom the master key vouches for, and leaves a record in the audit of what it did, as every call of
// staff does. It prints the token of an invitation once and keeps it nowhere.
package staff
