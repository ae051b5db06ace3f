package signature

import (
	"net/http"
	"strings"
)

// Message is what a signature can cover: a request, or a response together with
// the request that it answers. A non-zero Status makes it a response.
type Message struct {
	Method string
	// Scheme is "https" or "http" as the client sees it, in lower case.
	Scheme string
	// Authority is host and optional port as received, not yet normalised.
	Authority string
	// Target is the request target as it stands on the request line.
	Target string
	// Path is percent-encoded as on the wire; Query has its leading "?", and is
	// empty when the target has none.
	Path, Query string

	Status int

	Header, Trailer http.Header
	// FieldTypes adds to the structured fields that the package knows, for
	// components with sf. Names are in lower case.
	FieldTypes map[string]FieldType
	// Request is what a response answers; components with req are read from it.
	Request *Message
}

// FieldType is the structured type of a field (RFC 9651).
type FieldType uint8

// The three top-level structured types. The zero value means unknown.
const (
	TypeItem FieldType = iota + 1
	TypeList
	TypeDictionary
)

// FromRequest describes a request, incoming or about to be sent. Path and query
// are the bytes of the request line: a router that rewrote r.URL before this call
// does not change what the caller signed.
//
// Behind a proxy that ends TLS the scheme cannot be seen; set it on the result,
// or in [Verifier.Scheme].
func FromRequest(r *http.Request) *Message {
	m := &Message{
		Method:    r.Method,
		Authority: r.Host,
		Target:    r.RequestURI,
		Header:    r.Header,
		Trailer:   r.Trailer,
		Scheme:    "http",
	}
	if m.Method == "" {
		m.Method = http.MethodGet // what net/http sends for an empty method
	}
	if m.Target == "" && r.URL != nil { // a client's request
		m.Target = r.URL.RequestURI()
		m.Scheme = strings.ToLower(r.URL.Scheme)
		if m.Authority == "" {
			m.Authority = r.URL.Host
		}
	}
	if r.TLS != nil {
		m.Scheme = "https"
	}
	m.splitTarget()
	return m
}

// FromResponse describes a received response. resp.Request must be the request
// that was sent if components of it are covered.
func FromResponse(resp *http.Response) *Message {
	m := &Message{Status: resp.StatusCode, Header: resp.Header, Trailer: resp.Trailer}
	if resp.Request != nil {
		m.Request = FromRequest(resp.Request)
	}
	return m
}

// NewResponse describes a response that a server is about to send to r.
func NewResponse(status int, header http.Header, r *http.Request) *Message {
	return &Message{Status: status, Header: header, Request: FromRequest(r)}
}

// splitTarget reads path and query out of the four forms of a request target
// (RFC 9112 section 3.2).
func (m *Message) splitTarget() {
	rest := m.Target
	if !strings.HasPrefix(rest, "/") {
		scheme, after, absolute := strings.Cut(rest, "://")
		if !absolute { // asterisk and authority form have no path
			m.Path = "/"
			return
		}
		at := strings.IndexAny(after, "/?")
		if at < 0 {
			at = len(after)
		}
		m.Scheme, rest = strings.ToLower(scheme), after[at:]
		if m.Authority == "" {
			m.Authority = after[:at]
		}
	}
	if at := strings.IndexByte(rest, '?'); at >= 0 {
		rest, m.Query = rest[:at], rest[at:]
	}
	m.Path = rest
	if m.Path == "" {
		m.Path = "/"
	}
}

// authority is the normalised form that @authority needs: lower case, without
// the default port of the scheme (RFC 9421 section 2.2.3).
func (m *Message) authority() string {
	host := strings.ToLower(m.Authority)
	switch m.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ":")
}

// lines gives the values of a field in the order of the message.
func (m *Message) lines(name string, trailer bool) ([]string, bool) {
	fields := m.Header
	if trailer {
		fields = m.Trailer
	}
	values, ok := fields[canonical(name)]
	if !ok && !trailer && name == "host" && m.Authority != "" {
		return []string{m.Authority}, true // net/http moves Host out of the header
	}
	return values, ok && len(values) > 0
}

// canonical is http.CanonicalHeaderKey, which looks at every letter, but for the names
// of our profile: they are known by heart.
func canonical(name string) string {
	switch name {
	case "content-digest":
		return "Content-Digest"
	case "content-type":
		return "Content-Type"
	case "authorization":
		return "Authorization"
	case "idempotency-key":
		return "Idempotency-Key"
	case "signature":
		return "Signature"
	}
	return http.CanonicalHeaderKey(name)
}

// has tells if the component exists in the message. Derived components of the
// right kind of message always do.
func (m *Message) has(c Component) bool {
	if c.spec.req {
		if m.Request == nil {
			return false
		}
		m = m.Request
	}
	if c.derived() {
		return true
	}
	_, ok := m.lines(c.spec.name, c.spec.tr)
	return ok
}

// withContent tells if the message is of a kind that carries content, even if
// that is empty: an empty POST has content of zero bytes, a GET has none.
func (m *Message) withContent(body []byte) bool {
	if len(body) > 0 || m.Status != 0 {
		return true
	}
	return m.Method == http.MethodPost || m.Method == http.MethodPut || m.Method == http.MethodPatch
}

// fieldType gives the structured type of a field, 0 if it is not known.
func (m *Message) fieldType(name string) FieldType {
	if known, ok := m.FieldTypes[name]; ok {
		return known
	}
	switch name {
	case "content-digest", "repr-digest", "want-content-digest", "want-repr-digest",
		"signature", "signature-input", "accept-signature", "priority", "cdn-cache-control":
		return TypeDictionary
	case "accept-ch", "cache-status", "client-cert-chain", "proxy-status":
		return TypeList
	case "client-cert", "idempotency-key":
		return TypeItem
	}
	return 0
}
