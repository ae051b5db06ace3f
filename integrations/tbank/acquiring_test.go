package tbank_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
)

func TestPaymentInOneStage(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.start(t, func(o *tbank.Order) { o.OrderID, o.Stages = "loan-1", tbank.OneStage })
	if p.State != kit.PaymentCreated || p.Amount != 150_000 || !strings.Contains(p.PaymentURL, "/tbank/pay/") {
		t.Fatalf("Init = %+v", p)
	}
	form, err := http.Get(p.PaymentURL)
	if err != nil {
		t.Fatal(err)
	}
	_ = form.Body.Close()
	if got := b.state(t, p.PaymentID).State; got != kit.PaymentFormShown {
		t.Errorf("after opening the form: %s", got)
	}
	if status := fill(t, p.PaymentURL, "pan", sim.CardGood); status != http.StatusOK {
		t.Fatalf("form answered %d", status)
	}
	if got := b.state(t, p.PaymentID); got.State != kit.PaymentCaptured || got.OrderID != "loan-1" {
		t.Errorf("after paying: %+v", got)
	}

	b.clock.Advance(0) // notifications go out
	want := []tbank.Notification{
		{OrderID: "loan-1", Status: tbank.StatusAuthorized, Success: true, ErrorCode: "0", Amount: 150_000},
		{OrderID: "loan-1", Status: tbank.StatusConfirmed, Success: true, ErrorCode: "0", Amount: 150_000},
	}
	for i := range want {
		want[i].PaymentID, want[i].MaskedPAN, want[i].Expiry = p.PaymentID, "430000******0777", "1230"
		want[i].CardID = p.PaymentID[len(p.PaymentID)-6:]
		want[i].CardID = strings.TrimLeft(want[i].CardID, "0")
	}
	if diff := cmp.Diff(want, b.inbox.all()); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	if fill(t, p.PaymentURL, "pan", sim.CardGood) != http.StatusConflict {
		t.Errorf("a paid form took a second payment")
	}
}

