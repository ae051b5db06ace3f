package load

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lendgate/lendgate/internal/clock"
)

// Crew is a set of open connections to one server. They stay open between runs, as those of a proxy would.
type Crew struct {
	address string
	conns   []*Conn
	clock   clock.Clock
}

// Hire opens n connections to host:port.
func Hire(address string, n int, clk clock.Clock) (*Crew, error) {
	crew := &Crew{address: address, clock: clk}
	for range n {
		conn, err := Dial(address, false)
		if err != nil {
			crew.Close()
			return nil, err
		}
		crew.conns = append(crew.conns, conn)
	}
	return crew, nil
}

// Close closes the connections.
func (c *Crew) Close() {
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// Closed sends each request once, as many at a time as there are connections, and fails when any is answered with another status than want.
// It answers with the bytes that came back.
func (c *Crew) Closed(requests [][]byte, want int) (received int64, err error) {
	var next, wire atomic.Int64
	var first sync.Once
	var group sync.WaitGroup
	for _, conn := range c.conns {
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(requests) {
					return
				}
				answer, fault := conn.Exchange(requests[n], c.clock.Now())
				wire.Add(int64(answer.Wire))
				if fault == nil && answer.Status != want {
					fault = fmt.Errorf("answered with status %d instead of %d", answer.Status, want)
				}
				if fault != nil {
					first.Do(func() { err = fmt.Errorf("request %d to %s: %w", n, c.address, fault) })
					next.Store(int64(len(requests))) // The others stop as well.
					return
				}
			}
		})
	}
	group.Wait()
	return wire.Load(), err
}
