package edge

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestBoundedKeepsItsBounds puts and gets at random: the store never holds more than it may, what it has is what was put last, and what was
// just put or got is still there.
func TestBoundedKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const entries, bytes = 8, 400
		store, last := newBounded[int](entries, bytes), map[string]int{}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			key := strconv.Itoa(rapid.IntRange(0, 20).Draw(t, "key"))
			if rapid.Bool().Draw(t, "put") {
				size := rapid.IntRange(0, bytes).Draw(t, "size")
				store.put(key, i, size)
				if size+len(key) <= bytes/2 {
					last[key] = i
				} else {
					continue // Too large to be kept; what was there before may still be.
				}
				if _, ok := store.get([]byte(key)); !ok {
					t.Fatalf("%q is not there right after it was put", key)
				}
			}
			if value, ok := store.get([]byte(key)); ok && value != last[key] {
				t.Fatalf("%q holds %d, want %d", key, value, last[key])
			}
			held := 0
			for _, generation := range []map[string]weighed[int]{store.young, store.old} {
				for _, entry := range generation {
					held += entry.bytes
				}
			}
			if n := len(store.young) + len(store.old); n > entries || held > bytes {
				t.Fatalf("%d entries of %d bytes are held", n, held)
			}
		}
	})
}
