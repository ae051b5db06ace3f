package main

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/lendgate/lendgate/bench/load"
)

// How the stalled backend is played.
const (
	stallPercent = 5
	stallMillis  = 500
	// stallRate is in screens a second: a fraction of what the slowest peer can do, so that nothing but the stall makes anybody wait.
	stallRate = 200
	// stallConns is enough for every stalled screen to have a connection of its own.
	stallConns = 128
)

// late are the delays of a contestant, by round.
type late struct{ p50, p99 []time.Duration }

// stalls measures R8: loans, one of the three backends, answers 5 % of its calls half a second late. Screens are asked for at a steady rate,
// and a delay counts from when a screen was due. Before it, the same without a stall gives the plain latency of everybody who composes.
func (c *contest) stalls(ctx context.Context) error {
	names := []string{"ours-remote", "naive", "grpc-fanout", "connect-fanout"}
	rounds, seconds := min(c.rounds, 3), 6
	if c.quick {
		rounds, seconds = 1, 3
	}
	c.results.calm, c.results.stalled = map[string]*late{}, map[string]*late{}
	for range rounds {
		for _, name := range names {
			if err := c.pace(name, seconds, c.results.calm); err != nil {
				return err
			}
		}
	}
	if err := c.direct(ctx, "/stall", url.Values{"percent": {strconv.Itoa(stallPercent)}, "ms": {strconv.Itoa(stallMillis)}}); err != nil {
		return err
	}
	defer func() { _ = c.direct(context.WithoutCancel(ctx), "/stall", url.Values{"percent": {"0"}, "ms": {"0"}}) }()
	for range rounds {
		for _, name := range names[:2] {
			if err := c.pace(name, seconds, c.results.stalled); err != nil {
				return err
			}
		}
	}
	return nil
}

// pace asks one contestant at a steady rate and notes its delays.
func (c *contest) pace(name string, seconds int, into map[string]*late) error {
	one := c.player(name)
	if one == nil {
		return nil
	}
	requests, err := c.requestsTo(one, seconds*stallRate)
	if err != nil {
		return err
	}
	crew, err := load.Hire(one.address, stallConns, c.clock)
	if err != nil {
		return err
	}
	defer crew.Close()
	arrivals := crew.Open(requests, stallRate)
	if into[name] == nil {
		into[name] = &late{}
	}
	into[name].p50 = append(into[name].p50, load.Quantile(arrivals, 0.50))
	into[name].p99 = append(into[name].p99, load.Quantile(arrivals, 0.99))
	return nil
}

// medianOf is the middle value.
func medianOf[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
