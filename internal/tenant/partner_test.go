package tenant_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/tenant"
)

// lender is a directory of one lender with these partners, in JSON.
func lender(partners string) []byte {
	return []byte(`[{"id": "demo", "name": "Demo Lender", "currency": "UAH", "country": "UA", "time_zone": "Europe/Kyiv", "locales": ["uk"],
		"partners": ` + partners + `}]`)
}

func TestPartnersAreRead(t *testing.T) {
	t.Parallel()
	directory, err := tenant.Parse(lender(`[{"id": "shop-demo", "name": "Demo Shop", "allowed_networks": ["192.0.2.0/24", "2001:db8::/32"], "keys": [
		{"id": "shop-1", "jwk": {"kty": "OKP"}, "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"},
		{"id": "shop-2", "secret_file": "/run/secrets/shop"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := directory.Default().Partner("shop-demo")
	want := tenant.Partner{
		ID: "shop-demo", Name: "Demo Shop",
		AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Keys: []tenant.PartnerKey{
			{
				ID: "shop-1", JWK: []byte(`{"kty": "OKP"}`), NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
				NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
			},
			{ID: "shop-2", SecretFile: "/run/secrets/shop"},
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); !ok || diff != "" {
		t.Errorf("found %v (-want +got):\n%s", ok, diff)
	}
	if _, ok := directory.Default().Partner("nobody"); ok {
		t.Error("found a partner that is not there")
	}
}

func TestPartnersThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ partners, want string }{
		"no id":                          {`[{"name": "x"}]`, "beginning with a letter"},
		"an id with capitals":            {`[{"id": "Shop"}]`, "beginning with a letter"},
		"the same partner twice":         {`[{"id": "shop"}, {"id": "shop"}]`, "stands twice"},
		"a key without an id":            {`[{"id": "shop", "keys": [{"jwk": {}}]}]`, "id: one to 64"},
		"a key id that breaks a header":  {`[{"id": "shop", "keys": [{"id": "a\"b", "jwk": {}}]}]`, "id: one to 64"},
		"a key of nothing":               {`[{"id": "shop", "keys": [{"id": "k"}]}]`, "one of them"},
		"a key of both kinds":            {`[{"id": "shop", "keys": [{"id": "k", "jwk": {}, "secret_file": "f"}]}]`, "one of them"},
		"a key that ends first":          {`[{"id": "shop", "keys": [{"id": "k", "jwk": {}, "not_before": "2027-01-01T00:00:00Z", "not_after": "2026-01-01T00:00:00Z"}]}]`, "ends before"},
		"one key id of two partners":     {`[{"id": "shop", "keys": [{"id": "k", "jwk": {}}]}, {"id": "kiosk", "keys": [{"id": "k", "jwk": {}}]}]`, "both demo/shop and demo/kiosk"},
		"a network without its length":   {`[{"id": "shop", "allowed_networks": ["192.0.2.1"]}]`, "192.0.2.1"},
		"an empty network":               {`[{"id": "shop", "allowed_networks": [""]}]`, "no network"},
		"an IPv4 network in IPv6":        {`[{"id": "shop", "allowed_networks": ["::ffff:192.0.2.0/120"]}]`, "no network"},
		"a misspelt list of networks":    {`[{"id": "shop", "allowed_network": ["192.0.2.0/24"]}]`, "unknown field"},
		"a secret that stands in itself": {`[{"id": "shop", "keys": [{"id": "k", "secret": "c2VjcmV0"}]}]`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tenant.Parse(lender(c.partners)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("said %v, want %q", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"null": `[null]`, "something after it": string(lender(`[]`)) + "{}", "nothing": ``} {
		if _, err := tenant.Parse([]byte(text)); err == nil {
			t.Errorf("took %s for a directory", name)
		}
	}
}

func TestAKeyIDIsOfOneLender(t *testing.T) {
	t.Parallel()
	lender := func(id string) *tenant.Tenant {
		return &tenant.Tenant{
			ID: id, Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk"},
			Partners: []tenant.Partner{{ID: "shop", Keys: []tenant.PartnerKey{{ID: "k", JWK: []byte(`{}`)}}}},
		}
	}
	if _, err := tenant.NewDirectory(lender("demo"), lender("other")); err == nil || !strings.Contains(err.Error(), "both demo/shop and other/shop") {
		t.Errorf("said %v", err)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	anywhere := tenant.Partner{}
	somewhere := tenant.Partner{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}
	for address, want := range map[string]bool{
		"192.0.2.7": true, "192.0.3.7": false, "2001:db8::1": true, "2001:db9::1": false, "::ffff:192.0.2.7": false,
	} {
		if got := somewhere.Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("from %s: %v", address, got)
		}
		if !anywhere.Allows(netip.MustParseAddr(address)) {
			t.Errorf("a partner without networks is refused from %s", address)
		}
	}
	if somewhere.Allows(netip.Addr{}) {
		t.Error("an unknown address is of the partner's networks")
	}
}

func TestStaffNetworks(t *testing.T) {
	t.Parallel()
	read := func(networks string) (*tenant.Tenant, error) {
		directory, err := tenant.Parse([]byte(`[{"id": "demo", "name": "Demo Lender", "currency": "UAH", "country": "UA", "time_zone": "Europe/Kyiv",
			"locales": ["uk"], "staff_networks": ` + networks + `}]`))
		if err != nil {
			return nil, err
		}
		return directory.Default(), nil
	}
	lender, err := read(`["192.0.2.0/24"]`)
	if err != nil {
		t.Fatal(err)
	}
	if !lender.AllowsStaff(netip.MustParseAddr("192.0.2.7")) || lender.AllowsStaff(netip.MustParseAddr("192.0.3.7")) || lender.AllowsStaff(netip.Addr{}) {
		t.Error("the networks are not those named")
	}
	if anywhere, err := read(`[]`); err != nil || !anywhere.AllowsStaff(netip.MustParseAddr("192.0.3.7")) {
		t.Errorf("without networks staff are kept out: %v", err)
	}
	for _, bad := range []string{`["::ffff:192.0.2.0/120"]`, `["192.0.2.1"]`, `[""]`} {
		if _, err := read(bad); err == nil {
			t.Errorf("took %s", bad)
		}
	}
}
