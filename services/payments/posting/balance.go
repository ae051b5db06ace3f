package posting

import (
	"fmt"
	"math"
)

// Balance is what stands on one account in one currency, in minor units. All four sums are never negative. Debits and credits are kept
// apart, and not as one signed sum, so that turnover can be read and a void gives back exactly what was held.
type Balance struct {
	Side           Side
	MayGoNegative  bool
	DebitsPosted   int64
	CreditsPosted  int64
	DebitsPending  int64
	CreditsPending int64
}

// Move is what a transaction does to a balance.
type Move int

// The four moves.
const (
	Post    Move = iota // Book at once.
	Hold                // Hold without booking.
	Settle              // Book what was held.
	Release             // Give up what was held.
)

// Apply moves a balance by one entry's amount, positive for a debit. The limit is checked by WithinLimit once all entries are applied,
// since a transaction may touch an account twice.
func (b Balance) Apply(move Move, amount int64) (Balance, error) {
	posted, pending := &b.DebitsPosted, &b.DebitsPending
	if amount < 0 {
		posted, pending = &b.CreditsPosted, &b.CreditsPending
		amount = -amount
	}
	if amount <= 0 { // Zero, or the one int64 that has no opposite.
		return Balance{}, fmt.Errorf("%w: an entry of %d", ErrBadAmount, amount)
	}
	var err error
	if move == Post || move == Settle {
		err = add(posted, amount)
	}
	if move == Hold && err == nil {
		err = add(pending, amount)
	}
	if move == Settle || move == Release {
		*pending -= amount
		if *pending < 0 {
			return Balance{}, fmt.Errorf("%w: less is held than ends", ErrBadAmount)
		}
	}
	return b, err
}

// WithinLimit reports ErrLimit when an account that may not go negative would: what is posted against it and held against it together is
// more than what is posted in its favour.
func (b Balance) WithinLimit() error {
	own, against, held := b.DebitsPosted, b.CreditsPosted, b.CreditsPending
	if b.Side == Credit {
		own, against, held = b.CreditsPosted, b.DebitsPosted, b.DebitsPending
	}
	// Subtracting cannot wrap around where adding could.
	if !b.MayGoNegative && (against > own || held > own-against) {
		return ErrLimit
	}
	return nil
}

// add refuses a sum beyond int64: an account that wrapped around would balance and lie.
func add(sum *int64, amount int64) error {
	if *sum > math.MaxInt64-amount {
		return fmt.Errorf("%w: more than an account can hold", ErrBadAmount)
	}
	*sum += amount
	return nil
}