func TestPaymentInTwoStages(t *testing.T) {
	t.Parallel()
	hold := func(t *testing.T) (*bank, tbank.Payment) {
		b := newBank(t)
		p := b.start(t, func(o *tbank.Order) { o.Stages = tbank.TwoStage })
		fill(t, p.PaymentURL, "pan", sim.CardGood)
		if got := b.state(t, p.PaymentID).State; got != kit.PaymentAuthorised {
			t.Fatalf("held payment is %s", got)
		}
		return b, p
	}
	t.Run("confirm takes a part of the hold", func(t *testing.T) {
		t.Parallel()
		b, p := hold(t)
		got, err := b.acquiring.Confirm(t.Context(), p.PaymentID, 100_000)
		if err != nil || got.State != kit.PaymentCaptured {
			t.Fatalf("Confirm = %+v, %v", got, err)
		}
		if amount := b.state(t, p.PaymentID).Amount; amount != 100_000 {
			t.Errorf("captured %d", amount)
		}
	})
	t.Run("confirm of more than was held is refused", func(t *testing.T) {
		t.Parallel()
		b, p := hold(t)
		_, err := b.acquiring.Confirm(t.Context(), p.PaymentID, 150_001)
		wantError(t, err, kit.OutcomeRefused, "330")
	})
	t.Run("a second confirm proves nothing and says ask", func(t *testing.T) {
		t.Parallel()
		b, p := hold(t)
		if _, err := b.acquiring.Confirm(t.Context(), p.PaymentID, 0); err != nil {
			t.Fatal(err)
		}
		_, err := b.acquiring.Confirm(t.Context(), p.PaymentID, 0)
		wantError(t, err, kit.OutcomeUnknown, tbank.CodeCannotChange)
	})
	t.Run("cancel releases the hold", func(t *testing.T) {
		t.Parallel()
		b, p := hold(t)
		got, err := b.acquiring.Cancel(t.Context(), p.PaymentID, 0, "")
		if err != nil || got.State != kit.PaymentVoided || got.Before != 150_000 || got.After != 0 {
			t.Fatalf("Cancel = %+v, %v", got, err)
		}
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.start(t)
	fill(t, p.PaymentURL, "pan", sim.CardGood)

	part, err := b.acquiring.Cancel(t.Context(), p.PaymentID, 50_000, "refund-1")
	if err != nil || part.State != kit.PaymentPartiallyRefunded || part.After != 100_000 {
		t.Fatalf("partial refund = %+v, %v", part, err)
	}
	again, err := b.acquiring.Cancel(t.Context(), p.PaymentID, 50_000, "refund-1")
	if diff := cmp.Diff(part, again); err != nil || diff != "" {
		t.Fatalf("the same request id refunded again: %v\n%s", err, diff)
	}
	_, err = b.acquiring.Cancel(t.Context(), p.PaymentID, 100_001, "refund-2")
	wantError(t, err, kit.OutcomeRefused, "330")
	rest, err := b.acquiring.Cancel(t.Context(), p.PaymentID, 0, "refund-3")
	if err != nil || rest.State != kit.PaymentRefunded || rest.Before != 100_000 || rest.After != 0 {
		t.Fatalf("full refund = %+v, %v", rest, err)
	}
}

func TestCardsThatDoNotPay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pan string
		code      string
	}{
		{"no funds", sim.CardNoFunds, "1051"},
		{"foreign card", sim.CardForeign, "77"},
		{"declined by its bank", sim.CardSlowReject, "1005"},
		{"unknown card", "4242 4242 4242 4242", "1014"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			p := b.start(t)
			fill(t, p.PaymentURL, "pan", test.pan)
			if got := b.state(t, p.PaymentID).State; got != kit.PaymentFailed {
				t.Errorf("state %s", got)
			}
			b.clock.Advance(0)
			got := b.inbox.all()
			if len(got) != 1 || got[0].Success || got[0].ErrorCode != test.code || got[0].Status != tbank.StatusRejected {
				t.Errorf("notifications %+v", got)
			}
		})
	}
	t.Run("a mistyped number leaves the form open", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.start(t)
		if status := fill(t, p.PaymentURL, "pan", "4300000000000778"); status != http.StatusUnprocessableEntity {
			t.Errorf("form answered %d", status)
		}
		if got := b.state(t, p.PaymentID).State; got.Final() {
			t.Errorf("state %s", got)
		}
	})
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]kit.PaymentState{
		sim.Password3DS: kit.PaymentCaptured, "wrong": kit.PaymentFailed,
	} {
		t.Run("password "+word, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			p := b.start(t)
			fill(t, p.PaymentURL, "pan", sim.Card3DS)
			if got := b.state(t, p.PaymentID).State; got != kit.PaymentAuthenticating {
				t.Fatalf("before the password: %s", got)
			}
			fill(t, p.PaymentURL, "password", word)
			if got := b.state(t, p.PaymentID).State; got != want {
				t.Errorf("state %s, want %s", got, want)
			}
		})
	}
}

func TestUnpaidFormExpires(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.start(t, func(o *tbank.Order) { o.Due = b.clock.Now().Add(time.Hour) })
	b.clock.Advance(time.Hour)
	if got := b.state(t, p.PaymentID).State; got != kit.PaymentExpired {
		t.Errorf("state %s", got)
	}
	if fill(t, p.PaymentURL, "pan", sim.CardGood) != http.StatusConflict {
		t.Errorf("an expired form was paid")
	}
}

