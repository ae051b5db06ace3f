package signature

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// AcceptSignature gives the Accept-Signature field (RFC 9421 section 5.1) that
// tells a caller what the policy wants. The nonce is left out: a value there would
// ask for that very nonce.
func AcceptSignature(p Policy) string {
	label := p.Label
	if label == "" {
		label = defaultLabel
	}
	var ids []string
	for _, c := range slices.Concat(p.Required, p.IfPresent) {
		ids = append(ids, c.id)
	}
	value := label + "=(" + strings.Join(ids, " ") + ")"
	if p.MaxAge > 0 || p.MaxLifetime > 0 {
		value += ";created"
	}
	if p.MaxLifetime > 0 {
		value += ";expires"
	}
	if p.Tag != "" {
		value += `;tag="` + p.Tag + `"`
	}
	return value
}

// Wish is one member of Accept-Signature: a signature that the sender of a message
// would like the answer to bear.
type Wish struct {
	Label      string
	Components []Component
	// Tag, KeyID and Alg are empty when the sender leaves them to the signer.
	Tag, KeyID, Alg string
	// value is the serialised member.
	value string
}

// String gives the member as it stands in the field.
func (w Wish) String() string { return w.Label + "=" + w.value }

// ParseAcceptSignature reads the Accept-Signature field of a header. A message
// without one has no wishes, which is no error.
func ParseAcceptSignature(header http.Header) ([]Wish, error) {
	if len(header["Accept-Signature"]) == 0 {
		return nil, nil
	}
	dict, err := parseDictionary(header, "Accept-Signature", maxLabels)
	if err != nil {
		return nil, err
	}
	wishes := make([]Wish, 0, len(dict.Names()))
	for _, label := range dict.Names() {
		member, _ := dict.Get(label)
		list, ok := member.(httpsfv.InnerList)
		if !ok {
			return nil, refuse(ReasonMalformed, "Accept-Signature has a member that lists no components")
		}
		wish, err := wishOf(label, list)
		if err != nil {
			return nil, err
		}
		wishes = append(wishes, wish)
	}
	return wishes, nil
}

// wishOf checks one parsed member. Parameters such as created stand there without a
// value and ask for one; they are left to the signer's policy.
func wishOf(label string, list httpsfv.InnerList) (Wish, error) {
	components, err := componentsOf(list)
	if err != nil {
		return Wish{}, err
	}
	wish := Wish{Label: label, Components: components}
	for _, p := range []struct {
		name string
		into *string
	}{{"tag", &wish.Tag}, {"keyid", &wish.KeyID}, {"alg", &wish.Alg}} {
		value, stated := list.Params.Get(p.name)
		if !stated || value == true {
			continue
		}
		if *p.into, stated = asText(value); !stated {
			return Wish{}, refuse(ReasonMalformed, "parameter %s of Accept-Signature", p.name)
		}
	}
	if wish.value, err = httpsfv.Marshal(list); err != nil {
		return Wish{}, refuseBecause(ReasonMalformed, err, "Accept-Signature")
	}
	return wish, nil
}

// AskedBy tells if the header of a request asks for an answer that is signed by this
// policy: by its tag, or by none, and for nothing that the policy would not cover.
// What cannot be read is not asked for: the field is a wish, and no reason to refuse.
func (p Policy) AskedBy(header http.Header) bool {
	wishes, err := ParseAcceptSignature(header)
	if err != nil {
		return false
	}
	covers := func(c Component) bool {
		return slices.ContainsFunc(p.Required, c.Equal) || slices.ContainsFunc(p.IfPresent, c.Equal)
	}
	return slices.ContainsFunc(wishes, func(w Wish) bool {
		missing := slices.ContainsFunc(w.Components, func(c Component) bool { return !covers(c) })
		return !missing && (w.Tag == "" || w.Tag == p.Tag)
	})
}
