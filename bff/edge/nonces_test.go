package edge_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/edge"
)

// again is the same signed message once more.
func again(t *testing.T, req *http.Request) *http.Request {
	t.Helper()
	copied := req.Clone(t.Context())
	var err error
	if copied.Body, err = req.GetBody(); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestWithoutRedisReadsGoOnAndWritesAskPostgreSQL(t *testing.T) {
	t.Parallel()
	r, identity := newRig(t, edge.Config{})
	old := r.sign(t, r.home(t))
	r.redis.Close()
	for name, req := range map[string]*http.Request{"a read": r.sign(t, r.home(t)), "a money call": r.sign(t, r.pay(t))} {
		replay := again(t, req)
		if got := r.send(t, req); got.status != http.StatusOK {
			t.Errorf("%s was answered %d %s", name, got.status, got.reason)
		}
		if got := r.send(t, replay); got.status != http.StatusConflict || got.reason != "REPLAYED" {
			t.Errorf("the replay of %s was answered %d %s", name, got.status, got.reason)
		}
	}
	r.clock.Advance(31 * time.Second)
	if got := r.send(t, old); got.reason != "UNAVAILABLE" || got.header.Get("Retry-After") == "" {
		t.Errorf("a read signed 31 s ago was answered %d %s", got.status, got.reason)
	}
	identity.noNonces.Store(true)
	if got := r.send(t, r.sign(t, r.pay(t))); got.status != http.StatusServiceUnavailable || got.reason != "UNAVAILABLE" || got.header.Get("Retry-After") == "" {
		t.Errorf("without PostgreSQL, too, a money call was answered %d %s", got.status, got.reason)
	}
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Errorf("without PostgreSQL, too, a read was answered %d %s", got.status, got.reason)
	}
}

// A request that was refused because nobody could tell has not used its nonce up.
func TestWhatNobodyCouldTellMayBeSentAgain(t *testing.T) {
	t.Parallel()
	r, identity := newRig(t, edge.Config{})
	r.redis.Close()
	identity.noNonces.Store(true)
	req := r.sign(t, r.pay(t))
	repeat := again(t, req)
	if got := r.send(t, req); got.reason != "UNAVAILABLE" {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	identity.noNonces.Store(false)
	if got := r.send(t, repeat); got.status != http.StatusOK {
		t.Errorf("answered %d %s", got.status, got.reason)
	}
}

func TestAfterAFlushWritesOfBeforeAreRefused(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	used, kept, read := r.sign(t, r.pay(t)), r.sign(t, r.pay(t)), r.sign(t, r.home(t))
	replay := again(t, used)
	if got := r.send(t, used); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	r.redis.FlushAll()
	for name, c := range map[string]struct {
		req  *http.Request
		want string
	}{"a replay": {replay, "REPLAYED"}, "a write of before": {kept, "UNAVAILABLE"}, "a read of before": {read, ""}} {
		if got := r.send(t, c.req); got.reason != c.want {
			t.Errorf("%s was answered %d %s", name, got.status, got.reason)
		}
	}
	r.clock.Advance(3 * time.Second)
	if got := r.send(t, r.sign(t, r.pay(t))); got.status != http.StatusOK {
		t.Errorf("three seconds later a new write was answered %d %s", got.status, got.reason)
	}
}

func TestAFloodOfUnknownKeysIsWithinABudget(t *testing.T) {
	t.Parallel()
	r, identity := newRig(t, edge.Config{})
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	known := r.phone
	answers := map[string]int{}
	for i := range 1500 {
		r.phone.Key.ID = fmt.Sprintf("%043d", i)
		answers[r.send(t, r.sign(t, r.home(t))).reason]++
	}
	if looks := identity.looks.Load(); looks > 1001 {
		t.Errorf("identity was asked %d times", looks)
	}
	if answers["SIGNATURE_INVALID"] != 1000 || answers["UNAVAILABLE"] != 500 {
		t.Errorf("answered %v", answers)
	}
	r.phone = known
	r.clock.Advance(6 * time.Second) // The key has to be asked for again, and is.
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Errorf("after the flood a phone that called before was answered %d %s", got.status, got.reason)
	}
}

func TestAForgottenKeyIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	r, identity := newRig(t, edge.Config{})
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	identity.revoked.Store(true)
	r.edge.Forget("demo", r.keyID)
	if got := r.send(t, r.sign(t, r.home(t))); got.reason != "SIGNATURE_INVALID" {
		t.Errorf("right after the revocation: %d %s", got.status, got.reason)
	}
}

func TestMoneyHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{PerDevice: 1, PerDeviceMoney: 1})
	for name, build := range map[string]func() *http.Request{
		"device": func() *http.Request { return r.home(t) }, "money": func() *http.Request { return r.pay(t) },
	} {
		got := r.send(t, r.sign(t, build()))
		if got.status != http.StatusOK || got.header.Get("RateLimit-Policy") != strconv.Quote(name)+";q=1;w=60" {
			t.Errorf("%s: the first was answered %d %s, policy %s", name, got.status, got.reason, got.header.Get("RateLimit-Policy"))
		}
		got = r.send(t, r.sign(t, build()))
		if got.status != http.StatusTooManyRequests || got.reason != "RATE_LIMITED" || got.header.Get("RateLimit") != strconv.Quote(name)+";r=0;t=60" {
			t.Errorf("%s: the second was answered %d %s, %s", name, got.status, got.reason, got.header.Get("RateLimit"))
		}
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if err != nil || after < 60 || after > 77 {
			t.Errorf("%s: come back in %s", name, got.header.Get("Retry-After"))
		}
		if !strings.Contains(string(got.body), "google.rpc.QuotaFailure") || !strings.Contains(string(got.body), "google.rpc.RetryInfo") {
			t.Errorf("%s: details %s", name, got.body)
		}
	}
}
