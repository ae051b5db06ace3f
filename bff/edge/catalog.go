package edge

import (
	"embed"

	"github.com/lendgate/lendgate/internal/words"
)

//go:embed catalog/*.json
var catalogFiles embed.FS

// catalog holds what people read when something is refused: a text for each reason, by language.
type catalog struct{ words *words.Catalog }

func loadCatalog() (catalog, error) {
	texts, err := words.Load(catalogFiles, "catalog")
	return catalog{texts}, err
}

// text finds the words for a reason in a language or its base language, else in English, and tells which it is.
func (c catalog) text(locale, reason string) (string, string) { return c.words.Find(locale, reason) }
