package identity_test

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

const (
	data      = identityv1.ConsentPurpose_CONSENT_PURPOSE_PERSONAL_DATA
	bureau    = identityv1.ConsentPurpose_CONSENT_PURPOSE_CREDIT_BUREAU
	marketing = identityv1.ConsentPurpose_CONSENT_PURPOSE_MARKETING
)

func (b *bench) give(ctx context.Context, requestID, text string, purposes ...identityv1.ConsentPurpose) (*identityv1.GiveConsentsResponse, error) {
	return b.persons.GiveConsents(ctx, &identityv1.GiveConsentsRequest{RequestId: requestID, Purposes: purposes, TextVersion: text})
}

func TestGiveConsents(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	own := inSession(t.Context(), session)
	stranger := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
	requestID := newID()
	first, err := b.give(own, requestID, "2026-01", bureau, data)
	if err != nil {
		t.Fatal(err)
	}
	if c := first.GetConsents(); len(c) != 2 || c[0].GetPurpose() != bureau || c[1].GetPurpose() != data || c[0].GetTextVersion() != "2026-01" {
		t.Fatalf("in the order asked for: %v", first)
	}
	for _, again := range []string{requestID, newID()} {
		second, err := b.give(own, again, "2026-01", bureau, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, protocmp.Transform()); diff != "" {
			t.Errorf("what holds is answered as it is: %s", diff)
		}
	}
	if got := b.eventCount(t); got != 2 {
		t.Errorf("%d events, want PersonCreated and one ConsentsGiven", got)
	}
	_, err = b.give(own, requestID, "2026-01", marketing)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = b.give(stranger, newID(), "2026-01", data)
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND)
	if _, err := b.give(own, newID(), "2026-02", data); err != nil {
		t.Error(err)
	}
}

func TestWithdrawConsent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	own := inSession(t.Context(), session)
	stranger := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
	first, err := b.give(own, newID(), "2026-01", bureau, data)
	if err != nil {
		t.Fatal(err)
	}
	consent := first.GetConsents()[1]
	for name, ctx := range map[string]context.Context{
		"another person": stranger, "another lender": servicetest.AsStranger(t.Context(), session.GetPersonId()),
	} {
		_, err := b.persons.WithdrawConsent(ctx, &identityv1.WithdrawConsentRequest{RequestId: newID(), ConsentId: consent.GetId()})
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	}
	_, err = b.persons.WithdrawConsent(own, &identityv1.WithdrawConsentRequest{RequestId: newID(), ConsentId: id.Format(id.Consent, id.New())})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	requestID := newID()
	withdrawn, err := b.persons.WithdrawConsent(own, &identityv1.WithdrawConsentRequest{RequestId: requestID, ConsentId: consent.GetId()})
	if err != nil || withdrawn.GetConsent().GetWithdrawTime() == nil {
		t.Fatalf("got %v, %v", withdrawn, err)
	}
	b.Clock.Advance(b.pause())
	for _, again := range []string{requestID, newID()} {
		second, err := b.persons.WithdrawConsent(own, &identityv1.WithdrawConsentRequest{RequestId: again, ConsentId: consent.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(withdrawn, second, protocmp.Transform()); diff != "" {
			t.Errorf("withdrawing again changes nothing: %s", diff)
		}
	}
	_, err = b.persons.WithdrawConsent(own, &identityv1.WithdrawConsentRequest{RequestId: requestID, ConsentId: first.GetConsents()[0].GetId()})
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)

	renewed, err := b.give(own, newID(), "2026-01", data)
	if err != nil || renewed.GetConsents()[0].GetId() == consent.GetId() {
		t.Errorf("agreeing again is a new consent: %v, %v", renewed, err)
	}
	list, err := b.persons.ListConsents(own, &identityv1.ListConsentsRequest{})
	if err != nil || len(list.GetConsents()) != 3 || list.GetConsents()[0].GetId() != renewed.GetConsents()[0].GetId() {
		t.Errorf("newest first, withdrawn ones included: %v, %v", list, err)
	}
	for _, ctx := range []context.Context{stranger, servicetest.AsStranger(t.Context(), session.GetPersonId())} {
		if list, err := b.persons.ListConsents(ctx, &identityv1.ListConsentsRequest{}); err != nil || len(list.GetConsents()) != 0 {
			t.Errorf("somebody else sees %v, %v", list, err)
		}
	}
}
