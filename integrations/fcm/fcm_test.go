package fcm_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lendgate/lendgate/integrations/fcm"
	"github.com/lendgate/lendgate/integrations/fcm/sim"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

const project = "lendgate-demo"

// push is a simulator behind a real listener, and the adapter pointed at it.
type push struct {
	*sim.Simulator
	account sim.Account
	base    string
	client  *fcm.Client
	swap    func(http.Handler) // replaces the simulator behind the listener
}

func newPush(t *testing.T, options sim.Options, change ...func(*fcm.Config)) *push {
	t.Helper()
	p := &push{}
	var err error
	if p.Simulator, err = sim.New(options); err != nil {
		t.Fatal(err)
	}
	var handler atomic.Pointer[http.Handler]
	p.swap = func(h http.Handler) { handler.Store(&h) }
	p.swap(p.Simulator)
	server := httptest.NewServer(http.StripPrefix("/fcm", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*handler.Load()).ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	t.Cleanup(p.Simulator.Close)
	p.base = server.URL + "/fcm"
	if p.account, err = sim.NewAccount(project, p.base, nil); err != nil {
		t.Fatal(err)
	}
	p.Trust(p.account)
	config := fcm.Config{
		ProjectID: project, Credentials: kit.Secret(p.account.JSON), BaseURL: p.base,
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}
	for _, c := range change {
		c(&config)
	}
	if p.client, err = fcm.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fcm.json")
	p := newPush(t, sim.Options{StatePath: path})
	message := fcm.Message{
		Token: "phone-1", Title: "Loan paid out", Body: "30 000 ₽", Data: map[string]string{"loan": "loan_demo"},
		CollapseKey: "loan_demo", TTL: time.Hour, Urgent: true,
	}
	var names []string
	for range 2 {
		name, err := p.client.Send(t.Context(), message)
		if err != nil || !strings.HasPrefix(name, "projects/lendgate-demo/messages/") {
			t.Fatalf("Send = %q, %v", name, err)
		}
		names = append(names, name)
	}
	want := sim.Message{
		Name: names[1], Token: "phone-1", Title: "Loan paid out", Body: "30 000 ₽",
		Data: map[string]string{"loan": "loan_demo"}, CollapseKey: "loan_demo", Priority: "high", TTL: "3600s",
	}
	got := p.Messages("phone-1")
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	if diff := cmp.Diff(want, got[1], cmpopts.IgnoreFields(sim.Message{}, "SentAt")); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if n := len(p.Desk().Calls("token")); n != 1 {
		t.Errorf("%d OAuth tokens for two messages", n)
	}
	// The simulator is killed and started again: inbox and OAuth tokens are kept.
	again, err := sim.New(sim.Options{StatePath: path})
	if err != nil {
		t.Fatal(err)
	}
	p.swap(again)
	if _, err := p.client.Send(t.Context(), message); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if n := len(again.Messages("phone-1")); n != 3 || len(again.Desk().Calls("token")) != 0 {
		t.Errorf("%d messages after a restart", n)
	}
}

func TestSendSilently(t *testing.T) {
	t.Parallel()
	p := newPush(t, sim.Options{})
	if _, err := p.client.Send(t.Context(), fcm.Message{Token: "phone-1", Data: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	if got := p.Messages("")[0]; got.Title != "" || got.Priority != "normal" {
		t.Errorf("message %+v", got)
	}
}

func TestSendRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message fcm.Message
		outcome kit.Outcome
		code    string
		dead    bool
		after   time.Duration
	}{
		{"a dead token", fcm.Message{Token: "dead-1"}, kit.OutcomeRefused, fcm.CodeUnregistered, true, 0},
		{"an invalid token proves no death", fcm.Message{Token: "invalid-1"}, kit.OutcomeRefused, fcm.CodeInvalidArgument, false, 0},
		{"another sender's token", fcm.Message{Token: "mismatch-1"}, kit.OutcomeRefused, fcm.CodeSenderMismatch, false, 0},
		{"APNs keys that are wrong", fcm.Message{Token: "apns-1"}, kit.OutcomeRefused, fcm.CodeThirdPartyAuth, false, 0},
		{"the quota", fcm.Message{Token: "quota-1"}, kit.OutcomeRetryable, fcm.CodeQuotaExceeded, false, time.Minute},
		{"an unavailable service", fcm.Message{Token: "unavailable-1"}, kit.OutcomeRetryable, fcm.CodeUnavailable, false, 0},
		{"an internal error proves nothing", fcm.Message{Token: "internal-1"}, kit.OutcomeUnknown, fcm.CodeInternal, false, 0},
		{"no token", fcm.Message{Title: "x"}, kit.OutcomeRefused, fcm.CodeInvalidArgument, false, 0},
		{"a reserved key", fcm.Message{Token: "t", Data: map[string]string{"google.x": "y"}}, kit.OutcomeRefused, fcm.CodeInvalidArgument, false, 0},
		{"a long text", fcm.Message{Token: "t", Body: strings.Repeat("x", 5000)}, kit.OutcomeRefused, fcm.CodeInvalidArgument, false, 0},
	}
	p := newPush(t, sim.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := p.client.Send(t.Context(), test.message)
			failure := wantError(t, err, test.outcome, test.code)
			if errors.Is(err, fcm.ErrTokenDead) != test.dead {
				t.Errorf("token dead %t: %v", !test.dead, err)
			}
			if failure.RetryAfter != test.after {
				t.Errorf("retry after %s, want %s", failure.RetryAfter, test.after)
			}
		})
	}
}

