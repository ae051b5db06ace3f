package sim_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
)

// These tests speak the vendor's wire format by hand, without the adapter.

func newBank(t *testing.T) *sim.Simulator {
	t.Helper()
	s, err := sim.New(sim.Options{
		Terminals: []sim.Terminal{{Key: "T", Password: "p"}},
		Clock:     simkit.NewManual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func post(s http.Handler, path, body string) (status int, answer map[string]any) {
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		return recorder.Code, nil
	}
	return recorder.Code, answer
}

// hash is the Token of a string that the test has joined itself.
func hash(joined string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(joined))) }

// TestPagesShowTheCurrencyOfTheTerminal opens the pay page of an order at two terminals: the wire has no currency, the contracts have.
func TestPagesShowTheCurrencyOfTheTerminal(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]string{"UAH": "Pay 150.05 UAH", "": "Pay 150.05 RUB"} {
		bank, err := sim.New(sim.Options{
			Terminals: []sim.Terminal{{Key: "T", Password: "p", Currency: currency}}, PublicURL: "http://bank.example",
			Clock: simkit.NewManual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(bank.Close)
		_, answer := post(bank, "/v2/Init", `{"TerminalKey":"T","Amount":15005,"OrderId":"o1","Token":"`+hash("15005o1pT")+`"}`)
		form, _ := answer["PaymentURL"].(string)
		page := httptest.NewRecorder()
		bank.ServeHTTP(page, httptest.NewRequest(http.MethodGet, strings.TrimPrefix(form, "http://bank.example"), http.NoBody))
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page of %s does not say %q:\n%s", form, want, page.Body)
		}
	}
}

func TestInitByHand(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, code string }{
		{"good", `{"TerminalKey":"T","Amount":15000,"OrderId":"o1","Token":"` + hash("15000o1pT") + `"}`, "0"},
		{"amount as text", `{"TerminalKey":"T","Amount":"15000","OrderId":"o1","Token":"` + hash("15000o1pT") + `"}`, "0"},
		{"no JSON", `{`, "9999"},
		{"no object", `[1]`, "9999"},
		{"nothing", ``, "9999"},
		{"null", `null`, "9999"},
		{"another terminal", `{"TerminalKey":"X","Token":"x"}`, "205"},
		{"a terminal that is no text", `{"TerminalKey":["T"],"Token":"x"}`, "205"},
		{"no Token", `{"TerminalKey":"T","Amount":15000,"OrderId":"o1"}`, "204"},
		{"a Token without the password", `{"TerminalKey":"T","Amount":15000,"OrderId":"o1","Token":"` + hash("15000o1T") + `"}`, "204"},
		{"another amount than signed", `{"TerminalKey":"T","Amount":15001,"OrderId":"o1","Token":"` + hash("15000o1pT") + `"}`, "204"},
		{"an amount that is no whole number", `{"TerminalKey":"T","Amount":150.5,"OrderId":"o1","Token":"` + hash("150.5o1pT") + `"}`, "251"},
		{"a small amount", `{"TerminalKey":"T","Amount":99,"OrderId":"o1","Token":"` + hash("99o1pT") + `"}`, "251"},
		{"no order", `{"TerminalKey":"T","Amount":15000,"Token":"` + hash("15000pT") + `"}`, "212"},
		{
			"a due date in the past",
			`{"TerminalKey":"T","Amount":15000,"OrderId":"o1","RedirectDueDate":"2026-11-21T08:00:00Z","Token":"` +
				hash("15000o1p2026-11-21T08:00:00ZT") + `"}`, "12",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, answer := post(newBank(t), "/v2/Init", test.body)
			if status != http.StatusOK || answer["ErrorCode"] != test.code || answer["Success"] != (test.code == "0") {
				t.Errorf("%d %v, want code %s", status, answer, test.code)
			}
		})
	}
}

func TestPublicPages(t *testing.T) {
	t.Parallel()
	s := newBank(t)
	for path, want := range map[string]int{
		"/pay/nobody": http.StatusNotFound, "/card/nobody": http.StatusNotFound, "/v2/Charge": http.StatusNotFound,
		"/_sim/payouts": http.StatusOK, "/_sim/payments": http.StatusOK, "/_sim/notifications": http.StatusOK,
	} {
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != want {
			t.Errorf("%s: %d, want %d", path, recorder.Code, want)
		}
	}
	if status, _ := post(s, "/_sim/settings", `{"payout_polls":-1}`); status != http.StatusBadRequest {
		t.Errorf("settings %d", status)
	}
	if status, _ := post(s, "/_sim/settings", `{"payout_polls":3}`); status != http.StatusNoContent {
		t.Errorf("settings %d", status)
	}
}

// TestNoiseIsRefused: whatever arrives unsigned, the bank answers in its format
// and nothing is created.
func TestNoiseIsRefused(t *testing.T) {
	t.Parallel()
	s := newBank(t)
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom([]string{
			"/v2/Init", "/v2/GetState", "/v2/Cancel", "/v2/Confirm", "/e2c/v2/Init", "/e2c/v2/Payment", "/e2c/v2/AddCard",
		}).Draw(t, "path")
		value := rapid.SampledFrom([]string{`"T"`, `1`, `-1`, `1e9`, `null`, `true`, `{}`, `[]`, `""`, `"\u0000"`})
		body := fmt.Sprintf(`{"TerminalKey":%s,"Amount":%s,"OrderId":%s,"PaymentId":%s,"Token":%s,"CardId":%s}`,
			value.Draw(t, "a"), value.Draw(t, "b"), value.Draw(t, "c"), value.Draw(t, "d"), value.Draw(t, "e"), value.Draw(t, "f"))
		status, answer := post(s, path, body)
		if status != http.StatusOK || answer["Success"] != false {
			t.Fatalf("%s %s: %d %v", path, body, status, answer)
		}
	})
	if len(s.Payments()) != 0 || len(s.Payouts()) != 0 {
		t.Error("noise created something")
	}
}
