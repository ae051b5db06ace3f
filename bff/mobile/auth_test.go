package mobile_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
)

// TestALoginBringsASessionKey logs in, repeats the answer, and refreshes: a repeat holds the same key, another pair of tokens another.
func TestALoginBringsASessionKey(t *testing.T) {
	t.Parallel()
	a, ctx := newApp(t), borrower(t.Context())
	session := &identityv1.Session{Id: "ses_00000000000000000000000001", DeviceId: fixtureDevice, PersonId: fixturePerson}
	a.board.answers[identityv1connect.SessionServiceConfirmLoginProcedure] = &identityv1.ConfirmLoginResponse{
		Session: session, Tokens: &identityv1.SessionTokens{AccessToken: "first"},
	}
	a.board.answers[identityv1connect.SessionServiceRefreshSessionProcedure] = &identityv1.RefreshSessionResponse{
		Session: session, Tokens: &identityv1.SessionTokens{AccessToken: "second"},
	}
	request := &mobilev1.ConfirmLoginRequest{RequestId: uuid.NewString()}
	first, err := a.auth.ConfirmLogin(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	key := first.GetSessionKey()
	if key.GetKeyId() != session.GetId() || key.GetAlgorithm() != "hmac-sha256" || len(key.GetSecret()) != 32 {
		t.Errorf("key %s of %d bytes for %s", key.GetKeyId(), len(key.GetSecret()), key.GetAlgorithm())
	}
	again, err := a.auth.ConfirmLogin(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.GetSessionKey().GetSecret(), key.GetSecret()) {
		t.Error("a repeat holds another key")
	}
	refreshed, err := a.auth.RefreshSession(ctx, &mobilev1.RefreshSessionRequest{RequestId: uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	if next := refreshed.GetSessionKey(); next.GetKeyId() != key.GetKeyId() || bytes.Equal(next.GetSecret(), key.GetSecret()) {
		t.Error("the next pair of tokens has the key of the one before")
	}
}
