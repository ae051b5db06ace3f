package tbank_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
)

// paid is a bank with one fault armed and one payment made; AUTHORIZED and
// CONFIRMED wait on the clock.
func paid(t *testing.T, kind simkit.Kind, delay time.Duration) *bank {
	t.Helper()
	b := newBank(t)
	if kind != "" {
		b.Desk().Inject(simkit.Fault{Operation: "Notification", Kind: kind, DelayMS: delay.Milliseconds()})
	}
	fill(t, b.start(t).PaymentURL, "pan", sim.CardGood)
	b.clock.Advance(0)
	return b
}

func statuses(list []tbank.Notification) string {
	var words []string
	for _, n := range list {
		words = append(words, string(n.Status))
	}
	return strings.Join(words, " ")
}

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		kind  simkit.Kind
		after time.Duration
		now   string // what arrived at once
		later string // what had arrived after the pause
	}{
		{"none", "", time.Minute, "AUTHORIZED CONFIRMED", "AUTHORIZED CONFIRMED"},
		{"late", simkit.KindDelay, time.Minute, "CONFIRMED", "CONFIRMED AUTHORIZED"},
		{"duplicated", simkit.KindDuplicate, 0, "AUTHORIZED CONFIRMED AUTHORIZED", "AUTHORIZED CONFIRMED AUTHORIZED"},
		{"out of order", simkit.KindOutOfOrder, 0, "CONFIRMED AUTHORIZED", "CONFIRMED AUTHORIZED"},
		{"lost", simkit.KindLost, 48 * time.Hour, "CONFIRMED", "CONFIRMED"},
		{"wrongly signed, then repeated an hour later", simkit.KindWrongSignature, time.Hour, "CONFIRMED", "CONFIRMED AUTHORIZED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := paid(t, test.kind, test.after)
			if got := statuses(b.inbox.all()); got != test.now {
				t.Errorf("at once %q, want %q", got, test.now)
			}
			b.clock.Advance(test.after)
			if got := statuses(b.inbox.all()); got != test.later {
				t.Errorf("later %q, want %q", got, test.later)
			}
			rejections := b.inbox.rejections()
			if test.kind == simkit.KindWrongSignature {
				if len(rejections) != 1 || !errors.Is(rejections[0], tbank.ErrBadToken) {
					t.Errorf("refused %v, want one wrong Token", rejections)
				}
			} else if len(rejections) != 0 {
				t.Errorf("refused %v", rejections)
			}
		})
	}
	t.Run("duplicates have one key", func(t *testing.T) {
		t.Parallel()
		got := paid(t, simkit.KindDuplicate, 0).inbox.all()
		if got[0].Key() != got[2].Key() || got[0].Key() == got[1].Key() {
			t.Errorf("keys %s %s %s", got[0].Key(), got[1].Key(), got[2].Key())
		}
	})
	t.Run("a wrong amount is signed and must be noticed by comparison", func(t *testing.T) {
		t.Parallel()
		got := paid(t, simkit.KindWrongAmount, 0).inbox.all()
		if got[0].Amount != 150_100 || got[1].Amount != 150_000 {
			t.Errorf("amounts %d and %d", got[0].Amount, got[1].Amount)
		}
	})
}

func TestNotificationIsRepeatedUntilOK(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.inbox.answer = "ok" // anything but OK
	fill(t, b.start(t).PaymentURL, "pan", sim.CardNoFunds)
	b.clock.Advance(0)
	b.clock.Advance(3 * time.Hour)
	if got := len(b.inbox.all()); got != 4 {
		t.Errorf("%d attempts in three hours, want 4", got)
	}
	b.inbox.mu.Lock()
	b.inbox.answer = "OK"
	b.inbox.mu.Unlock()
	b.clock.Advance(48 * time.Hour)
	if got := len(b.inbox.all()); got != 5 {
		t.Errorf("%d attempts in all, want 5", got)
	}
}

func TestNotificationIsGivenUpAfterAMonth(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.inbox.answer = "later"
	fill(t, b.start(t).PaymentURL, "pan", sim.CardNoFunds)
	b.clock.Advance(60 * 24 * time.Hour)
	if got := len(b.inbox.all()); got != 1+24+30 {
		t.Errorf("%d attempts", got)
	}
	if n := b.Notices()[0]; n.State != "given_up" {
		t.Errorf("notice %+v", n)
	}
}

func TestParseNotificationRefuses(t *testing.T) {
	t.Parallel()
	a, err := tbank.NewAcquiring(tbank.Config{TerminalKey: terminal, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, body string
		want       error
	}{
		{"nothing", "", tbank.ErrMalformed},
		{"no object", "[]", tbank.ErrMalformed},
		{"null", "null", tbank.ErrMalformed},
		{"two objects", `{"TerminalKey":"DemoTerminal"}{}`, tbank.ErrMalformed},
		{"too long", `{"x":"` + strings.Repeat("y", 300<<10) + `"}`, tbank.ErrMalformed},
		{"another terminal", `{"TerminalKey":"Other","Token":"00"}`, tbank.ErrOtherTerminal},
		{"no Token", `{"TerminalKey":"DemoTerminal","PaymentId":1,"Status":"CONFIRMED","Success":true}`, tbank.ErrBadToken},
		{
			"a Token that is no text",
			`{"TerminalKey":"DemoTerminal","PaymentId":1,"Status":"CONFIRMED","Token":{"a":1}}`, tbank.ErrBadToken,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := a.ParseNotification([]byte(test.body)); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	tbank.Acknowledge(recorder)
	if recorder.Code != 200 || recorder.Body.String() != "OK" {
		t.Errorf("acknowledgement %d %q", recorder.Code, recorder.Body)
	}
}
