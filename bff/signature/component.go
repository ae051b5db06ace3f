package signature

import (
	"strings"

	"github.com/dunglas/httpsfv"
)

// Component is one component identifier of RFC 9421 section 2: the name of a
// field or of a derived component such as @method, with its parameters. Make
// one with [Field], [Derived] or [ParseComponent]; the zero value names nothing.
type Component struct {
	spec componentSpec
	// id is the serialised identifier with its parameters in the order given,
	// which the signature base must repeat.
	id string
}

// componentSpec is what a component means. Two identifiers are the same if these
// are equal, whatever the order of their parameters (RFC 9421 section 2).
type componentSpec struct {
	name string
	// key is the dictionary member of ;key=, queryName the parameter of ;name=.
	key, queryName string
	keyed          bool
	req            bool // of the request that a response answers
	sf             bool // strict structured-field serialisation
	bs             bool // each field line wrapped as a byte sequence
	tr             bool // from the trailers
}

// Field names a header field of the message itself, such as "content-type".
func Field(name string) Component { return quoted(`"` + strings.ToLower(name) + `"`) }

// Derived names a derived component of the message itself, such as "@method".
func Derived(name string) Component { return quoted(`"` + name + `"`) }

// quoted makes a component without parameters from its serialised identifier. It
// allocates nothing, so policies are cheap to make for each request.
func quoted(id string) Component {
	return Component{spec: componentSpec{name: id[1 : len(id)-1]}, id: id}
}

// OfRequest gives the same component of the request that a response answers.
func (c Component) OfRequest() Component {
	if !c.spec.req {
		c.spec.req = true
		c.id += ";req"
	}
	return c
}

// String gives the serialised identifier, for example "@method";req with its quotes.
func (c Component) String() string { return c.id }

// Name gives the bare name without parameters.
func (c Component) Name() string { return c.spec.name }

// Equal tells if both identify the same component.
func (c Component) Equal(other Component) bool { return c.spec == other.spec }

func (c Component) derived() bool { return strings.HasPrefix(c.spec.name, "@") }

// ParseComponent reads a serialised identifier such as "example-dict";key="a".
func ParseComponent(text string) (Component, error) {
	if len(text) > maxFieldBytes {
		return Component{}, refuse(ReasonMalformed, "component identifier is too long")
	}
	item, err := httpsfv.UnmarshalItem([]string{text})
	if err != nil {
		return Component{}, refuseBecause(ReasonMalformed, err, "component identifier")
	}
	return componentOf(item)
}

// componentOf checks a parsed identifier and everything that can be checked
// without the message.
func componentOf(item httpsfv.Item) (Component, error) {
	name, ok := item.Value.(string)
	if !ok {
		return Component{}, refuse(ReasonMalformed, "component name is not a string")
	}
	spec := componentSpec{name: name}
	hasQueryName := false
	for _, param := range item.Params.Names() {
		value, _ := item.Params.Get(param)
		var fits bool
		switch param {
		case "req":
			spec.req, fits = true, value == true
		case "sf":
			spec.sf, fits = true, value == true
		case "bs":
			spec.bs, fits = true, value == true
		case "tr":
			spec.tr, fits = true, value == true
		case "key":
			spec.keyed = true
			spec.key, fits = value.(string)
		case "name":
			hasQueryName = true
			spec.queryName, fits = value.(string)
		}
		// An unknown parameter may change the meaning, so it is an error (section 2.5).
		if !fits {
			return Component{}, refuse(ReasonMalformed, "parameter %q of component %q", param, name)
		}
	}
	if err := spec.check(hasQueryName); err != nil {
		return Component{}, err
	}
	id, err := httpsfv.Marshal(item)
	if err != nil {
		return Component{}, refuseBecause(ReasonMalformed, err, "component %q", name)
	}
	return Component{spec: spec, id: id}, nil
}

// check refuses names that do not exist and parameters that do not go together.
func (s componentSpec) check(hasQueryName bool) error {
	if strings.HasPrefix(s.name, "@") {
		switch s.name {
		case "@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query", "@query-param", "@status":
		default:
			// Also @signature-params, which is never listed (section 2.3).
			return refuse(ReasonMalformed, "unknown derived component %q", s.name)
		}
		if s.sf || s.bs || s.tr || s.keyed {
			return refuse(ReasonMalformed, "a field parameter on %q", s.name)
		}
		if hasQueryName != (s.name == "@query-param") {
			return refuse(ReasonMalformed, "name goes with @query-param and only there")
		}
		return nil
	}
	if !isFieldName(s.name) {
		return refuse(ReasonMalformed, "%q is not a lower-case field name", s.name)
	}
	if hasQueryName {
		return refuse(ReasonMalformed, "name goes with @query-param and only there")
	}
	if s.bs && (s.sf || s.keyed) {
		return refuse(ReasonMalformed, "bs does not go with sf or key on %q", s.name)
	}
	return nil
}

// isFieldName tells if name is an RFC 9110 token without upper-case letters.
func isFieldName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}
