package edge

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/inproc"
)

func TestAnnounceEnding(t *testing.T) {
	t.Parallel()
	since, sunset := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	link := []string{`<` + deprecationPage + `>; rel="deprecation"; type="text/html"`}
	for _, test := range []struct {
		name   string
		ending inproc.Ending
		want   http.Header
	}{
		{"an RPC that stays says nothing", inproc.Ending{}, http.Header{}},
		{"a deprecated one says since when", inproc.Ending{DeprecatedSince: since}, http.Header{"Deprecation": {"@1767225600"}, "Link": link}},
		{
			"one with an end says until when", inproc.Ending{DeprecatedSince: since, Sunset: sunset},
			http.Header{"Deprecation": {"@1767225600"}, "Sunset": {"Wed, 01 Jul 2026 00:00:00 GMT"}, "Link": link},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			announceEnding(header, test.ending)
			if diff := cmp.Diff(test.want, header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAdviseUpgrade(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]string{
		"":                               `recommended;min="2.4.0"`,
		"https://store.example/app?id=1": `recommended;min="2.4.0";store="https://store.example/app?id=1"`,
	} {
		header := http.Header{}
		adviseUpgrade(header, "2.4.0", store)
		if got := header.Get(AppUpgradeHeader); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, minimum string
		want             bool
	}{
		{"2.9", "2.10.1", true}, {"2.10.1", "2.9", false}, {"2.0", "2", false}, {"2", "2.0.1", true}, {"1.9.9", "2.0.0", true},
		{"", "2.0", false}, {"2.0", "", false}, {"dev", "2.0", false}, {"2.x", "3.0", true}, {"2.x", "2.1", false},
	} {
		if got := olderThan(test.version, test.minimum); got != test.want {
			t.Errorf("olderThan(%q, %q) = %t", test.version, test.minimum, got)
		}
	}
}
