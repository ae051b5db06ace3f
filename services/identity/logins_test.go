package identity_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestStartLogin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	ctx := onDevice(t.Context(), device)
	req := &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device, Locale: "en-GB"}
	first, err := b.sessions.StartLogin(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	challenge, message := first.GetChallenge(), b.sms.last(t)

	if challenge.GetMaskedPhone() != "+380 ** *** 45 67" || challenge.GetDigits() != 6 || challenge.GetAttemptsLeft() != 5 ||
		challenge.GetPurpose() != identityv1.Challenge_PURPOSE_LOGIN {
		t.Errorf("got %v", challenge)
	}
	if !challenge.GetExpireTime().AsTime().Equal(servicetest.Now.Add(5*time.Minute)) || !challenge.GetResendTime().AsTime().Equal(servicetest.Now.Add(b.pause())) {
		t.Errorf("got %v", challenge)
	}
	if message.GetTemplate() != "login-code" || message.GetPhone() != phoneA || message.GetLocale() != "en" || message.GetPersonId() != "" ||
		message.GetParameters()["minutes"] != "5" || len(message.GetParameters()["code"]) != 6 {
		t.Errorf("got %v", message)
	}

	again, err := b.sessions.StartLogin(ctx, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || b.sms.count() != 1 {
		t.Errorf("a repeat sends nothing new (%d messages): %s", b.sms.count(), diff)
	}
	other := proto.CloneOf(req)
	other.Phone = phoneB
	_, err = b.sessions.StartLogin(ctx, other)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)

	_, err = b.sessions.StartLogin(ctx, &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device})
	refused(t, err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_RESEND_TOO_SOON)
	if peer, _ := rpcerr.AsPeer(err); peer == nil || rpcerr.RetryAfterOf(peer.Err) != b.pause() {
		t.Errorf("the refusal says when to come back: %v", err)
	}

	absent := id.Format(id.Device, id.New())
	_, err = b.sessions.StartLogin(onDevice(t.Context(), absent), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneB, DeviceId: absent})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
	_, err = b.sessions.StartLogin(onDevice(t.Context(), absent), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneB, DeviceId: device})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
	foreign := actor.With(t.Context(), actor.Actor{TenantID: servicetest.OtherTenant, Kind: actor.KindAnonymous, DeviceID: device})
	_, err = b.sessions.StartLogin(foreign, &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneB, DeviceId: device})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
}

func TestStartLoginRefusesPhonesThatNoCodeReaches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	for name, phone := range map[string]string{
		"too short": "+38050123", "no such code": "+380001234567", "a fixed line": "+380442345678", "premium rate": "+380900123456",
		"another country": "+48512345678",
	} {
		_, err := b.sessions.StartLogin(onDevice(t.Context(), device), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phone, DeviceId: device})
		t.Log(name)
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PHONE_INVALID)
	}
	if b.sms.count() != 0 {
		t.Error("a code was sent")
	}
}

func TestCodesOfAPhoneAreLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 5 {
		b.startLogin(t, b.enroll(t).GetId(), phoneA) // Another device does not help.
		b.Clock.Advance(b.pause())
	}
	device := b.enroll(t).GetId()
	ask := func() error {
		_, err := b.sessions.StartLogin(onDevice(t.Context(), device), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device})
		return err
	}
	err := ask()
	refused(t, err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_LIMIT_REACHED)
	peer, _ := rpcerr.AsPeer(err)
	wait := rpcerr.RetryAfterOf(peer.Err)
	if want := time.Hour - 5*b.pause(); wait != want {
		t.Errorf("come back after %s, want %s", wait, want)
	}
	b.startLogin(t, device, phoneB)
	b.Clock.Advance(wait)
	if err := ask(); err != nil {
		t.Errorf("after the hint there is room again: %v", err)
	}
}

// Nothing about an answer tells whether somebody is behind the phone, before or after a code.
func TestKnownAndUnknownPhonesAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.login(t, phoneA)
	b.Clock.Advance(b.pause())
	device := b.enroll(t).GetId()
	known, unknown := b.startLogin(t, device, phoneA), b.startLogin(t, device, "+380671234567")
	if diff := cmp.Diff(known, unknown, protocmp.Transform(), protocmp.IgnoreFields(known, "id")); diff != "" {
		t.Error(diff)
	}
	for _, challenge := range []*identityv1.Challenge{known, unknown} {
		_, err := b.sessions.ConfirmLogin(onDevice(t.Context(), device), &identityv1.ConfirmLoginRequest{
			RequestId: newID(), ChallengeId: challenge.GetId(), Code: "00000000", DeviceId: device,
		})
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
	}
}

func TestACodeSurvivesTheNetworkBeingDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	req := &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device}
	b.sms.breakWith(rpcerr.Unavailable("down"))
	_, err := b.sessions.StartLogin(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE)
	b.sms.breakWith(rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE, "no channel"))
	_, err = b.sessions.StartLogin(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE)
	b.sms.breakWith(nil)

	res, err := b.sessions.StartLogin(onDevice(t.Context(), device), req)
	if err != nil || b.sms.count() != 1 {
		t.Fatalf("the repeat sends what was promised: %v, %d messages", err, b.sms.count())
	}
	_, err = b.sessions.ConfirmLogin(onDevice(t.Context(), device), &identityv1.ConfirmLoginRequest{
		RequestId: newID(), ChallengeId: res.GetChallenge().GetId(), Code: b.sms.last(t).GetParameters()["code"], DeviceId: device,
	})
	if err != nil {
		t.Error(err)
	}

	late := &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneB, DeviceId: device}
	b.sms.breakWith(rpcerr.Unavailable("down"))
	_, err = b.sessions.StartLogin(onDevice(t.Context(), device), late)
	refused(t, err, connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE)
	b.sms.breakWith(nil)
	b.Clock.Advance(5 * time.Minute)
	if _, err := b.sessions.StartLogin(onDevice(t.Context(), device), late); err != nil || b.sms.count() != 1 {
		t.Errorf("a code that has ended is not sent: %v, %d messages", err, b.sms.count())
	}
}

func TestConfirmLogin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	ctx := onDevice(t.Context(), device)
	challenge := b.startLogin(t, device, phoneA)
	req := &identityv1.ConfirmLoginRequest{
		RequestId: newID(), ChallengeId: challenge.GetId(), Code: b.sms.last(t).GetParameters()["code"], DeviceId: device,
	}
	first, err := b.sessions.ConfirmLogin(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	session := first.GetSession()
	if !first.GetFirstLogin() || session.GetDeviceId() != device || len(first.GetTokens().GetAccessToken()) != 43 || len(first.GetTokens().GetRefreshToken()) != 43 {
		t.Errorf("got %v", first)
	}
	if got, want := len(session.GetPermissions()), len(actor.BorrowerPermissions()); got != want {
		t.Errorf("%d permissions, want %d", got, want)
	}
	if got := b.eventCount(t); got != 1 {
		t.Errorf("%d events, want PersonCreated alone", got)
	}
	found, err := b.authenticate(t.Context(), first.GetTokens().GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(session, found.GetSession(), protocmp.Transform()); diff != "" || found.GetTenantId() != servicetest.Tenant {
		t.Error(diff)
	}

	again, err := b.sessions.ConfirmLogin(ctx, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
		t.Errorf("a repeat gets the same tokens: %s", diff)
	}
	other := proto.CloneOf(req)
	other.Code = wrong(req.GetCode())
	_, err = b.sessions.ConfirmLogin(ctx, other)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	other.RequestId, other.Code = newID(), req.GetCode()
	_, err = b.sessions.ConfirmLogin(ctx, other)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)
	b.Clock.Advance(10*time.Minute + time.Second)
	_, err = b.sessions.ConfirmLogin(ctx, proto.CloneOf(req))
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)

	second := b.loginOn(t, device, phoneA)
	if second.GetFirstLogin() || second.GetSession().GetPersonId() != session.GetPersonId() || second.GetSession().GetId() == session.GetId() {
		t.Errorf("the second login is a new session of the same person: %v", second)
	}
	_, err = b.authenticate(t.Context(), first.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED)
}

func TestConfirmLoginRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device, otherDevice := b.enroll(t).GetId(), b.enroll(t).GetId()
	challenge := b.startLogin(t, device, phoneA)
	code := b.sms.last(t).GetParameters()["code"]
	absent := id.Format(id.Device, id.New())

	for name, req := range map[string]*identityv1.ConfirmLoginRequest{
		"no such challenge":   {ChallengeId: id.Format(id.Challenge, id.New()), DeviceId: device},
		"another device":      {ChallengeId: challenge.GetId(), DeviceId: otherDevice},
		"no such device":      {ChallengeId: challenge.GetId(), DeviceId: absent},
		"no challenge's form": {ChallengeId: "otp_uuuuuuuuuuuuuuuuuuuuuuuuuu", DeviceId: device},
	} {
		req.RequestId, req.Code = newID(), code
		_, err := b.sessions.ConfirmLogin(onDevice(t.Context(), req.GetDeviceId()), req)
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	}
	req := &identityv1.ConfirmLoginRequest{RequestId: newID(), ChallengeId: challenge.GetId(), Code: code, DeviceId: device}
	foreign := actor.With(t.Context(), actor.Actor{TenantID: servicetest.OtherTenant, Kind: actor.KindAnonymous})
	_, err := b.sessions.ConfirmLogin(foreign, req)
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)
	_, err = b.sessions.ConfirmLogin(onDevice(t.Context(), otherDevice), req)
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_NOT_FOUND)

	b.Clock.Advance(b.pause())
	b.startLogin(t, device, phoneA)
	_, err = b.sessions.ConfirmLogin(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED) // A newer code takes its place.
	b.Clock.Advance(5 * time.Minute)
	req.RequestId = newID()
	_, err = b.sessions.ConfirmLogin(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED)
}

func TestABlockedPersonOpensNoSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	b.admin(t, "UPDATE identity.persons SET state = 'BLOCKED' RETURNING 1")
	b.Clock.Advance(b.pause())
	device := b.enroll(t).GetId()
	challenge := b.startLogin(t, device, phoneA)
	req := &identityv1.ConfirmLoginRequest{RequestId: newID(), ChallengeId: challenge.GetId(), Code: b.sms.last(t).GetParameters()["code"], DeviceId: device}
	for range 2 { // The repeat hears the same.
		_, err := b.sessions.ConfirmLogin(onDevice(t.Context(), device), req)
		refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_PERSON_BLOCKED)
	}
	req.RequestId = newID()
	_, err := b.sessions.ConfirmLogin(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)
	if _, err := b.authenticate(t.Context(), login.GetTokens().GetAccessToken()); err != nil {
		t.Errorf("a session that lives goes on, so that what is owed may be paid: %v", err)
	}
}

func TestAWrongCodeCostsATryForCertain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	ctx := onDevice(t.Context(), device)
	challenge := b.startLogin(t, device, phoneA)
	code := b.sms.last(t).GetParameters()["code"]
	try := func(requestID, code string) error {
		_, err := b.sessions.ConfirmLogin(ctx, &identityv1.ConfirmLoginRequest{
			RequestId: requestID, ChallengeId: challenge.GetId(), Code: code, DeviceId: device,
		})
		return err
	}
	for left := 4; left >= 0; left-- {
		requestID := newID()
		for range 3 { // Repeats cost nothing and are answered alike.
			err := try(requestID, wrong(code))
			refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
			if got := metadata(t, err, "attempts_left"); got != fmt.Sprint(left) {
				t.Errorf("attempts_left %s, want %d", got, left)
			}
		}
		refused(t, try(requestID, code), connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	}
	refused(t, try(newID(), code), connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED)
}

// L01 of the attack matrix: whoever asks for code after code from device after device, and guesses on all of them at once, has 15 tries
// an hour.
func TestBruteForceIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var guesses []*identityv1.ConfirmLoginRequest
	for range 5 {
		device := b.enroll(t).GetId()
		challenge := b.startLogin(t, device, phoneA)
		guess := wrong(b.sms.last(t).GetParameters()["code"])
		for range 10 {
			guesses = append(guesses, &identityv1.ConfirmLoginRequest{
				RequestId: newID(), ChallengeId: challenge.GetId(), Code: guess, DeviceId: device,
			})
		}
		b.Clock.Advance(b.pause())
	}
	rand.Shuffle(len(guesses), func(i, j int) { guesses[i], guesses[j] = guesses[j], guesses[i] })
	errs := make([]error, len(guesses))
	var wg sync.WaitGroup
	for i, guess := range guesses {
		wg.Go(func() { _, errs[i] = b.sessions.ConfirmLogin(onDevice(t.Context(), guess.GetDeviceId()), guess) })
	}
	wg.Wait()
	tried := 0
	for _, err := range errs {
		switch rpcerr.PeerReason(err) {
		case typev1.ErrorReason_ERROR_REASON_CODE_WRONG:
			tried++
		case typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED:
		default:
			t.Errorf("got %v", err)
		}
	}
	if tried != 15 {
		t.Errorf("%d tries were let through, want 15", tried)
	}
	// Nearly an hour after the tries there are none to be had, although the first two codes are older than that.
	b.Clock.Advance(58*time.Minute + 30*time.Second)
	device := b.enroll(t).GetId()
	_, err := b.sessions.StartLogin(onDevice(t.Context(), device), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device})
	refused(t, err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_CODE_LIMIT_REACHED)
}

func TestManyConfirmationsAtOnceMakeOnePersonAndOneSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	challenge := b.startLogin(t, device, phoneA)
	code := b.sms.last(t).GetParameters()["code"]
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = b.sessions.ConfirmLogin(onDevice(t.Context(), device), &identityv1.ConfirmLoginRequest{
				RequestId: newID(), ChallengeId: challenge.GetId(), Code: code, DeviceId: device,
			})
		})
	}
	wg.Wait()
	in := 0
	for _, err := range errs {
		if err == nil {
			in++
			continue
		}
		refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED)
	}
	persons := b.admin(t, "SELECT count(*) FROM identity.persons")[0]
	sessions := b.admin(t, "SELECT count(*) FROM identity.sessions WHERE end_time IS NULL")[0]
	if in != 1 || persons != int64(1) || sessions != int64(1) {
		t.Errorf("%d logins, %v persons, %v sessions", in, persons, sessions)
	}
}
