package posting

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lendgate/lendgate/internal/money"
)

// Errors of this package. They are wrapped with detail; match them with errors.Is.
var (
	// ErrNoAccount means that a code is not one of the chart.
	ErrNoAccount = errors.New("posting: no such account")
	// ErrUnbalanced means that entries do not sum to zero in a currency, or that there are fewer than two.
	ErrUnbalanced = errors.New("posting: unbalanced")
	// ErrBadAmount means an entry of nothing, an unknown currency, or a sum that no account can hold.
	ErrBadAmount = errors.New("posting: bad amount")
	// ErrLimit means that an account would pass its limit.
	ErrLimit = errors.New("posting: the account may not go below its limit")
)

// Entry is one line of a transaction. A positive amount is a debit, a negative one a credit.
type Entry struct {
	Account string
	Amount  money.Money
}

// Check tells whether entries make a transaction: at least two, none of nothing, all on accounts of the chart, zero in each currency.
func Check(entries []Entry) error {
	if len(entries) < 2 {
		return fmt.Errorf("%w: %d entries, two are the least", ErrUnbalanced, len(entries))
	}
	// Each currency balances for itself: an exchange is two transfers over an account of its own, never a line across.
	sums := map[string]money.Money{}
	for i, entry := range entries {
		if _, err := GroupOf(entry.Account); err != nil {
			return err
		}
		if err := entry.Amount.Validate(); err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrBadAmount, i+1, err)
		}
		if entry.Amount.IsZero() {
			return fmt.Errorf("%w: entry %d is of nothing", ErrBadAmount, i+1)
		}
		sum, ok := sums[entry.Amount.Currency]
		if !ok {
			sum = entry.Amount.Of(0)
		}
		sum, err := sum.Add(entry.Amount)
		if err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrBadAmount, i+1, err)
		}
		sums[entry.Amount.Currency] = sum
	}
	// Sorted, so that the same wrong request is refused in the same words.
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		if !sums[currency].IsZero() {
			return fmt.Errorf("%w: %s sums to %d", ErrUnbalanced, currency, sums[currency].MinorUnits)
		}
	}
	return nil
}
