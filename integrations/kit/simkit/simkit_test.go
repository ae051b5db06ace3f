package simkit_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

func start() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }

func TestManualClock(t *testing.T) {
	t.Parallel()
	clock := simkit.NewManual(start())
	var order []string
	note := func(word string) func() {
		return func() { order = append(order, word+"@"+clock.Now().Format("15:04")) }
	}
	clock.AfterFunc(2*time.Hour, note("late"))
	clock.AfterFunc(time.Hour, func() {
		note("first")()
		clock.AfterFunc(30*time.Minute, note("chained"))
	})
	clock.AfterFunc(time.Hour, note("second"))
	stop := clock.AfterFunc(time.Minute, note("stopped"))
	if !stop() || stop() {
		t.Error("stop does not tell whether it was in time")
	}
	clock.Advance(0)
	if len(order) != 0 {
		t.Errorf("something ran at once: %v", order)
	}
	clock.Advance(3 * time.Hour)
	want := []string{"first@10:00", "second@10:00", "chained@10:30", "late@11:00"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if !clock.Now().Equal(start().Add(3*time.Hour)) || clock.Waiting() != 0 {
		t.Errorf("now %s, waiting %d", clock.Now(), clock.Waiting())
	}
}

// shop is a tiny simulator: one operation that counts what it sold.
type shop struct {
	*httptest.Server
	desk     *simkit.Desk
	sold     atomic.Int64
	patience time.Duration // of its customers
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{patience: 10 * time.Second}
	s.desk = simkit.NewDesk(simkit.Wall{}, func() { s.sold.Store(0) })
	mux := http.NewServeMux()
	s.desk.Handle(mux)
	mux.HandleFunc("POST /sell", func(w http.ResponseWriter, r *http.Request) {
		s.desk.Serve(w, r, "sell", func(w http.ResponseWriter, f simkit.Fault) {
			http.Error(w, f.Code, f.Status)
		}, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			s.sold.Add(1)
			s.desk.Record(simkit.Call{Operation: "sell", Accepted: true, Reference: string(body)})
			_, _ = w.Write([]byte("sold"))
		})
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Server.Close)
	t.Cleanup(s.desk.Close)
	return s
}

func (s *shop) post(t *testing.T, path, body string) (status int, text string, err error) {
	t.Helper()
	client := &http.Client{Timeout: s.patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(data)), err
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, fault string
		status      int // 0: no answer
		text        string
		timeout     bool
		sold        int64
	}{
		{"error", `{"operation":"sell","kind":"error","code":"E7","status":418}`, 418, "E7", false, 0},
		{"reset", `{"operation":"sell","kind":"reset"}`, 0, "", false, 0},
		{"timeout", `{"operation":"sell","kind":"timeout"}`, 0, "", true, 0},
		{"done, then no answer", `{"operation":"sell","kind":"do_then_fail"}`, 0, "", false, 1},
		{"done, then silence", `{"operation":"sell","kind":"do_then_timeout"}`, 0, "", true, 1},
		{"delay", `{"kind":"delay","delay_ms":1}`, 200, "sold", false, 1},
		{"another operation", `{"operation":"buy","kind":"reset"}`, 200, "sold", false, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if status, text, err := s.post(t, "/_sim/faults", test.fault); err != nil || status != http.StatusNoContent {
				t.Fatalf("fault was not taken: %d %s %v", status, text, err)
			}
			if test.timeout {
				s.patience = time.Second
			}
			status, text, err := s.post(t, "/sell", "book")
			if status != test.status || text != test.text || s.sold.Load() != test.sold {
				t.Errorf("%d %q %v, sold %d", status, text, err, s.sold.Load())
			}
			var late interface{ Timeout() bool }
			if got := errors.As(err, &late) && late.Timeout(); got != test.timeout {
				t.Errorf("timed out %t: %v", got, err)
			}
		})
	}
}

func TestFaultStrikesAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.desk.Inject(simkit.Fault{Kind: simkit.KindError, Status: 500, Times: 2})
	for i, want := range []int{500, 500, 200} {
		if status, _, _ := s.post(t, "/sell", "book"); status != want {
			t.Errorf("call %d: %d, want %d", i, status, want)
		}
	}
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, bad := range []string{"", "[]", `{"kind":"earthquake"}`, `{"kind":"reset","when":"now"}`} {
		if status, _, err := s.post(t, "/_sim/faults", bad); err != nil || status != http.StatusBadRequest {
			t.Errorf("%q: %d %v", bad, status, err)
		}
	}
	if _, _, err := s.post(t, "/sell", "book"); err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		response, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		data, _ := io.ReadAll(response.Body)
		return string(data)
	}
	var journal struct{ Calls []simkit.Call }
	if err := json.Unmarshal([]byte(read("/_sim/calls?operation=sell")), &journal); err != nil ||
		len(journal.Calls) != 1 || journal.Calls[0].Reference != "book" || journal.Calls[0].Sequence != 1 {
		t.Errorf("journal %+v, %v", journal, err)
	}
	s.desk.Inject(simkit.Fault{Kind: simkit.KindReset})
	if got := read("/_sim/faults"); !strings.Contains(got, `"reset"`) {
		t.Errorf("armed %s", got)
	}
	if status, _, err := s.post(t, "/_sim/reset", ""); err != nil || status != http.StatusNoContent {
		t.Errorf("reset %d %v", status, err)
	}
	if s.sold.Load() != 0 || len(s.desk.Calls("")) != 0 || strings.Contains(read("/_sim/faults"), "kind") {
		t.Error("reset left something")
	}
}

func TestCourier(t *testing.T) {
	t.Parallel()
	var answers atomic.Value
	answers.Store("no")
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, string(body))
		_, _ = io.WriteString(w, answers.Load().(string))
	}))
	t.Cleanup(server.Close)
	clock := simkit.NewManual(start())
	courier := simkit.NewCourier(clock, nil, []time.Duration{time.Minute, time.Hour})
	t.Cleanup(courier.Close)

	var done []bool
	letter := simkit.Letter{
		URL: server.URL, After: time.Second,
		Body:     func(attempt int) []byte { return []byte{byte('0' + attempt)} },
		Accepted: func(_ int, body []byte) bool { return string(body) == "yes" },
		Done:     func(accepted bool, _ int) { done = append(done, accepted) },
	}
	courier.Send(letter)
	clock.Advance(0)
	if len(got) != 0 {
		t.Fatal("it did not wait")
	}
	clock.Advance(time.Second)
	clock.Advance(time.Minute)
	answers.Store("yes")
	clock.Advance(time.Hour)
	if strings.Join(got, "") != "123" || len(done) != 1 || !done[0] {
		t.Errorf("attempts %v, done %v", got, done)
	}

	answers.Store("no")
	got = nil
	courier.Send(letter)
	clock.Advance(24 * time.Hour)
	if strings.Join(got, "") != "123" || len(done) != 2 || done[1] {
		t.Errorf("attempts %v, done %v", got, done)
	}

	courier.Close()
	courier.Send(letter)
	clock.Advance(24 * time.Hour)
	if len(got) != 3 {
		t.Errorf("a closed courier delivered")
	}
}

func TestStateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "state.json")
	var state map[string]int
	if err := simkit.Load(path, &state); err != nil || state != nil {
		t.Errorf("a missing file: %v, %v", state, err)
	}
	if err := simkit.Save(path, map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if err := simkit.Load(path, &state); err != nil || state["a"] != 1 {
		t.Errorf("state %v, %v", state, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := simkit.Load(path, &state); err == nil {
		t.Error("a damaged file was accepted")
	}
	if simkit.Save("", 1) != nil || simkit.Load("", &state) != nil {
		t.Error("an empty path is not memory only")
	}
}

func TestOpenKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "demo.pem")
	first, err := simkit.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := simkit.OpenKey(path)
	if err != nil || !second.Equal(first) {
		t.Errorf("the key was not kept: %v", err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := simkit.OpenKey(path); err == nil {
		t.Error("a damaged key was accepted")
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	tests := []struct{ prefix, asked, want string }{
		{"", "/v2/Init", "http://bank.demo"},
		{"/sim/tbank", "/sim/tbank/v2/Init?x=/v2/Init", "http://bank.demo/sim/tbank"},
		{"/sim", "/sim/a%20b", "http://bank.demo/sim"},
	}
	for _, test := range tests {
		var got string
		handler := http.StripPrefix(test.prefix, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = simkit.BaseURL(r)
		}))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://bank.demo"+test.asked, nil))
		if got != test.want {
			t.Errorf("%s under %q: %s, want %s", test.asked, test.prefix, got, test.want)
		}
	}
}
