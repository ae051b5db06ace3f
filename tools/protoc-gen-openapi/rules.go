package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// binding is an RPC at a path.
type binding struct {
	method *protogen.Method
	// verb is the HTTP method and path the template, such as "/v1/loans/{loan_id}".
	verb, path string
	// variables are the fields that the path holds, in its order.
	variables []string
	// body is true when the fields that the path does not hold come as JSON, false when they come as the query.
	body     bool
	readOnly bool
}

// segment is one part of a path: a word, or a field of the request.
var segment = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9-]*|\{[a-z][a-z0-9_]*\})$`)

// readRules reads the rules by their selectors.
func readRules(name string) (map[string]*annotations.HttpRule, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("option rules: %w", err)
	}
	table := &annotations.Http{}
	if err := prototext.Unmarshal(text, table); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	rules := map[string]*annotations.HttpRule{}
	for _, rule := range table.GetRules() {
		if rules[rule.GetSelector()] != nil {
			return nil, fmt.Errorf("%s: %s has two rules; use additional_bindings", name, rule.GetSelector())
		}
		rules[rule.GetSelector()] = rule
	}
	return rules, nil
}

// bind takes the rule of an RPC out of rules and proves it.
func bind(method *protogen.Method, rules map[string]*annotations.HttpRule, options *optionReader) ([]binding, error) {
	selector := string(method.Desc.FullName())
	rule := rules[selector]
	if rule == nil {
		return nil, errors.New("has no rule")
	}
	delete(rules, selector)
	var bound []binding
	for _, one := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		b, err := bindOne(method, one)
		if err == nil {
			err = b.proveVerb(options)
		}
		if err != nil {
			return bound, err
		}
		bound = append(bound, b)
	}
	return bound, nil
}

func bindOne(method *protogen.Method, rule *annotations.HttpRule) (binding, error) {
	b := binding{method: method, body: rule.GetBody() == "*"}
	options, _ := method.Desc.Options().(*descriptorpb.MethodOptions)
	b.readOnly = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		b.verb, b.path = "GET", pattern.Get
	case *annotations.HttpRule_Post:
		b.verb, b.path = "POST", pattern.Post
	case *annotations.HttpRule_Put:
		b.verb, b.path = "PUT", pattern.Put
	case *annotations.HttpRule_Patch:
		b.verb, b.path = "PATCH", pattern.Patch
	case *annotations.HttpRule_Delete:
		b.verb, b.path = "DELETE", pattern.Delete
	default:
		return b, errors.New("its rule has no pattern that the edge serves")
	}
	if rule.GetBody() != "" && !b.body || rule.GetResponseBody() != "" {
		return b, errors.New(`only the body "*" and the whole response are served`)
	}
	if b.body != (b.verb == "POST" || b.verb == "PUT" || b.verb == "PATCH") {
		return b, fmt.Errorf("%s goes with the body %q", b.verb, rule.GetBody())
	}
	rest, ok := strings.CutPrefix(b.path, "/v1/")
	if !ok {
		return b, fmt.Errorf("%s is not under /v1/", b.path)
	}
	for part := range strings.SplitSeq(rest, "/") {
		if !segment.MatchString(part) {
			return b, fmt.Errorf("%q in %s is neither a word nor a field", part, b.path)
		}
		name := strings.Trim(part, "{}")
		if name == part {
			continue
		}
		field := method.Input.Desc.Fields().ByName(protoreflect.Name(name))
		if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() || slices.Contains(b.variables, name) {
			return b, fmt.Errorf("%s in %s is no string of the request that is there once", part, b.path)
		}
		b.variables = append(b.variables, name)
	}
	return b, nil
}

// proveVerb holds the HTTP method against what the RPC does: a read is GET, unless its request would put personal data into URLs, or its
// answer a secret into what intermediaries may keep; nothing else is GET.
func (b binding) proveVerb(options *optionReader) error {
	private := b.readOnly && (options.personal(b.method.Input.Desc, false) || options.personal(b.method.Output.Desc, true))
	switch {
	case !b.readOnly && b.verb == "GET":
		return errors.New("changes something, so it is not asked by GET")
	case b.readOnly && !private && b.verb != "GET":
		return errors.New("reads, so it is asked by GET")
	case private && b.verb != "POST":
		return errors.New("reads by personal data or answers with a secret, so it is asked by POST")
	case !b.body && options.personal(b.method.Input.Desc, false):
		return errors.New("holds personal data, so it has a body")
	}
	return nil
}

// conflicts lists the bindings that one request could mean two of.
func conflicts(bindings []binding) []error {
	var faults []error
	seen := map[string]binding{}
	variable := regexp.MustCompile(`\{[^}]*\}`)
	for _, b := range bindings {
		key := b.verb + " " + variable.ReplaceAllString(b.path, "{}")
		if other, taken := seen[key]; taken {
			faults = append(faults, fmt.Errorf("%s and %s are both %s %s", other.method.Desc.FullName(), b.method.Desc.FullName(), b.verb, b.path))
		}
		seen[key] = b
	}
	return faults
}
