package edge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lendgate/lendgate/bff/edge"
)

// TestAppVersion lets one iPhone ask for the home screen in several versions: 2.10.0 is the oldest served, 2.12.0 the one wished for.
func TestAppVersion(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	ask := func(platform, version string) answer {
		req := r.home(t)
		req.Header.Set(edge.AppPlatformHeader, platform)
		req.Header.Set(edge.AppVersionHeader, version)
		return r.send(t, r.sign(t, req))
	}
	const advice = `recommended;min="2.12.0";store="https://store.example/demo"`
	for _, test := range []struct {
		name, platform, version string
		status                  int
		reason, advice          string
	}{
		{"an app that is too old is refused", "ios", "2.9.9", http.StatusBadRequest, "APP_UPGRADE_REQUIRED", ""},
		{"an older one is served and told", "ios", "2.11", http.StatusOK, "", advice},
		{"the one wished for hears nothing", "ios", "2.12.0", http.StatusOK, "", ""},
		{"a platform without a gate hears nothing", "android", "0.1", http.StatusOK, "", ""},
		{"a version that cannot be read is served", "ios", "dev", http.StatusOK, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := ask(test.platform, test.version)
			if a.status != test.status || a.reason != test.reason || a.header.Get(edge.AppUpgradeHeader) != test.advice {
				t.Errorf("%d %s, advice %q", a.status, a.reason, a.header.Get(edge.AppUpgradeHeader))
			}
			if facts := string(a.body); a.reason != "" && (!strings.Contains(facts, "2.10.0") || !strings.Contains(facts, "https://store.example/demo")) {
				t.Errorf("the refusal does not say which version, or where it is: %s", facts)
			}
		})
	}
}
