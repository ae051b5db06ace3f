package payments_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
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
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/payments"
)

func newCollection() *paymentsv1.CreateCollectionRequest {
	return &paymentsv1.CreateCollectionRequest{
		RequestId: uuid.NewString(), LoanId: newID(id.Loan), Amount: uah(150_000), Purpose: paymentsv1.Collection_PURPOSE_INSTALMENT,
	}
}

// open makes a collection of a new person and answers with both.
func (h *house) open(t *testing.T) (*paymentsv1.Collection, string) {
	t.Helper()
	person := servicetest.NewPerson()
	res, err := h.pay.CreateCollection(servicetest.AsPerson(t.Context(), person), newCollection())
	if err != nil {
		t.Fatal(err)
	}
	return res.GetCollection(), person
}

func (h *house) collection(t *testing.T, collectionID string) *paymentsv1.Collection {
	t.Helper()
	res, err := h.pay.GetCollection(flows(t), &paymentsv1.GetCollectionRequest{CollectionId: collectionID})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetCollection()
}

func TestCreateCollection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	person := servicetest.NewPerson()
	ctx := servicetest.AsPerson(t.Context(), person)
	req := newCollection()
	first, err := h.pay.CreateCollection(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	c := first.GetCollection()
	t.Run("opens a page", func(t *testing.T) {
		if c.GetState() != paymentsv1.Collection_STATE_AWAITING || !strings.Contains(c.GetPaymentUrl(), "/pay/") || c.GetPersonId() != person {
			t.Errorf("collection %v", c)
		}
	})
	t.Run("a repeat gets the same page", func(t *testing.T) {
		again, err := h.pay.CreateCollection(ctx, req)
		if diff := cmp.Diff(first, again, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		if n := len(h.bank.Payments()); n != 1 {
			t.Errorf("%d payments at the bank", n)
		}
	})
	t.Run("its request id finds it, for its own caller alone", func(t *testing.T) {
		found, err := h.pay.GetCollection(ctx, &paymentsv1.GetCollectionRequest{CreateRequestId: req.GetRequestId()})
		if err != nil || found.GetCollection().GetId() != c.GetId() {
			t.Errorf("found %v, %v", found, err)
		}
		for name, stranger := range map[string]context.Context{
			"another person": servicetest.AsPerson(t.Context(), servicetest.NewPerson()), "another lender": servicetest.AsStranger(t.Context(), person),
		} {
			_, err := h.pay.GetCollection(stranger, &paymentsv1.GetCollectionRequest{CreateRequestId: req.GetRequestId()})
			if rpcerr.PeerReason(err) != typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("the same request id with another amount is refused", func(t *testing.T) {
		changed := proto.Clone(req).(*paymentsv1.CreateCollectionRequest)
		changed.Amount = uah(1)
		_, err := h.pay.CreateCollection(ctx, changed)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
}

func TestCreateCollectionRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	person := servicetest.NewPerson()
	ctx := servicetest.AsPerson(t.Context(), person)
	first, err := h.pay.CreateCollection(ctx, newCollection())
	if err != nil {
		t.Fatal(err)
	}
	c := first.GetCollection()
	t.Run("an amount of nothing is refused", func(t *testing.T) {
		bad := newCollection()
		bad.Amount = uah(0)
		_, err := h.pay.CreateCollection(ctx, bad)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID)
	})
	t.Run("a currency that the provider does not carry is refused", func(t *testing.T) {
		bad := newCollection()
		bad.Amount.CurrencyCode = "EUR"
		_, err := h.pay.CreateCollection(ctx, bad)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID)
	})
	t.Run("what the provider refuses is told with its code, also to a repeat", func(t *testing.T) {
		small := newCollection()
		h.bank.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindError, Code: "251"})
		for range 2 {
			_, err := h.pay.CreateCollection(ctx, small)
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_REFUSED)
			if peer, ok := rpcerr.AsPeer(err); ok && rpcerr.MetadataOf(peer.Err)["provider_code"] != "251" {
				t.Errorf("metadata %v", rpcerr.MetadataOf(peer.Err))
			}
		}
	})
	t.Run("only the person and services see it", func(t *testing.T) {
		get := &paymentsv1.GetCollectionRequest{CollectionId: c.GetId()}
		if _, err := h.pay.GetCollection(ctx, get); err != nil {
			t.Error(err)
		}
		_, err := h.pay.GetCollection(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), get)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND)
		_, err = h.pay.GetCollection(servicetest.AsStranger(t.Context(), person), get)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND)
		_, err = h.pay.GetCollection(ctx, &paymentsv1.GetCollectionRequest{CollectionId: newID(id.Collection)})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND)
	})
	t.Run("a caller behind whom there is no person is refused", func(t *testing.T) {
		_, err := h.service.CreateCollection(flows(t), newCollection())
		if connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("error %v", err)
		}
	})
}

func TestOpeningThatGetsLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fault    simkit.Fault
		payments int // at the bank, once the person has a page
		state    paymentsv1.Collection_State
	}{
		{"done and not answered", simkit.Fault{Operation: "Init", Kind: simkit.KindDoThenFail}, 2, paymentsv1.Collection_STATE_UNKNOWN},
		{"not done", simkit.Fault{Operation: "Init", Kind: simkit.KindReset}, 1, paymentsv1.Collection_STATE_UNKNOWN},
		{"the bank asks to come later", simkit.Fault{Operation: "Init", Kind: simkit.KindError, Code: "999"}, 1, paymentsv1.Collection_STATE_CREATED},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
			req := newCollection()
			h.bank.Desk().Inject(test.fault)
			_, err := h.pay.CreateCollection(ctx, req)
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE)
			list, err := h.pay.ListCollections(ctx, &paymentsv1.ListCollectionsRequest{LoanId: req.GetLoanId()})
			if err != nil || len(list.GetCollections()) != 1 || list.GetCollections()[0].GetState() != test.state {
				t.Fatalf("after the loss: %v, %v", list, err)
			}
			h.drive(t, list.GetCollections()[0].GetId()) // The job finds no page to wait for and changes nothing.
			res, err := h.pay.CreateCollection(ctx, req)
			if err != nil || res.GetCollection().GetState() != paymentsv1.Collection_STATE_AWAITING ||
				res.GetCollection().GetId() != list.GetCollections()[0].GetId() {
				t.Fatalf("after the repeat: %v, %v", res, err)
			}
			if n := len(h.bank.Payments()); n != test.payments {
				t.Errorf("%d payments at the bank", n)
			}
			fill(t, res.GetCollection().GetPaymentUrl(), "pan", sim.CardGood)
			h.drive(t, res.GetCollection().GetId())
			if got := h.collection(t, res.GetCollection().GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID {
				t.Errorf("state %s", got)
			}
			h.advance(25 * time.Hour) // The forgotten page expires at the bank and says so.
			for _, body := range h.posted() {
				if err := h.deliver(t, body); err != nil {
					t.Error(err)
				}
			}
			if got := h.collection(t, res.GetCollection().GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID {
				t.Errorf("state %s after the forgotten page expired", got)
			}
			h.checkBooks(t)
		})
	}
}

func TestOpeningTwiceAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("the process dies while opening, and a repeat waits until that is certain", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		req := newCollection()
		h.mortal.arm("after open")
		if _, err := h.pay.CreateCollection(ctx, req); err == nil {
			t.Fatal("did not die")
		}
		_, err := h.pay.CreateCollection(ctx, req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS)
		h.advance(payments.AttemptLease)
		res, err := h.pay.CreateCollection(ctx, req)
		if err != nil || res.GetCollection().GetPaymentUrl() == "" {
			t.Errorf("%v, %v", res, err)
		}
	})
	t.Run("twenty repeats at once open one page", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		req := newCollection()
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := h.pay.CreateCollection(ctx, req); err != nil {
					wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IN_PROGRESS)
				}
			})
		}
		group.Wait()
		if n := len(h.bank.Payments()); n != 1 {
			t.Errorf("%d payments at the bank", n)
		}
	})
}

func TestCollectionIsPaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, person := h.open(t)
	fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
	for _, body := range h.posted() {
		if err := h.deliver(t, body); err != nil {
			t.Fatal(err)
		}
	}
	paid := h.collection(t, c.GetId())
	if paid.GetState() != paymentsv1.Collection_STATE_PAID || paid.GetPaymentUrl() != "" || paid.GetFinishTime() == nil {
		t.Errorf("collection %v", paid)
	}
	if posted, _ := h.balance(t, "funds-psp"); posted != 150_000 {
		t.Errorf("funds %d", posted)
	}
	events := h.events(t)
	want := &eventv1.CollectionPaid{
		CollectionId: c.GetId(), LoanId: c.GetLoanId(), Amount: uah(150_000), ValueDate: &typev1.Date{Year: 2026, Month: 3, Day: 2},
	}
	if len(events) != 1 || events[0].GetPersonId() != person {
		t.Fatalf("events %v", events)
	}
	if diff := cmp.Diff(want, events[0].GetCollectionPaid(), protocmp.Transform()); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	h.checkBooks(t)
}

