package tbank_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
)

// prepare binds a card and prepares a payout to it.
func (b *bank) prepare(t *testing.T, pan string) tbank.Payout {
	t.Helper()
	card, err := b.BindCard(payoutTerminal, "demo-borrower", pan)
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.payouts.Init(t.Context(), tbank.Disbursement{OrderID: "payout-1", CardID: card, Amount: 3_000_000})
	if err != nil {
		t.Fatalf("Init: %v", err)
	}
	if p.State != kit.PayoutCreated || p.Amount != 3_000_000 {
		t.Fatalf("Init = %+v", p)
	}
	return p
}

func TestPayout(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	ctx := t.Context()
	for range 2 { // the second time the customer exists already
		if err := b.payouts.AddCustomer(ctx, "demo-borrower"); err != nil {
			t.Fatalf("AddCustomer: %v", err)
		}
	}
	binding, err := b.payouts.AddCard(ctx, "demo-borrower")
	if err != nil {
		t.Fatalf("AddCard: %v", err)
	}
	if status := fill(t, binding.FormURL, "pan", sim.CardGood); status != http.StatusOK {
		t.Fatalf("card form answered %d", status)
	}
	if status := fill(t, binding.FormURL, "pan", sim.CardNoFunds); status != http.StatusNotFound {
		t.Errorf("a used card form answered %d", status)
	}
	cards, err := b.payouts.Cards(ctx, "demo-borrower")
	if err != nil || len(cards) != 1 || cards[0].MaskedPAN != "430000******0777" || !cards[0].Active {
		t.Fatalf("Cards = %+v, %v", cards, err)
	}

	p, err := b.payouts.Init(ctx, tbank.Disbursement{OrderID: "loan-1", CardID: cards[0].CardID, Amount: 3_000_000})
	if err != nil || p.Status != tbank.StatusChecked {
		t.Fatalf("Init = %+v, %v", p, err)
	}
	paid, err := b.payouts.Payment(ctx, p.PaymentID)
	if err != nil || paid.State != kit.PayoutPaid {
		t.Fatalf("Payment = %+v, %v", paid, err)
	}
	b.clock.Advance(0)
	if got := b.inbox.all(); len(got) != 1 || got[0].Status.Payout() != kit.PayoutPaid || got[0].Amount != 3_000_000 {
		t.Errorf("notifications %+v", got)
	}
	if list := b.Payouts(); len(list) != 1 || list[0].Status != "COMPLETED" || list[0].OrderID != "loan-1" {
		t.Errorf("payouts at the bank %+v", list)
	}
}

func TestPayoutThatTakesTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pan string
		want      kit.PayoutState
	}{
		{"is paid in the end", sim.Card3DS, kit.PayoutPaid},
		{"is rejected in the end", sim.CardSlowReject, kit.PayoutRejected},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			p := b.prepare(t, test.pan)
			sent, err := b.payouts.Payment(t.Context(), p.PaymentID)
			if err != nil || sent.State != kit.PayoutSent {
				t.Fatalf("Payment = %+v, %v", sent, err)
			}
			_, err = b.payouts.Payment(t.Context(), p.PaymentID)
			wantError(t, err, kit.OutcomeUnknown, tbank.CodeRepeatForbidden)
			for poll, want := range []kit.PayoutState{kit.PayoutSent, test.want, test.want} {
				got, err := b.payouts.GetState(t.Context(), p.PaymentID)
				if err != nil || got.State != want {
					t.Fatalf("poll %d: %+v, %v; want %s", poll, got, err, want)
				}
			}
		})
	}
}

func TestPayoutRefusals(t *testing.T) {
	t.Parallel()
	t.Run("a rejected payout", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.prepare(t, sim.CardNoFunds)
		_, err := b.payouts.Payment(t.Context(), p.PaymentID)
		wantError(t, err, kit.OutcomeRefused, "1014")
		if got, err := b.payouts.GetState(t.Context(), p.PaymentID); err != nil || got.State != kit.PayoutRejected {
			t.Errorf("GetState = %+v, %v", got, err)
		}
	})
	t.Run("a foreign card is refused by Init", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		card, err := b.BindCard(payoutTerminal, "demo-borrower", sim.CardForeign)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.payouts.Init(t.Context(), tbank.Disbursement{OrderID: "x", CardID: card, Amount: 1})
		wantError(t, err, kit.OutcomeRefused, tbank.CodeForeignCardPayout)
	})
	t.Run("an unknown card", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		_, err := b.payouts.Init(t.Context(), tbank.Disbursement{OrderID: "x", CardID: "1", Amount: 1})
		wantError(t, err, kit.OutcomeRefused, tbank.CodeUnknownCard)
	})
	t.Run("a repeated order", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.prepare(t, sim.CardGood)
		_, err := b.payouts.Init(t.Context(), tbank.Disbursement{
			OrderID: p.OrderID, CardID: b.Payouts()[0].CardID, Amount: 3_000_000,
		})
		wantError(t, err, kit.OutcomeRefused, tbank.CodeDuplicateOrder)
	})
	t.Run("an unknown customer has no cards", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		_, err := b.payouts.Cards(t.Context(), "nobody")
		wantError(t, err, kit.OutcomeRefused, "503")
	})
	t.Run("a certificate that is not registered", func(t *testing.T) {
		t.Parallel()
		b := newBank(t, func(o *sim.Options) { o.PayoutTerminals[0].SerialNumber = "other" })
		_, err := b.payouts.GetState(t.Context(), "1")
		wantError(t, err, kit.OutcomeRefused, "411")
	})
	t.Run("a signature in the other reading", func(t *testing.T) {
		t.Parallel()
		b := newBank(t, func(o *sim.Options) { o.PayoutTerminals[0].SignedValues = true })
		_, err := b.payouts.GetState(t.Context(), "1")
		wantError(t, err, kit.OutcomeRefused, tbank.CodeBadToken)
	})
}

