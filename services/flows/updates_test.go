package flows

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

func TestWrongCodeGoesBackToThePerson(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	var wrong, repeat, right *reply
	tr.at(time.Minute, func() { tr.choose("choose") })
	tr.at(2*time.Minute, func() { wrong = tr.sign("sign-1", "000000") })
	tr.at(3*time.Minute, func() { repeat = tr.sign("sign-1", "000000") })
	tr.at(4*time.Minute, func() { right = tr.sign("sign-2", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
	for name, reply := range map[string]*reply{"first": wrong, "repeat": repeat} {
		refusal, _ := asRefusal(reply.err)
		if refusal.Reason != typev1.ErrorReason_ERROR_REASON_CODE_WRONG || refusal.Metadata["attempts_left"] != "4" || string(refusal.Request) != "request" {
			t.Errorf("%s: refused with %+v", name, refusal)
		}
	}
	if right.err != nil {
		t.Errorf("the right code was refused: %v", right.err)
	}
}

func TestRepeatedUpdateIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	var first, second *reply
	tr.at(time.Minute, func() { first, second = tr.choose("choose"), tr.choose("choose") })
	tr.at(2*time.Minute, func() { tr.sign("sign", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
	if first.err != nil || second.err != nil || !second.completed {
		t.Fatalf("first %+v, second %+v", first, second)
	}
	if first.answer.AgreementID != second.answer.AgreementID {
		t.Errorf("answered with %s and %s", first.answer.AgreementID, second.answer.AgreementID)
	}
}

func TestSecondOfTwoChoicesAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	var first, second *reply
	tr.at(time.Minute, func() { first, second = tr.choose("choose-1"), tr.choose("choose-2") })
	tr.at(2*time.Minute, func() { tr.sign("sign", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
	if first.err != nil || second.reason() != typev1.ErrorReason_ERROR_REASON_FLOW_STEP_NOT_OPEN {
		t.Errorf("first %v, second %v", first.err, second.err)
	}
}

func TestPersonWithdraws(t *testing.T) {
	t.Parallel()
	want := func(t *testing.T, tr *trial, r **reply) {
		t.Helper()
		tr.end(flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN)
		if (*r).err != nil || (*r).answer.Standing.Outcome != flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN {
			t.Errorf("answered with %+v", *r)
		}
		if tr.world.effect("WithdrawApplication") != 1 {
			t.Errorf("effects %v", tr.world.effects)
		}
	}
	t.Run("before the identity is complete", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var r *reply
		tr.world.person.MissingFields = []string{"tax_id"}
		tr.at(time.Hour, func() { r = tr.withdraw("withdraw") })
		want(t, tr, &r)
	})
	t.Run("while scoring is away", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var r *reply
		tr.world.refuse["DecideApplication"] = rpcerr.Unavailable("not now")
		tr.at(10*time.Second, func() { r = tr.withdraw("withdraw") })
		want(t, tr, &r)
	})
	t.Run("with an offer", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var r *reply
		tr.at(time.Hour, func() { r = tr.withdraw("withdraw") })
		want(t, tr, &r)
	})
	t.Run("with an agreement", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var r *reply
		tr.at(time.Hour, func() { tr.choose("choose") })
		tr.at(2*time.Hour, func() { r = tr.withdraw("withdraw") })
		want(t, tr, &r)
	})
	t.Run("but not after the signature", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t)
		var r *reply
		tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_UNKNOWN}
		tr.agree()
		tr.at(time.Hour, func() {
			r = tr.withdraw("withdraw")
			tr.world.change(func() { tr.world.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_PAID} })
		})
		tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
		refusal, _ := asRefusal(r.err)
		if diff := cmp.Diff(map[string]string{"step": "PAYOUT"}, refusal.Metadata); diff != "" || r.accepted {
			t.Errorf("refused with %+v, accepted %t", refusal, r.accepted)
		}
	})
}

func TestUpdateIsRefused(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	stranger := tr.caller()
	stranger.PersonID = id.Format(id.Person, id.New())
	got := map[string]*reply{}
	tr.at(time.Minute, func() {
		got["sign before choosing"] = tr.sign("1", rightCode)
		got["a stranger chooses"] = tr.update("2", updateChooseOffer, Choice{Caller: stranger, OfferID: tr.world.offers[0].GetId()})
		got["an offer of another application"] = tr.update("3", updateChooseOffer, Choice{Caller: tr.caller(), OfferID: id.Format(id.Offer, id.New())})
		got["a stranger withdraws"] = tr.update("4", updateWithdraw, Withdrawal{Caller: stranger})
	})
	tr.at(2*time.Minute, func() { tr.choose("choose") })
	tr.at(3*time.Minute, func() {
		got["choose again"] = tr.choose("5")
		got["an agreement of another application"] = tr.update("6", updateSignAgreement,
			Signature{Caller: tr.caller(), AgreementID: id.Format(id.Agreement, id.New()), Code: rightCode})
		got["a stranger signs"] = tr.update("7", updateSignAgreement, Signature{Caller: stranger, AgreementID: tr.world.application.GetAgreementId()})
	})
	tr.at(4*time.Minute, func() { tr.sign("sign", rightCode) })
	tr.end(flowsv1.ApplicationFlow_OUTCOME_DISBURSED)
	tr.effects(disbursed())
	for name, want := range map[string]rpcerr.Reason{
		"sign before choosing":                typev1.ErrorReason_ERROR_REASON_FLOW_STEP_NOT_OPEN,
		"a stranger chooses":                  typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND,
		"an offer of another application":     typev1.ErrorReason_ERROR_REASON_OFFER_NOT_FOUND,
		"a stranger withdraws":                typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND,
		"choose again":                        typev1.ErrorReason_ERROR_REASON_FLOW_STEP_NOT_OPEN,
		"an agreement of another application": typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND,
		"a stranger signs":                    typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND,
	} {
		if reply := got[name]; reply.reason() != want || reply.accepted {
			t.Errorf("%s: refused with %s, accepted %t", name, reply.reason(), reply.accepted)
		}
	}
}
