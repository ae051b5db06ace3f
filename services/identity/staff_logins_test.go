package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity"
	"github.com/lendgate/lendgate/services/identity/totp"
)

const (
	wrongLogin  = typev1.ErrorReason_ERROR_REASON_LOGIN_WRONG
	locked      = typev1.ErrorReason_ERROR_REASON_LOGIN_LOCKED
	wrongFactor = typev1.ErrorReason_ERROR_REASON_SECOND_FACTOR_WRONG
	denied      = typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED
)

func TestTheFirstLoginOfASuperadmin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	invited, err := b.staff.InviteStaff(operator(t.Context()), &identityv1.InviteStaffRequest{
		RequestId: newID(), Email: " Boss@Demo.example"[1:], DisplayName: "Demo Boss", Roles: []string{"superadmin"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := invited.GetStaff(); got.GetState() != identityv1.Staff_STATE_INVITED || got.GetEmail() != "boss@demo.example" {
		t.Errorf("invited %v", got)
	}
	device := b.enroll(t).GetId()
	accept := &identityv1.AcceptInvitationRequest{RequestId: newID(), InvitationToken: invited.GetInvitationToken(), Password: goodPassword}
	for range 2 { // The second is a repeat.
		if _, err := b.logins.AcceptInvitation(onDevice(t.Context(), device), proto.CloneOf(accept)); err != nil {
			t.Fatal(err)
		}
	}
	login := b.mustLogIn(t, device, "BOSS@demo.example")
	if !login.GetSecondFactorMissing() {
		t.Error("the second factor is missing and nobody says so")
	}
	if diff := cmp.Diff([]typev1.Permission{typev1.Permission_PERMISSION_STAFF_LOGIN}, login.GetSession().GetPermissions()); diff != "" {
		t.Errorf("before the second factor a session may: %s", diff)
	}
	waiting := asStaff(t.Context(), login.GetSession())
	begun, err := b.logins.BeginSecondFactor(waiting, &identityv1.BeginSecondFactorRequest{RequestId: newID()})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(begun.GetUri(), "otpauth://totp/Test%20Lender:boss@demo.example?") || !strings.Contains(begun.GetUri(), begun.GetSecret()) {
		t.Errorf("the URI is %s", begun.GetUri())
	}
	m := &member{bench: b, secret: begun.GetSecret()}
	req := &identityv1.VerifySecondFactorRequest{RequestId: newID(), Code: m.code()}
	passed, err := b.logins.VerifySecondFactor(waiting, req)
	if err != nil {
		t.Fatal(err)
	}
	if passed.GetSession().GetId() == login.GetSession().GetId() {
		t.Error("the session is the one of before (L07)")
	}
	if diff := cmp.Diff(actor.StaffPermissions(), passed.GetSession().GetPermissions()); diff != "" {
		t.Errorf("a superadmin may: %s", diff)
	}
	again, err := b.logins.VerifySecondFactor(waiting, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(passed, again, protocmp.Transform()); diff != "" {
		t.Errorf("a repeat is answered otherwise: %s", diff)
	}
	_, err = b.authenticate(t.Context(), login.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	me, err := b.logins.GetOwnStaff(asStaff(t.Context(), passed.GetSession()), &identityv1.GetOwnStaffRequest{})
	if err != nil || me.GetStaff().GetDisplayName() != "Demo Boss" || !me.GetStaff().GetSecondFactor() || me.GetStaff().GetRecoveryCodesLeft() != 10 {
		t.Errorf("got %v, %v", me, err)
	}
}

func TestBeforeTheSecondFactorNothingIsOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.invite(t, operator(t.Context()), "boss@demo.example", "superadmin")
	waiting := asStaff(t.Context(), b.mustLogIn(t, b.enroll(t).GetId(), "boss@demo.example").GetSession())
	_, err := b.staff.ListStaff(waiting, &identityv1.ListStaffRequest{})
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.logins.GetOwnStaff(waiting, &identityv1.GetOwnStaffRequest{}) // Merely a session.
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.logins.ChangePassword(waiting, &identityv1.ChangePasswordRequest{RequestId: newID(), CurrentPassword: goodPassword, NewPassword: "another good one 1"})
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.verify(waiting, "123456")
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_SECOND_FACTOR_STATE_INVALID)
}

func TestLoginsThatAreWrongAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	suspended := b.join(t, boss.as(t), "gone@demo.example", "support_agent")
	if _, err := b.staff.SuspendStaff(boss.as(t), &identityv1.SuspendStaffRequest{RequestId: newID(), StaffId: suspended.staff.GetId()}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.staff.InviteStaff(boss.as(t), &identityv1.InviteStaffRequest{RequestId: newID(), Email: "new@demo.example", DisplayName: "x"}); err != nil {
		t.Fatal(err)
	}
	device := b.enroll(t).GetId()
	for name, c := range map[string]struct{ email, password string }{
		"an address that nobody has": {"nobody@demo.example", goodPassword},
		"a wrong password":           {"boss@demo.example", "wrong horse battery"},
		"a suspended account":        {"gone@demo.example", goodPassword},
		"an account never used":      {"new@demo.example", goodPassword},
	} {
		for try := range 5 {
			_, err := b.logIn(t, device, c.email, c.password)
			if peer, ok := rpcerr.AsPeer(err); !ok || peer.Reason() != wrongLogin || peer.Err.Message() != "the address or the password is wrong" {
				t.Errorf("%s, try %d: %v", name, try, err)
			}
		}
		_, err := b.logIn(t, device, c.email, c.password)
		refused(t, err, connect.CodeResourceExhausted, locked)
		if peer, _ := rpcerr.AsPeer(err); rpcerr.RetryAfterOf(peer.Err) != 30*time.Second {
			t.Errorf("%s: locked for %s", name, rpcerr.RetryAfterOf(peer.Err))
		}
	}
	// The lock grows with each wrong try and stays for the right one, too.
	b.Clock.Advance(30 * time.Second)
	_, err := b.logIn(t, device, "boss@demo.example", "wrong horse battery")
	refused(t, err, connect.CodeUnauthenticated, wrongLogin)
	b.Clock.Advance(59 * time.Second)
	_, err = b.logIn(t, device, "boss@demo.example", goodPassword)
	refused(t, err, connect.CodeResourceExhausted, locked)
	b.Clock.Advance(time.Second)
	waiting := asStaff(t.Context(), b.mustLogIn(t, device, "boss@demo.example").GetSession())
	boss.passes(t, waiting)
	// A login with both factors begins anew.
	_, err = b.logIn(t, device, "boss@demo.example", "wrong horse battery")
	refused(t, err, connect.CodeUnauthenticated, wrongLogin)
	b.mustLogIn(t, device, "boss@demo.example")
}

func TestAWrongLoginIsCountedOnceForARepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t).GetId()
	req := &identityv1.LogInStaffRequest{RequestId: newID(), Email: "nobody@demo.example", Password: goodPassword, DeviceId: device}
	for range 8 {
		_, err := b.logins.LogInStaff(onDevice(t.Context(), device), proto.CloneOf(req))
		refused(t, err, connect.CodeUnauthenticated, wrongLogin)
	}
	if got := b.admin(t, "SELECT wrong_tries FROM identity.login_tries")[0]; got != int32(1) {
		t.Errorf("%v tries counted", got)
	}
	req.Password = "another password 1"
	_, err := b.logins.LogInStaff(onDevice(t.Context(), device), req)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = b.logins.LogInStaff(onDevice(t.Context(), b.enroll(t).GetId()), &identityv1.LogInStaffRequest{
		RequestId: newID(), Email: "x@demo.example", Password: goodPassword, DeviceId: device,
	})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
}

