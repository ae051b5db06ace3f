package edge_test

import (
	"net/http"
	"testing"

	"github.com/lendgate/lendgate/bff/edge"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

// occupy fills places of the edge with payments that do not end before release is called.
func occupy(t *testing.T, r *rig, places int) (release func()) {
	t.Helper()
	r.screens.block = make(chan struct{})
	done := make(chan answer, places)
	for range places {
		go func() { done <- r.send(t, r.sign(t, r.pay(t))) }()
	}
	for r.screens.calls.Load() < int64(places) {
		select {
		case got := <-done:
			t.Fatalf("a payment was answered early: %d %s", got.status, got.reason)
		default:
		}
	}
	return func() {
		close(r.screens.block)
		for range places {
			if got := <-done; got.status != http.StatusOK {
				t.Errorf("a payment that was let in: %d %s", got.status, got.reason)
			}
		}
	}
}

// configuration asks for what apps fetch in the background.
func configuration(t *testing.T, r *rig) *http.Request {
	t.Helper()
	return r.request(t, mobilev1connect.AppServiceGetAppConfigProcedure, &mobilev1.GetAppConfigRequest{})
}

func TestAFullEdgeRefusesByClass(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{MaxInFlight: 2})
	release := occupy(t, r, 2)
	for _, c := range []struct {
		name, priority string
		request        func() *http.Request
	}{
		{"an export is refused", "u=7", func() *http.Request { return r.home(t) }},
		{"what is not mounted is refused", "", func() *http.Request { return r.request(t, "/nowhere", &mobilev1.GetHomeRequest{}) }},
		{"background is refused", "", func() *http.Request { return configuration(t, r) }},
		{"a person waits in vain", "", func() *http.Request { return r.home(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := c.request()
			if c.priority != "" {
				req.Header.Set("Priority", c.priority)
			}
			got := r.send(t, r.sign(t, req))
			if got.status != http.StatusServiceUnavailable || got.reason != "OVERLOADED" || got.header.Get("Retry-After") == "" {
				t.Errorf("%d %s, come back after %q", got.status, got.reason, got.header.Get("Retry-After"))
			}
		})
	}
	release()
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Errorf("after the jam: %d %s", got.status, got.reason)
	}
}

func TestMoneyTakesThePlaceThatIsKeptForIt(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{MaxInFlight: 2})
	release := occupy(t, r, 1)
	// One of two places is taken: a screen may fill 95 % of two, which is one, and money all of them.
	if got := r.send(t, r.sign(t, r.home(t))); got.reason != "OVERLOADED" {
		t.Errorf("a screen: %d %s", got.status, got.reason)
	}
	payment := make(chan answer)
	go func() { payment <- r.send(t, r.sign(t, r.pay(t))) }()
	release()
	if got := <-payment; got.status != http.StatusOK {
		t.Errorf("money: %d %s", got.status, got.reason)
	}
}

func TestWhoWaitsIsLetInWhenAPlaceIsFree(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{MaxInFlight: 1})
	release := occupy(t, r, 1)
	payment := make(chan answer)
	go func() { payment <- r.send(t, r.sign(t, r.pay(t))) }()
	release()
	if got := <-payment; got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.reason)
	}
}
