package edge

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// readREST reads a REST request into the message of its RPC: the body or the query, then what the path holds, then the request_id from its
// header. What comes out is held against the contract's rules like any other message.
func (e *Edge) readREST(r *http.Request) (exchange, error) {
	c := callOf(r.Context())
	binding := c.rest.binding
	x := exchange{codec: codecJSON, request: c.rpc.newRequest(), conditional: r.Method == http.MethodGet || r.Method == http.MethodHead}
	var err error
	if x.timeout, err = readTimeout(r.Header.Get(timeoutHeader)); err != nil {
		return x, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return x, malformed("not a query")
	}
	if err := e.readRESTBody(r, &x); err != nil {
		return x, err
	}
	message := x.request.ProtoReflect()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if err := assignParameter(message, binding, name, query[name]); err != nil {
			return x, invalidField("the query breaks the contract", name, err)
		}
	}
	for i, field := range binding.variables {
		value := c.rest.values[i]
		if given := message.Get(field).String(); given != "" && given != value {
			return x, invalidField("the body contradicts the path", string(field.Name()), errors.New("is another in the path"))
		}
		if err := assignField(message, field, []string{value}); err != nil {
			return x, invalidField("the path breaks the contract", string(field.Name()), err)
		}
	}
	if field := c.rpc.requestID; field != nil && !message.Has(field) {
		if err := assignField(message, field, []string{r.Header.Get(IdempotencyKeyHeader)}); err != nil {
			return x, invalidField("the header breaks the contract", "request_id", err)
		}
	}
	// Equal questions are known by their bytes; these begin like no message of Connect's.
	x.plain = fmt.Appendf(nil, "%s?%s\n%s", r.URL.EscapedPath(), r.URL.RawQuery, x.plain)
	return x, nil
}

// readRESTBody reads the content into the message: JSON, packed or not. No content stands for an empty message.
func (e *Edge) readRESTBody(r *http.Request, x *exchange) error {
	c := callOf(r.Context())
	switch {
	case len(c.body) == 0:
		return nil
	case !c.rest.binding.body:
		return malformed("this request has no content")
	case codecOfType(r.Header.Get("Content-Type")) != codecJSON:
		return malformed("the content is not application/json")
	}
	encoding := r.Header.Get("Content-Encoding")
	var err error
	if x.plain, err = e.unpack(c.body, encoding); err != nil {
		return e.unreadable(err, encoding)
	}
	if err := codecJSON.decode(x.plain, x.request); err != nil {
		return malformed(err.Error())
	}
	return nil
}

func invalidField(message, field string, why error) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, message, rpcerr.Field(field, why.Error()))
}
