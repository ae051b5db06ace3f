package payments_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/testing/protocmp"

	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestCards(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	person := servicetest.NewPerson()
	ctx := servicetest.AsPerson(t.Context(), person)
	req := &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()}
	first, err := h.pay.RegisterCard(ctx, req)
	if err != nil || first.GetCard().GetState() != paymentsv1.Card_STATE_AWAITING || first.GetCard().GetFormUrl() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	again, err := h.pay.RegisterCard(ctx, req)
	if diff := cmp.Diff(first, again, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("a repeat: %v\n%s", err, diff)
	}
	list := func() []*paymentsv1.Card {
		t.Helper()
		res, err := h.pay.ListCards(ctx, &paymentsv1.ListCardsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return res.GetCards()
	}
	if cards := list(); len(cards) != 1 || cards[0].GetState() != paymentsv1.Card_STATE_AWAITING {
		t.Errorf("before the form was filled in: %v", cards)
	}
	fill(t, first.GetCard().GetFormUrl(), "pan", sim.CardGood)
	cards := list()
	if len(cards) != 1 || cards[0].GetState() != paymentsv1.Card_STATE_ACTIVE || cards[0].GetMaskedNumber() != "430000******0777" ||
		cards[0].GetFormUrl() != "" || cards[0].GetId() != first.GetCard().GetId() {
		t.Errorf("after it: %v", cards)
	}
	second, err := h.pay.RegisterCard(ctx, &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	if cards := list(); len(cards) != 2 || cards[0].GetState() != paymentsv1.Card_STATE_AWAITING {
		t.Errorf("the first card was taken for the second: %v", cards)
	}
	fill(t, second.GetCard().GetFormUrl(), "pan", sim.Card3DS)
	if cards := list(); len(cards) != 2 || cards[0].GetMaskedNumber() != "541142******0002" {
		t.Errorf("newest first: %v", cards)
	}
	for _, sealed := range adminColumn[[]byte](t, h, "SELECT masked_number FROM payments.cards") {
		if len(sealed) == 0 || string(sealed) == "430000******0777" {
			t.Errorf("masked number %q lies in clear", sealed)
		}
	}
	res, err := h.pay.ListCards(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &paymentsv1.ListCardsRequest{})
	if err != nil || len(res.GetCards()) != 0 {
		t.Errorf("another person sees %v, %v", res, err)
	}
}

func TestCardsWhenTheProviderFails(t *testing.T) {
	t.Parallel()
	t.Run("a form that got lost is opened by the repeat", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		req := &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()}
		h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.AddCard", Kind: simkit.KindDoThenFail})
		_, err := h.pay.RegisterCard(ctx, req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE)
		res, err := h.pay.RegisterCard(ctx, req)
		if err != nil || res.GetCard().GetFormUrl() == "" {
			t.Errorf("%v, %v", res, err)
		}
	})
	t.Run("a refusal is told, also to the repeat", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		req := &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()}
		h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.AddCard", Kind: simkit.KindError, Code: "216"})
		for range 2 {
			_, err := h.pay.RegisterCard(ctx, req)
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_REFUSED)
		}
	})
	t.Run("a list that cannot be looked up says so", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		if _, err := h.pay.RegisterCard(ctx, &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()}); err != nil {
			t.Fatal(err)
		}
		h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.GetCardList", Kind: simkit.KindError, Code: "999"})
		_, err := h.pay.ListCards(ctx, &paymentsv1.ListCardsRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNAVAILABLE)
	})
}
