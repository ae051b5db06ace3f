package edge_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lendgate/lendgate/bff/edge"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

func TestAGoodRequestPasses(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	got := r.send(t, r.sign(t, r.home(t)))
	if got.status != http.StatusOK || !bytes.Contains(got.body, []byte("Demo")) {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	who := r.screens.who.Load()
	if who.TenantID != "demo" || who.Kind != actor.KindPerson || who.PersonID != r.person || who.DeviceID != r.device || who.RequestID == "" {
		t.Errorf("the screen saw %+v", who)
	}
	if got.header.Get("X-Request-Id") != who.RequestID || got.header.Get("RateLimit") == "" {
		t.Errorf("headers %v", got.header)
	}
}

// TestRefusals sends requests that are each wrong in one way: the answer has the documented code and reason, and no screen is reached.
func TestRefusals(t *testing.T) {
	t.Parallel()
	bomb := func() []byte {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(bytes.Repeat([]byte("0"), 8<<20))
		w.Close()
		return packed.Bytes()
	}
	replaceBody := func(req *http.Request, body []byte) {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	tests := []struct {
		name   string
		make   func(t *testing.T, r *rig) *http.Request
		status int
		reason string
	}{
		{"no signature", func(t *testing.T, r *rig) *http.Request { return r.home(t) }, 401, "SIGNATURE_INVALID"},
		{"a header changed after signing", func(t *testing.T, r *rig) *http.Request {
			req := r.sign(t, r.home(t))
			req.Header.Set("Authorization", "Bearer other")
			return req
		}, 401, "SIGNATURE_INVALID"},
		{"the body changed after signing", func(t *testing.T, r *rig) *http.Request {
			req := r.sign(t, r.pay(t))
			replaceBody(req, []byte(`{}`))
			return req
		}, 401, "SIGNATURE_INVALID"},
		{"a path signed for another RPC", func(t *testing.T, r *rig) *http.Request {
			req := r.sign(t, r.home(t))
			req.URL.Path = mobilev1connect.PayServiceStartPaymentProcedure
			return req
		}, 401, "SIGNATURE_INVALID"},
		{"a key that nobody enrolled", func(t *testing.T, r *rig) *http.Request {
			r.phone.Key.ID = strings.Repeat("A", 43)
			return r.sign(t, r.home(t))
		}, 401, "SIGNATURE_INVALID"},
		{"signed 91 seconds ago", func(t *testing.T, r *rig) *http.Request {
			req := r.sign(t, r.home(t))
			r.clock.Advance(91 * time.Second)
			return req
		}, 401, "CLOCK_SKEW"},
		{"signed 31 seconds ahead", func(t *testing.T, r *rig) *http.Request {
			r.phone.Now = func() time.Time { return noon.Add(31 * time.Second) }
			return r.sign(t, r.home(t))
		}, 401, "CLOCK_SKEW"},
		{"no session", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.request(t, mobilev1connect.HomeServiceGetHomeProcedure, &mobilev1.GetHomeRequest{}))
		}, 401, "SESSION_REQUIRED"},
		{"a session of another device", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Authorization", "Bearer of-another-device")
			return r.sign(t, req)
		}, 401, "SESSION_EXPIRED"},
		{"an unknown session", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Authorization", "Bearer unknown")
			return r.sign(t, req)
		}, 401, "SESSION_EXPIRED"},
		{"a session that has ended", func(t *testing.T, r *rig) *http.Request {
			r.clock.Advance(11 * time.Minute)
			return r.sign(t, r.home(t))
		}, 401, "SESSION_EXPIRED"},
		{"no such RPC", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.request(t, "/lendgate.mobile.v1.HomeService/GetAway", &mobilev1.GetHomeRequest{}))
		}, 501, "UNKNOWN_RPC"},
		{"an RPC of a backend", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.request(t, "/lendgate.identity.v1.SessionService/AuthenticateSession", &identityv1.AuthenticateSessionRequest{AccessToken: "x"}))
		}, 501, "UNKNOWN_RPC"},
		{"a mutation by GET", func(t *testing.T, r *rig) *http.Request {
			req := r.pay(t)
			req.Method, req.URL.RawQuery = http.MethodGet, "connect=v1&encoding=json&message=%7B%7D"
			replaceBody(req, nil)
			return req
		}, 501, "METHOD_NOT_ALLOWED"},
		{"no such lender", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set(edge.TenantHeader, "nobody")
			return r.sign(t, req)
		}, 404, "TENANT_UNKNOWN"},
		{"an app that is too old", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set(edge.AppPlatformHeader, "ios")
			req.Header.Set(edge.AppVersionHeader, "2.9.9")
			return r.sign(t, req)
		}, 400, "APP_UPGRADE_REQUIRED"},
		{"a money call without an idempotency key", func(t *testing.T, r *rig) *http.Request {
			req := r.pay(t)
			req.Header.Del(edge.IdempotencyKeyHeader)
			return r.sign(t, req)
		}, 401, "SIGNATURE_INVALID"},
		{"a mutation without an idempotency key", func(t *testing.T, r *rig) *http.Request {
			req := r.request(t, mobilev1connect.AuthServiceStartLoginProcedure, &mobilev1.StartLoginRequest{RequestId: uuid.NewString(), Phone: "+380501234567"})
			req.Header.Del(edge.IdempotencyKeyHeader)
			return r.sign(t, req)
		}, 400, "IDEMPOTENCY_KEY_REQUIRED"},
		{"an idempotency key that is not the request_id", func(t *testing.T, r *rig) *http.Request {
			req := r.request(t, mobilev1connect.AuthServiceStartLoginProcedure, &mobilev1.StartLoginRequest{RequestId: uuid.NewString(), Phone: "+380501234567"})
			req.Header.Set(edge.IdempotencyKeyHeader, uuid.NewString())
			return r.sign(t, req)
		}, 400, "IDEMPOTENCY_KEY_MISMATCH"},
		{"a field that breaks the contract", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.request(t, mobilev1connect.AuthServiceStartLoginProcedure, &mobilev1.StartLoginRequest{RequestId: uuid.NewString(), Phone: "123"}))
		}, 400, "INVALID_REQUEST"},
		{"bytes that are no message", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			replaceBody(req, []byte(`{"unclosed`))
			return r.sign(t, req)
		}, 400, "MALFORMED_REQUEST"},
		{"bytes that are no message, in Protobuf", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Content-Type", "application/proto")
			replaceBody(req, []byte{0xff, 0xff})
			return r.sign(t, req)
		}, 400, "MALFORMED_REQUEST"},
		{"a content type of nobody", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Content-Type", "text/xml")
			return r.sign(t, req)
		}, 400, "MALFORMED_REQUEST"},
		{"a body above the limit", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			replaceBody(req, bytes.Repeat([]byte(" "), 65<<10))
			return r.sign(t, req)
		}, 429, "REQUEST_TOO_LARGE"},
		{"a small body that unpacks above the limit", func(t *testing.T, r *rig) *http.Request {
			req := r.home(t)
			req.Header.Set("Content-Encoding", "gzip")
			replaceBody(req, bomb())
			return r.sign(t, req)
		}, 429, "REQUEST_TOO_LARGE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRig(t, edge.Config{})
			got := r.send(t, test.make(t, r))
			if got.status != test.status || got.reason != test.reason {
				t.Errorf("answered %d %s, want %d %s: %s", got.status, got.reason, test.status, test.reason, got.body)
			}
			if n := r.screens.calls.Load(); n != 0 {
				t.Errorf("a screen was reached %d times", n)
			}
		})
	}
}

