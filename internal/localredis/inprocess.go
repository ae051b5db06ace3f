package localredis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// expiryInterval is how often time passes in the imitation. A key may outlive
// its expiry by that much, as it may in Redis.
const expiryInterval = 50 * time.Millisecond

// startInProcess runs miniredis, whose clock stands still by itself: it is
// made for tests, in which keys expire when the test says so.
func startInProcess() (*Server, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start Redis in this process: %w", err)
	}
	asked, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		passTime(m, asked)
		m.Close()
	}()
	ask := sync.OnceFunc(func() { close(asked) })
	return &Server{addr: m.Addr(), kind: "in-process", done: done, stop: func(context.Context) error {
		ask()
		<-done
		return nil
	}}, nil
}

// passTime lets time pass in m as it does for us, until stop is closed.
func passTime(m *miniredis.Miniredis, stop <-chan struct{}) {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-stop:
			return
		case <-ticker.C:
			// Ticks may come late or be dropped, so the clock decides. Its
			// monotonic reading is used: setting the machine's time expires
			// nothing.
			elapsed := time.Since(last)
			last = last.Add(elapsed)
			m.FastForward(elapsed)
		}
	}
}
