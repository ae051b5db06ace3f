package payments_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/payments"
)

func TestCreatePayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := h.order(t, sim.CardGood)

	t.Run("records, holds and does not send by itself", func(t *testing.T) {
		p := h.createPayout(t, req)
		if p.GetState() != paymentsv1.Payout_STATE_CREATED || p.GetLoanId() != req.GetLoanId() || p.GetProvider() != "tbank" {
			t.Fatalf("payout %v", p)
		}
		if _, pending := h.balance(t, "disbursement-clearing"); pending != 3_000_000 {
			t.Errorf("held %d", pending)
		}
		if n := len(h.bank.Payouts()); n != 0 {
			t.Errorf("%d payouts at the bank", n)
		}
	})
	t.Run("its hold is nobody else's to resolve", func(t *testing.T) {
		list, err := h.ledger.ListLedgerTransactions(books(t), &paymentsv1.ListLedgerTransactionsRequest{})
		if err != nil || len(list.GetTransactions()) == 0 || list.GetTransactions()[0].GetState() != paymentsv1.LedgerTransaction_STATE_PENDING {
			t.Fatalf("no hold: %v, %v", list, err)
		}
		err = h.end(t, list.GetTransactions()[0].GetId(), paymentsv1.LedgerTransaction_STATE_VOIDED)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAYMENT_STATE_INVALID)
	})
	t.Run("a repeat gets the same answer", func(t *testing.T) {
		again := h.createPayout(t, req)
		if first := h.payout(t, again.GetId()); !proto.Equal(first, again) {
			t.Errorf("again %v", again)
		}
	})
	t.Run("the same request id with another amount is refused", func(t *testing.T) {
		changed := proto.Clone(req).(*paymentsv1.CreatePayoutRequest)
		changed.Amount = uah(1)
		_, err := h.pay.CreatePayout(flows(t), changed)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
	t.Run("another request for the loan gets the payout that exists", func(t *testing.T) {
		second := proto.Clone(req).(*paymentsv1.CreatePayoutRequest)
		second.RequestId, second.Amount = uuid.NewString(), uah(1)
		if got := h.createPayout(t, second); got.GetAmount().GetMinorUnits() != 3_000_000 {
			t.Errorf("payout %v", got)
		}
		if _, pending := h.balance(t, "disbursement-clearing"); pending != 3_000_000 {
			t.Errorf("held %d", pending)
		}
	})
	t.Run("the money is paid once and told", func(t *testing.T) {
		p := h.createPayout(t, req)
		if wait := h.drive(t, p.GetId()); wait != 0 {
			t.Errorf("waits %s", wait)
		}
		paid := h.payout(t, p.GetId())
		if paid.GetState() != paymentsv1.Payout_STATE_PAID || paid.GetProviderPaymentId() == "" || paid.GetFinishTime() == nil {
			t.Fatalf("payout %v", paid)
		}
		if n := h.executed(p.GetId()); n != 1 {
			t.Errorf("paid %d times", n)
		}
		posted, pending := h.balance(t, "funds-psp")
		if posted != -3_000_000 || pending != 0 {
			t.Errorf("funds %d, held %d", posted, pending)
		}
		events := h.events(t)
		want := &eventv1.PayoutPaid{PayoutId: p.GetId(), LoanId: req.GetLoanId(), Amount: uah(3_000_000)}
		if len(events) != 1 || events[0].GetSubjectId() != req.GetLoanId() || events[0].GetPersonId() != req.GetPersonId() {
			t.Fatalf("events %v", events)
		}
		if diff := cmp.Diff(want, events[0].GetPayoutPaid(), protocmp.Transform()); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		h.drive(t, p.GetId())
		if len(h.events(t)) != 1 {
			t.Errorf("told twice")
		}
		h.checkBooks(t)
	})
}

func TestCreatePayoutRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := h.order(t, sim.CardGood)
	tests := []struct {
		name   string
		change func(*paymentsv1.CreatePayoutRequest)
		want   typev1.ErrorReason
	}{
		{"an absent card", func(r *paymentsv1.CreatePayoutRequest) { r.CardId = newID(id.Card) }, typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND},
		{"a card id of another form", func(r *paymentsv1.CreatePayoutRequest) { r.CardId = "card_" + strings.Repeat("u", 26) }, typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND},
		{"another person's card", func(r *paymentsv1.CreatePayoutRequest) { r.PersonId = servicetest.NewPerson() }, typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND},
		{"an amount of nothing", func(r *paymentsv1.CreatePayoutRequest) { r.Amount = uah(0) }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"a negative amount", func(r *paymentsv1.CreatePayoutRequest) { r.Amount = uah(-1) }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"a currency that the provider does not carry", func(r *paymentsv1.CreatePayoutRequest) { r.Amount.CurrencyCode = "USD" }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"a currency that does not exist", func(r *paymentsv1.CreatePayoutRequest) { r.Amount.CurrencyCode = "ZZZ" }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"a loan id of another form", func(r *paymentsv1.CreatePayoutRequest) { r.LoanId = "loan_" + strings.Repeat("u", 26) }, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changed := proto.Clone(req).(*paymentsv1.CreatePayoutRequest)
			changed.RequestId = uuid.NewString()
			test.change(changed)
			_, err := h.pay.CreatePayout(flows(t), changed)
			wantReason(t, err, test.want)
		})
	}
	t.Run("a card of another lender", func(t *testing.T) {
		t.Parallel()
		changed := proto.Clone(req).(*paymentsv1.CreatePayoutRequest)
		_, err := h.pay.CreatePayout(other(t, "flows"), changed)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND)
	})
	t.Run("a borrower", func(t *testing.T) {
		t.Parallel()
		_, err := h.pay.CreatePayout(servicetest.AsPerson(t.Context(), req.GetPersonId()), req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("a loan that was paid out to somebody else", func(t *testing.T) {
		t.Parallel()
		first, second := h.order(t, sim.CardGood), h.order(t, sim.CardGood)
		h.createPayout(t, first)
		second.LoanId = first.GetLoanId()
		_, err := h.pay.CreatePayout(flows(t), second)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAYMENT_STATE_INVALID)
	})
}

func TestGetPayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := h.order(t, sim.CardGood)
	p := h.createPayout(t, req)
	get := &paymentsv1.GetPayoutRequest{PayoutId: p.GetId()}
	t.Run("the person sees it", func(t *testing.T) {
		t.Parallel()
		res, err := h.pay.GetPayout(servicetest.AsPerson(t.Context(), req.GetPersonId()), get)
		if err != nil || res.GetPayout().GetId() != p.GetId() {
			t.Errorf("%v, %v", res, err)
		}
	})
	t.Run("another person does not", func(t *testing.T) {
		t.Parallel()
		_, err := h.pay.GetPayout(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), get)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAYOUT_NOT_FOUND)
	})
	t.Run("another lender does not", func(t *testing.T) {
		t.Parallel()
		_, err := h.pay.GetPayout(servicetest.AsStranger(t.Context(), req.GetPersonId()), get)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAYOUT_NOT_FOUND)
	})
	t.Run("an absent one is not found", func(t *testing.T) {
		t.Parallel()
		_, err := h.pay.GetPayout(flows(t), &paymentsv1.GetPayoutRequest{PayoutId: newID(id.Payout)})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAYOUT_NOT_FOUND)
	})
}

