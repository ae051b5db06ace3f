package simkit

import (
	"sort"
	"sync"
	"time"
)

// Clock is the time that a simulator lives in. Wall is the demo's, Manual is
// the tests'. It is more than internal/clock, which only tells the time: a bank
// also does things later.
type Clock interface {
	// Now is the simulator's present.
	Now() time.Time
	// AfterFunc runs f once after d; stop tells whether it was in time.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Wall is real time.
type Wall struct{}

// Now implements Clock.
func (Wall) Now() time.Time { return time.Now() }

// AfterFunc implements Clock; f runs in its own goroutine.
func (Wall) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// Manual is time that moves only when Advance is called. Due functions run in
// the caller's goroutine, in order of their time, so a test sees their effects
// when Advance returns and needs no sleep.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
	serial int
}

type timer struct {
	at     time.Time
	serial int // breaks ties in the order of arming
	run    func()
}

// NewManual starts a clock at the given time.
func NewManual(now time.Time) *Manual { return &Manual{now: now} }

// Now implements Clock.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// AfterFunc implements Clock. Even with d ≤ 0 the function waits for Advance.
func (m *Manual) AfterFunc(d time.Duration, f func()) func() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial++
	armed := &timer{at: m.now.Add(max(d, 0)), serial: m.serial, run: f}
	m.timers = append(m.timers, armed)
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for i, t := range m.timers {
			if t == armed {
				m.timers = append(m.timers[:i], m.timers[i+1:]...)
				return true
			}
		}
		return false
	}
}

// Advance moves time forward by d and runs everything that falls due on the
// way, including what those functions arm themselves. Advance(0) runs what is
// due now.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	end := m.now.Add(d)
	for {
		sort.SliceStable(m.timers, func(i, j int) bool {
			a, b := m.timers[i], m.timers[j]
			return a.at.Before(b.at) || a.at.Equal(b.at) && a.serial < b.serial
		})
		if len(m.timers) == 0 || m.timers[0].at.After(end) {
			break
		}
		next := m.timers[0]
		m.timers = m.timers[1:]
		if next.at.After(m.now) {
			m.now = next.at
		}
		m.mu.Unlock()
		next.run()
		m.mu.Lock()
	}
	m.now = end
	m.mu.Unlock()
}

// Waiting is the number of timers that are armed.
func (m *Manual) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.timers)
}
