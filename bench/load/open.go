package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Arrival is one request of an open run with what became of it.
type Arrival struct {
	// Status is 0 when no answer came.
	Status int
	// Delay counts from the moment at which the request was due, not from when it was sent.
	Delay time.Duration
	// At is when it was due, from the beginning of the run.
	At time.Duration
}

// Open sends the requests at a steady rate in requests a second, whatever the server does, over as many connections as the crew has. The rate
// math.Inf(1) means as fast as they allow. A request that finds all connections busy waits, and its wait is counted. It answers with one
// Arrival for each request, in order.
func (c *Crew) Open(requests [][]byte, rate float64) []Arrival {
	arrivals := make([]Arrival, len(requests))
	var next atomic.Int64
	began := c.clock.Now()
	var group sync.WaitGroup
	for i := range c.conns {
		group.Go(func() {
			timer := time.NewTimer(0)
			defer timer.Stop()
			<-timer.C
			for {
				n := int(next.Add(1)) - 1
				if n >= len(requests) {
					return
				}
				due := time.Duration(float64(n) / rate * float64(time.Second))
				if wait := due - c.clock.Now().Sub(began); wait > 0 {
					timer.Reset(wait)
					<-timer.C
				}
				arrivals[n] = c.arrive(i, requests[n], began, due)
			}
		})
	}
	group.Wait()
	return arrivals
}

// arrive sends one request over connection i, which is opened anew when the server closed it.
func (c *Crew) arrive(i int, request []byte, began time.Time, due time.Duration) Arrival {
	answer, err := c.conns[i].Exchange(request, c.clock.Now())
	if err != nil {
		answer.Status = 0
		c.conns[i].Close()
		if conn, err := Dial(c.address, false); err == nil {
			c.conns[i] = conn
		}
	}
	return Arrival{Status: answer.Status, Delay: c.clock.Now().Sub(began) - due, At: due}
}

// Quantile is the delay that a share of the arrivals stays below; q lies between 0 and 1. Nothing has arrived: zero.
func Quantile(arrivals []Arrival, q float64) time.Duration {
	if len(arrivals) == 0 {
		return 0
	}
	delays := make([]time.Duration, len(arrivals))
	for i, a := range arrivals {
		delays[i] = a.Delay
	}
	slices.Sort(delays)
	return delays[min(int(q*float64(len(delays))), len(delays)-1)]
}

// Goodput is how many arrivals a second were answered with 200 within patience of when they were due.
func Goodput(arrivals []Arrival, rate float64, patience time.Duration) float64 {
	if len(arrivals) == 0 {
		return 0
	}
	good := 0
	for _, a := range arrivals {
		if a.Status == 200 && a.Delay <= patience {
			good++
		}
	}
	return float64(good) / float64(len(arrivals)) * rate
}
