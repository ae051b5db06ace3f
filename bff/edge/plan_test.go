package edge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/internal/tenant"
)

// lender is the rig's, as a new plan has it.
func lender(t *testing.T, change func(*tenant.Tenant)) *tenant.Directory {
	t.Helper()
	l := &tenant.Tenant{ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk"}}
	change(l)
	lenders, err := tenant.NewDirectory(l)
	if err != nil {
		t.Fatal(err)
	}
	return lenders
}

// fromIPhone asks for the home screen with an app of version 3.0.
func fromIPhone(t *testing.T, r *rig) answer {
	t.Helper()
	req := r.home(t)
	req.Header.Set(edge.AppPlatformHeader, "ios")
	req.Header.Set(edge.AppVersionHeader, "3.0")
	return r.send(t, r.sign(t, req))
}

func TestAPlanIsExchangedWhileRequestsRun(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	release := occupy(t, r, 1) // It began by the old plan, in which its version is served, and ends well.
	closed := lender(t, func(l *tenant.Tenant) { l.MinAppVersions = map[string]string{"ios": "4.0"} })
	if err := r.edge.Replan(closed, edge.Limits{PerDevice: 2}); err != nil {
		t.Fatal(err)
	}
	if got := fromIPhone(t, r); got.reason != "APP_UPGRADE_REQUIRED" {
		t.Errorf("by the new plan: %d %s", got.status, got.reason)
	}
	release()
	for range 2 {
		if got := r.send(t, r.sign(t, r.home(t))); got.status != http.StatusOK {
			t.Errorf("within the new limit: %d %s", got.status, got.reason)
		}
	}
	if got := r.send(t, r.sign(t, r.home(t))); got.reason != "RATE_LIMITED" {
		t.Errorf("beyond the new limit: %d %s", got.status, got.reason)
	}
	if got := r.send(t, r.signAs(t, r.keys["shop-hmac"], r.products(t))); got.reason != "SIGNATURE_INVALID" {
		t.Errorf("a partner that the new plan does not know: %d %s", got.status, got.reason)
	}
}

func TestABadPlanLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	broken := lender(t, func(l *tenant.Tenant) {
		l.MinAppVersions = map[string]string{"ios": "4.0"}
		l.Partners = []tenant.Partner{{ID: "shop-demo", Keys: []tenant.PartnerKey{{ID: "k", JWK: []byte(`{"kty": "none"}`)}}}}
	})
	err := r.edge.Replan(broken, edge.Limits{PerAddress: -1})
	if err == nil || !strings.Contains(err.Error(), `key "k"`) || !strings.Contains(err.Error(), "per_address") {
		t.Errorf("said %v", err)
	}
	if got := fromIPhone(t, r); got.status != http.StatusOK {
		t.Errorf("by the old plan: %d %s", got.status, got.reason)
	}
}
