package identity_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// forPerson is a context of the loans service that acts for the person of a session, on the person's device.
func forPerson(ctx context.Context, session *identityv1.Session) context.Context {
	ctx = actor.ForPerson(ctx, servicetest.Tenant, "loans", session.GetPersonId())
	who := actor.Must(ctx)
	who.DeviceID = session.GetDeviceId()
	return actor.With(ctx, who)
}

func digestOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// signRequest asks for a code to sign an agreement by.
func signRequest(person string) *identityv1.CreateChallengeRequest {
	return &identityv1.CreateChallengeRequest{
		RequestId: newID(), PersonId: person, Purpose: identityv1.Challenge_PURPOSE_SIGN_AGREEMENT,
		BoundDigest: digestOf("agreement"), Subject: "agreement 7",
	}
}

// signing asks for a code and answers with the request that confirms it.
func (b *bench) signing(t *testing.T, ctx context.Context, person string) *identityv1.ConfirmChallengeRequest {
	t.Helper()
	created, err := b.challenges.CreateChallenge(ctx, signRequest(person))
	if err != nil {
		t.Fatal(err)
	}
	return &identityv1.ConfirmChallengeRequest{
		RequestId: newID(), ChallengeId: created.GetChallenge().GetId(), Code: b.sms.last(t).GetParameters()["code"], PersonId: person,
		BoundDigest: digestOf("agreement"),
	}
}

// changed is a new request that differs from another.
func changed(req *identityv1.ConfirmChallengeRequest, change func(*identityv1.ConfirmChallengeRequest)) *identityv1.ConfirmChallengeRequest {
	out := proto.CloneOf(req)
	out.RequestId = newID()
	change(out)
	return out
}

func TestCreateChallenge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	ctx := forPerson(t.Context(), session)
	req := signRequest(session.GetPersonId())
	first, err := b.challenges.CreateChallenge(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	message := b.sms.last(t)
	if message.GetTemplate() != "signature-code" || message.GetPhone() != phoneA || message.GetPersonId() != session.GetPersonId() ||
		message.GetLocale() != "uk" || message.GetParameters()["subject"] != "agreement 7" || len(message.GetParameters()["code"]) != 6 {
		t.Errorf("got %v", message)
	}
	if first.GetChallenge().GetPurpose() != identityv1.Challenge_PURPOSE_SIGN_AGREEMENT || first.GetChallenge().GetMaskedPhone() != "+380 ** *** 45 67" {
		t.Errorf("got %v", first)
	}
	again, err := b.challenges.CreateChallenge(ctx, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || b.sms.count() != 2 {
		t.Errorf("a repeat sends nothing new (%d messages): %s", b.sms.count(), diff)
	}
	other := proto.CloneOf(req)
	other.BoundDigest = digestOf("another agreement")
	_, err = b.challenges.CreateChallenge(ctx, other)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	other.RequestId = newID()
	_, err = b.challenges.CreateChallenge(ctx, other)
	refused(t, err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_RESEND_TOO_SOON)
	for range 4 {
		b.Clock.Advance(b.pause())
		other.RequestId = newID()
		if _, err := b.challenges.CreateChallenge(ctx, other); err != nil {
			t.Fatal(err)
		}
	}
	b.Clock.Advance(b.pause())
	other.RequestId = newID()
	_, err = b.challenges.CreateChallenge(ctx, other)
	refused(t, err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_LIMIT_REACHED)
	b.startLogin(t, b.enroll(t).GetId(), phoneA) // Codes of another purpose have limits of their own.

}

func TestCreateChallengeIsForThePersonAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	for name, stranger := range map[string]struct {
		ctx    context.Context
		person string
	}{
		"absent":         {servicetest.AsService(t.Context(), "loans"), servicetest.NewPerson()},
		"another person": {actor.ForPerson(t.Context(), servicetest.Tenant, "loans", servicetest.NewPerson()), session.GetPersonId()},
		"another lender": {actor.AsService(t.Context(), servicetest.OtherTenant, "loans"), session.GetPersonId()},
	} {
		_, err := b.challenges.CreateChallenge(stranger.ctx, signRequest(stranger.person))
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND)
	}
	_, err := b.challenges.CreateChallenge(inSession(t.Context(), session), signRequest(session.GetPersonId()))
	refused(t, err, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
}

func TestConfirmChallengeRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	ctx := forPerson(t.Context(), session)
	req := b.signing(t, ctx, session.GetPersonId())
	login := b.startLogin(t, b.enroll(t).GetId(), phoneB)
	loginCode := b.sms.last(t).GetParameters()["code"]
	otherDevice := actor.Must(ctx)
	otherDevice.DeviceID = b.enroll(t).GetId()

	for name, bad := range map[string]struct {
		ctx context.Context
		req *identityv1.ConfirmChallengeRequest
	}{
		"absent":         {ctx, changed(req, func(r *identityv1.ConfirmChallengeRequest) { r.ChallengeId = id.Format(id.Challenge, id.New()) })},
		"other bytes":    {ctx, changed(req, func(r *identityv1.ConfirmChallengeRequest) { r.BoundDigest = digestOf("changed") })},
		"another person": {ctx, changed(req, func(r *identityv1.ConfirmChallengeRequest) { r.PersonId = servicetest.NewPerson() })},
		"a login's code": {ctx, changed(req, func(r *identityv1.ConfirmChallengeRequest) { r.ChallengeId, r.Code = login.GetId(), loginCode })},
		"another device": {actor.With(t.Context(), otherDevice), req},
		"for another":    {actor.ForPerson(t.Context(), servicetest.Tenant, "loans", servicetest.NewPerson()), req},
		"another lender": {actor.AsService(t.Context(), servicetest.OtherTenant, "loans"), req},
	} {
		_, err := b.challenges.ConfirmChallenge(bad.ctx, bad.req)
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	}
	// A code of another purpose is refused for a login, too.
	_, err := b.sessions.ConfirmLogin(onDevice(t.Context(), session.GetDeviceId()), &identityv1.ConfirmLoginRequest{
		RequestId: newID(), ChallengeId: req.GetChallengeId(), Code: req.GetCode(), DeviceId: session.GetDeviceId(),
	})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	if _, err := b.challenges.ConfirmChallenge(ctx, req); err != nil {
		t.Errorf("none of that cost a try: %v", err)
	}
}

func TestConfirmChallenge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	ctx := forPerson(t.Context(), session)
	req := b.signing(t, ctx, session.GetPersonId())
	code := req.GetCode()

	bad := changed(req, func(r *identityv1.ConfirmChallengeRequest) { r.Code = wrong(code) })
	for range 2 {
		_, err := b.challenges.ConfirmChallenge(ctx, bad)
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
		if got := metadata(t, err, "attempts_left"); got != "4" {
			t.Errorf("attempts_left %s", got)
		}
	}
	b.Clock.Advance(time.Minute)
	first, err := b.challenges.ConfirmChallenge(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	want := &identityv1.Evidence{
		ChallengeId: req.GetChallengeId(), Phone: phoneA, BoundDigest: digestOf("agreement"), DeviceId: session.GetDeviceId(),
		SendTime: timestamppb.New(servicetest.Now), ConfirmTime: timestamppb.New(servicetest.Now.Add(time.Minute)),
	}
	if diff := cmp.Diff(want, first.GetEvidence(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	again, err := b.challenges.ConfirmChallenge(ctx, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	reusedID := proto.CloneOf(req)
	reusedID.Code = wrong(code)
	_, err = b.challenges.ConfirmChallenge(ctx, reusedID)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = b.challenges.ConfirmChallenge(ctx, changed(req, func(*identityv1.ConfirmChallengeRequest) {}))
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)
}

func TestConfirmChallengeEndsInTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	ctx := actor.ForPerson(t.Context(), servicetest.Tenant, "loans", session.GetPersonId()) // Of no known device.
	ask := func(text string) *identityv1.ConfirmChallengeRequest {
		t.Helper()
		created, err := b.challenges.CreateChallenge(ctx, &identityv1.CreateChallengeRequest{
			RequestId: newID(), PersonId: session.GetPersonId(), Purpose: identityv1.Challenge_PURPOSE_CONFIRM_PAYMENT, BoundDigest: digestOf(text),
		})
		if err != nil {
			t.Fatal(err)
		}
		return &identityv1.ConfirmChallengeRequest{
			RequestId: newID(), ChallengeId: created.GetChallenge().GetId(), Code: b.sms.last(t).GetParameters()["code"],
			PersonId: session.GetPersonId(), BoundDigest: digestOf(text),
		}
	}
	one := ask("one")
	b.Clock.Advance(b.pause())
	two := ask("two")
	if _, err := b.challenges.ConfirmChallenge(ctx, one); err != nil {
		t.Errorf("a code for something else does not take its place: %v", err)
	}
	for range 5 {
		bad := proto.CloneOf(two)
		bad.RequestId, bad.Code = newID(), wrong(two.GetCode())
		_, err := b.challenges.ConfirmChallenge(ctx, bad)
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
	}
	_, err := b.challenges.ConfirmChallenge(ctx, two)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED)
	b.Clock.Advance(b.pause())
	three := ask("three")
	b.Clock.Advance(5 * time.Minute)
	_, err = b.challenges.ConfirmChallenge(ctx, three)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED)
}
