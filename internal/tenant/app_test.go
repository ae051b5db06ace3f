package tenant_test

import (
	"strings"
	"testing"

	"github.com/lendgate/lendgate/internal/tenant"
)

func TestSettingsOfApps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, settings, fault string }{
		{"a gate with all its settings", `"min_app_versions":{"ios":"2.0"},"recommended_app_versions":{"ios":"2.4.0"},"store_urls":{"ios":"https://store.example/app"}`, ""},
		{"a minimum that cannot be compared", `"min_app_versions":{"ios":"2.0-beta"}`, "min_app_versions: ios"},
		{"a wish that cannot be compared", `"recommended_app_versions":{"android":"new"}`, "recommended_app_versions: android"},
		{"a store that is no https address", `"store_urls":{"web":"javascript:alert(1)"}`, "store_urls: web"},
		{"a store that breaks out of its header", `"store_urls":{"web":"https://store.example/\"; x=\""}`, "store_urls: web"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := tenant.Parse([]byte(`[{"id":"demo","name":"Demo","currency":"UAH","country":"UA","time_zone":"Europe/Kyiv","locales":["uk"],` + test.settings + `}]`))
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("error %v, want %q", err, test.fault)
			}
		})
	}
}
