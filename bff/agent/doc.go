// Package agent shapes what the console of the lender's staff sees: a file a journey.
//
// It owns no data: each call is passed on to the backend that owns what it is about, with the caller's own request_id, so that a repeat is
// recognised there. What staff read of customers, backends show them by permissions of staff (actor.Admit).
//
// It promises that every call of staff, and every try to log in, leaves a record with identity before its answer goes out: who, what, about
// whom, and how it ended, by ids and without personal data. When the record cannot be written, the call is answered as unavailable; its
// repeat finds what was done. The caller's rights are checked before (package edge) and again behind (each service's door).
package agent
