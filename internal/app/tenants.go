package app

import (
	"fmt"

	"github.com/lendgate/lendgate/internal/tenant"
)

// DemoTenant is the lender of an installation that names none.
const DemoTenant = "demo"

// FindLender finds a lender of the configuration by its id; "" is the first one.
func FindLender(config Config, id string) (*tenant.Tenant, error) {
	lenders, err := loadTenants(config.TenantsFile)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return lenders.Default(), nil
	}
	lender, ok := lenders.Get(id)
	if !ok {
		return nil, fmt.Errorf("there is no lender %q; LENDGATE_TENANTS_FILE names them, and without it there is %q alone", id, DemoTenant)
	}
	return lender, nil
}

// loadTenants reads the lenders, or makes the demo one.
func loadTenants(path string) (*tenant.Directory, error) {
	found, err := readPlan(Config{TenantsFile: path})
	return found.lenders, err
}

// parseTenants reads the lenders out of the text of a file, or makes the demo one when there is none.
func parseTenants(path string, text []byte) (*tenant.Directory, error) {
	if path != "" {
		return tenant.Parse(text)
	}
	return tenant.NewDirectory(&tenant.Tenant{
		ID: DemoTenant, Name: "Demo Lender", Currency: "UAH", Country: "UA", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en", "ru", "pl"},
		MinAppVersions:     map[string]string{"ios": "1.0.0", "android": "1.0.0", "web": "1.0.0"},
		ConsentTextVersion: "2026-01",
	})
}
