package sim_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/fcm/sim"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
)

// These tests speak Google's wire format by hand, without the SDK.

const base = "http://push.demo"

type service struct {
	*sim.Simulator
	account sim.Account
	key     *rsa.PrivateKey
	now     time.Time
}

func newService(t *testing.T) *service {
	t.Helper()
	account, err := sim.NewAccount("lendgate-demo", base, nil)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PrivateKey string `json:"private_key"`
		TokenURI   string `json:"token_uri"`
	}
	if err := json.Unmarshal(account.JSON, &file); err != nil || file.TokenURI != base+"/token" {
		t.Fatalf("account %s: %v", account.JSON, err)
	}
	block, _ := pem.Decode([]byte(file.PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	s, err := sim.New(sim.Options{Accounts: []sim.Account{account}, Clock: simkit.NewManual(now)})
	if err != nil {
		t.Fatal(err)
	}
	return &service{s, account, key.(*rsa.PrivateKey), now}
}

// assertion signs claims as a client would.
func (s *service) assertion(t *testing.T, header string, change func(map[string]any)) string {
	t.Helper()
	claims := map[string]any{
		"iss": s.account.Email, "aud": base + "/token", "iat": s.now.Unix(), "exp": s.now.Add(time.Hour).Unix(),
		"scope": "https://www.googleapis.com/auth/firebase.messaging",
	}
	if change != nil {
		change(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (s *service) exchange(assertion string) *httptest.ResponseRecorder {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	request := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	return recorder
}

const rs256 = `{"alg":"RS256","typ":"JWT"}`

func TestAssertionsThatGetNoToken(t *testing.T) {
	t.Parallel()
	s := newService(t)
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	tests := map[string]string{
		"no JWT":          "x",
		"no signature":    strings.Join(strings.Split(s.assertion(t, rs256, nil), ".")[:2], ".") + ".",
		"alg none":        s.assertion(t, `{"alg":"none"}`, nil),
		"alg HS256":       s.assertion(t, `{"alg":"HS256"}`, nil),
		"another issuer":  s.assertion(t, rs256, set("iss", "stranger@example.com")),
		"another service": s.assertion(t, rs256, set("aud", "https://oauth2.googleapis.com/token")),
		"expired":         s.assertion(t, rs256, set("exp", s.now.Add(-time.Second).Unix())),
		"not yet issued":  s.assertion(t, rs256, set("iat", s.now.Add(time.Hour).Unix())),
		"valid for a day": s.assertion(t, rs256, set("exp", s.now.Add(24*time.Hour).Unix())),
		"another scope":   s.assertion(t, rs256, set("scope", "https://www.googleapis.com/auth/drive")),
	}
	for name, assertion := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.exchange(assertion); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "invalid_grant") {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	granted := s.exchange(s.assertion(t, rs256, nil))
	if err := json.Unmarshal(granted.Body.Bytes(), &token); err != nil || token.ExpiresIn != 3599 || token.TokenType != "Bearer" {
		t.Fatalf("%d %s: %v", granted.Code, granted.Body, err)
	}
	tests := []struct {
		name, body string
		status     int
		rpc, code  string
	}{
		{"dead", `{"message":{"token":"dead-1"}}`, 404, "NOT_FOUND", "UNREGISTERED"},
		{"mismatch", `{"message":{"token":"mismatch-1"}}`, 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"},
		{"quota", `{"message":{"token":"quota-1"}}`, 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"},
		{"unavailable", `{"message":{"token":"unavailable-1"}}`, 503, "UNAVAILABLE", "UNAVAILABLE"},
		{"internal", `{"message":{"token":"internal-1"}}`, 500, "INTERNAL", "INTERNAL"},
		{"apns", `{"message":{"token":"apns-1"}}`, 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"},
		{"no message", `{}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"no recipient", `{"message":{}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"an unknown field", `{"message":{"token":"t","colour":"red"}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"data that is no text", `{"message":{"token":"t","data":{"a":1}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
		{"a reserved key", `{"message":{"token":"t","data":{"from":"x"}}}`, 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(http.MethodPost, "/v1/projects/lendgate-demo/messages:send", strings.NewReader(test.body))
			request.Header.Set("Authorization", "Bearer "+token.AccessToken)
			recorder := httptest.NewRecorder()
			s.ServeHTTP(recorder, request)
			want := fmt.Sprintf(`"details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}]`, test.code)
			if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), want) ||
				!strings.Contains(recorder.Body.String(), `"status":"`+test.rpc+`"`) {
				t.Errorf("%d %s", recorder.Code, recorder.Body)
			}
		})
	}
	t.Run("validate only delivers nothing", func(t *testing.T) {
		t.Parallel()
		request := httptest.NewRequest(http.MethodPost, "/v1/projects/lendgate-demo/messages:send",
			strings.NewReader(`{"validate_only":true,"message":{"token":"t"}}`))
		request.Header.Set("Authorization", "Bearer "+token.AccessToken)
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK || len(s.Messages("")) != 0 {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
	})
}