func TestAReplayIsRefusedAndTheFirstAnswerStands(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	first := r.sign(t, r.pay(t))
	again := first.Clone(t.Context())
	again.Body, _ = first.GetBody()
	if got := r.send(t, first); got.status != http.StatusOK {
		t.Fatalf("the first was answered %d %s", got.status, got.body)
	}
	if got := r.send(t, again); got.status != http.StatusConflict || got.reason != "REPLAYED" {
		t.Errorf("the replay was answered %d %s", got.status, got.reason)
	}
	if n := r.screens.calls.Load(); n != 1 {
		t.Errorf("the screen was reached %d times", n)
	}
}

func TestANonceIsNotBurntByABadSignature(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	good := r.sign(t, r.home(t))
	bad := good.Clone(t.Context())
	bad.Body, _ = good.GetBody()
	bad.Header.Set("Signature", strings.Replace(bad.Header.Get("Signature"), "=:", "=:AAAA", 1))
	if got := r.send(t, bad); got.status != http.StatusUnauthorized {
		t.Fatalf("the bad one was answered %d", got.status)
	}
	if got := r.send(t, good); got.status != http.StatusOK {
		t.Errorf("the good one was answered %d %s", got.status, got.reason)
	}
}

func TestARevokedDeviceIsOutWithinTheCacheLifetime(t *testing.T) {
	t.Parallel()
	r, identity := newRig(t, edge.Config{})
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Fatalf("before: %d", got.status)
	}
	identity.revoked.Store(true)
	r.clock.Advance(5 * time.Second)
	if got := r.send(t, r.sign(t, r.home(t))); got.reason != "SIGNATURE_INVALID" {
		t.Errorf("5 s after the revocation: %d %s", got.status, got.reason)
	}
}

