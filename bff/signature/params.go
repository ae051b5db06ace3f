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
	ids := make([]string, len(components))
	for i, c := range components {
		ids[i] = c.id
	}
	var value strings.Builder
	value.WriteString("(" + strings.Join(ids, " ") + ")")
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"created", p.Created}, {"expires", p.Expires}} {
		if !t.at.IsZero() {
			value.WriteString(";" + t.name + "=" + strconv.FormatInt(t.at.Unix(), 10))
		}
	}
	for _, s := range []struct{ name, text string }{
		{"nonce", p.Nonce}, {"keyid", p.KeyID}, {"alg", p.Alg}, {"tag", p.Tag},
	} {
		if s.text == "" {
			continue
		}
		quoted, err := httpsfv.Marshal(httpsfv.NewItem(s.text))
		if err != nil || len(s.text) > maxParamBytes {
			return Input{}, refuse(ReasonMalformed, "parameter %s cannot be written", s.name)
		}
		value.WriteString(";" + s.name + "=" + quoted)
	}
	return Input{Label: label, Components: components, Params: p, value: value.String()}, nil
}

// ParseInput reads the Signature-Input member with this label.
func ParseInput(header http.Header, label string) (Input, error) {
	return pickInput(header, func(name, _ string) bool { return name == label })
}

// Base builds the signature base of RFC 9421 section 2.5: the bytes that are signed.
func (in Input) Base(m *Message) ([]byte, error) {
	lines, err := Lines(m, in.Components)
	if err != nil {
		return nil, err
	}
	lines = append(lines, `"@signature-params": `+in.value)
	return []byte(strings.Join(lines, "\n")), nil
}

// pickInput finds the one signature that matches on its label and tag. Other
// signatures of the message are not looked at: somebody else's broken one does
// not spoil ours. Two that match are refused, for which counts is unclear.
func pickInput(header http.Header, match func(label, tag string) bool) (Input, error) {
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
	if len(list.Items) > maxComponents {
		return Input{}, refuse(ReasonMalformed, "more than %d components", maxComponents)
	}
	input := Input{Label: label, Components: make([]Component, len(list.Items))}
	var err error
	for i, item := range list.Items {
		if input.Components[i], err = componentOf(item); err != nil {
			return Input{}, err
		}
	}
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
