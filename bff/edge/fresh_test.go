package edge_test

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/edge"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/internal/id"
)

// getHome asks for the home screen by GET, signed and with a session.
func (r *rig) getHome(t *testing.T, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		r.server.URL+mobilev1connect.HomeServiceGetHomeProcedure+"?connect=v1&encoding=json&message=%7B%7D", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.sign(t, r.loggedIn(req))
}

// TestAFreshAnswerIsGivenAgain asks for the home screen twice, with something in between: only what leaves it fresh spares the second call.
func TestAFreshAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	home := func(t *testing.T, r *rig) *http.Request { return r.sign(t, r.home(t)) }
	tests := []struct {
		name    string
		between func(t *testing.T, r *rig)
		second  func(t *testing.T, r *rig) *http.Request
		calls   int64
	}{
		{"nothing", func(*testing.T, *rig) {}, home, 1},
		{"two seconds", func(_ *testing.T, r *rig) { r.clock.Advance(2 * time.Second) }, home, 1},
		{"three seconds", func(_ *testing.T, r *rig) { r.clock.Advance(3 * time.Second) }, home, 2},
		{"a change reported from outside", func(_ *testing.T, r *rig) { r.edge.Changed("demo", r.person) }, home, 2},
		{"a mutation of theirs", func(t *testing.T, r *rig) { r.send(t, r.sign(t, r.pay(t))) }, home, 3},
		{"another language", func(*testing.T, *rig) {}, func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Accept-Language", "en")
			return r.sign(t, req)
		}, 2},
		{"another version of the app", func(*testing.T, *rig) {}, func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set(edge.AppVersionHeader, "3.0.0")
			return r.sign(t, req)
		}, 2},
		{"the other codec", func(*testing.T, *rig) {}, func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Content-Type", "application/proto")
			req.Body, req.ContentLength = http.NoBody, 0
			return r.sign(t, req)
		}, 2},
		{"by GET", func(*testing.T, *rig) {}, func(t *testing.T, r *rig) *http.Request { return r.getHome(t) }, 1},
		{"another person", func(_ *testing.T, r *rig) {
			r.person, r.token = id.Format(id.Person, id.New()), "access-token-of-another"
		}, home, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRig(t, edge.Config{})
			if got := r.send(t, home(t, r)); got.status != http.StatusOK {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			test.between(t, r)
			if got := r.send(t, test.second(t, r)); got.status != http.StatusOK {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			if n := r.screens.calls.Load(); n != test.calls {
				t.Errorf("the screens were called %d times, want %d", n, test.calls)
			}
		})
	}
}

// TestWhatIsNotKept asks twice for what must be asked for again: a refusal, and a screen with a section missing.
func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	t.Run("a refusal", func(t *testing.T) {
		t.Parallel()
		r, _ := newRig(t, edge.Config{})
		r.screens.fail = context.DeadlineExceeded
		if got := r.send(t, r.sign(t, r.home(t))); got.reason != "DEADLINE_EXCEEDED" || got.words == "" {
			t.Errorf("refused with %s %q", got.reason, got.words)
		}
		r.screens.fail = nil
		if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	})
	t.Run("a screen with a section missing", func(t *testing.T) {
		t.Parallel()
		r, _ := newRig(t, edge.Config{})
		r.screens.home = &mobilev1.GetHomeResponse{
			Greeting: &mobilev1.GreetingSection{Status: &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_OK}},
			Loans:    &mobilev1.LoansSection{Status: &mobilev1.SectionStatus{State: mobilev1.SectionStatus_STATE_MISSING}},
		}
		r.send(t, r.sign(t, r.home(t)))
		r.send(t, r.sign(t, r.home(t)))
		if n := r.screens.calls.Load(); n != 2 {
			t.Errorf("the screens were called %d times", n)
		}
	})
}

// TestOneCallForAllWhoAskAtOnce has a person's phone ask several times at once. The one who asked first hangs up, another has no patience:
// neither keeps the rest from their answer, which cost one call.
func TestOneCallForAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.screens.block = make(chan struct{})
	requests := make([]*http.Request, 6)
	for i := range requests {
		requests[i] = r.home(t)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	requests[0] = requests[0].WithContext(ctx)
	requests[1].Header.Set("Connect-Timeout-Ms", "1")
	answers := make(chan answer, len(requests))
	ask := func(i int) { answers <- r.send(t, requests[i]) }
	for i := range requests {
		r.sign(t, requests[i])
	}
	gone := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(requests[0]) //nolint:bodyclose // There is no answer.
		gone <- err
	}()
	for r.screens.calls.Load() == 0 { // The first is inside the screen.
		runtime.Gosched()
	}
	hangUp()
	if err := <-gone; err == nil {
		t.Error("the first was answered after it had hung up")
	}
	go ask(1)
	if got := <-answers; got.reason != "DEADLINE_EXCEEDED" {
		t.Errorf("the one without patience heard %d %s", got.status, got.reason)
	}
	for i := 2; i < len(requests); i++ {
		go ask(i)
	}
	close(r.screens.block)
	for range len(requests) - 2 {
		if got := <-answers; got.status != http.StatusOK {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	}
	if n := r.screens.calls.Load(); n != 1 {
		t.Errorf("the screens were called %d times", n)
	}
}

// TestNotModifiedBeforeAnybodyIsAsked sends the tag of a fresh answer: 304, and no call.
func TestNotModifiedBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	first := r.send(t, r.getHome(t))
	tag := first.header.Get("ETag")
	for name, condition := range map[string]string{"the tag": tag, "among others": `"x", ` + tag, "without its prefix": tag[2:], "any": "*"} {
		if got := r.send(t, r.getHome(t, "If-None-Match", condition)); got.status != http.StatusNotModified || len(got.body) != 0 {
			t.Errorf("%s: answered %d %s", name, got.status, got.body)
		}
	}
	if got := r.send(t, r.getHome(t, "If-None-Match", `W/"other"`)); got.status != http.StatusOK {
		t.Errorf("another tag: answered %d", got.status)
	}
	if n := r.screens.calls.Load(); n != 1 {
		t.Errorf("the screens were called %d times", n)
	}
	r.clock.Advance(4 * time.Second) // Asked again, and the same.
	if got := r.send(t, r.getHome(t, "If-None-Match", tag)); got.status != http.StatusNotModified || r.screens.calls.Load() != 2 {
		t.Errorf("answered %d after %d calls", got.status, r.screens.calls.Load())
	}
	if got := r.send(t, r.getHome(t, "Accept-Language", "en")); got.header.Get("ETag") == tag {
		t.Error("another language has the same tag")
	}
}
