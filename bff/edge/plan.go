package edge

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/lendgate/lendgate/bff/signature"
	"github.com/lendgate/lendgate/internal/tenant"
)

// Limits are how many requests a caller may make in a minute. A field that is 0 means what Config says.
type Limits struct {
	PerDevice      int64 `json:"per_device"`
	PerDeviceMoney int64 `json:"per_device_money"`
	PerPartner     int64 `json:"per_partner"`
	PerAddress     int64 `json:"per_address"`
}

// Validate reports limits that cannot be.
func (l Limits) Validate() error {
	var faults []error
	for name, limit := range map[string]int64{
		"per_device": l.PerDevice, "per_device_money": l.PerDeviceMoney, "per_partner": l.PerPartner, "per_address": l.PerAddress,
	} {
		if limit < 0 {
			faults = append(faults, fmt.Errorf("%s: %d is no number of requests", name, limit))
		}
	}
	return errors.Join(faults...)
}

// plan is what an operator may change while the edge runs. It never changes itself: a new one takes its place, and a request keeps the one
// that it began with.
type plan struct {
	lenders *tenant.Directory
	// rings are the configured keys of partners, by lender.
	rings    map[string]signature.KeyRing
	settings Limits
	limits   rateLimits
}

// ring is the configured keys of a lender's partners. Without a plan there are none.
func (p *plan) ring(lender string) signature.KeyRing {
	if p == nil {
		return nil
	}
	return p.rings[lender]
}

// Replan puts a new plan in the place of the one that holds. All faults are reported at once, and then the old one stays. Requests that are
// under way end by the plan that they began with. Limits that did not change go on counting.
func (e *Edge) Replan(lenders *tenant.Directory, limits Limits) error {
	rings, err := readPartnerRings(lenders)
	if err := errors.Join(err, limits.Validate()); err != nil {
		return err
	}
	next := &plan{lenders: lenders, rings: rings, settings: limits}
	if old := e.plan.Load(); old != nil && old.settings == limits {
		next.limits = old.limits
	} else {
		config := e.config
		config.PerDevice = cmp.Or(limits.PerDevice, config.PerDevice)
		config.PerDeviceMoney = cmp.Or(limits.PerDeviceMoney, config.PerDeviceMoney)
		config.PerPartner = cmp.Or(limits.PerPartner, config.PerPartner)
		config.PerAddress = cmp.Or(limits.PerAddress, config.PerAddress)
		if next.limits, err = newRateLimits(config, e.memory, e.deps.Redis, e.deps.Clock); err != nil {
			return err
		}
	}
	e.plan.Store(next)
	return nil
}
