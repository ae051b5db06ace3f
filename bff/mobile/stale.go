package mobile

import (
	"container/list"
	"sync"
	"time"

	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// staleLifetime is for how long an earlier answer may stand in for one that could not be had.
	staleLifetime = 10 * time.Minute
	// maxStaleEntries and maxStaleBytes bound the memory for earlier answers; the size of an answer is that of its wire form.
	maxStaleEntries = 20_000
	maxStaleBytes   = 32 << 20
)

// staleKey names a section of a person. Answers may bear words, so the language belongs to it.
type staleKey struct{ tenant, person, locale, name string }

// staleAnswers keeps the last good answer of each section. When it is full, those go that were kept or looked at longest ago.
type staleAnswers struct {
	clock                clock.Clock
	maxEntries, maxBytes int

	mu      sync.Mutex
	entries map[staleKey]*list.Element // Of *staleAnswer.
	recent  *list.List                 // The latest in front.
	bytes   int
}

type staleAnswer struct {
	key   staleKey
	value any
	size  int
	at    time.Time
}

func newStaleAnswers(clk clock.Clock, maxEntries, maxBytes int) *staleAnswers {
	return &staleAnswers{clock: clk, maxEntries: maxEntries, maxBytes: maxBytes, entries: map[staleKey]*list.Element{}, recent: list.New()}
}

// keep remembers an answer in the place of an earlier one.
func (s *staleAnswers) keep(key staleKey, value any, size int) {
	answer := &staleAnswer{key: key, value: value, size: size, at: s.clock.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if element, ok := s.entries[key]; ok {
		s.bytes += size - element.Value.(*staleAnswer).size
		element.Value = answer
		s.recent.MoveToFront(element)
	} else {
		s.bytes += size
		s.entries[key] = s.recent.PushFront(answer)
	}
	for s.recent.Len() > s.maxEntries || s.bytes > s.maxBytes {
		s.forget(s.recent.Back())
	}
}

// recall finds an answer that is not too old, and when it was given.
func (s *staleAnswers) recall(key staleKey) (any, time.Time, bool) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	element, ok := s.entries[key]
	if !ok {
		return nil, time.Time{}, false
	}
	answer := element.Value.(*staleAnswer)
	if now.Sub(answer.at) > staleLifetime {
		s.forget(element)
		return nil, time.Time{}, false
	}
	s.recent.MoveToFront(element)
	return answer.value, answer.at, true
}

// forget drops an answer. The lock is held.
func (s *staleAnswers) forget(element *list.Element) {
	answer := s.recent.Remove(element).(*staleAnswer)
	delete(s.entries, answer.key)
	s.bytes -= answer.size
}