// L03 of the attack matrix.
func TestACodeOfTheAppIsGoodOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	code := boss.code()
	first := asStaff(t.Context(), b.mustLogIn(t, boss.device, boss.email).GetSession())
	if _, err := b.verify(first, code); err != nil {
		t.Fatal(err)
	}
	second := asStaff(t.Context(), b.mustLogIn(t, boss.device, boss.email).GetSession())
	_, err := b.verify(second, code)
	refused(t, err, connect.CodeInvalidArgument, wrongFactor)
	b.Clock.Advance(totp.Period)
	if _, err := b.verify(second, totp.At(boss.key(), b.Clock.Now())); err != nil {
		t.Error(err)
	}
}

func TestWrongCodesLockLikeWrongPasswords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	waiting := asStaff(t.Context(), b.mustLogIn(t, boss.device, boss.email).GetSession())
	for range 5 {
		_, err := b.verify(waiting, wrong(boss.code()))
		refused(t, err, connect.CodeInvalidArgument, wrongFactor)
	}
	_, err := b.verify(waiting, totp.At(boss.key(), b.Clock.Now()))
	refused(t, err, connect.CodeResourceExhausted, locked)
	_, err = b.logIn(t, boss.device, boss.email, goodPassword)
	refused(t, err, connect.CodeResourceExhausted, locked)
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	if len(boss.recovery) != 10 || len(slices.Compact(slices.Sorted(slices.Values(boss.recovery)))) != 10 {
		t.Fatalf("got %d codes", len(boss.recovery))
	}
	waiting := asStaff(t.Context(), b.mustLogIn(t, boss.device, boss.email).GetSession())
	res, err := b.verify(waiting, strings.ToUpper(strings.ReplaceAll(boss.recovery[3], "-", "")))
	if err != nil {
		t.Fatal(err)
	}
	if left := res.GetStaff().GetRecoveryCodesLeft(); left != 9 || len(res.GetRecoveryCodes()) != 0 {
		t.Errorf("%d are left, %d new ones shown", left, len(res.GetRecoveryCodes()))
	}
	waiting = asStaff(t.Context(), b.mustLogIn(t, boss.device, boss.email).GetSession())
	_, err = b.verify(waiting, boss.recovery[3])
	refused(t, err, connect.CodeInvalidArgument, wrongFactor)
	if _, err := b.verify(waiting, boss.recovery[4]); err != nil {
		t.Error(err)
	}
}

func TestASecondFactorInForceIsNotShownAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.invite(t, operator(t.Context()), "boss@demo.example", "superadmin")
	waiting := asStaff(t.Context(), b.mustLogIn(t, b.enroll(t).GetId(), "boss@demo.example").GetSession())
	req := &identityv1.BeginSecondFactorRequest{RequestId: newID()}
	begun, err := b.logins.BeginSecondFactor(waiting, req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.logins.BeginSecondFactor(waiting, proto.CloneOf(req))
	if err != nil || again.GetSecret() != begun.GetSecret() {
		t.Errorf("a repeat gives %v, %v", again, err)
	}
	m := &member{bench: b, secret: begun.GetSecret()}
	m.passes(t, waiting)
	for _, req := range []*identityv1.BeginSecondFactorRequest{req, {RequestId: newID()}} {
		_, err = b.logins.BeginSecondFactor(waiting, proto.CloneOf(req))
		refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_SECOND_FACTOR_STATE_INVALID)
	}
}

func TestSessionsOfStaffEndSooner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	begin := b.Clock.Now()
	token := boss.tokens.GetRefreshToken()
	for b.Clock.Now().Sub(begin) < 12*time.Hour-50*time.Minute { // Used all the time.
		b.Clock.Advance(50 * time.Minute)
		res, err := b.refresh(t.Context(), newID(), boss.device, token)
		if err != nil {
			t.Fatalf("after %s: %v", b.Clock.Now().Sub(begin), err)
		}
		token = res.GetTokens().GetRefreshToken()
		if end := res.GetTokens().GetRefreshExpireTime().AsTime(); end.After(begin.Add(12 * time.Hour)) {
			t.Errorf("a refresh token is good until %s", end)
		}
	}
	b.Clock.Advance(50 * time.Minute)
	_, err := b.refresh(t.Context(), newID(), boss.device, token)
	refused(t, err, connect.CodeUnauthenticated, invalid)

	idle := b.join(t, operator(t.Context()), "idle@demo.example", "admin")
	b.Clock.Advance(time.Hour)
	_, err = b.refresh(t.Context(), newID(), idle.device, idle.tokens.GetRefreshToken())
	refused(t, err, connect.CodeUnauthenticated, invalid)

	waiting := b.mustLogIn(t, idle.device, idle.email)
	b.Clock.Advance(10 * time.Minute)
	_, err = b.authenticate(t.Context(), waiting.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	elsewhere := &member{bench: b, secret: boss.secret, device: b.enroll(t).GetId()}
	elsewhere.passes(t, asStaff(t.Context(), b.mustLogIn(t, elsewhere.device, boss.email).GetSession()))
	change := func(current, next string) error {
		_, err := b.logins.ChangePassword(boss.as(t), &identityv1.ChangePasswordRequest{RequestId: newID(), CurrentPassword: current, NewPassword: next})
		return err
	}
	for _, weak := range []string{"short", "aaaaaaaaaaaaaaaa", "boss@demo.example", "boss2026boss!"} {
		refused(t, change(goodPassword, weak), connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PASSWORD_WEAK)
	}
	refused(t, change("wrong horse battery", "a new password 1"), connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PASSWORD_WRONG)
	if err := change(goodPassword, "a new password 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.authenticate(t.Context(), boss.tokens.GetAccessToken()); err != nil {
		t.Errorf("the own session goes on: %v", err)
	}
	_, err := b.authenticate(t.Context(), elsewhere.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	_, err = b.logIn(t, elsewhere.device, boss.email, goodPassword)
	refused(t, err, connect.CodeUnauthenticated, wrongLogin)
	_, err = b.logins.ChangePassword(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &identityv1.ChangePasswordRequest{
		RequestId: newID(), CurrentPassword: goodPassword, NewPassword: "a new password 2",
	})
	refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND)
}

