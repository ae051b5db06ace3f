package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"

	"github.com/lendgate/lendgate/bench/meter"
	"github.com/lendgate/lendgate/bench/scene"
)

// wrkScript asks for the home screen as the generator does.
const wrkScript = `wrk.method = "POST"
wrk.body = "{}"
wrk.headers["Content-Type"] = "application/json"
`

var wrkRequests = regexp.MustCompile(`(\d+) requests in `)

// crosscheck has wrk, a generator of others, ask the contestants that need no signature, and counts their cost by the same accounts. It
// shows whether the home-made generator is biased. Without wrk it is left out.
func (c *contest) crosscheck(ctx context.Context) error {
	program, err := exec.LookPath("wrk")
	if err != nil {
		c.results.absent = append(c.results.absent, "the cross-check: wrk is not installed (make bench-peers)")
		return nil
	}
	script, err := c.note("wrk.lua", wrkScript)
	if err != nil {
		return err
	}
	seconds := "3s"
	if c.quick {
		seconds = "1s"
	}
	c.results.byWrk = map[string]float64{}
	for _, one := range c.cast {
		if !slices.Contains([]string{"floor", "bare", "grpc-fanout", "connect-fanout", "nginx", "haproxy", "fastify"}, one.name) {
			continue
		}
		before, err := meter.Read(one.running)
		if err != nil {
			return err
		}
		url := "http://" + one.address + scene.HomePath
		out, err := exec.CommandContext(ctx, program, "-t1", "-c", strconv.Itoa(c.conns), "-d", seconds, "-s", script, url).CombinedOutput()
		if err != nil {
			return fmt.Errorf("wrk against %s: %w: %s", one.name, err, out)
		}
		after, err := meter.Read(one.running)
		if err != nil {
			return err
		}
		found := wrkRequests.FindSubmatch(out)
		if found == nil {
			return fmt.Errorf("wrk against %s: %s", one.name, out)
		}
		n, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return err
		}
		c.results.byWrk[one.name] = float64(after.Since(before).Nanoseconds()) / 1000 / n
	}
	return nil
}
