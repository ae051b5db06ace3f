package main

import (
	"context"
	"math"
	"time"

	"github.com/lendgate/lendgate/bench/load"
	"github.com/lendgate/lendgate/bench/scene"
)

// How too much load is played.
const (
	// throng is how many connections ask at once: more than the edge works on at a time.
	throng = 1024
	// patience is how long a person waits for a screen.
	patience = time.Second
)

// loadLevels are the rates that are played, in shares of the saturation. The last one is what R9 asks about.
func loadLevels() []float64 { return []float64{0.75, 1, 1.5, 2} }

// overload measures R9. Half of the requests are home screens, half are push tokens, which the contract ranks below screens. Saturation is what
// the edge answers of that mix when 64 connections ask without a pause. Then each level is played in open loop. Good is an answer 200
// within a second of when it was due; the peak is the best goodput of screens at any level, so that the ratio never exceeds one.
func (c *contest) overload(ctx context.Context) error {
	ours := c.player("ours-inproc")
	if ours == nil {
		return nil
	}
	rounds, length := min(c.rounds, 3), 4*time.Second
	if c.quick {
		rounds, length = 1, 2*time.Second
	}
	o := overloaded{goodput: make([][]float64, len(loadLevels()))}
	for range rounds {
		if _, err := c.saturate(ours); err != nil { // Fills the caches of this cast.
			return err
		}
		saturation, err := c.saturate(ours)
		if err != nil {
			return err
		}
		o.saturation = append(o.saturation, saturation)
		for i, share := range loadLevels() {
			goodput, err := c.flood(ours, saturation*share, length)
			if err != nil {
				return err
			}
			o.goodput[i] = append(o.goodput[i], goodput)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	c.results.overloaded = &o
	return nil
}

// overloaded are rates a second, by round: the saturation of the mix, and the goodput of screens at each level.
type overloaded struct {
	saturation []float64
	goodput    [][]float64
}

// peak is the level with the best goodput.
func (o overloaded) peak() []float64 {
	best := o.goodput[0]
	for _, level := range o.goodput {
		if medianOf(level) > medianOf(best) {
			best = level
		}
	}
	return best
}

// double is the goodput at the last level.
func (o overloaded) double() []float64 { return o.goodput[len(o.goodput)-1] }

// saturate finds out how many requests of the mix a second the edge answers well when 64 connections never pause.
func (c *contest) saturate(ours *contestant) (float64, error) {
	requests, err := c.mix(ours, 2*c.requests)
	if err != nil {
		return 0, err
	}
	crew, err := load.Hire(ours.address, 64, c.clock)
	if err != nil {
		return 0, err
	}
	defer crew.Close()
	began, good := c.clock.Now(), 0
	for _, arrival := range crew.Open(requests, math.Inf(1)) {
		if arrival.Status == 200 {
			good++
		}
	}
	return float64(good) / c.clock.Now().Sub(began).Seconds(), nil
}

// flood asks at a rate (of the mix, in requests a second), whatever the edge does, and answers with the goodput of screens.
func (c *contest) flood(ours *contestant, rate float64, length time.Duration) (float64, error) {
	requests, err := c.mix(ours, int(rate*length.Seconds()))
	if err != nil {
		return 0, err
	}
	crew, err := load.Hire(ours.address, throng, c.clock)
	if err != nil {
		return 0, err
	}
	defer crew.Close()
	arrivals := crew.Open(requests, rate)
	screens := make([]load.Arrival, 0, len(arrivals)/2+1)
	for i := 0; i < len(arrivals); i += 2 {
		screens = append(screens, arrivals[i])
	}
	counts := map[int]int{}
	for _, a := range screens {
		counts[a.Status]++
	}
	c.say("%.0f requests a second: screens by status %v, p50 %v, p99 %v", rate, counts,
		load.Quantile(screens, 0.5).Round(time.Millisecond), load.Quantile(screens, 0.99).Round(time.Millisecond))
	return load.Goodput(screens, rate/2, patience), nil
}

// mix prepares requests: home screens at even places, push tokens at odd ones.
func (c *contest) mix(ours *contestant, n int) ([][]byte, error) {
	people := ours.people[devices:]
	screens, err := scene.Home(ours.address, true).BySession(people, n/2, c.clock.Now)
	if err != nil {
		return nil, err
	}
	tokens, err := scene.PushToken(ours.address).BySession(people, n/2, c.clock.Now)
	if err != nil {
		return nil, err
	}
	mixed := make([][]byte, 0, n)
	for i := range tokens {
		mixed = append(mixed, screens[i], tokens[i])
	}
	return mixed, nil
}