func TestAcquiringRefusals(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.start(t, func(o *tbank.Order) { o.OrderID = "taken" })

	t.Run("a repeated order", func(t *testing.T) {
		t.Parallel()
		_, err := b.acquiring.Init(t.Context(), tbank.Order{OrderID: "taken", Amount: 150_000})
		wantError(t, err, kit.OutcomeRefused, tbank.CodeDuplicateOrder)
	})
	t.Run("an unknown payment", func(t *testing.T) {
		t.Parallel()
		_, err := b.acquiring.GetState(t.Context(), "1")
		wantError(t, err, kit.OutcomeRefused, tbank.CodePaymentNotFound)
	})
	t.Run("an unknown order", func(t *testing.T) {
		t.Parallel()
		_, err := b.acquiring.CheckOrder(t.Context(), "never")
		wantError(t, err, kit.OutcomeRefused, "335")
	})
	t.Run("a known order is found with its payment", func(t *testing.T) {
		t.Parallel()
		list, err := b.acquiring.CheckOrder(t.Context(), "taken")
		if err != nil || len(list) != 1 || list[0].PaymentID != p.PaymentID || list[0].OrderID != "taken" {
			t.Errorf("CheckOrder = %+v, %v", list, err)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		c := newBank(t, func(o *sim.Options) { o.Terminals[0].Password = "another" })
		_, err := c.acquiring.GetState(t.Context(), "1")
		wantError(t, err, kit.OutcomeRefused, tbank.CodeBadToken)
	})
	t.Run("an unknown terminal", func(t *testing.T) {
		t.Parallel()
		c := newBank(t, func(o *sim.Options) { o.Terminals = nil })
		_, err := c.acquiring.GetState(t.Context(), "1")
		wantError(t, err, kit.OutcomeRefused, tbank.CodeUnknownTerminal)
	})
	t.Run("orders that are refused before they are sent", func(t *testing.T) {
		t.Parallel()
		for _, o := range []tbank.Order{
			{OrderID: "", Amount: 100},
			{OrderID: strings.Repeat("x", 37), Amount: 100},
			{OrderID: "cheap", Amount: 99},
			{OrderID: "long", Amount: 100, Description: strings.Repeat("я", 141)},
		} {
			_, err := b.acquiring.Init(t.Context(), o)
			wantError(t, err, kit.OutcomeRefused, "")
		}
	})
}

func TestAcquiringFaults(t *testing.T) {
	t.Parallel()
	t.Run("a lost answer to Init is unknown, and CheckOrder finds the payment", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		b.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindDoThenFail})
		_, err := b.acquiring.Init(t.Context(), tbank.Order{OrderID: "lost", Amount: 100})
		wantError(t, err, kit.OutcomeUnknown, "")
		if list, err := b.acquiring.CheckOrder(t.Context(), "lost"); err != nil || len(list) != 1 {
			t.Errorf("CheckOrder = %+v, %v", list, err)
		}
	})
	t.Run("a cut connection is unknown although nothing happened", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		b.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindReset})
		_, err := b.acquiring.Init(t.Context(), tbank.Order{OrderID: "cut", Amount: 100})
		wantError(t, err, kit.OutcomeUnknown, "")
		if n := len(b.Payments()); n != 0 {
			t.Errorf("%d payments at the bank", n)
		}
	})
	t.Run("reading calls are repeated", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.start(t)
		b.Desk().Inject(simkit.Fault{Operation: "GetState", Kind: simkit.KindReset})
		b.Desk().Inject(simkit.Fault{Operation: "GetState", Kind: simkit.KindError, Status: http.StatusBadGateway})
		if got := b.state(t, p.PaymentID).State; got != kit.PaymentCreated {
			t.Errorf("state %s", got)
		}
	})
	t.Run("moving calls are not", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		b.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindError, Status: http.StatusBadGateway})
		_, err := b.acquiring.Init(t.Context(), tbank.Order{OrderID: "gateway", Amount: 100})
		wantError(t, err, kit.OutcomeUnknown, "")
		if n := len(b.Desk().Calls("Init")); n != 0 {
			t.Errorf("Init was repeated %d times", n)
		}
	})
	t.Run("try again later is retryable", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		b.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindError, Code: "55"})
		_, err := b.acquiring.Init(t.Context(), tbank.Order{OrderID: "later", Amount: 100})
		wantError(t, err, kit.OutcomeRetryable, "55")
	})
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	config := tbank.Config{TerminalKey: terminal, Password: password}
	payout := tbank.PayoutConfig{TerminalKey: payoutTerminal, Password: payoutPassword, PrivateKey: demoKey()}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", config, "b", payout)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v", config, config, config), fmt.Sprintf("%v %+v %#v", payout, payout, payout), log.String(),
	} {
		if strings.Contains(text, "demo-password") || strings.Contains(text, demoKey().D.String()) {
			t.Errorf("a secret was printed: %s", text)
		}
	}
}

// wantError checks an adapter's error by what a caller acts on.
func wantError(t *testing.T, err error, outcome kit.Outcome, code string) {
	t.Helper()
	var failure *kit.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v, want a *kit.Error", err)
	}
	if failure.Outcome != outcome || failure.Code != code {
		t.Errorf("error is %v (code %q), want %s with code %q", err, failure.Code, outcome, code)
	}
}
