package edge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/tenant"
)

// ListProducts makes the screens of the rig a catalogue for partners too.
func (s *screens) ListProducts(ctx context.Context, _ *partnerv1.ListProductsRequest) (*partnerv1.ListProductsResponse, error) {
	if s.products != nil {
		return &partnerv1.ListProductsResponse{Products: s.products}, s.enter(ctx)
	}
	return &partnerv1.ListProductsResponse{Products: []*partnerv1.Product{{Code: "cash"}}}, s.enter(ctx)
}

// shops are the partners of the rig's lender: a shop that calls from anywhere with a key of each kind, and a kiosk that calls from its own
// network alone. The keys can sign; those that are out of their time say nothing of it, so that they sign all the same.
func shops(t testing.TB) ([]tenant.Partner, map[string]signature.Key) {
	t.Helper()
	keys := map[string]signature.Key{}
	record := func(id string) tenant.PartnerKey {
		keys[id] = newKey(t, id)
		return tenant.PartnerKey{ID: id, JWK: publicJWK(t, keys[id])}
	}
	shop := tenant.Partner{ID: "shop-demo", Name: "Demo Shop", Keys: []tenant.PartnerKey{record("shop-ed25519")}}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if keys["shop-p256"], err = signature.NewKey("shop-p256", ec); err != nil {
		t.Fatal(err)
	}
	old, coming := record("shop-old"), record("shop-coming")
	old.NotAfter, coming.NotBefore = noon.Add(-time.Second), noon.Add(time.Second)
	secret := make([]byte, 32)
	rand.Read(secret)
	keys["shop-hmac"] = signature.Key{ID: "shop-hmac", Algorithm: signature.HMACSHA256, Secret: secret}
	shop.Keys = append(shop.Keys, tenant.PartnerKey{ID: "shop-p256", JWK: publicJWK(t, keys["shop-p256"])}, old, coming,
		tenant.PartnerKey{ID: "shop-hmac", SecretFile: secretFile(t, secret)})
	kiosk := tenant.Partner{
		ID: "kiosk-demo", Name: "Demo Kiosk", Keys: []tenant.PartnerKey{record("kiosk")},
		AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}
	return []tenant.Partner{shop, kiosk}, keys
}

// newKey makes an Ed25519 key.
func newKey(t testing.TB, id string) signature.Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.NewKey(id, private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicJWK(t testing.TB, key signature.Key) json.RawMessage {
	t.Helper()
	jwk, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func secretFile(t testing.TB, secret []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(secret)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// products is the request that a partner makes, unsigned.
func (r *rig) products(t testing.TB) *http.Request {
	t.Helper()
	return r.request(t, partnerv1connect.CatalogServiceListProductsProcedure, &partnerv1.ListProductsRequest{})
}

// signAs signs a request by a key of a partner.
func (r *rig) signAs(t testing.TB, key signature.Key, req *http.Request) *http.Request {
	t.Helper()
	signer := signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: func() time.Time { return noon }}
	if err := signer.Sign(req); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestAPartnerPassesByAnyOfItsKeys(t *testing.T) {
	t.Parallel()
	for _, keyID := range []string{"shop-ed25519", "shop-p256", "shop-hmac"} {
		t.Run(keyID, func(t *testing.T) {
			t.Parallel()
			r, _ := newRig(t, edge.Config{})
			got := r.send(t, r.signAs(t, r.keys[keyID], r.products(t)))
			if got.status != http.StatusOK || !strings.Contains(string(got.body), "cash") {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			who := r.screens.who.Load()
			if who.String() != "partner:shop-demo" || who.TenantID != "demo" || who.PersonID != "" || who.DeviceID != "" || who.SessionID != "" || who.RequestID == "" {
				t.Errorf("the catalogue saw %+v", who)
			}
			if !strings.HasPrefix(got.header.Get("RateLimit-Policy"), `"partner";`) {
				t.Errorf("counted as %s", got.header.Get("RateLimit-Policy"))
			}
		})
	}
}

// TestPartnerRefusals sends requests that are each wrong in one way. Nothing is reached, and nothing is said but the documented reason.
func TestPartnerRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		make   func(t *testing.T, r *rig) *http.Request
		status int
		reason string
	}{
		{"no signature", func(t *testing.T, r *rig) *http.Request { return r.products(t) }, 401, "SIGNATURE_INVALID"},
		{"a key that nobody has", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, newKey(t, "nobody"), r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"another's key under the id of a partner's", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, newKey(t, "shop-ed25519"), r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a key that has ended", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, r.keys["shop-old"], r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a key that has not begun", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, r.keys["shop-coming"], r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"another algorithm than the key has", func(t *testing.T, r *rig) *http.Request {
			key := r.keys["shop-p256"]
			key.ID = "shop-ed25519"
			return r.signAs(t, key, r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a public key taken for a shared secret", func(t *testing.T, r *rig) *http.Request {
			public, _ := r.keys["shop-ed25519"].Public.(ed25519.PublicKey)
			return r.signAs(t, signature.Key{ID: "shop-ed25519", Algorithm: signature.HMACSHA256, Secret: public}, r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a key of another lender's partner", func(t *testing.T, r *rig) *http.Request {
			req := r.products(t)
			req.Header.Set(edge.TenantHeader, "other")
			return r.signAs(t, r.keys["shop-ed25519"], req)
		}, 401, "SIGNATURE_INVALID"},
		{"a device key on a partner's RPC", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.products(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a device key with its session on a partner's RPC", func(t *testing.T, r *rig) *http.Request {
			return r.sign(t, r.loggedIn(r.products(t)))
		}, 401, "SIGNATURE_INVALID"},
		{"a partner's key on a phone's RPC", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, r.keys["shop-p256"], r.home(t))
		}, 401, "SIGNATURE_INVALID"},
		{"a partner's key on a call that moves money", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, r.keys["shop-p256"], r.pay(t))
		}, 401, "SIGNATURE_INVALID"},
		{"another path than was signed", func(t *testing.T, r *rig) *http.Request {
			req := r.signAs(t, r.keys["shop-ed25519"], r.products(t))
			req.URL.Path = partnerv1connect.CatalogServiceQuoteLoanProcedure
			return req
		}, 401, "SIGNATURE_INVALID"},
		{"signed 91 seconds ago", func(t *testing.T, r *rig) *http.Request {
			r.clock.Advance(91 * time.Second)
			return r.signAs(t, r.keys["shop-ed25519"], r.products(t))
		}, 401, "CLOCK_SKEW"},
		{"a network that is not the partner's", func(t *testing.T, r *rig) *http.Request {
			return r.signAs(t, r.keys["kiosk"], r.products(t))
		}, 403, "PERMISSION_DENIED"},
		{"a network that the caller makes up", func(t *testing.T, r *rig) *http.Request {
			req := r.products(t)
			req.Header.Set("X-Forwarded-For", "192.0.2.7")
			return r.signAs(t, r.keys["kiosk"], req)
		}, 403, "PERMISSION_DENIED"},
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
				t.Errorf("something was reached %d times", n)
			}
		})
	}
}

