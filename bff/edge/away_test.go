package edge_test

import (
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/lendgate/lendgate/bff/edge"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// TestWithoutIdentityNobodyIsLoggedOut takes identity away: who called lately goes on for as long as answers are kept, and then everybody hears
// that it will pass. A refusal of the session would make phones throw their tokens away.
func TestWithoutIdentityNobodyIsLoggedOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away   *connect.Error
		status int
		reason string
	}{
		"its database is away": {rpcerr.Unavailable("the database does not answer"), http.StatusServiceUnavailable, "UNAVAILABLE"},
		"it has too much to do": {
			rpcerr.New(connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_OVERLOADED, "too much at once"), http.StatusServiceUnavailable, "UNAVAILABLE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, standIn := newRig(t, edge.Config{})
			if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
				t.Fatalf("before: %d %s", got.status, got.reason)
			}
			standIn.away.Store(c.away)
			r.clock.Advance(5*time.Second - time.Millisecond)
			if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
				t.Errorf("within five seconds: %d %s", got.status, got.reason)
			}
			r.clock.Advance(2 * time.Millisecond)
			if got := r.send(t, r.sign(t, r.home(t))); got.status != c.status || got.reason != c.reason || got.header.Get("Retry-After") == "" {
				t.Errorf("after five seconds: %d %s, come back after %q", got.status, got.reason, got.header.Get("Retry-After"))
			}
			standIn.away.Store(nil)
			if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
				t.Errorf("when it is back: %d %s", got.status, got.reason)
			}
		})
	}
	t.Run("only the session cannot be asked for", func(t *testing.T) {
		t.Parallel()
		r, standIn := newRig(t, edge.Config{})
		if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK { // Its key is known from now on.
			t.Fatalf("before: %d %s", got.status, got.reason)
		}
		standIn.away.Store(rpcerr.Unavailable("the database does not answer"))
		req := r.home(t)
		req.Header.Set("Authorization", "Bearer access-token-of-another")
		if got := r.send(t, r.sign(t, req)); got.status != http.StatusServiceUnavailable || got.reason != "UNAVAILABLE" {
			t.Errorf("%d %s", got.status, got.reason)
		}
	})
}
