package identity_test

import (
	"context"
	"slices"
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
	"github.com/lendgate/lendgate/internal/servicetest"
)

const (
	grace   = 20 * time.Second
	expired = typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED
	invalid = typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_INVALID
	reused  = typev1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_REUSED
)

func (b *bench) refresh(ctx context.Context, requestID, device, token string) (*identityv1.RefreshSessionResponse, error) {
	return b.sessions.RefreshSession(onDevice(ctx, device), &identityv1.RefreshSessionRequest{RequestId: requestID, RefreshToken: token, DeviceId: device})
}

func TestRefreshSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	device, old := login.GetSession().GetDeviceId(), login.GetTokens()
	b.Clock.Advance(10 * time.Minute)
	requestID := newID()
	next, err := b.refresh(t.Context(), requestID, device, old.GetRefreshToken())
	if err != nil {
		t.Fatal(err)
	}
	if next.GetTokens().GetAccessToken() == old.GetAccessToken() || next.GetTokens().GetRefreshToken() == old.GetRefreshToken() {
		t.Error("the new pair is the old one")
	}
	if got, want := next.GetTokens().GetAccessExpireTime().AsTime(), b.Clock.Now().Add(15*time.Minute); !got.Equal(want) {
		t.Errorf("the access token ends at %s, want %s", got, want)
	}
	if got, want := next.GetTokens().GetRefreshExpireTime().AsTime(), b.Clock.Now().Add(30*24*time.Hour); !got.Equal(want) {
		t.Errorf("the refresh token ends at %s, want %s", got, want)
	}
	if next.GetSession().GetId() != login.GetSession().GetId() || next.GetSession().GetGeneration() != 1 {
		t.Errorf("got %v", next.GetSession())
	}

	// Within the grace both pairs are good; the old one ends with it.
	for _, token := range []string{old.GetAccessToken(), next.GetTokens().GetAccessToken()} {
		if _, err := b.authenticate(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	found, err := b.authenticate(t.Context(), old.GetAccessToken())
	if err != nil || !found.GetSession().GetExpireTime().AsTime().Equal(b.Clock.Now().Add(grace)) {
		t.Errorf("got %v, %v", found, err)
	}
	b.Clock.Advance(grace)
	_, err = b.authenticate(t.Context(), old.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)

	// A repeat gets the same pair, however late; it ends nothing.
	b.Clock.Advance(5 * time.Minute)
	again, err := b.refresh(t.Context(), requestID, device, old.GetRefreshToken())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(next, again, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	_, err = b.refresh(t.Context(), requestID, device, next.GetTokens().GetRefreshToken())
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	if _, err := b.refresh(t.Context(), newID(), device, next.GetTokens().GetRefreshToken()); err != nil {
		t.Error(err)
	}
}

func TestRefreshSessionRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	device, token := login.GetSession().GetDeviceId(), login.GetTokens().GetRefreshToken()
	other := b.enroll(t).GetId()

	_, err := b.refresh(t.Context(), newID(), device, login.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, invalid) // An access token is no refresh token.
	_, err = b.refresh(t.Context(), newID(), other, token)
	refused(t, err, connect.CodeUnauthenticated, invalid)
	_, err = b.sessions.RefreshSession(onDevice(t.Context(), other), &identityv1.RefreshSessionRequest{RequestId: newID(), RefreshToken: token, DeviceId: device})
	refused(t, err, connect.CodeUnauthenticated, invalid)
	foreign := actor.With(t.Context(), actor.Actor{TenantID: servicetest.OtherTenant, Kind: actor.KindAnonymous})
	_, err = b.sessions.RefreshSession(foreign, &identityv1.RefreshSessionRequest{RequestId: newID(), RefreshToken: token, DeviceId: device})
	refused(t, err, connect.CodeUnauthenticated, invalid)
	if _, err := b.authenticate(t.Context(), login.GetTokens().GetAccessToken()); err != nil {
		t.Errorf("none of that ended the session: %v", err)
	}
	b.Clock.Advance(30 * 24 * time.Hour)
	_, err = b.refresh(t.Context(), newID(), device, token)
	refused(t, err, connect.CodeUnauthenticated, invalid)
}

// L08 of the attack matrix, first half.
func TestAnOldRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	device, oldest := login.GetSession().GetDeviceId(), login.GetTokens().GetRefreshToken()
	token := oldest
	var next *identityv1.RefreshSessionResponse
	for range 3 { // However many generations ago it was exchanged.
		var err error
		if next, err = b.refresh(t.Context(), newID(), device, token); err != nil {
			t.Fatal(err)
		}
		token = next.GetTokens().GetRefreshToken()
		b.Clock.Advance(grace + time.Second)
	}
	requestID := newID()
	for range 2 { // The repeat hears the same.
		_, err := b.refresh(t.Context(), requestID, device, oldest)
		refused(t, err, connect.CodeUnauthenticated, reused)
	}
	_, err := b.authenticate(t.Context(), next.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	_, err = b.refresh(t.Context(), newID(), device, token)
	refused(t, err, connect.CodeUnauthenticated, invalid)
	if got := b.admin(t, "SELECT end_reason FROM identity.sessions")[0]; got != "TOKEN_REUSED" {
		t.Errorf("got %v", got)
	}
}

// L08 of the attack matrix, second half.
func TestFiftyRefreshesAtOnceSignNobodyOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	device, token := login.GetSession().GetDeviceId(), login.GetTokens().GetRefreshToken()
	b.Clock.Advance(time.Minute)
	answers := make([]*identityv1.RefreshSessionResponse, 50)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = b.refresh(t.Context(), newID(), device, token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, answer := range answers[1:] {
		if diff := cmp.Diff(answers[0], answer, protocmp.Transform()); diff != "" {
			t.Fatalf("two answers differ: %s", diff)
		}
	}
	live := b.admin(t, "SELECT count(*) FROM identity.sessions WHERE end_time IS NULL")[0]
	pairs := b.admin(t, "SELECT count(*) FROM identity.session_tokens WHERE replace_time IS NULL")[0]
	if live != int64(1) || pairs != int64(1) {
		t.Errorf("%v live sessions, %v pairs in force", live, pairs)
	}
	if _, err := b.authenticate(t.Context(), answers[0].GetTokens().GetAccessToken()); err != nil {
		t.Error(err)
	}
}

func TestAuthenticateSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	token := login.GetTokens().GetAccessToken()

	for _, bad := range []string{"x", login.GetTokens().GetRefreshToken(), token[1:] + "A"} {
		_, err := b.authenticate(t.Context(), bad)
		refused(t, err, connect.CodeUnauthenticated, expired)
	}
	_, err := b.sessions.AuthenticateSession(actor.AsService(t.Context(), servicetest.OtherTenant, "edge"), &identityv1.AuthenticateSessionRequest{AccessToken: token})
	refused(t, err, connect.CodeUnauthenticated, expired)
	_, err = b.sessions.AuthenticateSession(inSession(t.Context(), login.GetSession()), &identityv1.AuthenticateSessionRequest{AccessToken: token})
	refused(t, err, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)

	b.Clock.Advance(15*time.Minute - time.Microsecond)
	if _, err := b.authenticate(t.Context(), token); err != nil {
		t.Error(err)
	}
	b.Clock.Advance(time.Microsecond)
	_, err = b.authenticate(t.Context(), token)
	refused(t, err, connect.CodeUnauthenticated, expired)
}

