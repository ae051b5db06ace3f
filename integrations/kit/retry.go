package kit

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The pauses of Do. They are short because a person is often waiting; anything
// longer belongs to a queue, which the caller learns from Error.RetryAfter.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second
)

// backoff is the pause before the next attempt. The vendor's own wish wins;
// otherwise full jitter (AWS Architecture Blog, "Exponential Backoff And
// Jitter"): uniform between 0 and a bound that doubles, so that many clients
// that failed together do not come back together.
func backoff(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	bound := firstPause << min(attempt-1, 10)
	return rand.N(min(bound, maxPause)) + time.Millisecond
}

// retryAfter reads the delay-seconds form of Retry-After (RFC 9110, 10.2.3).
// The date form is ignored: it compares two clocks that nobody synchronised.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(header.Get("Retry-After")))
	if err != nil || seconds < 0 || seconds > 24*60*60 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// wait sleeps until the pause is over or the context ends.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
