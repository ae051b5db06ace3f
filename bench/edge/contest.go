package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lendgate/lendgate/bench/load"
	"github.com/lendgate/lendgate/bench/meter"
	"github.com/lendgate/lendgate/bench/scene"
	"github.com/lendgate/lendgate/internal/clock"
)

// contest is one run.
type contest struct {
	options
	dir     string
	clock   clock.Clock
	stage   stage
	cast    []*contestant
	results results

	mu       sync.Mutex
	children []*child
}

// run plays everything.
func (c *contest) run(ctx context.Context) (found *results, err error) {
	defer context.AfterFunc(ctx, c.stopAll)() // Whoever waits for an answer then gets an error instead.
	defer func() {
		if ctx.Err() != nil {
			found, err = nil, errors.New("interrupted")
		}
	}()
	c.results = results{machine: readMachine(), rounds: c.rounds, requests: c.requests, began: c.clock.Now(), costs: map[string]*cost{}}
	if err := c.build(ctx); err != nil {
		return nil, err
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	for _, one := range c.cast {
		if err := c.turn(one, c.warmup, nil); err != nil {
			return nil, fmt.Errorf("warm-up of %s: %w", one.name, err)
		}
	}
	for round := range c.rounds {
		c.say("round %d of %d", round+1, c.rounds)
		// Each round begins with another one, so that nobody always follows the same neighbour.
		for i := range c.cast {
			one := c.cast[(i+round)%len(c.cast)]
			if err := c.turn(one, c.requests, c.results.of(one)); err != nil {
				return nil, fmt.Errorf("round %d of %s: %w", round+1, one.name, err)
			}
		}
	}
	for _, act := range []struct {
		name string
		play func(context.Context) error
	}{{"bytes of a refresh", c.refresh}, {"a backend that stalls", c.stalls}, {"too much load", c.overload}, {"the same by wrk", c.crosscheck}} {
		c.say("%s", act.name)
		// What fails here costs its own line and not the others'.
		if err := act.play(ctx); err != nil {
			c.say("%s: %v", act.name, err)
			c.results.absent = append(c.results.absent, act.name+": it failed")
		}
	}
	c.results.compare()
	return &c.results, nil
}

// say tells the operator how far it is.
func (c *contest) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", c.clock.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// enter starts the contestants and has each give one answer that is looked at.
func (c *contest) enter(ctx context.Context) error {
	wanted := strings.FieldsFunc(c.only, func(r rune) bool { return r == ',' })
	for _, one := range c.troupe() {
		named := slices.Contains(wanted, one.name)
		if len(wanted) > 0 && !named || len(wanted) == 0 && one.optional {
			continue
		}
		if lack := one.missing(c.options); lack != "" {
			c.results.absent = append(c.results.absent, one.name+": "+lack)
			c.say("without %s: %s", one.name, lack)
			continue
		}
		if err := c.admit(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	for name, address := range c.peers {
		host, err := url.Parse("http://" + address)
		if err != nil {
			return fmt.Errorf("peer %s: %w", name, err)
		}
		pid, err := listener(host.Host)
		if err != nil {
			return fmt.Errorf("peer %s: %w", name, err)
		}
		one := &contestant{name: name, does: "a peer that ran already", address: host.Host, running: pid, call: func(string) scene.Call {
			return scene.Call{Host: host.Host, Path: cmp.Or(host.Path, scene.HomePath), Body: func() []byte { return []byte("{}") }}
		}}
		c.cast = append(c.cast, one)
	}
	if len(c.cast) == 0 {
		return errors.New("nobody is left to run")
	}
	return nil
}

// admit starts one contestant.
func (c *contest) admit(ctx context.Context, one *contestant) error {
	var err error
	if one.address, err = freeAddress(); err != nil {
		return err
	}
	s := c.stage
	s.Listen = one.address
	line, err := one.line(s)
	if err != nil {
		return err
	}
	p, err := c.start(one.name, true, line...)
	if err != nil {
		return err
	}
	if err := c.await(ctx, p, one.address); err != nil {
		return err
	}
	one.running = p.command.Process.Pid
	if one.cast != "" {
		if one.people, err = scene.Cast(one.cast, castSize); err != nil {
			return err
		}
	}
	c.cast = append(c.cast, one)
	return c.look(one)
}

// player is the contestant of a name; nil when it does not take part.
func (c *contest) player(name string) *contestant {
	if i := slices.IndexFunc(c.cast, func(one *contestant) bool { return one.name == name }); i >= 0 {
		return c.cast[i]
	}
	return nil
}

// look asks one contestant once and compares its answer with the home screen.
func (c *contest) look(one *contestant) error {
	answer, err := c.ask(one)
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("answers with status %d: %s", answer.Status, answer.Body)
	}
	c.results.of(one).bytes = len(answer.Body)
	if !one.equal {
		return nil
	}
	want, err := os.ReadFile(c.stage.Answer)
	if err != nil {
		return err
	}
	var have, expected any
	if err := errors.Join(json.Unmarshal(answer.Body, &have), json.Unmarshal(want, &expected)); err != nil {
		return fmt.Errorf("its answer is no JSON: %w", err)
	}
	if !reflect.DeepEqual(have, expected) {
		return fmt.Errorf("its answer is another than ours:\n%s\n%s", answer.Body, want)
	}
	return nil
}

// ask sends one request over a connection of its own and keeps the answer.
func (c *contest) ask(one *contestant) (load.Answer, error) {
	requests, err := c.requestsTo(one, 1)
	if err != nil {
		return load.Answer{}, err
	}
	return c.exchange(one.address, requests[0])
}

func (c *contest) exchange(address string, request []byte) (load.Answer, error) {
	conn, err := load.Dial(address, true)
	if err != nil {
		return load.Answer{}, err
	}
	defer conn.Close()
	return conn.Exchange(request, c.clock.Now())
}

// requestsTo prepares n requests to a contestant.
func (c *contest) requestsTo(one *contestant, n int) ([][]byte, error) {
	call := one.call(one.address)
	people := one.people[:min(cmp.Or(one.crowd, devices), len(one.people))]
	switch one.scheme {
	case byDevice:
		return call.ByDevice(people, n, c.clock.Now)
	case bySession:
		return call.BySession(people, n, c.clock.Now)
	case byServer:
		return call.ByServer(n, c.clock.Now)
	case naively:
		return call.Naively(people, n, c.clock.Now)
	default:
		request, err := call.Plain()
		return slices.Repeat([][]byte{request}, n), err
	}
}

// lead is the share of a turn that is not counted: caches that ended while others played are filled again.
const lead = 8

// turn has one contestant answer n requests. record gets what they cost; nil for a warm-up.
func (c *contest) turn(one *contestant, n int, record *cost) error {
	requests, err := c.requestsTo(one, n+n/lead)
	if err != nil {
		return fmt.Errorf("prepare requests: %w", err)
	}
	crew, err := load.Hire(one.address, c.conns, c.clock)
	if err != nil {
		return err
	}
	defer crew.Close()
	if _, err := crew.Closed(requests[n:], 200); err != nil {
		return err
	}
	before, err := meter.Read(one.running)
	if err != nil {
		return err
	}
	began := c.clock.Now()
	if _, err := crew.Closed(requests[:n], 200); err != nil {
		return err
	}
	elapsed := c.clock.Now().Sub(began)
	after, err := meter.Read(one.running)
	if err != nil || record == nil {
		return err
	}
	record.values = append(record.values, float64(after.Since(before).Nanoseconds())/1000/float64(n))
	record.rates = append(record.rates, float64(n)/elapsed.Seconds())
	return nil
}
