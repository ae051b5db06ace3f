package edge

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"
	redisstore "github.com/ulule/limiter/v3/drivers/store/redis"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// limitTimeout bounds the wait for Redis. Without it the request passes: the limits that guard codes and money are in PostgreSQL.
const limitTimeout = 200 * time.Millisecond

// rateLimits are the three counters: one for each enrolled device, one for each partner, one for each address that calls as neither.
type rateLimits struct {
	perDevice, perPartner, perAddress *limiter.Limiter
}

func newRateLimits(config Config, client redis.UniversalClient) (rateLimits, error) {
	store, err := redisstore.NewStoreWithOptions(client, limiter.StoreOptions{Prefix: "limit"})
	if err != nil {
		return rateLimits{}, fmt.Errorf("rate limits: %w", err)
	}
	return rateLimits{
		perDevice:  limiter.New(store, limiter.Rate{Period: time.Minute, Limit: config.PerDevice}),
		perPartner: limiter.New(store, limiter.Rate{Period: time.Minute, Limit: config.PerPartner}),
		perAddress: limiter.New(store, limiter.Rate{Period: time.Minute, Limit: config.PerAddress}),
	}, nil
}

// rateLimit counts the call and refuses it when the minute is used up. Every answer tells what is left (RateLimit, RateLimit-Policy of the
// IETF draft), a refusal also when to come back.
func (e *Edge) rateLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		limit, name, key := e.counter(c)
		ctx, cancel := context.WithTimeout(r.Context(), limitTimeout)
		defer cancel()
		state, err := limit.Get(ctx, key)
		if err != nil {
			e.deps.Log.WarnContext(r.Context(), "rate limit not counted", "request_id", c.requestID, "error", err.Error())
			next.ServeHTTP(w, r)
			return
		}
		reset := max(time.Unix(state.Reset, 0).Sub(e.deps.Clock.Now()), time.Second).Round(time.Second)
		seconds := strconv.Itoa(int(reset.Seconds()))
		w.Header().Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=60", name, state.Limit))
		w.Header().Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%s", name, state.Remaining, seconds))
		if state.Reached {
			e.refuse(w, r, rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_RATE_LIMITED, "too many requests in a minute",
				rpcerr.RetryAfter(reset)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// counter is what a call counts against, with its name for the caller and its key.
func (e *Edge) counter(c *call) (counter *limiter.Limiter, name, key string) {
	switch {
	case c.actor.PartnerID != "":
		return e.limits.perPartner, "partner", c.tenant.ID + ":partner:" + c.actor.PartnerID
	case c.actor.DeviceID != "":
		return e.limits.perDevice, "device", c.tenant.ID + ":device:" + c.actor.DeviceID
	default:
		return e.limits.perAddress, "address", c.tenant.ID + ":address:" + c.address.String()
	}
}
