package app

import (
	"fmt"
	"os"

	"github.com/lendgate/lendgate/internal/tenant"
)

// DemoTenant is the lender of an installation that names none.
const DemoTenant = "demo"

// loadTenants reads the lenders, or makes the demo one.
func loadTenants(path string) (*tenant.Directory, error) {
	if path == "" {
		return tenant.NewDirectory(&tenant.Tenant{
			ID: DemoTenant, Name: "Demo Lender", Currency: "UAH", Country: "UA", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"},
			MinAppVersions:     map[string]string{"ios": "1.0.0", "android": "1.0.0", "web": "1.0.0"},
			ConsentTextVersion: "2026-01",
		})
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("LENDGATE_TENANTS_FILE: %w", err)
	}
	return tenant.Parse(text)
}
