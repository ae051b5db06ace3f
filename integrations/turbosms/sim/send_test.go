package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/turbosms/sim"
)

// These tests speak the vendor's wire format by hand, without the adapter.

func ask(t *testing.T, s *sim.Simulator, path, bearer, body string) (code int, result json.RawMessage) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	var got struct {
		Code   int             `json:"response_code"`
		Status string          `json:"response_status"`
		Result json.RawMessage `json:"response_result"`
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || recorder.Code != http.StatusOK || got.Status == "" {
		t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	return got.Code, got.Result
}

func TestWire(t *testing.T) {
	t.Parallel()
	const good = `"recipients":["380000000001"],"sms":{"sender":"LENDGATE","text":"Ваш код 1"}`
	many := `{"sms":{"sender":"LENDGATE","text":"x"},"recipients":["1"` + strings.Repeat(`,"1"`, 5000) + `]}`
	tests := []struct {
		name, bearer, body string
		code               int
	}{
		{"by header", "demo", `{` + good + `}`, 801},
		{"by body", "", `{"token":"demo",` + good + `}`, 801},
		{"no token", "", `{` + good + `}`, 103},
		{"a wrong token", "other", `{` + good + `}`, 301},
		{"a wrong token in the body", "", `{"token":"x",` + good + `}`, 301},
		{"no JSON", "demo", `{`, 502},
		{"the wrong shape", "demo", `{"recipients":"380000000001"}`, 300},
		{"a text that is none", "demo", `{"recipients":["380000000001"],"sms":{"sender":"LENDGATE","text":5}}`, 304},
		{"no recipients", "demo", `{"sms":{"sender":"LENDGATE","text":"x"}}`, 202},
		{"too many recipients", "demo", many, 405},
		{"no text", "demo", `{"recipients":["380000000001"],"sms":{"sender":"LENDGATE"}}`, 201},
		{"no sender", "demo", `{"recipients":["380000000001"],"sms":{"text":"x"}}`, 200},
		{"a foreign sender", "demo", `{"recipients":["380000000001"],"sms":{"sender":"SHOP","text":"x"}}`, 400},
		{
			"some recipients", "demo",
			`{"recipients":["380000000001","380000000404","380000000001"],"sms":{"sender":"LENDGATE","text":"x"}}`, 803,
		},
		{"only the stop list", "demo", `{"recipients":["380000000404"],"sms":{"sender":"LENDGATE","text":"x"}}`, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := sim.New(sim.Options{
				Token: "demo", Senders: []string{"LENDGATE"}, Clock: simkit.NewManual(time.Unix(0, 0)),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			if code, result := ask(t, s, "/message/send.json", test.bearer, test.body); code != test.code {
				t.Errorf("code %d %s, want %d", code, result, test.code)
			}
		})
	}
}

func TestStatusOfUnknownMessage(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.Options{Token: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	code, result := ask(t, s, "/message/status.json", "demo", `{"messages":["nobody"]}`)
	if code != 0 || !strings.Contains(string(result), `"response_code":414`) {
		t.Errorf("%d %s", code, result)
	}
	if code, _ := ask(t, s, "/user/balance.json", "demo", ""); code != 0 {
		t.Errorf("balance %d", code)
	}
}