// impatient gives up on a silent bank, long after the bank has read the call.
func impatient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestPayoutWithLostAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []simkit.Kind{simkit.KindDoThenFail, simkit.KindDoThenTimeout} {
		t.Run(string(kind)+" pays once and GetState knows", func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			p := b.prepare(t, sim.CardGood)
			b.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: kind})
			_, err := b.payouts.Payment(impatient(t), p.PaymentID)
			wantError(t, err, kit.OutcomeUnknown, "")
			if got, err := b.payouts.GetState(t.Context(), p.PaymentID); err != nil || got.State != kit.PayoutPaid {
				t.Errorf("GetState = %+v, %v", got, err)
			}
			// A caller that repeats against the rules is told to ask, not that it failed.
			_, err = b.payouts.Payment(t.Context(), p.PaymentID)
			wantError(t, err, kit.OutcomeUnknown, tbank.CodeTransactionState)
			if n := len(b.Desk().Calls("e2c.Payment")); n != 2 {
				t.Errorf("%d calls reached the bank", n)
			}
			if list := b.Payouts(); len(list) != 1 {
				t.Errorf("%d payouts at the bank", len(list))
			}
		})
	}
	t.Run("a timeout before the work leaves the payout unpaid", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.prepare(t, sim.CardGood)
		b.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: simkit.KindTimeout})
		_, err := b.payouts.Payment(impatient(t), p.PaymentID)
		wantError(t, err, kit.OutcomeUnknown, "")
		if got, err := b.payouts.GetState(t.Context(), p.PaymentID); err != nil || got.State != kit.PayoutCreated {
			t.Errorf("GetState = %+v, %v", got, err)
		}
	})
	t.Run("an error at the bank proves nothing", func(t *testing.T) {
		t.Parallel()
		b := newBank(t)
		p := b.prepare(t, sim.CardGood)
		b.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: simkit.KindError, Code: "9999"})
		_, err := b.payouts.Payment(t.Context(), p.PaymentID)
		wantError(t, err, kit.OutcomeUnknown, "9999")
	})
}

// TestPayoutUnderRace: many workers execute one payout; the bank pays once and
// tells the others to ask, never that the payout failed.
func TestPayoutUnderRace(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	p := b.prepare(t, sim.CardGood)
	const workers = 8
	results := make(chan error, workers)
	for range workers {
		go func() {
			_, err := b.payouts.Payment(t.Context(), p.PaymentID)
			results <- err
		}()
	}
	outcomes := map[kit.Outcome]int{}
	for range workers {
		outcomes[kit.OutcomeOf(<-results)]++
	}
	if outcomes[kit.OutcomeDone] != 1 || outcomes[kit.OutcomeUnknown] != workers-1 {
		t.Errorf("outcomes %v", outcomes)
	}
	b.clock.Advance(0)
	if got := b.inbox.all(); len(got) != 1 {
		t.Errorf("%d notifications", len(got))
	}
}

func TestBankSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "bank.json")
	first := newBank(t, func(o *sim.Options) { o.StatePath = path })
	payout := first.prepare(t, sim.Card3DS)
	if _, err := first.payouts.Payment(t.Context(), payout.PaymentID); err != nil {
		t.Fatal(err)
	}
	payment := first.start(t, func(o *tbank.Order) { o.OrderID = "kept" })
	fill(t, payment.PaymentURL, "pan", sim.CardGood) // two notifications are queued and not sent
	unpaid := first.start(t, func(o *tbank.Order) { o.OrderID = "unpaid" })

	second := newBank(t, func(o *sim.Options) { o.StatePath = path })
	if got := second.state(t, payment.PaymentID); got.State != kit.PaymentCaptured || got.OrderID != "kept" {
		t.Errorf("payment after restart %+v", got)
	}
	for _, want := range []kit.PayoutState{kit.PayoutSent, kit.PayoutPaid} {
		got, err := second.payouts.GetState(t.Context(), payout.PaymentID)
		if err != nil || got.State != want {
			t.Errorf("payout after restart %+v, %v; want %s", got, err, want)
		}
	}
	second.clock.Advance(24 * time.Hour)
	if got := second.state(t, unpaid.PaymentID).State; got != kit.PaymentExpired {
		t.Errorf("form after restart: %s", got)
	}
	for _, n := range second.Notices() {
		if n.State != "delivered" {
			t.Errorf("notification after restart %+v", n)
		}
	}
	// Nothing that was booked before is booked again under the same order.
	_, err := second.acquiring.Init(t.Context(), tbank.Order{OrderID: "kept", Amount: 100})
	wantError(t, err, kit.OutcomeRefused, tbank.CodeDuplicateOrder)
}