func TestFiftyPayoutsOfOneLoanAreOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := h.order(t, sim.CardGood)
	ids := make([]string, 50)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			mine := proto.Clone(req).(*paymentsv1.CreatePayoutRequest)
			mine.RequestId = uuid.NewString()
			res, err := h.pay.CreatePayout(flows(t), mine)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = res.GetPayout().GetId()
			h.drive(t, ids[i])
		})
	}
	group.Wait()
	if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != 1 {
		t.Fatalf("payouts %v", distinct)
	}
	h.advance(payments.AttemptLease)
	h.drive(t, ids[0])
	if list := h.bank.Payouts(); len(list) != 1 || list[0].Status != "COMPLETED" {
		t.Errorf("at the bank %+v", list)
	}
	if n := len(h.bank.Desk().Calls("e2c.Payment")); n != 1 {
		t.Errorf("%d calls of Payment", n)
	}
	if n := len(h.events(t)); n != 1 {
		t.Errorf("%d events", n)
	}
	h.checkBooks(t)
}

func TestPayoutWithLostAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []simkit.Kind{simkit.KindDoThenFail, simkit.KindDoThenTimeout} {
		t.Run(string(kind)+" is unknown, then found paid", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.createPayout(t, h.order(t, sim.CardGood))
			h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: kind})
			h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.GetState", Kind: simkit.KindError, Code: "999"})
			if wait := h.drive(t, p.GetId()); wait == 0 {
				t.Fatal("does not come back")
			}
			if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_UNKNOWN {
				t.Fatalf("state %s", got)
			}
			if _, pending := h.balance(t, "funds-psp"); pending != -3_000_000 {
				t.Errorf("held %d while nothing is known", pending)
			}
			h.drive(t, p.GetId())
			if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID {
				t.Errorf("state %s", got)
			}
			if n := len(h.bank.Desk().Calls("e2c.Payment")); n != 1 || len(h.bank.Payouts()) != 1 {
				t.Errorf("%d calls of Payment, payouts %+v", n, h.bank.Payouts())
			}
			h.checkBooks(t)
		})
	}
	t.Run("a call that never arrived is made again only when it is quiet and the bank says so", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.createPayout(t, h.order(t, sim.CardGood))
		h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: simkit.KindReset})
		h.drive(t, p.GetId())
		h.drive(t, p.GetId())
		if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_UNKNOWN {
			t.Fatalf("state %s: the call may still be on its way", got)
		}
		h.advance(payments.AttemptLease)
		h.drive(t, p.GetId())
		if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID {
			t.Errorf("state %s", got)
		}
		if n := h.executed(p.GetId()); n != 1 {
			t.Errorf("paid %d times", n)
		}
	})
	t.Run("a lost preparation is forgotten and another one executed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.createPayout(t, h.order(t, sim.CardGood))
		h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.Init", Kind: simkit.KindDoThenFail})
		h.drive(t, p.GetId())
		h.drive(t, p.GetId())
		if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID {
			t.Errorf("state %s", got)
		}
		if n := h.executed(p.GetId()); n != 1 || len(h.bank.Payouts()) != 2 {
			t.Errorf("paid %d of %+v", n, h.bank.Payouts())
		}
	})
}