func TestAPartnerPassesFromItsNetwork(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for address, status := range map[string]int{"192.0.2.7": http.StatusOK, "198.51.100.7": http.StatusForbidden} {
		req := r.products(t)
		req.Header.Set("X-Forwarded-For", address)
		if got := r.send(t, r.signAs(t, r.keys["kiosk"], req)); got.status != status {
			t.Errorf("from %s: answered %d %s, want %d", address, got.status, got.reason, status)
		}
	}
}

func TestAPartnersRequestIsGoodOnce(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	first := r.signAs(t, r.keys["shop-ed25519"], r.products(t))
	again := first.Clone(t.Context())
	again.Body, _ = first.GetBody()
	if got := r.send(t, first); got.status != http.StatusOK {
		t.Fatalf("the first was answered %d %s", got.status, got.body)
	}
	if got := r.send(t, again); got.status != http.StatusConflict || got.reason != "REPLAYED" {
		t.Errorf("the replay was answered %d %s", got.status, got.reason)
	}
}

func TestAPartnersSessionIsNotLookedAt(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	for _, token := range []string{r.token, "of-another-device", "unknown", strings.Repeat("x", 200)} {
		req := r.products(t)
		req.Header.Set("Authorization", "Bearer "+token)
		if got := r.send(t, r.signAs(t, r.keys["shop-ed25519"], req)); got.status != http.StatusOK {
			t.Errorf("answered %d %s", got.status, got.reason)
		}
		if who := r.screens.who.Load(); who.Kind != actor.KindPartner || who.PersonID != "" {
			t.Errorf("the catalogue saw %+v", who)
		}
	}
}

func TestAPartnersMinuteIsUsedUpByAllItsKeys(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{PerPartner: 2})
	for _, keyID := range []string{"shop-ed25519", "shop-p256"} {
		if got := r.send(t, r.signAs(t, r.keys[keyID], r.products(t))); got.status != http.StatusOK {
			t.Fatalf("by %s: %d %s", keyID, got.status, got.reason)
		}
	}
	got := r.send(t, r.signAs(t, r.keys["shop-hmac"], r.products(t)))
	if got.status != http.StatusTooManyRequests || got.reason != "RATE_LIMITED" || got.header.Get("Retry-After") == "" {
		t.Errorf("the third: %d %s", got.status, got.reason)
	}
	if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
		t.Errorf("a phone pays for it: %d %s", got.status, got.reason)
	}
}

// TestPartnerKeysThatCannotBeAreRefused starts an edge with keys that must not verify anything: it says so and does not start.
func TestPartnerKeysThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.NewKey("k", private)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	whole.D = base64.RawURLEncoding.EncodeToString(private.Seed())
	privateJWK, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  tenant.PartnerKey
		want string
	}{
		"a private key":        {tenant.PartnerKey{JWK: privateJWK}, "private half"},
		"a secret as a JWK":    {tenant.PartnerKey{JWK: []byte(`{"kty":"oct","k":"` + strings.Repeat("A", 43) + `"}`)}, "belongs in a secret_file"},
		"an RSA key":           {tenant.PartnerKey{JWK: publicJWK(t, signature.Key{Algorithm: signature.RSAPSSSHA512, Public: &rsaKey.PublicKey})}, "do not sign by"},
		"no key":               {tenant.PartnerKey{JWK: []byte(`{}`)}, "JWK"},
		"null":                 {tenant.PartnerKey{JWK: []byte(`null`)}, "JWK"},
		"a secret of 31 bytes": {tenant.PartnerKey{SecretFile: secretFile(t, make([]byte, 31))}, "at least 32 bytes"},
		"a file without one":   {tenant.PartnerKey{SecretFile: filepath.Join(t.TempDir(), "absent")}, "no such file"},
	} {
		c.key.ID = "k"
		lenders, err := tenant.NewDirectory(&tenant.Tenant{
			ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk"},
			Partners: []tenant.Partner{{ID: "shop-demo", Keys: []tenant.PartnerKey{c.key}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = edge.New(edge.Config{}, edge.Deps{Tenants: lenders})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `partner "shop-demo": key "k"`) {
			t.Errorf("%s: said %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), whole.D) {
			t.Errorf("%s: the fault shows the key", name)
		}
	}
}
