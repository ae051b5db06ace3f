// Package offering owns what a lender offers on an application within the
// limits of a decision: which amounts over how many instalments.
//
// It promises that every proposal lies within the product's and the decision's
// limits, that no two are alike, and that they come smallest instalment first.
// It finds amounts by asking a [Price], so it knows neither rates nor dates.
package offering
