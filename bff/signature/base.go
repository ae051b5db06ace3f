package signature

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dunglas/httpsfv"
)

// obsFold is an obsolete line folding inside a field value (RFC 9112 section 5.2).
var obsFold = regexp.MustCompile(`[ \t]*\r?\n[ \t]+`)

// Lines gives the signature-base lines of the components, in order and without
// the closing @signature-params line. It refuses a component that is listed
// twice, that the message does not have, or that has no unambiguous value.
func Lines(m *Message, components []Component) ([]string, error) {
	if len(components) == 0 {
		return []string{}, nil
	}
	text, err := appendLines(nil, m, components)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}

// appendLines appends a line for each component, each with its line break.
// Neither identifiers nor values can hold another one.
func appendLines(base []byte, m *Message, components []Component) ([]byte, error) {
	if len(components) > maxComponents {
		return nil, refuse(ReasonMalformed, "more than %d components", maxComponents)
	}
	for i, c := range components {
		// At most maxComponents are compared with each other, which no map does faster.
		if slices.ContainsFunc(components[:i], c.Equal) {
			return nil, refuse(ReasonMalformed, "component %s is listed twice", c)
		}
		value, err := valueOf(m, c)
		if err != nil {
			return nil, err
		}
		if !isBaseText(value) {
			return nil, refuse(ReasonMalformed, "component %s holds characters that cannot be signed", c)
		}
		base = append(base, c.id...)
		base = append(base, ": "...)
		base = append(base, value...)
		base = append(base, '\n')
	}
	return base, nil
}

// isBaseText tells if a value may stand in the base, which is ASCII with one line
// per component: a line break in a value would forge a further line.
func isBaseText(value string) bool {
	for _, c := range []byte(value) {
		if (c < ' ' && c != '\t') || c >= 0x7f {
			return false
		}
	}
	return true
}

func valueOf(m *Message, c Component) (string, error) {
	if c.spec.req {
		// Only a response has a related request (RFC 9421 section 2.4).
		if m.Status == 0 || m.Request == nil {
			return "", refuse(ReasonMalformed, "%s needs a response and its request", c)
		}
		m = m.Request
	}
	if c.derived() {
		return derivedValue(m, c)
	}
	return fieldValue(m, c)
}

// derivedValue follows RFC 9421 section 2.2. Paths and queries are taken byte for
// byte: to decode and encode them again would give two parties two readings.
func derivedValue(m *Message, c Component) (string, error) {
	if isResponse := m.Status != 0; isResponse != (c.spec.name == "@status") {
		return "", refuse(ReasonMalformed, "%s does not exist in this kind of message", c)
	}
	switch c.spec.name {
	case "@status":
		return strconv.Itoa(m.Status), nil
	case "@method":
		return m.Method, nil
	case "@authority":
		return m.authority(), nil
	case "@scheme":
		return m.Scheme, nil
	case "@target-uri":
		return m.Scheme + "://" + m.authority() + m.Path + m.Query, nil
	case "@request-target":
		return m.Target, nil
	case "@path":
		return m.Path, nil
	case "@query":
		// An absent query and an empty one are both the bare question mark.
		if strings.HasPrefix(m.Query, "?") {
			return m.Query, nil
		}
		return "?" + m.Query, nil
	case "@query-param":
		return queryParam(m, c.spec.queryName)
	}
	return "", refuse(ReasonMalformed, "unknown derived component %s", c)
}

// queryParam gives the one value of a query parameter, encoded again as section
// 2.2.8 asks. wanted is the encoded name. A repeated name is refused: which of
// the values the application reads cannot be known here.
func queryParam(m *Message, wanted string) (string, error) {
	value, found := "", false
	for pair := range strings.SplitSeq(strings.TrimPrefix(m.Query, "?"), "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := reencode(rawName)
		if err != nil {
			return "", err
		}
		if pair == "" || name != wanted {
			continue
		}
		if found {
			return "", refuse(ReasonMalformed, "query parameter %q is repeated", wanted)
		}
		found = true
		if value, err = reencode(rawValue); err != nil {
			return "", err
		}
	}
	if !found {
		return "", refuse(ReasonMalformed, "query parameter %q is absent", wanted)
	}
	return value, nil
}

// reencode turns form-encoded text into its canonical percent-encoding: all but
// letters, digits and "*-._" encoded, spaces as %20. net/url keeps another set.
func reencode(text string) (string, error) {
	plain, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(plain) {
		return "", refuse(ReasonMalformed, "the query is not form-encoded UTF-8")
	}
	var out strings.Builder
	for _, c := range []byte(plain) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("*-._", c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String(), nil
}

// fieldValue follows RFC 9421 section 2.1.
func fieldValue(m *Message, c Component) (string, error) {
	raw, ok := m.lines(c.spec.name, c.spec.tr)
	if !ok {
		return "", refuse(ReasonMalformed, "%s is not in the message", c)
	}
	if len(raw) == 1 && !c.spec.bs && !c.spec.keyed && !c.spec.sf {
		return unfold(raw[0]), nil
	}
	values := make([]string, len(raw))
	for i, line := range raw {
		values[i] = unfold(line)
	}
	switch {
	case c.spec.bs:
		for i, value := range values {
			values[i] = ":" + base64.StdEncoding.EncodeToString([]byte(value)) + ":"
		}
	case c.spec.keyed:
		return memberValue(m, c, values)
	case c.spec.sf:
		return structuredValue(m, c, values)
	}
	return strings.Join(values, ", "), nil
}

// unfold gives a field line without white space around it and without foldings.
func unfold(line string) string {
	if strings.IndexByte(line, '\n') >= 0 {
		line = obsFold.ReplaceAllLiteralString(line, " ")
	}
	return strings.Trim(line, " \t")
}

// memberValue gives one member of a dictionary field. A field of unknown type
// counts as a dictionary if it parses as one.
func memberValue(m *Message, c Component, values []string) (string, error) {
	if known := m.fieldType(c.spec.name); known != 0 && known != TypeDictionary {
		return "", refuse(ReasonMalformed, "%s: the field is not a dictionary", c)
	}
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return "", refuseBecause(ReasonMalformed, err, "%s", c)
	}
	member, ok := dict.Get(c.spec.key)
	if !ok {
		return "", refuse(ReasonMalformed, "%s is not in the message", c)
	}
	return marshal(c, member)
}

// structuredValue parses and serialises a field again, for which its type must
// be known (section 2.1.1).
func structuredValue(m *Message, c Component, values []string) (string, error) {
	var parsed httpsfv.StructuredFieldValue
	var err error
	switch m.fieldType(c.spec.name) {
	case TypeItem:
		parsed, err = httpsfv.UnmarshalItem(values)
	case TypeList:
		parsed, err = httpsfv.UnmarshalList(values)
	case TypeDictionary:
		parsed, err = httpsfv.UnmarshalDictionary(values)
	default:
		return "", refuse(ReasonMalformed, "%s: the type of the field is not known", c)
	}
	if err != nil {
		return "", refuseBecause(ReasonMalformed, err, "%s", c)
	}
	return marshal(c, parsed)
}

func marshal(c Component, value httpsfv.StructuredFieldValue) (string, error) {
	text, err := httpsfv.Marshal(value)
	if err != nil {
		return "", refuseBecause(ReasonMalformed, err, "%s", c)
	}
	return text, nil
}
