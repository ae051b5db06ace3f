package edge

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/lendgate/lendgate/internal/clock"
)

// maxCacheEntries bounds a cache; the entry that was not asked for longest goes first.
const maxCacheEntries = 50_000

// expiringCache keeps answers for a fixed time. Errors are not kept. Equal questions asked at once become one. The library's own expiring
// cache reads the wall clock and never ends its goroutine, so the end of an entry is kept here.
type expiringCache[K ~string, V any] struct {
	clock    clock.Clock
	lifetime time.Duration
	flight   singleflight.Group
	entries  *lru.Cache[K, expiring[V]]
}

type expiring[V any] struct {
	value V
	until time.Time
}

func newExpiringCache[K ~string, V any](clk clock.Clock, lifetime time.Duration) *expiringCache[K, V] {
	entries, _ := lru.New[K, expiring[V]](maxCacheEntries) // Fails for sizes below one alone.
	return &expiringCache[K, V]{clock: clk, lifetime: lifetime, entries: entries}
}

// get answers from the cache, or asks.
func (c *expiringCache[K, V]) get(key K, ask func() (V, error)) (V, error) {
	if entry, ok := c.entries.Get(key); ok && c.clock.Now().Before(entry.until) {
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
	c.entries.Add(key, expiring[V]{value: value, until: c.clock.Now().Add(c.lifetime)})
}

// live tells whether there is an answer that has not ended.
func (c *expiringCache[K, V]) live(key K) bool {
	entry, ok := c.entries.Peek(key)
	return ok && c.clock.Now().Before(entry.until)
}

// seen tells whether there was an answer lately, ended or not.
func (c *expiringCache[K, V]) seen(key K) bool { return c.entries.Contains(key) }

// forget drops an answer at once.
func (c *expiringCache[K, V]) forget(key K) { c.entries.Remove(key) }