// TestOneAttempt: the SDK would repeat all of these, up to four times.
func TestOneAttempt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fault    simkit.Fault
		outcome  kit.Outcome
		code     string
		accepted int
	}{
		{"a connection cut after acceptance", simkit.Fault{Kind: simkit.KindDoThenFail}, kit.OutcomeUnknown, "", 1},
		{"a connection cut before it", simkit.Fault{Kind: simkit.KindReset}, kit.OutcomeUnknown, "", 0},
		{"a 503", simkit.Fault{Kind: simkit.KindError, Code: "UNAVAILABLE"}, kit.OutcomeRetryable, fcm.CodeUnavailable, 0},
		{"a 502", simkit.Fault{Kind: simkit.KindError, Status: http.StatusBadGateway}, kit.OutcomeUnknown, fcm.CodeInternal, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPush(t, sim.Options{})
			test.fault.Operation = "messages:send"
			p.Desk().Inject(test.fault)
			_, err := p.client.Send(t.Context(), fcm.Message{Token: "phone-1", Title: "x"})
			wantError(t, err, test.outcome, test.code)
			if n := len(p.Messages("")); n != test.accepted {
				t.Errorf("%d messages at the phone, want %d", n, test.accepted)
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{})
		ctx, giveUp := context.WithCancel(t.Context())
		defer giveUp()
		p.swap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "messages:send") {
				p.Simulator.ServeHTTP(w, r)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body) // the server notices a gone client only after that
			giveUp()
			<-r.Context().Done()
		}))
		_, err := p.client.Send(ctx, fcm.Message{Token: "phone-1", Title: "x"})
		wantError(t, err, kit.OutcomeUnknown, "")
	})
	t.Run("nobody listening sent nothing", func(t *testing.T) {
		t.Parallel()
		closed := httptest.NewServer(http.NotFoundHandler())
		closed.Close()
		p := newPush(t, sim.Options{}, func(c *fcm.Config) { c.BaseURL = closed.URL })
		_, err := p.client.Send(t.Context(), fcm.Message{Token: "phone-1", Title: "x"})
		wantError(t, err, kit.OutcomeRetryable, "")
	})
}

func TestAuthorisation(t *testing.T) {
	t.Parallel()
	message := fcm.Message{Token: "phone-1", Title: "x"}
	t.Run("a key that is not registered gets no token", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{}, func(c *fcm.Config) {
			stranger, err := sim.NewAccount(project, c.BaseURL, nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Credentials = kit.Secret(stranger.JSON)
		})
		_, err := p.client.Send(t.Context(), message)
		wantError(t, err, kit.OutcomeRefused, fcm.CodeUnauthenticated)
		calls := p.Desk().Calls("token")
		if len(calls) != 1 || calls[0].Detail["why"] != "Invalid JWT Signature." {
			t.Errorf("token calls %+v", calls)
		}
	})
	t.Run("another project is forbidden", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{}, func(c *fcm.Config) { c.ProjectID = "somebody-else" })
		_, err := p.client.Send(t.Context(), message)
		if failure := wantError(t, err, kit.OutcomeRefused, ""); failure.HTTPStatus != http.StatusForbidden {
			t.Errorf("status %d", failure.HTTPStatus)
		}
	})
	t.Run("a token that the service has forgotten", func(t *testing.T) {
		t.Parallel()
		clock := simkit.NewManual(time.Now())
		p := newPush(t, sim.Options{Clock: clock})
		if _, err := p.client.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		clock.Advance(2 * time.Hour)
		_, err := p.client.Send(t.Context(), message)
		wantError(t, err, kit.OutcomeRefused, fcm.CodeUnauthenticated)
	})
	t.Run("an assertion from another day gets no token", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{Clock: simkit.NewManual(time.Now().AddDate(0, 0, 1))})
		_, err := p.client.Send(t.Context(), message)
		wantError(t, err, kit.OutcomeRefused, fcm.CodeUnauthenticated)
	})
}

func TestRequestsByHand(t *testing.T) {
	t.Parallel()
	t.Run("a request without a token", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{})
		response, err := http.Post(p.base+"/v1/projects/"+project+"/messages:send", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var body struct{ Error struct{ Status string } }
		data, _ := io.ReadAll(response.Body)
		if err := json.Unmarshal(data, &body); err != nil || response.StatusCode != 401 || body.Error.Status != "UNAUTHENTICATED" {
			t.Errorf("%d %s", response.StatusCode, data)
		}
	})
	t.Run("another grant type", func(t *testing.T) {
		t.Parallel()
		p := newPush(t, sim.Options{})
		response, err := http.PostForm(p.base+"/token", url.Values{"grant_type": {"password"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", response.StatusCode)
		}
	})
}

func wantError(t *testing.T, err error, outcome kit.Outcome, code string) *kit.Error {
	t.Helper()
	var failure *kit.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v, want a *kit.Error", err)
	}
	if failure.Outcome != outcome || failure.Code != code {
		t.Errorf("error is %v, want %s with code %q", err, outcome, code)
	}
	return failure
}
