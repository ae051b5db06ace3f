package tenant

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	// versionPattern is what the version gate can compare: dotted numbers, such as "2.10.1".
	versionPattern = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$`)
	// storePattern is an address that fits the contract and a quoted string of a header: visible ASCII without quotes and backslashes.
	storePattern = regexp.MustCompile(`^https://[!#-\[\]-~]{1,290}$`)
)

// checkApps proves the settings of the version gate. A version that cannot be compared would be no gate.
func (t *Tenant) checkApps() error {
	var faults []error
	check := func(field, wanted string, pattern *regexp.Regexp, values map[string]string) {
		for platform, value := range values {
			if !pattern.MatchString(value) {
				faults = append(faults, fmt.Errorf("%s: %s: %q is no %s", field, platform, value, wanted))
			}
		}
	}
	check("min_app_versions", "version such as 2.10.1", versionPattern, t.MinAppVersions)
	check("recommended_app_versions", "version such as 2.10.1", versionPattern, t.RecommendedAppVersions)
	check("store_urls", "https address of at most 298 characters", storePattern, t.StoreURLs)
	return errors.Join(faults...)
}
