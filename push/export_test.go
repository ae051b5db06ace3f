package push

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// MaxAttempts is how often tests see a message tried.
const MaxAttempts = maxAttempts

// Deliver makes one attempt without waiting for River.
func (s *Service) Deliver(ctx context.Context, notification uuid.UUID) (time.Duration, error) {
	return s.deliver(ctx, notification)
}

// SetPause replaces the waits between attempts.
func (s *Service) SetPause(pause func(attempt int, asked time.Duration) time.Duration) {
	s.pause = pause
}

// Backoff is the wait that is used without SetPause.
func Backoff(attempt int, asked time.Duration) time.Duration { return backoff(attempt, asked) }