func TestPermissionsAreTheUnionOfRolesAsTheyAreNow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	token, person := login.GetTokens().GetAccessToken(), login.GetSession().GetPersonId()
	uuid, err := id.Parse(id.Person, person)
	if err != nil {
		t.Fatal(err)
	}
	permissions := func() []typev1.Permission {
		t.Helper()
		found, err := b.authenticate(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return found.GetSession().GetPermissions()
	}
	b.admin(t, "UPDATE identity.roles SET permissions = array_remove(permissions, 'PAYMENT_WRITE') RETURNING 1")
	if got := permissions(); slices.Contains(got, typev1.Permission_PERMISSION_PAYMENT_WRITE) || len(got) != len(actor.BorrowerPermissions())-1 {
		t.Errorf("a permission taken out is gone at once: %v", got)
	}
	b.admin(t, `INSERT INTO identity.roles (tenant_id, name, permissions, actor, create_time, update_time)
		VALUES ('demo', 'extra', '{PAYMENT_WRITE,LOAN_READ,OF_ANOTHER_RELEASE}', 'test', now(), now()) RETURNING 1`)
	b.admin(t, `INSERT INTO identity.person_roles (tenant_id, person_id, role_name, actor, create_time)
		VALUES ('demo', $1, 'extra', 'test', now()) RETURNING 1`, uuid)
	if got := permissions(); !slices.Contains(got, typev1.Permission_PERMISSION_PAYMENT_WRITE) || len(got) != len(actor.BorrowerPermissions()) {
		t.Errorf("a second role adds to the first: %v", got)
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	own := inSession(t.Context(), login.GetSession())
	req := &identityv1.EndSessionRequest{RequestId: newID(), SessionId: login.GetSession().GetId()}

	for _, stranger := range []context.Context{
		servicetest.AsPerson(t.Context(), servicetest.NewPerson()), servicetest.AsStranger(t.Context(), login.GetSession().GetPersonId()),
	} {
		if _, err := b.sessions.EndSession(stranger, proto.CloneOf(req)); err != nil {
			t.Errorf("the answer does not tell: %v", err)
		}
	}
	if _, err := b.sessions.EndSession(own, &identityv1.EndSessionRequest{RequestId: newID(), SessionId: id.Format(id.Session, id.New())}); err != nil {
		t.Error(err)
	}
	if _, err := b.authenticate(t.Context(), login.GetTokens().GetAccessToken()); err != nil {
		t.Errorf("none of that ended the session: %v", err)
	}
	_, err := b.sessions.EndSession(servicetest.Anonymous(t.Context()), proto.CloneOf(req))
	refused(t, err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED)

	for _, requestID := range []string{req.GetRequestId(), req.GetRequestId(), newID()} {
		if _, err := b.sessions.EndSession(own, &identityv1.EndSessionRequest{RequestId: requestID, SessionId: req.GetSessionId()}); err != nil {
			t.Error(err)
		}
	}
	_, err = b.sessions.EndSession(own, &identityv1.EndSessionRequest{RequestId: req.GetRequestId(), SessionId: id.Format(id.Session, id.New())})
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = b.authenticate(t.Context(), login.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	_, err = b.refresh(t.Context(), newID(), login.GetSession().GetDeviceId(), login.GetTokens().GetRefreshToken())
	refused(t, err, connect.CodeUnauthenticated, invalid)
}
