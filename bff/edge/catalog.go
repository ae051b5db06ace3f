package edge

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

//go:embed catalog/*.json
var catalogFiles embed.FS

// fallbackLocale has a text for every reason.
const fallbackLocale = "en"

// catalog holds what people read when something is refused: a text for each reason, by language.
type catalog map[string]map[string]string

func loadCatalog() (catalog, error) {
	files, err := catalogFiles.ReadDir("catalog")
	if err != nil {
		return nil, err
	}
	texts := catalog{}
	for _, file := range files {
		raw, err := catalogFiles.ReadFile(path.Join("catalog", file.Name()))
		if err != nil {
			return nil, err
		}
		entries := map[string]string{}
		if err := json.Unmarshal(raw, &entries); err != nil {
			return nil, fmt.Errorf("catalog %s: %w", file.Name(), err)
		}
		texts[strings.TrimSuffix(file.Name(), ".json")] = entries
	}
	return texts, nil
}

// text finds the words for a reason in a language or its base language, else in English, and tells which it is.
func (c catalog) text(locale, reason string) (string, string) {
	base, _, _ := strings.Cut(locale, "-")
	for _, candidate := range []string{locale, base, fallbackLocale} {
		if text := c[candidate][reason]; text != "" {
			return candidate, text
		}
	}
	return "", ""
}
