package edge

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/redis/go-redis/v9"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// rateLimits are the counters: one for each enrolled device, one for what moves money on it, one for each partner, one for each address that
// calls as neither.
type rateLimits struct {
	perDevice, money, perPartner, perAddress *counter
}

func newRateLimits(config Config, shared *memory, client redis.UniversalClient, clk clock.Clock) (rateLimits, error) {
	stores, err := newLimitStores(client, shared)
	if err != nil {
		return rateLimits{}, err
	}
	return rateLimits{
		perDevice:  newCounter("device", config.PerDevice, stores, clk),
		money:      newCounter("money", config.PerDeviceMoney, stores, clk),
		perPartner: newCounter("partner", config.PerPartner, stores, clk),
		perAddress: newCounter("address", config.PerAddress, stores, clk),
	}, nil
}

// rateLimit counts the call and refuses it when the minute is used up: 429, never 403. Every answer tells what is left (RateLimit and
// RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10), a refusal also when to come back, for proxies (Retry-After) and for clients
// of any protocol (google.rpc.RetryInfo, QuotaFailure). That is jittered, so that those who were refused together do not return together.
func (e *Edge) rateLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, key := callOf(r.Context()).counter()
		left := limit.take(r.Context(), key)
		reset := int64(max(left.reset.Round(time.Second), time.Second).Seconds())
		header := w.Header()
		// In the form that net/http keeps them, which saves the search for it.
		header["Ratelimit-Policy"] = []string{limit.policy}
		header["Ratelimit"] = []string{limit.name + `;r=` + strconv.FormatInt(left.remaining, 10) + `;t=` + strconv.FormatInt(reset, 10)}
		if left.reached {
			after := time.Duration(reset+rand.Int64N(reset/4+2)) * time.Second
			e.refuse(w, r, tooMany(limit, after))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(limit *counter, after time.Duration) error {
	err := rpcerr.New(connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_RATE_LIMITED, "too many requests in a minute",
		rpcerr.RetryAfter(after))
	detail, detailErr := connect.NewErrorDetail(&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{
		Subject: limit.name, Description: strconv.FormatInt(limit.limit, 10) + " requests a minute",
	}}})
	if detailErr == nil {
		err.AddDetail(detail)
	}
	return err
}

// counter is what a call counts against, and its key there. What moves money has a counter of its own on each device, so that a busy screen
// never keeps a person from confirming a payment.
func (c *call) counter() (limit *counter, key string) {
	switch {
	case c.actor.PartnerID != "":
		return c.plan.limits.perPartner, c.tenant.ID + ":partner:" + c.actor.PartnerID
	case c.actor.DeviceID != "" && c.method.Priority == typev1.Priority_PRIORITY_MONEY:
		return c.plan.limits.money, c.tenant.ID + ":money:" + c.actor.DeviceID
	case c.actor.DeviceID != "":
		return c.plan.limits.perDevice, c.tenant.ID + ":device:" + c.actor.DeviceID
	case c.address.Is6():
		// A line at home has a whole /64 of addresses (RFC 6177), so they count as one.
		network, _ := c.address.Prefix(64)
		return c.plan.limits.perAddress, c.tenant.ID + ":address:" + network.String()
	default:
		return c.plan.limits.perAddress, c.tenant.ID + ":address:" + c.address.String()
	}
}
