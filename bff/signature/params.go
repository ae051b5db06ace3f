package signature

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// Limits on what is parsed before anything else is known about the caller.
const (
	maxLabels     = 4    // signatures in one message
	maxComponents = 32   // components that one signature covers
	maxFieldBytes = 8192 // of Signature-Input, of Signature and of Content-Digest, all lines together
	maxParamBytes = 256  // of keyid, nonce and tag
)

// Params are the signature parameters of RFC 9421 section 2.3. A zero time or an
// empty text means that the parameter is absent. Times count whole seconds.
type Params struct {
	Created, Expires time.Time
	Nonce            string
	KeyID            string
	// Alg is what the message claims; the key record decides.
	Alg string
	Tag string
}

// Input is one member of Signature-Input: what a signature covers and how.
type Input struct {
	Label      string
	Components []Component
	Params     Params
	// value is the serialised member, which is the last line of the base.
	value string
}

// NewInput makes the Signature-Input member for a signature about to be made.
// Parameters come in the order created, expires, nonce, keyid, alg, tag.
func NewInput(label string, components []Component, p Params) (Input, error) {
	value := append(make([]byte, 0, inputChars), '(')
	for i, c := range components {
		if i > 0 {
			value = append(value, ' ')
		}
		value = append(value, c.id...)
	}
	value = append(value, ')')
	value = appendTime(value, ";created=", p.Created)
	value = appendTime(value, ";expires=", p.Expires)
	for _, s := range [...]struct{ name, text string }{
		{";nonce=", p.Nonce}, {";keyid=", p.KeyID}, {";alg=", p.Alg}, {";tag=", p.Tag},
	} {
		if s.text == "" {
			continue
		}
		if !isString(s.text) || len(s.text) > maxParamBytes {
			return Input{}, refuse(ReasonMalformed, "parameter %s cannot be written", s.name)
		}
		value = appendString(append(value, s.name...), s.text)
	}
	return Input{Label: label, Components: components, Params: p, value: string(value)}, nil
}

// inputChars is room for a Signature-Input member of our profile.
const inputChars = 320

// appendTime appends a parameter in whole seconds, if the time is set.
func appendTime(value []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return value
	}
	return strconv.AppendInt(append(value, name...), at.Unix(), 10)
}

// isString tells if text can be a String of structured fields (RFC 9651 section
// 3.3.3): printable ASCII.
func isString(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// appendString serialises a String (RFC 9651 section 4.1.6).
func appendString(value []byte, text string) []byte {
	value = append(value, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			value = append(value, '\\')
		}
		value = append(value, text[i])
	}
	return append(value, '"')
}

// ParseInput reads the Signature-Input member with this label.
func ParseInput(header http.Header, label string) (Input, error) {
	return pickInput(header, func(name, _ string) bool { return name == label })
}

// Base builds the signature base of RFC 9421 section 2.5: the bytes that are signed.
func (in Input) Base(m *Message) ([]byte, error) {
	base, err := appendLines(make([]byte, 0, baseChars+len(in.value)), m, in.Components)
	if err != nil {
		return nil, err
	}
	base = append(base, `"@signature-params": `...)
	return append(base, in.value...), nil
}

// baseChars is room for the component lines of our profile; longer ones grow.
const baseChars = 512

// pickInput finds the one signature that matches on its label and tag. Other
// signatures of the message are not looked at: somebody else's broken one does
// not spoil ours. Two that match are refused, for which counts is unclear.
func pickInput(header http.Header, match func(label, tag string) bool) (Input, error) {
	if lines := header["Signature-Input"]; len(lines) == 1 {
		if in, common := scanInput(lines[0]); common {
			if !match(in.Label, in.Params.Tag) {
				return Input{}, refuse(ReasonMissing, "no signature has the wanted label and tag")
			}
			return in, nil
		}
	}
	return parseInput(header, match)
}

// parseInput is pickInput for fields of any form.
func parseInput(header http.Header, match func(label, tag string) bool) (Input, error) {
	inputs, err := parseDictionary(header, "Signature-Input", maxLabels)
	if err != nil {
		return Input{}, err
	}
	var found Input
	for _, label := range inputs.Names() {
		member, _ := inputs.Get(label)
		list, ok := member.(httpsfv.InnerList)
		if !ok {
			continue
		}
		tag, _ := list.Params.Get("tag")
		text, _ := tag.(string)
		if !match(label, text) {
			continue
		}
		if found.Label != "" {
			return Input{}, refuse(ReasonPolicy, "more than one signature fits the policy")
		}
		if found, err = inputOf(label, list); err != nil {
			return Input{}, err
		}
	}
	if found.Label == "" {
		return Input{}, refuse(ReasonMissing, "no signature has the wanted label and tag")
	}
	return found, nil
}

