package kit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/integrations/kit"
)

// vendor answers with the handler and counts requests.
func vendor(t *testing.T, handler http.HandlerFunc, change ...func(*kit.Config)) (*kit.Client, *atomic.Int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	config := kit.Config{
		Vendor: "demo", BaseURL: server.URL + "/prefix/", Timeout: 10 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
		Wait:      func(context.Context, time.Duration) error { return nil },
	}
	for _, c := range change {
		c(&config)
	}
	client, err := kit.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, &requests
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	}
	large := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2048)) }
	tests := []struct {
		name         string
		handler      http.HandlerFunc
		moves, reads kit.Outcome
		tries        int64 // of the reading call
	}{
		{"200", status(200), kit.OutcomeDone, kit.OutcomeDone, 1},
		{"400", status(400), kit.OutcomeRefused, kit.OutcomeRefused, 1},
		{"401", status(401), kit.OutcomeRefused, kit.OutcomeRefused, 1},
		{"408", status(408), kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
		{"429", status(429), kit.OutcomeRetryable, kit.OutcomeRetryable, 3},
		{"429 with a pause that is too long to sit out", status(429, "Retry-After", "600"), kit.OutcomeRetryable, kit.OutcomeRetryable, 1},
		{"500", status(500), kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
		{"503", status(503, "Retry-After", "1"), kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
		{"a redirect is not followed", status(302, "Location", "/elsewhere"), kit.OutcomeUnknown, kit.OutcomeRefused, 1},
		{"a cut connection", abort, kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
		{"half an answer", half, kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
		{"an answer over the cap", large, kit.OutcomeUnknown, kit.OutcomeRetryable, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, requests := vendor(t, test.handler, func(c *kit.Config) { c.MaxResponse = 1024 })
			_, err := client.Do(t.Context(), kit.Call{Operation: "pay", Path: "/pay", Effect: kit.Moves})
			if got := kit.OutcomeOf(err); got != test.moves || requests.Load() != 1 {
				t.Errorf("moving call: %s after %d tries, want %s after one", got, requests.Load(), test.moves)
			}
			requests.Store(0)
			_, err = client.Do(t.Context(), kit.Call{Operation: "ask", Path: "/ask", Effect: kit.Reads})
			if got := kit.OutcomeOf(err); got != test.reads || requests.Load() != test.tries {
				t.Errorf("reading call: %s after %d tries, want %s after %d", got, requests.Load(), test.reads, test.tries)
			}
		})
	}
}

func TestNothingWasSent(t *testing.T) {
	t.Parallel()
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		client, _ := vendor(t, status(200), func(c *kit.Config) { c.BaseURL = gone.URL })
		_, err := client.Do(t.Context(), kit.Call{Operation: "pay", Effect: kit.Moves})
		if got := kit.OutcomeOf(err); got != kit.OutcomeRetryable {
			t.Errorf("%s: %v", got, err)
		}
	})
	t.Run("the caller had given up before", func(t *testing.T) {
		t.Parallel()
		client, requests := vendor(t, status(200))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.Do(ctx, kit.Call{Operation: "pay", Effect: kit.Moves})
		if kit.OutcomeOf(err) != kit.OutcomeRetryable || !errors.Is(err, context.Canceled) || requests.Load() != 0 {
			t.Errorf("%v after %d requests", err, requests.Load())
		}
	})
}

func TestTimeoutAfterSendingIsUnknown(t *testing.T) {
	t.Parallel()
	client, _ := vendor(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	},
		func(c *kit.Config) { c.Timeout = time.Second })
	_, err := client.Do(t.Context(), kit.Call{Operation: "pay", Effect: kit.Moves})
	if kit.OutcomeOf(err) != kit.OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestRetryPauses(t *testing.T) {
	t.Parallel()
	var pauses []time.Duration
	note := func(c *kit.Config) {
		c.Attempts = 4
		c.Wait = func(_ context.Context, pause time.Duration) error {
			pauses = append(pauses, pause)
			return nil
		}
	}
	client, _ := vendor(t, status(503), note)
	_, _ = client.Do(t.Context(), kit.Call{Operation: "ask", Effect: kit.Reads})
	for i, bound := range []time.Duration{200, 400, 800} {
		if i >= len(pauses) || pauses[i] <= 0 || pauses[i] > bound*time.Millisecond+time.Millisecond {
			t.Fatalf("pauses %v", pauses)
		}
	}
	pauses = nil
	client, _ = vendor(t, status(503, "Retry-After", "2"), note)
	_, err := client.Do(t.Context(), kit.Call{Operation: "ask", Effect: kit.Reads})
	want := []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}
	if diff := cmp.Diff(want, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	var failure *kit.Error
	if !errors.As(err, &failure) || failure.RetryAfter != 2*time.Second {
		t.Errorf("error %v does not pass the pause on", err)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	client, _ := vendor(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
	_, err := client.Do(t.Context(), kit.Call{
		Operation: "pay", Path: "/v2/Init", Header: http.Header{"Authorization": {"Bearer x"}}, Body: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.URL.Path != "/prefix/v2/Init" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("request %s %s %v", got.Method, got.URL, got.Header)
	}
}

func TestLogHoldsNoBodies(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	client, _ := vendor(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("answer-secret"))
	}, func(c *kit.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, err := client.Do(t.Context(), kit.Call{
		Operation: "pay", Header: http.Header{"Authorization": {"header-secret"}}, Body: []byte("body-secret"),
	})
	if !strings.Contains(log.String(), `"outcome":"refused"`) || strings.Contains(log.String(), "secret") {
		t.Errorf("log %s", log.String())
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	for _, config := range []kit.Config{
		{},
		{Vendor: "demo"},
		{Vendor: "demo", BaseURL: "example.com"},
		{Vendor: "demo", BaseURL: "ftp://example.com"},
		{Vendor: "demo", BaseURL: "https://"},
		{BaseURL: "https://example.com"},
	} {
		if _, err := kit.NewClient(config); err == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	type config struct {
		Name     string
		Password kit.Secret
	}
	c := config{"demo", "hunter2"}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "secret", c.Password)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c.Password, c.Password, c.Password), fmt.Sprint(&c), string(encoded), log.String(),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("printed: %s", text)
		}
	}
	if c.Password.Reveal() != "hunter2" {
		t.Error("Reveal does not reveal")
	}
}

func TestErrorsOfOthersAreUnknown(t *testing.T) {
	t.Parallel()
	if got := kit.OutcomeOf(errors.New("something")); got != kit.OutcomeUnknown {
		t.Errorf("outcome %s", got)
	}
	if got := kit.OutcomeOf(fmt.Errorf("wrapped: %w", &kit.Error{Outcome: kit.OutcomeRefused, Code: "20"})); got != kit.OutcomeRefused {
		t.Errorf("outcome %s", got)
	}
	if (&kit.Error{}).Outcome != kit.OutcomeUnknown {
		t.Error("the zero value is not unknown")
	}
}