func TestCollectionWithoutNotifications(t *testing.T) {
	t.Parallel()
	t.Run("is found paid by asking", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		if wait := h.drive(t, c.GetId()); wait == 0 {
			t.Fatal("does not come back")
		}
		fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
		if wait := h.drive(t, c.GetId()); wait != 0 {
			t.Errorf("waits %s", wait)
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID {
			t.Errorf("state %s", got)
		}
	})
	t.Run("is found declined", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		fill(t, c.GetPaymentUrl(), "pan", sim.CardNoFunds)
		h.drive(t, c.GetId())
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_FAILED {
			t.Errorf("state %s", got)
		}
		if events := h.events(t); len(events) != 1 || events[0].GetCollectionFailed().GetState() != "FAILED" {
			t.Errorf("events %v", events)
		}
	})
	t.Run("is processing while the person's bank asks for a password", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		fill(t, c.GetPaymentUrl(), "pan", sim.Card3DS)
		h.drive(t, c.GetId())
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_PROCESSING {
			t.Errorf("state %s", got)
		}
	})
	t.Run("expires when nobody pays", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		h.advance(payments.PageLife + time.Minute)
		h.drive(t, c.GetId())
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_EXPIRED {
			t.Errorf("state %s", got)
		}
	})
	t.Run("expires when no page was ever opened", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		req := newCollection()
		h.bank.Desk().Inject(simkit.Fault{Operation: "Init", Kind: simkit.KindReset})
		person := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		if _, err := h.pay.CreateCollection(person, req); err == nil {
			t.Fatal("opened")
		}
		list, err := h.pay.ListCollections(person, &paymentsv1.ListCollectionsRequest{LoanId: req.GetLoanId()})
		if err != nil {
			t.Fatal(err)
		}
		h.advance(payments.PageLife + payments.AttemptLease)
		h.drive(t, list.GetCollections()[0].GetId())
		if got := h.collection(t, list.GetCollections()[0].GetId()).GetState(); got != paymentsv1.Collection_STATE_EXPIRED {
			t.Errorf("state %s", got)
		}
	})
}

// A provider that tells another amount than ours, by mistake or by a forgery further up, moves nothing.
func TestAmountsAreCompared(t *testing.T) {
	t.Parallel()
	t.Run("of a collection", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
		h.mortal.lie(100)
		if wait := h.drive(t, c.GetId()); wait == 0 {
			t.Error("does not come back")
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_AWAITING || len(h.events(t)) != 0 {
			t.Errorf("state %s, events %v", got, h.events(t))
		}
		h.mortal.lie(0)
		h.drive(t, c.GetId())
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID {
			t.Errorf("state %s", got)
		}
	})
	t.Run("of a payout", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		p := h.createPayout(t, h.order(t, sim.Card3DS))
		h.drive(t, p.GetId())
		h.mortal.lie(-100)
		h.drive(t, p.GetId())
		if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_SENT || len(h.events(t)) != 0 {
			t.Errorf("state %s, events %v", got, h.events(t))
		}
	})
}

func TestListCollections(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	person := servicetest.NewPerson()
	ctx := servicetest.AsPerson(t.Context(), person)
	loan := newID(id.Loan)
	var want []string
	for range 3 {
		req := newCollection()
		req.LoanId = loan
		res, err := h.pay.CreateCollection(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		want = append([]string{res.GetCollection().GetId()}, want...)
	}
	var got []string
	page := &typev1.PageRequest{PageSize: 2}
	for {
		res, err := h.pay.ListCollections(ctx, &paymentsv1.ListCollectionsRequest{LoanId: loan, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range res.GetCollections() {
			got = append(got, c.GetId())
		}
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
		_, err = h.pay.ListCollections(ctx, &paymentsv1.ListCollectionsRequest{LoanId: newID(id.Loan), Page: page})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
	stranger, err := h.pay.ListCollections(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &paymentsv1.ListCollectionsRequest{LoanId: loan})
	if err != nil || len(stranger.GetCollections()) != 0 {
		t.Errorf("another person sees %v, %v", stranger, err)
	}
}
