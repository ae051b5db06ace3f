// Package partner shapes what a shop's server sees: a file a service of lendgate.partner.v1.
//
// It owns no data and knows no person. It asks the services behind and hands on what a partner needs, in the contract's own lean messages,
// so that a service may grow without a word to partners. Amounts are money without text for people: the shop writes them in its own way.
//
// It promises that a backend's refusal reaches the partner with its own reason, and that an answer is the same for every partner of a
// lender. Who calls, from where and how often is checked before (package edge) and again behind (each service's door).
package partner