// signatureOf gives the bytes of the Signature member with this label.
func signatureOf(header http.Header, label string) ([]byte, error) {
	if lines := header["Signature"]; len(lines) == 1 {
		if signature, common := scanSignature(lines[0], label); common {
			return signature, nil
		}
	}
	return parseSignature(header, label)
}

// parseSignature is signatureOf for fields of any form.
func parseSignature(header http.Header, label string) ([]byte, error) {
	signatures, err := parseDictionary(header, "Signature", maxLabels)
	if err != nil {
		return nil, err
	}
	member, ok := signatures.Get(label)
	if !ok {
		return nil, refuse(ReasonMissing, "Signature lacks the label of Signature-Input")
	}
	item, _ := member.(httpsfv.Item)
	signature, ok := item.Value.([]byte)
	if !ok {
		return nil, refuse(ReasonMalformed, "the signature is not a byte sequence")
	}
	return signature, nil
}

// inputOf checks one parsed member of Signature-Input.
func inputOf(label string, list httpsfv.InnerList) (Input, error) {
	components, err := componentsOf(list)
	if err != nil {
		return Input{}, err
	}
	input := Input{Label: label, Components: components}
	if input.Params, err = paramsOf(list.Params); err != nil {
		return Input{}, err
	}
	// Serialised again rather than cut from the field: white space inside the list
	// may differ on the wire and does not change the signature.
	if input.value, err = httpsfv.Marshal(list); err != nil {
		return Input{}, refuseBecause(ReasonMalformed, err, "Signature-Input")
	}
	return input, nil
}

func componentsOf(list httpsfv.InnerList) ([]Component, error) {
	if len(list.Items) > maxComponents {
		return nil, refuse(ReasonMalformed, "more than %d components", maxComponents)
	}
	components := make([]Component, len(list.Items))
	for i, item := range list.Items {
		var err error
		if components[i], err = componentOf(item); err != nil {
			return nil, err
		}
	}
	return components, nil
}

// paramsOf reads the parameters that RFC 9421 defines. Others may stand there
// and are covered by the signature like all of them.
func paramsOf(list *httpsfv.Params) (Params, error) {
	var p Params
	for _, name := range list.Names() {
		value, _ := list.Get(name)
		var fits bool
		switch name {
		case "created":
			p.Created, fits = asTime(value)
		case "expires":
			p.Expires, fits = asTime(value)
		case "nonce":
			p.Nonce, fits = asText(value)
		case "keyid":
			p.KeyID, fits = asText(value)
		case "alg":
			p.Alg, fits = asText(value)
		case "tag":
			p.Tag, fits = asText(value)
		default:
			fits = true
		}
		if !fits {
			return Params{}, refuse(ReasonMalformed, "signature parameter %s", name)
		}
	}
	return p, nil
}

func asTime(value any) (time.Time, bool) {
	seconds, ok := value.(int64)
	return time.Unix(seconds, 0), ok
}

// asText refuses the empty string as well: it would look like an absent parameter.
func asText(value any) (string, bool) {
	text, ok := value.(string)
	return text, ok && text != "" && len(text) <= maxParamBytes
}

// parseDictionary reads a dictionary field within the limits. It refuses a key
// that occurs twice, of which structured fields silently keep the last: two
// readers could take two different values for the one that was checked.
func parseDictionary(header http.Header, name string, maxMembers int) (*httpsfv.Dictionary, error) {
	values := header.Values(name)
	if len(values) == 0 {
		return nil, refuse(ReasonMissing, "no %s field", name)
	}
	size := 0
	for _, value := range values {
		size += len(value)
	}
	if size > maxFieldBytes || len(values) > maxMembers {
		return nil, refuse(ReasonMalformed, "%s is too long", name)
	}
	dict, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return nil, refuseBecause(ReasonMalformed, err, "%s", name)
	}
	members := countMembers(strings.Join(values, ","))
	if members > maxMembers {
		return nil, refuse(ReasonMalformed, "%s has more than %d members", name, maxMembers)
	}
	if len(dict.Names()) > 0 && len(dict.Names()) != members {
		return nil, refuse(ReasonMalformed, "%s names a label twice", name)
	}
	return dict, nil
}

// countMembers counts the members of a well-formed dictionary: one more than the
// commas outside of strings. Inner lists are separated by spaces and hold none.
func countMembers(field string) int {
	members, quoted := 1, false
	for i := 0; i < len(field); i++ {
		switch c := field[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			members++
		}
	}
	return members
}
