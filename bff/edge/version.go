package edge

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// AppUpgradeHeader tells an app that is served that a newer one is wished for: a token with parameters (RFC 9651), such as
	// recommended; min="2.4.0"; store="https://…".
	AppUpgradeHeader = "Lendgate-App-Upgrade"
	// deprecationPage is where callers read what to use instead of a deprecated RPC.
	deprecationPage = "https://github.com/lendgate/lendgate/blob/main/CHANGELOG.md"
	// maxVersionLength is what the contract allows for an app's version.
	maxVersionLength = 32
)

// appVersion refuses apps that are too old for the lender, advises the others to upgrade, and says when the RPC itself is on its way out. A
// version that is not told, or not readable, passes: a gate that cannot tell must not lock people out.
//
// The refusal is FAILED_PRECONDITION with the reason APP_UPGRADE_REQUIRED, min_version and store_url. Its HTTP status is 400, not 426:
// Connect's protocol fixes the status of each code, and in gRPC it is 200.
func (e *Edge) appVersion(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, version, platform := callOf(r.Context()), r.Header.Get(AppVersionHeader), r.Header.Get(AppPlatformHeader)
		if len(version) <= maxVersionLength {
			c.appVersion = version
		}
		announceEnding(w.Header(), c.method.Ending)
		store := c.tenant.StoreURLs[platform]
		if minimum := c.tenant.MinAppVersions[platform]; olderThan(version, minimum) {
			facts := []rpcerr.Option{rpcerr.Meta("min_version", minimum)}
			if store != "" {
				facts = append(facts, rpcerr.Meta("store_url", store))
			}
			e.refuse(w, r, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_APP_UPGRADE_REQUIRED, "this version of the app is no longer served", facts...))
			return
		}
		if recommended := c.tenant.RecommendedAppVersions[platform]; olderThan(version, recommended) {
			adviseUpgrade(w.Header(), recommended, store)
		}
		next.ServeHTTP(w, r)
	})
}

// adviseUpgrade sets the header that asks for an upgrade without insisting. Both values were proved when the lender was configured.
func adviseUpgrade(header http.Header, recommended, store string) {
	advice := httpsfv.NewItem(httpsfv.Token("recommended"))
	advice.Params.Add("min", recommended)
	if store != "" {
		advice.Params.Add("store", store)
	}
	setField(header, AppUpgradeHeader, advice)
}

// announceEnding sets Deprecation (RFC 9745, a date since when) and Sunset (RFC 8594, an HTTP date) for an RPC that is on its way out, with
// a link to what to do.
func announceEnding(header http.Header, ending inproc.Ending) {
	if ending.DeprecatedSince.IsZero() {
		return
	}
	setField(header, "Deprecation", httpsfv.NewItem(ending.DeprecatedSince))
	header.Add("Link", "<"+deprecationPage+`>; rel="deprecation"; type="text/html"`)
	if !ending.Sunset.IsZero() {
		header.Set("Sunset", ending.Sunset.UTC().Format(http.TimeFormat))
	}
}

// setField writes a structured field. One that cannot be written is left out: it is advice.
func setField(header http.Header, name string, item httpsfv.Item) {
	if value, err := httpsfv.Marshal(item); err == nil {
		header.Set(name, value)
	}
}

// olderThan compares dotted numbers, such as "2.9" and "2.10.1". What cannot be read is not older.
func olderThan(version, minimum string) bool {
	if version == "" || minimum == "" {
		return false
	}
	have, want := strings.Split(version, "."), strings.Split(minimum, ".")
	for i := range max(len(have), len(want)) {
		h, w := 0, 0
		var err error
		if i < len(have) {
			if h, err = strconv.Atoi(have[i]); err != nil {
				return false
			}
		}
		if i < len(want) {
			if w, err = strconv.Atoi(want[i]); err != nil {
				return false
			}
		}
		if h != w {
			return h < w
		}
	}
	return false
}

// AppVersion is the version that the app told in its headers; "unknown" when it told none.
func AppVersion(ctx context.Context) string {
	if c := callOf(ctx); c != nil && c.appVersion != "" {
		return c.appVersion
	}
	return "unknown"
}
