package edge

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/lendgate/lendgate/internal/clock"
)

// maxCacheEntries bounds a cache. When it is full it is emptied: simpler than an order of use, and a look-up is cheap.
const maxCacheEntries = 50_000

// expiringCache keeps answers for a fixed time. Errors are not kept. Equal questions asked at once become one.
type expiringCache[K ~string, V any] struct {
	clock    clock.Clock
	lifetime time.Duration
	flight   singleflight.Group

	mu      sync.Mutex
	entries map[K]expiring[V]
}

type expiring[V any] struct {
	value V
	until time.Time
}

func newExpiringCache[K ~string, V any](clk clock.Clock, lifetime time.Duration) *expiringCache[K, V] {
	return &expiringCache[K, V]{clock: clk, lifetime: lifetime, entries: map[K]expiring[V]{}}
}

// get answers from the cache, or asks.
func (c *expiringCache[K, V]) get(key K, ask func() (V, error)) (V, error) {
	now := c.clock.Now()
	c.mu.Lock()
	entry, ok := c.entries[key]
	c.mu.Unlock()
	if ok && now.Before(entry.until) {
		return entry.value, nil
	}
	value, err, _ := c.flight.Do(string(key), func() (any, error) {
		value, err := ask()
		if err == nil {
			c.put(key, value)
		}
		return value, err
	})
	if err != nil {
		var none V
		return none, err
	}
	return value.(V), nil
}

func (c *expiringCache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCacheEntries {
		clear(c.entries)
	}
	c.entries[key] = expiring[V]{value: value, until: c.clock.Now().Add(c.lifetime)}
}
