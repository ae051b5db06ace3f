// Package rates solves for rates: the internal rate of dated or evenly spaced
// flows, the annual percentage rates that consumer law prescribes (US
// Regulation Z appendix J, EU and UK effective APR, the full cost of credit of
// Russian law 353-FZ) and the time-value functions of spreadsheets.
//
// It is the one place of the loans service where floating point is allowed: a
// rate is the root of an equation, has no exact decimal, and is disclosed with
// one to three decimals. Amounts come in as [money.Money] or as numbers; no
// amount ever comes out to be charged or booked.
//
// It promises an answer that does not depend on the order of the flows, or
// [ErrNoSolution]: never a NaN, an infinity or the last guess of an iteration.
// Where an equation has several roots it answers the smallest that is not
// negative, or else the negative one nearest to zero.
package rates
