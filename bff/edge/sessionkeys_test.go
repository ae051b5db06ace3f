package edge_test

import (
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

// bySession is the phone that signs with the key of the rig's session and this access token.
func (r *rig) bySession(t testing.TB, token string) signature.Signer {
	t.Helper()
	secret, err := r.sessionKeys.Make("demo", r.session, r.device, token)
	if err != nil {
		t.Fatal(err)
	}
	signer := r.phone
	signer.Key = signature.Key{ID: r.session, Algorithm: signature.HMACSHA256, Secret: secret}
	return signer
}

// signedBy signs a request.
func signedBy(t testing.TB, signer signature.Signer, req *http.Request) *http.Request {
	t.Helper()
	if err := signer.Sign(req); err != nil {
		t.Fatal(err)
	}
	return req
}

// withToken replaces the access token of a request.
func withToken(req *http.Request, token string) *http.Request {
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

func TestASessionSignsByItsKey(t *testing.T) {
	t.Parallel()
	r, standIn := newRig(t, edge.Config{})
	if got := r.send(t, signedBy(t, r.bySession(t, r.token), r.home(t))); got.status != http.StatusOK {
		t.Fatalf("answered %d %s: %s", got.status, got.reason, got.body)
	}
	who := r.screens.who.Load()
	if who.PersonID != r.person || who.DeviceID != r.device || who.SessionID != r.session {
		t.Errorf("called as %+v", who)
	}
	if looks := standIn.looks.Load(); looks != 0 {
		t.Errorf("the device's key was looked for %d times", looks)
	}
}

func TestThePairBeforeSignsInItsGrace(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	before := r.token + "-before"
	if got := r.send(t, signedBy(t, r.bySession(t, before), withToken(r.home(t), before))); got.status != http.StatusOK {
		t.Errorf("answered %d %s: %s", got.status, got.reason, got.body)
	}
}

func TestSessionKeysAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		make   func(t *testing.T, r *rig) *http.Request
		reason string
	}{
		{"for what moves money", func(t *testing.T, r *rig) *http.Request {
			return signedBy(t, r.bySession(t, r.token), r.pay(t))
		}, "SIGNATURE_INVALID"},
		{"for a login", func(t *testing.T, r *rig) *http.Request {
			return signedBy(t, r.bySession(t, r.token), r.loggedIn(r.request(t, mobilev1connect.AuthServiceStartLoginProcedure,
				&mobilev1.StartLoginRequest{RequestId: uuid.NewString(), Phone: "+380501234567"})))
		}, "SIGNATURE_INVALID"},
		{"for an enrolment", func(t *testing.T, r *rig) *http.Request {
			req := r.request(t, mobilev1connect.AuthServiceEnrollDeviceProcedure, &mobilev1.EnrollDeviceRequest{
				RequestId: uuid.NewString(), PublicKey: r.public, Platform: identityv1.Platform_PLATFORM_IOS,
			})
			return signedBy(t, r.bySession(t, r.token), r.loggedIn(req))
		}, "SIGNATURE_INVALID"},
		{"without an access token", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Del("Authorization")
			return signedBy(t, r.bySession(t, r.token), req)
		}, "SIGNATURE_INVALID"},
		{"with the token of another session on the same device", func(t *testing.T, r *rig) *http.Request {
			return signedBy(t, r.bySession(t, r.token), withToken(r.home(t), "access-token-of-another"))
		}, "SIGNATURE_INVALID"},
		{"with the token of another generation", func(t *testing.T, r *rig) *http.Request {
			return signedBy(t, r.bySession(t, r.token+"-before"), r.home(t))
		}, "SIGNATURE_INVALID"},
		{"with a token that opens nothing", func(t *testing.T, r *rig) *http.Request {
			return signedBy(t, r.bySession(t, r.token), withToken(r.home(t), "unknown"))
		}, "SESSION_EXPIRED"},
		{"after the session has ended", func(t *testing.T, r *rig) *http.Request {
			r.clock.Advance(11 * time.Minute)
			return signedBy(t, r.bySession(t, r.token), r.home(t))
		}, "SESSION_EXPIRED"},
		{"stolen bearer without any key (L09)", func(t *testing.T, r *rig) *http.Request {
			thief := r.phone
			thief.Key = signature.Key{ID: r.session, Algorithm: signature.HMACSHA256, Secret: make([]byte, 32)}
			return signedBy(t, thief, r.home(t))
		}, "SIGNATURE_INVALID"},
		{"the device's public key as the secret of its own id (S11)", func(t *testing.T, r *rig) *http.Request {
			confused := r.phone
			confused.Key = signature.Key{ID: r.keyID, Algorithm: signature.HMACSHA256, Secret: []byte(r.public.GetX() + r.public.GetY())}
			return signedBy(t, confused, r.home(t))
		}, "SIGNATURE_INVALID"},
		{"the device's private key under the session's id (S12)", func(t *testing.T, r *rig) *http.Request {
			confused := r.phone
			confused.Key.ID = r.session
			return signedBy(t, confused, r.home(t))
		}, "SIGNATURE_INVALID"},
		{"the session's secret under the device's id (S12)", func(t *testing.T, r *rig) *http.Request {
			confused := r.bySession(t, r.token)
			confused.Key.ID = r.keyID
			return signedBy(t, confused, r.home(t))
		}, "SIGNATURE_INVALID"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRig(t, edge.Config{})
			got := r.send(t, test.make(t, r))
			if got.status != http.StatusUnauthorized || got.reason != test.reason {
				t.Errorf("answered %d %s, want 401 %s: %s", got.status, got.reason, test.reason, got.body)
			}
			if n := r.screens.calls.Load(); n != 0 {
				t.Errorf("a screen was reached %d times", n)
			}
		})
	}
}

