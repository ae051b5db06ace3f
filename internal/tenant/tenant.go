// Package tenant knows the lenders that this installation serves, and their settings.
//
// Tenants are configuration of the operator, not data of a service: every service reads the same directory. A lender's partners with their
// keys are part of it. A lender's business date and products are data and live with the services.
package tenant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/text/language"
)

// Tenant is one lender.
type Tenant struct {
	// ID is the lender's code in keys, headers and rows, such as "demo".
	ID string `json:"id"`
	// Name is for people.
	Name string `json:"name"`
	// Currency is the ISO 4217 code of the lender's business.
	Currency string `json:"currency"`
	// Country is the ISO 3166-1 alpha-2 code whose rules for phones and taxpayer numbers hold.
	Country string `json:"country"`
	// TimeZone is the IANA zone of due days, such as "Europe/Kyiv".
	TimeZone string `json:"time_zone"`
	// Locales are the BCP 47 languages of screens and messages, the default first.
	Locales []string `json:"locales"`
	// MinAge is the age in full years from which people are served.
	MinAge int `json:"min_age"`
	// MinAppVersions is the oldest app version served, by platform name ("ios", "android", "web").
	MinAppVersions map[string]string `json:"min_app_versions"`
	// RecommendedAppVersions is the oldest app version that is not asked to upgrade, by platform name. Older ones are served.
	RecommendedAppVersions map[string]string `json:"recommended_app_versions"`
	// StoreURLs says where the app is got, by platform name.
	StoreURLs map[string]string `json:"store_urls"`
	// ConsentTextVersion names the consent texts in force.
	ConsentTextVersion string `json:"consent_text_version"`
	// StaffNetworks are where the lender's staff may use the console from, in CIDR notation. Empty means anywhere: key, password and second
	// factor alone decide.
	StaffNetworks []netip.Prefix `json:"staff_networks"`
	// Partners are the companies whose servers call us in their own name.
	Partners []Partner `json:"partners"`

	zone    *time.Location
	matcher language.Matcher
}

// Zone is the lender's time zone.
func (t *Tenant) Zone() *time.Location { return t.zone }

// Locale picks the lender's language that fits the wish best: a BCP 47 tag or an Accept-Language list. The default serves everybody else.
func (t *Tenant) Locale(wish string) string {
	tags, _, err := language.ParseAcceptLanguage(wish)
	if err != nil || len(tags) == 0 {
		return t.Locales[0]
	}
	_, index, confidence := t.matcher.Match(tags...)
	if confidence < language.High {
		return t.Locales[0] // Merely a language that many speakers of the other one know.
	}
	return t.Locales[index]
}

var idPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{1,31}$`)

func (t *Tenant) prepare() error {
	var faults []error
	if !idPattern.MatchString(t.ID) {
		faults = append(faults, fmt.Errorf("id %q: two to 32 of a-z, 0-9 and -, beginning with a letter", t.ID))
	}
	if len(t.Currency) != 3 {
		faults = append(faults, fmt.Errorf("currency %q is no ISO 4217 code", t.Currency))
	}
	if len(t.Locales) == 0 {
		faults = append(faults, errors.New("locales: at least one"))
	}
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil || t.TimeZone == "" {
		faults = append(faults, fmt.Errorf("time_zone %q is no IANA zone", t.TimeZone))
	}
	tags := make([]language.Tag, 0, len(t.Locales))
	for _, locale := range t.Locales {
		tag, err := language.Parse(locale)
		if err != nil {
			faults = append(faults, fmt.Errorf("locale %q: %w", locale, err))
		}
		tags = append(tags, tag)
	}
	for _, network := range t.StaffNetworks {
		if !validNetwork(network) {
			faults = append(faults, fmt.Errorf("staff_networks: %q is no network in CIDR notation", network))
		}
	}
	faults = append(faults, t.checkApps(), t.preparePartners())
	if t.MinAge == 0 {
		t.MinAge = 18
	}
	t.zone, t.matcher = zone, language.NewMatcher(tags)
	return errors.Join(faults...)
}

// Directory is all lenders of an installation. It is safe for concurrent use, and a tenant that it gave does not change.
type Directory struct {
	current atomic.Pointer[[]*Tenant]
}

// Parse reads a directory: a JSON array of tenants. A field that nobody knows is a fault: a misspelt limit would be no limit.
func Parse(text []byte) (*Directory, error) {
	var tenants []*Tenant
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&tenants); err != nil {
		return nil, fmt.Errorf("tenants: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("tenants: something stands after the array")
	}
	if slices.Contains(tenants, nil) {
		return nil, errors.New("tenants: null is no tenant")
	}
	return NewDirectory(tenants...)
}

// NewDirectory makes a directory; the first tenant is the default. All faults are reported at once.
func NewDirectory(tenants ...*Tenant) (*Directory, error) {
	if len(tenants) == 0 {
		return nil, errors.New("tenants: at least one")
	}
	var faults []error
	for i, t := range tenants {
		if err := t.prepare(); err != nil {
			faults = append(faults, fmt.Errorf("tenant %d (%s): %w", i+1, t.ID, err))
		}
		if slices.ContainsFunc(tenants[:i], func(other *Tenant) bool { return other.ID == t.ID }) {
			faults = append(faults, fmt.Errorf("tenant %q stands twice", t.ID))
		}
	}
	if err := errors.Join(append(faults, checkKeyIDs(tenants))...); err != nil {
		return nil, err
	}
	d := &Directory{}
	d.current.Store(&tenants)
	return d, nil
}

// Replace takes over the lenders of another directory, all at once.
func (d *Directory) Replace(other *Directory) { d.current.Store(other.current.Load()) }

func (d *Directory) tenants() []*Tenant { return *d.current.Load() }

// Get finds a tenant.
func (d *Directory) Get(id string) (*Tenant, bool) {
	tenants := d.tenants()
	i := slices.IndexFunc(tenants, func(t *Tenant) bool { return t.ID == id })
	if i < 0 {
		return nil, false
	}
	return tenants[i], true
}

// Default is the tenant of requests that name none.
func (d *Directory) Default() *Tenant { return d.tenants()[0] }

// All lists the tenants, the default first. The slice is the caller's own.
func (d *Directory) All() []*Tenant { return slices.Clone(d.tenants()) }
