package tbank

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"github.com/lendgate/lendgate/integrations/kit"
)

// fields are the root values of a request or notification by their wire names.
type fields map[string]any

// token signs root values (developer.tbank.ru/eacq/intro/developer/token): add
// Password, sort by key, join the values, SHA-256, lower-case hex. Nested
// objects and arrays (DATA, Receipt, Shops) and Token itself stay out.
func token(root fields, password kit.Secret) string {
	signed := map[string]string{"Password": password.Reveal()}
	for name, value := range root {
		if name == "Token" {
			continue
		}
		if text, scalar := scalarText(value); scalar {
			signed[name] = text
		}
	}
	sum := sha256.Sum256([]byte(joinSorted(signed)))
	return hex.EncodeToString(sum[:])
}

// joinSorted concatenates values in the ASCII order of their keys.
func joinSorted(values map[string]string) string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	var joined strings.Builder
	for _, name := range names {
		joined.WriteString(values[name])
	}
	return joined.String()
}

// scalarText is how a root value enters a signature: booleans as true/false and
// numbers with exactly the digits that stand on the wire. null is no value.
func scalarText(value any) (text string, scalar bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}