func TestTheEndOfASessionEndsItsKeyWithinTheCacheLifetime(t *testing.T) {
	t.Parallel()
	r, standIn := newRig(t, edge.Config{})
	phone := r.bySession(t, r.token)
	if got := r.send(t, signedBy(t, phone, r.home(t))); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	standIn.ended.Store(true)
	r.clock.Advance(5*time.Second + time.Millisecond)
	if got := r.send(t, signedBy(t, phone, r.home(t))); got.status != http.StatusUnauthorized || got.reason != "SESSION_EXPIRED" {
		t.Errorf("answered %d %s, want SESSION_EXPIRED", got.status, got.reason)
	}
}

func TestAReplayUnderASessionKeyIsRefused(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	first := signedBy(t, r.bySession(t, r.token), r.home(t))
	again := first.Clone(t.Context())
	again.Body, _ = first.GetBody()
	if got := r.send(t, first); got.status != http.StatusOK {
		t.Fatalf("the first was answered %d %s", got.status, got.body)
	}
	if got := r.send(t, again); got.code != connect.CodeAborted.String() || got.reason != "REPLAYED" {
		t.Errorf("the second was answered %s %s", got.code, got.reason)
	}
}

// TestMadeUpTokensAreLookedForWithinABudget floods the edge with tokens that nobody has: what they cost identity is bounded, and those who
// called lately go on.
func TestMadeUpTokensAreLookedForWithinABudget(t *testing.T) {
	t.Parallel()
	r, standIn := newRig(t, edge.Config{})
	phone := r.bySession(t, r.token)
	if got := r.send(t, signedBy(t, phone, r.home(t))); got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	const budget = 1000
	for range budget + 200 {
		r.send(t, signedBy(t, phone, withToken(r.home(t), uuid.NewString())))
	}
	if looks := standIn.authenticated.Load(); looks > budget+1 {
		t.Errorf("%d tokens were looked for", looks)
	}
	if got := r.send(t, signedBy(t, phone, r.home(t))); got.status != http.StatusOK {
		t.Errorf("who called lately was answered %d %s", got.status, got.reason)
	}
}
