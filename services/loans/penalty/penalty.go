package penalty

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
)

// ErrBadPercent means that a daily percentage is no plain decimal from zero.
var ErrBadPercent = errors.New("penalty: bad percentage")

// precision is more digits than any percentage times days can have.
const precision = 40

// Parse reads a daily percentage; empty text is zero.
func Parse(dailyPercent string) (*apd.Decimal, error) {
	if dailyPercent == "" {
		return new(apd.Decimal), nil
	}
	d, _, err := apd.NewFromString(dailyPercent)
	if err != nil || d.Form != apd.Finite || d.Negative {
		return nil, fmt.Errorf("%w: %q", ErrBadPercent, dailyPercent)
	}
	return d, nil
}

// Accrue is the state with the penalties that have grown from one day up to
// another. since is the day up to which penalties are in the state already: that
// of the last booking. The state given is not changed.
func Accrue(s allocate.State, dailyPercent string, since, on civil.Date) (allocate.State, error) {
	percent, err := Parse(dailyPercent)
	if err != nil || percent.IsZero() {
		return s, err
	}
	s.Instalments = slices.Clone(s.Instalments)
	for n := range s.Instalments {
		i := &s.Instalments[n]
		begin := i.Due
		if since.After(begin) {
			begin = since
		}
		// From the later of due date and last booking: earlier days are in the
		// state already, and were rounded then.
		days := on.Sub(begin)
		open := i.Open()
		// Open penalties are left out: a penalty bears none.
		late := open.Principal + open.Interest + open.Fee
		if days <= 0 || late <= 0 {
			continue
		}
		// The bound counts what was owed, not what is open: paying a part does not
		// lower it.
		limit := i.Owed.Principal + i.Owed.Interest + i.Owed.Fee - i.Owed.Penalty
		grown, err := grow(s.Terms.Principal.Of(late), percent, days, max(limit, 0))
		if err != nil {
			return allocate.State{}, err
		}
		i.Owed.Penalty += grown
	}
	return s, nil
}

// grow is late × percent ÷ 100 × days, at most the limit.
func grow(late money.Money, percent *apd.Decimal, days int, limit int64) (int64, error) {
	var rate apd.Decimal
	if _, err := apd.BaseContext.WithPrecision(precision).Mul(&rate, percent, apd.New(int64(days), -2)); err != nil {
		return 0, fmt.Errorf("penalty: %w", err)
	}
	grown, err := late.Mul(&rate, money.HalfUp)
	// An amount beyond int64 is beyond any limit, and the limit is the answer.
	if errors.Is(err, money.ErrOverflow) {
		return limit, nil
	}
	return min(grown.MinorUnits, limit), err
}