func TestPermissionIsAsked(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{}, typev1.Permission_PERMISSION_LOAN_READ)
	if got := r.send(t, r.sign(t, r.pay(t))); got.status != http.StatusForbidden || got.reason != "PERMISSION_DENIED" {
		t.Errorf("answered %d %s", got.status, got.reason)
	}
}

func TestEnrolmentIsSignedByTheKeyItPresents(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	enrol := func(t *testing.T) *http.Request {
		t.Helper()
		return r.request(t, mobilev1connect.AuthServiceEnrollDeviceProcedure, &mobilev1.EnrollDeviceRequest{
			RequestId: uuid.NewString(), PublicKey: r.public, Platform: identityv1.Platform_PLATFORM_IOS,
		})
	}
	header, err := edge.PresentKey(r.public)
	if err != nil {
		t.Fatal(err)
	}
	req := enrol(t)
	req.Header.Set(edge.DeviceKeyHeader, header)
	if got := r.send(t, r.sign(t, req)); got.status != http.StatusOK {
		t.Errorf("answered %d %s: %s", got.status, got.reason, got.body)
	}
	for name, other := range map[string]string{
		"none": "", "no key": base64.RawURLEncoding.EncodeToString([]byte("{}")), "no base64": "!", "another's": otherKey(t),
	} {
		req := enrol(t)
		req.Header.Set(edge.DeviceKeyHeader, other)
		if got := r.send(t, r.sign(t, req)); got.reason != "SIGNATURE_INVALID" {
			t.Errorf("presented %s: answered %d %s", name, got.status, got.reason)
		}
	}
}

// otherKey is the header of a phone that did not sign.
func otherKey(t *testing.T) string {
	t.Helper()
	other, _ := newRig(t, edge.Config{})
	header, err := edge.PresentKey(other.public)
	if err != nil {
		t.Fatal(err)
	}
	return header
}

func TestAMinuteIsUsedUp(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{PerDevice: 3})
	for i := range 3 {
		if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
			t.Fatalf("request %d: %d", i+1, got.status)
		}
	}
	got := r.send(t, r.sign(t, r.home(t)))
	if got.status != http.StatusTooManyRequests || got.reason != "RATE_LIMITED" || got.header.Get("Retry-After") == "" {
		t.Errorf("the fourth: %d %s %v", got.status, got.reason, got.header)
	}
}

func TestTheSameRequestTwiceAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.screens.block = make(chan struct{})
	first, second := r.pay(t), (*http.Request)(nil)
	second = first.Clone(t.Context())
	second.Body, _ = first.GetBody()
	done := make(chan answer)
	go func() { done <- r.send(t, r.sign(t, first)) }()
	for r.screens.calls.Load() == 0 { // The first is inside the screen.
		select {
		case got := <-done:
			t.Fatalf("the first was answered early: %d %s", got.status, got.reason)
		default:
		}
	}
	if got := r.send(t, r.sign(t, second)); got.status != http.StatusConflict || got.reason != "IN_PROGRESS" {
		t.Errorf("the second: %d %s", got.status, got.reason)
	}
	close(r.screens.block)
	if got := <-done; got.status != http.StatusOK {
		t.Errorf("the first: %d %s", got.status, got.reason)
	}
}

func TestGetIsCachedByItsTag(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	get := func(tag string) answer {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+mobilev1connect.HomeServiceGetHomeProcedure+"?connect=v1&encoding=json&message=%7B%7D", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		return r.send(t, r.sign(t, r.loggedIn(req)))
	}
	first := get("")
	if first.status != http.StatusOK || !strings.HasPrefix(first.header.Get("ETag"), `W/"`) || first.header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("answered %d %v", first.status, first.header)
	}
	if again := get(first.header.Get("ETag")); again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("asked again: %d, %d bytes", again.status, len(again.body))
	}
	if other := get(`W/"other"`); other.status != http.StatusOK {
		t.Errorf("asked with another tag: %d", other.status)
	}
}

func TestRefusalsSpeakTheCallersLanguage(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	for accept, want := range map[string]string{
		"en-GB,en;q=0.9": "Please log in.", "uk": "Увійдіть, будь ласка.", "": "Увійдіть, будь ласка.", "ja": "Увійдіть, будь ласка.",
	} {
		req := r.request(t, mobilev1connect.HomeServiceGetHomeProcedure, &mobilev1.GetHomeRequest{})
		req.Header.Set("Accept-Language", accept)
		if got := r.send(t, r.sign(t, req)); got.words != want {
			t.Errorf("%q: said %q, want %q", accept, got.words, want)
		}
	}
}

func TestEveryReasonHasWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	for number := range typev1.ErrorReason_name {
		if number == 0 {
			continue
		}
		r.screens.fail = rpcerr.Precondition(typev1.ErrorReason(number), "for the test")
		for _, locale := range []string{"en", "uk"} {
			req := r.home(t)
			req.Header.Set("Accept-Language", locale)
			if got := r.send(t, r.sign(t, req)); got.words == "" || got.reason != rpcerr.Name(typev1.ErrorReason(number)) {
				t.Errorf("%s in %s: said %q with reason %s", typev1.ErrorReason(number), locale, got.words, got.reason)
			}
		}
	}
}

func TestAPanicIsAnInternalErrorWithoutItsCause(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.edge.Handle("GET /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret cause") }))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+"/panic", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := r.send(t, req)
	if got.status != http.StatusInternalServerError || got.reason != "INTERNAL" || bytes.Contains(got.body, []byte("secret")) {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestDrainServesAndSendsCallersAway(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.edge.Drain()
	req := r.sign(t, r.home(t))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !res.Close || r.edge.Ready() {
		t.Errorf("answered %d, the connection ends %v, ready %v", res.StatusCode, res.Close, r.edge.Ready())
	}
}

func TestConfigurationNeedsNoKey(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	got := r.send(t, r.request(t, mobilev1connect.AppServiceGetAppConfigProcedure, &mobilev1.GetAppConfigRequest{}))
	var config struct {
		TenantID string `json:"tenantId"`
	}
	if err := json.Unmarshal(got.body, &config); err != nil || got.status != http.StatusOK || config.TenantID != "demo" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
