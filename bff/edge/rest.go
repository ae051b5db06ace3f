package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/gen/openapi"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	// restPrefix begins every path of the REST form of the API.
	restPrefix = "/v1/"
	// restDescription is where the edge serves its description.
	restDescription = "/openapi.yaml"
)

// restNode is a part of the tree of REST paths, a level for each segment. A word goes before a field of the request.
type restNode struct {
	words    map[string]*restNode
	variable *restNode
	// bindings are what ends here, by the HTTP method.
	bindings map[string]*restBinding
}

// restBinding is an RPC at a REST path.
type restBinding struct {
	rpc *rpc
	// pattern is the path as the contract writes it, such as "/v1/loans/{loan_id}"; variables are the fields that it holds, in its order.
	pattern   string
	variables []protoreflect.FieldDescriptor
	// body is true when the other fields come as JSON, false when they come as the query.
	body bool
}

// restCall is what the chain knows of a request under restPrefix. binding is nil, as the call's rpc is, when the path or its method are not
// served.
type restCall struct {
	binding *restBinding
	// values are those of the path's variables, unescaped.
	values []string
	// allowed are the methods of the path; none when there is no such path.
	allowed []string
}

// bindREST puts an RPC at the paths that the contract gives it. The generator has proved them.
func (e *Edge) bindREST(r *rpc) {
	for _, bound := range openapi.Bindings {
		if bound.Procedure != r.method.Procedure {
			continue
		}
		binding, node := &restBinding{rpc: r, pattern: bound.Path, body: bound.Body}, &e.rest
		for segment := range strings.SplitSeq(strings.TrimPrefix(bound.Path, restPrefix), "/") {
			name := strings.Trim(segment, "{}")
			if name == segment {
				node = node.word(segment)
				continue
			}
			binding.variables = append(binding.variables, r.request.Descriptor().Fields().ByName(protoreflect.Name(name)))
			if node.variable == nil {
				node.variable = &restNode{}
			}
			node = node.variable
		}
		if node.bindings == nil {
			node.bindings = map[string]*restBinding{}
		}
		node.bindings[bound.Method] = binding
	}
}

func (n *restNode) word(segment string) *restNode {
	if n.words == nil {
		n.words = map[string]*restNode{}
	}
	if n.words[segment] == nil {
		n.words[segment] = &restNode{}
	}
	return n.words[segment]
}

// find walks the segments of a path that is escaped, and collects the values of its variables. An empty segment is no value.
func (n *restNode) find(path string, values []string) (*restNode, []string) {
	segment, rest, more := strings.Cut(path, "/")
	value, err := url.PathUnescape(segment)
	if err != nil || value == "" {
		return nil, nil
	}
	end := func(next *restNode, values []string) (*restNode, []string) {
		switch {
		case next == nil:
			return nil, nil
		case more:
			return next.find(rest, values)
		case next.bindings == nil:
			return nil, nil
		}
		return next, values
	}
	if found, with := end(n.words[value], values); found != nil {
		return found, with
	}
	return end(n.variable, append(values, value))
}

// findREST notes on a call which RPC a REST request means. HEAD means what GET does.
func (e *Edge) findREST(r *http.Request, c *call) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), restPrefix)
	if !ok {
		return
	}
	c.rest = &restCall{}
	node, values := e.rest.find(path, nil)
	if node == nil {
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if binding := node.bindings[method]; binding != nil {
		c.rest.binding, c.rest.values = binding, values
		c.rpc, c.method = binding.rpc, binding.rpc.method
		return
	}
	c.rest.allowed = []string{http.MethodOptions}
	for method := range node.bindings {
		c.rest.allowed = append(c.rest.allowed, method)
		if method == http.MethodGet {
			c.rest.allowed = append(c.rest.allowed, http.MethodHead)
		}
	}
	slices.Sort(c.rest.allowed)
}

// serveDescription serves the description of the REST form. It is public, and the same until the next release.
func serveDescription() http.Handler {
	sum := sha256.Sum256(openapi.Document)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/yaml") // RFC 9512.
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "public, max-age=300")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(openapi.Document))
	})
}

// refuseREST answers a request under restPrefix that means no RPC: OPTIONS by the methods of the path, the rest by a refusal.
func (e *Edge) refuseREST(w http.ResponseWriter, r *http.Request) {
	rest := callOf(r.Context()).rest
	if rest.allowed == nil {
		e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC, "nothing is served at this path"))
		return
	}
	w.Header().Set("Allow", strings.Join(rest.allowed, ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	e.refuse(w, r, rpcerr.New(connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED, "asked by the wrong HTTP method"))
}
