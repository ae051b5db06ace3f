package edge

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// vainLooks and vainLooksPerSecond are the budget of look-ups of key ids that nobody has: so many at once, and so many a second.
	vainLooks          = 1000
	vainLooksPerSecond = 200
	// lookTimeout bounds one look-up. It serves all who ask for the same key, so no caller's patience bounds it.
	lookTimeout = 2 * time.Second
)

// errTooManyUnknown says that the budget is used up: whether the key is known is not asked for now.
var errTooManyUnknown = errors.New("edge: too many unknown key ids; keys that were not seen lately are not looked for now")

// keyFinder keeps keys, and that there are none, for a few seconds. A key id that was never seen here costs a look-up out of a budget, and
// gives it back when the key exists: a flood of made-up ids uses the budget up and is then refused as unavailable, while those who called
// lately go on.
type keyFinder struct {
	clock   clock.Clock
	known   *expiringCache[string, signature.Key]
	unknown *expiringCache[string, struct{}]
	budget  *rate.Limiter
}

func newKeyFinder(clk clock.Clock, lifetime time.Duration) keyFinder {
	return keyFinder{
		clock: clk, known: newExpiringCache[string, signature.Key](clk, lifetime), unknown: newExpiringCache[string, struct{}](clk, lifetime),
		budget: rate.NewLimiter(vainLooksPerSecond, vainLooks),
	}
}

// find answers with the key of a lender, signature.ErrUnknownKey when there is none, and another error when nobody knows.
func (f keyFinder) find(ctx context.Context, lender, keyID string, look func(ctx context.Context) (signature.Key, error)) (signature.Key, error) {
	name := lender + "|" + keyID
	if f.unknown.live(name) {
		return signature.Key{}, signature.ErrUnknownKey
	}
	return f.known.get(name, func() (signature.Key, error) {
		now := f.clock.Now()
		var spent *rate.Reservation
		if !f.known.seen(name) {
			if spent = f.budget.ReserveN(now, 1); spent.DelayFrom(now) > 0 {
				spent.CancelAt(now)
				return signature.Key{}, errTooManyUnknown
			}
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
		defer cancel()
		key, err := look(ctx)
		switch {
		case errors.Is(err, signature.ErrUnknownKey):
			f.known.forget(name)
			f.unknown.put(name, struct{}{})
		case spent != nil:
			spent.CancelAt(now) // The look-up was not in vain, or nobody knows: give it back.
		}
		return key, err
	})
}

// forget drops what is known of a key, so that the next signature by it asks anew.
func (f keyFinder) forget(lender, keyID string) {
	f.known.forget(lender + "|" + keyID)
	f.unknown.forget(lender + "|" + keyID)
}
