package mobile

import (
	"context"
	"embed"
	"strings"

	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/words"
)

//go:embed catalog/*.json
var catalogFiles embed.FS

// speech says things to one caller, in their language.
type speech struct {
	words  *words.Catalog
	locale string
}

// speech is how the caller of a request is spoken to.
func (s *Screens) speech(ctx context.Context) speech {
	return speech{words: s.words, locale: actor.Must(ctx).Locale}
}

// text finds the words for a key such as "loan.ACTIVE"; without any the key itself is shown, since a gap on a screen helps nobody.
func (s speech) text(key string) string {
	if _, text := s.words.Find(s.locale, key); text != "" {
		return text
	}
	return key
}

// reason says in words why an application was rejected. A code without words of its own gets the common ones.
func (s speech) reason(code string) string {
	if _, text := s.words.Find(s.locale, "reason."+code); text != "" {
		return text
	}
	return s.text("reason.OTHER")
}

// overdue says for how many days something has not been paid; nothing when everything is.
func (s speech) overdue(days int32) string {
	if days <= 0 {
		return ""
	}
	return s.words.Count(s.locale, "loan.overdue", int(days))
}

// amount makes an Amount. Nil stays nil.
func (s speech) amount(m *typev1.Money) *mobilev1.Amount {
	if m == nil {
		return nil
	}
	return &mobilev1.Amount{Money: m, Display: display(s.locale, m)}
}

// name picks a product's name in the caller's language, its base language or English.
func (s speech) name(names map[string]string) string {
	base, _, _ := strings.Cut(s.locale, "-")
	for _, candidate := range []string{s.locale, base, words.Fallback} {
		if name := names[candidate]; name != "" {
			return name
		}
	}
	return ""
}

// stateName is the short name of a state: "LOAN_STATE_ACTIVE", "STATE_ACTIVE" and "ACTIVE" are all ACTIVE.
func stateName(enum string) string {
	if i := strings.LastIndex(enum, "STATE_"); i >= 0 {
		return enum[i+len("STATE_"):]
	}
	return enum
}