func TestInvitationsOpenOnceAndForThreeDays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	invite := func(email string) *identityv1.InviteStaffResponse {
		t.Helper()
		req := &identityv1.InviteStaffRequest{RequestId: newID(), Email: email, DisplayName: "Demo", Roles: []string{"admin"}}
		res, err := b.staff.InviteStaff(operator(t.Context()), req)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.staff.InviteStaff(operator(t.Context()), proto.CloneOf(req))
		if diff := cmp.Diff(res, again, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("a repeat: %v %s", err, diff)
		}
		return res
	}
	accept := func(token, password string) error {
		_, err := b.logins.AcceptInvitation(servicetest.Anonymous(t.Context()), &identityv1.AcceptInvitationRequest{
			RequestId: newID(), InvitationToken: token, Password: password,
		})
		return err
	}
	const gone = typev1.ErrorReason_ERROR_REASON_INVITATION_INVALID
	first := invite("a@demo.example")
	refused(t, accept(first.GetInvitationToken(), "short"), connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PASSWORD_WEAK)
	for _, token := range []string{"x", first.GetInvitationToken() + "A", strings.Split(first.GetInvitationToken(), ".")[0] + "."} {
		refused(t, accept(token, goodPassword), connect.CodeFailedPrecondition, gone)
	}
	if err := accept(first.GetInvitationToken(), goodPassword); err != nil {
		t.Fatal(err)
	}
	refused(t, accept(first.GetInvitationToken(), "another good one"), connect.CodeFailedPrecondition, gone)

	late := invite("b@demo.example")
	b.Clock.Advance(72 * time.Hour)
	refused(t, accept(late.GetInvitationToken(), goodPassword), connect.CodeFailedPrecondition, gone)
	renewed, err := b.staff.ReinviteStaff(operator(t.Context()), &identityv1.ReinviteStaffRequest{RequestId: newID(), StaffId: late.GetStaff().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if err := accept(renewed.GetInvitationToken(), goodPassword); err != nil {
		t.Error(err)
	}
	_, err = b.staff.InviteStaff(operator(t.Context()), &identityv1.InviteStaffRequest{RequestId: newID(), Email: "A@demo.example", DisplayName: "Demo"})
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_STAFF_EXISTS)
}

func TestADemoAccountIsReady(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	demo := identity.DemoStaff{Email: "admin@demo.example", Name: "Demo Admin", Password: "demo password 1", Roles: []string{"superadmin"}}
	secret, err := b.service.SeedStaff(operator(t.Context()), demo)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.service.SeedStaff(operator(t.Context()), demo); err != nil || again != secret {
		t.Errorf("a second start gives %q, %v", again, err)
	}
	m := &member{bench: b, secret: secret, device: b.enroll(t).GetId()}
	login, err := b.logIn(t, m.device, demo.Email, demo.Password)
	if err != nil || login.GetSecondFactorMissing() {
		t.Fatalf("got %v, %v", login, err)
	}
	m.passes(t, asStaff(t.Context(), login.GetSession()))
	if !slices.Contains(m.session.GetPermissions(), typev1.Permission_PERMISSION_ROLE_WRITE) {
		t.Errorf("may %v", m.session.GetPermissions())
	}
}
