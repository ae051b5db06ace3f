package edge

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/lendgate/lendgate/internal/tenant"
)

const (
	// maxWishes is how many different wishes are remembered. Phones of one country send a handful.
	maxWishes = 1024
	// maxWishBytes is the longest that is.
	maxWishBytes = 128
)

// locales remembers which language of a lender's a wish (Accept-Language) came out as: matching languages costs more than the rest of the
// route together.
type locales struct {
	found *lru.Cache[wish, string]
}

// wish is what was wished for. The lender is its configuration: when that is read anew, it is another.
type wish struct {
	lender *tenant.Tenant
	text   string
}

func newLocales() locales {
	found, _ := lru.New[wish, string](maxWishes) // Fails for sizes below one alone.
	return locales{found}
}

// of chooses a language of the lender's.
func (l locales) of(lender *tenant.Tenant, text string) string {
	if text == "" || len(text) > maxWishBytes {
		return lender.Locale(text)
	}
	asked := wish{lender, text}
	if locale, ok := l.found.Get(asked); ok {
		return locale
	}
	locale := lender.Locale(text)
	l.found.Add(asked, locale)
	return locale
}
