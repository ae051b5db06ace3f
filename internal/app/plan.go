package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/internal/tenant"
)

// planHeader names the plan that a process works by, on its health.
const planHeader = "Lendgate-Plan"

// planEvery is how often the files of the plan are looked at.
const planEvery = 2 * time.Second

// plan is what an operator may change while the platform runs: the lenders with their partners, networks and app versions, and the limits.
// It never changes itself: another one takes its place.
type plan struct {
	lenders *tenant.Directory
	limits  edge.Limits
	// hash names the content of the files: equal processes work by equal plans.
	hash string
}

// readPlan reads the files. The hash is good also when they are not. All faults are reported at once.
func readPlan(config Config) (plan, error) {
	var faults []error
	read := func(variable, path string) []byte {
		if path == "" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", variable, err))
		}
		return text
	}
	lenders, limits := read("LENDGATE_TENANTS_FILE", config.TenantsFile), read("LENDGATE_LIMITS_FILE", config.LimitsFile)
	sum := sha256.New()
	for _, text := range [][]byte{lenders, limits} {
		fmt.Fprintf(sum, "%d:%s", len(text), text)
	}
	next := plan{hash: hex.EncodeToString(sum.Sum(nil)[:6])}
	if len(faults) > 0 {
		return next, errors.Join(faults...)
	}
	var err error
	if next.lenders, err = parseTenants(config.TenantsFile, lenders); err != nil {
		faults = append(faults, fmt.Errorf("LENDGATE_TENANTS_FILE: %w", err))
	}
	if next.limits, err = parseLimits(limits); err != nil {
		faults = append(faults, fmt.Errorf("LENDGATE_LIMITS_FILE: %w", err))
	}
	return next, errors.Join(faults...)
}

// parseLimits reads limits. A field that nobody knows is a fault: a misspelt limit would be no limit.
func parseLimits(text []byte) (edge.Limits, error) {
	var limits edge.Limits
	if text == nil {
		return limits, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&limits); err != nil {
		return limits, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return limits, errors.New("something stands after the object")
	}
	return limits, limits.Validate()
}

// successor reports what a lender may not change while money is on its way: amounts and due days would be read in two ways.
func successor(old, next *tenant.Directory) error {
	var faults []error
	for _, before := range old.All() {
		after, ok := next.Get(before.ID)
		if ok && (after.Currency != before.Currency || after.TimeZone != before.TimeZone) {
			faults = append(faults, fmt.Errorf("tenant %q: currency and time_zone stay while the platform runs", before.ID))
		}
	}
	return errors.Join(faults...)
}

// planner keeps the plan of a process.
type planner struct {
	process *process
	// front is nil in a process without an edge.
	front   *front
	current atomic.Pointer[plan]
	// refused is the hash of files that were no good, so that each is told of once.
	refused  string
	outcomes *prometheus.CounterVec
}

// newPlanner begins with the plan that the process was built by.
func newPlanner(p *process, first plan) *planner {
	n := &planner{process: p, outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lendgate_plans_total", Help: "Changes of the tenants' and limits' files, by what became of them.",
	}, []string{"outcome"})}
	n.outcomes.WithLabelValues("applied")
	n.outcomes.WithLabelValues("refused")
	n.current.Store(&first)
	p.registry.MustRegister(n.outcomes)
	return n
}

// reload reads the files and puts a new plan in place of the old one when they have changed. A plan with a fault changes nothing.
func (n *planner) reload(ctx context.Context) error {
	old, log := n.current.Load(), n.process.log
	next, err := readPlan(n.process.config)
	if err == nil && next.hash == old.hash {
		n.refused = ""
		return nil
	}
	if err == nil {
		err = n.apply(*old, next)
	}
	if err != nil {
		if n.refused != next.hash {
			n.refused = next.hash
			n.outcomes.WithLabelValues("refused").Inc()
			log.ErrorContext(ctx, "the new plan is no good; the old one stays", "plan", old.hash, "refused", next.hash, "error", err.Error())
		}
		return err
	}
	n.refused = ""
	n.outcomes.WithLabelValues("applied").Inc()
	log.InfoContext(ctx, "a new plan holds", "plan", next.hash, "before", old.hash)
	return nil
}

// apply checks the plan against everybody who will work by it, and then gives it to all.
func (n *planner) apply(old, next plan) error {
	if err := successor(old.lenders, next.lenders); err != nil {
		return err
	}
	if n.front != nil {
		lenders, err := withDemoPartner(next.lenders, n.process.config)
		if err != nil {
			return err
		}
		if err := n.front.edge.Replan(lenders, next.limits); err != nil {
			return err
		}
	}
	n.process.tenants.Replace(next.lenders)
	n.current.Store(&next)
	return nil
}

// watch reloads when the files change, and at once on every hangup (SIGHUP). Contents are compared, not times, so that it does not matter how
// a file was exchanged.
func (n *planner) watch(ctx context.Context, hangups <-chan os.Signal) {
	ticker := time.NewTicker(planEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-hangups:
		}
		_ = n.reload(ctx) // It has been told.
	}
}