// A database that was restored to before an attempt does not know the order that the bank knows: it takes another name, never the other payment.
func TestPayoutOfARestoredDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.createPayout(t, h.order(t, sim.CardGood))
	h.mortal.arm("after prepare")
	if !h.diesDriving(t, p.GetId()) {
		t.Fatal("did not die")
	}
	h.admin(t, "DELETE FROM payments.payment_attempts")
	h.drive(t, p.GetId())
	h.drive(t, p.GetId())
	if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID || h.executed(p.GetId()) != 1 {
		t.Errorf("state %s, at the bank %+v", got, h.bank.Payouts())
	}
}

func TestPayoutThatTakesTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pan string
		want      paymentsv1.Payout_State
	}{
		{"is paid in the end", sim.Card3DS, paymentsv1.Payout_STATE_PAID},
		{"is rejected in the end", sim.CardSlowReject, paymentsv1.Payout_STATE_REJECTED},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.createPayout(t, h.order(t, test.pan))
			if wait := h.drive(t, p.GetId()); wait < time.Second {
				t.Errorf("waits %s", wait)
			}
			if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_SENT {
				t.Fatalf("state %s", got)
			}
			h.drive(t, p.GetId())
			if got := h.payout(t, p.GetId()).GetState(); got != test.want {
				t.Errorf("state %s", got)
			}
			h.checkBooks(t)
		})
	}
}

func TestRejectedPayout(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, pan, code string }{
		{"by the receiving bank", sim.CardNoFunds, "1014"},
		{"before anything was sent", sim.CardForeign, "78"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			req := h.order(t, test.pan)
			p := h.createPayout(t, req)
			h.drive(t, p.GetId())
			got := h.payout(t, p.GetId())
			if got.GetState() != paymentsv1.Payout_STATE_REJECTED || got.GetProviderCode() != test.code {
				t.Fatalf("payout %v", got)
			}
			events := h.events(t)
			if len(events) != 1 || events[0].GetPayoutRejected().GetProviderCode() != test.code {
				t.Errorf("events %v", events)
			}
			if posted, pending := h.balance(t, "funds-psp"); posted != 0 || pending != 0 {
				t.Errorf("funds %d, held %d", posted, pending)
			}
			h.checkBooks(t)
		})
	}
}

func TestPayoutIsGivenUpOnlyWhenNothingWasExecuted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.createPayout(t, h.order(t, sim.CardGood))
	h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.Init", Kind: simkit.KindError, Code: "999", Times: 2})
	h.drive(t, p.GetId())
	h.drive(t, p.GetId())
	h.advance(payments.PayoutGiveUp + time.Second)
	if wait := h.drive(t, p.GetId()); wait != 0 {
		t.Errorf("waits %s", wait)
	}
	got := h.payout(t, p.GetId())
	if got.GetState() != paymentsv1.Payout_STATE_REJECTED || got.GetProviderCode() != "UNREACHABLE" || len(h.bank.Payouts()) != 0 {
		t.Errorf("payout %v, at the bank %+v", got, h.bank.Payouts())
	}
}

// Wherever the process dies, the next one finishes the payout, and the money leaves once.
func TestPayoutSurvivesKill(t *testing.T) {
	t.Parallel()
	for _, pan := range []string{sim.CardGood, sim.Card3DS} {
		for _, when := range []string{"before prepare", "after prepare", "before execute", "after execute", "before ask", "after ask"} {
			if pan == sim.CardGood && strings.HasSuffix(when, "ask") {
				continue // It is paid at once, nobody asks.
			}
			t.Run(when+" with card "+pan, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				p := h.createPayout(t, h.order(t, pan))
				h.mortal.arm(when)
				if !h.diesDriving(t, p.GetId()) {
					t.Fatal("did not die")
				}
				// The next process comes at once: it must not take a call under way for a lost one.
				h.drive(t, p.GetId())
				for range 5 {
					h.advance(payments.AttemptLease)
					h.drive(t, p.GetId())
				}
				if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID {
					t.Errorf("state %s", got)
				}
				if n := h.executed(p.GetId()); n != 1 {
					t.Errorf("paid %d times", n)
				}
				if n := len(h.events(t)); n != 1 {
					t.Errorf("%d events", n)
				}
				h.checkBooks(t)
			})
		}
	}
}
