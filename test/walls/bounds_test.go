package walls_test

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// maxText is the most characters or bytes that a single field of a request may ask for: the edge takes 64 KiB in all.
const maxText = 64 << 10

func TestNoMoneyInFloats(t *testing.T) {
	t.Parallel()
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if len(file.Path()) < 9 || file.Path()[:9] != "lendgate/" {
			return true
		}
		eachMessage(file.Messages(), func(message protoreflect.MessageDescriptor) {
			for i := range message.Fields().Len() {
				field := message.Fields().Get(i)
				if kind := field.Kind(); kind == protoreflect.FloatKind || kind == protoreflect.DoubleKind {
					t.Errorf("%s is a %s: money is minor units in int64, rates are decimals in text", field.FullName(), kind)
				}
			}
		})
		return true
	})
}

func eachMessage(messages protoreflect.MessageDescriptors, visit func(protoreflect.MessageDescriptor)) {
	for i := range messages.Len() {
		visit(messages.Get(i))
		eachMessage(messages.Get(i).Messages(), visit)
	}
}

func TestEveryRequestFieldIsBounded(t *testing.T) {
	t.Parallel()
	seen := map[protoreflect.FullName]bool{}
	for _, m := range methods(t) {
		checkMessage(t, m.Descriptor.Input(), seen)
	}
}

// checkMessage checks the fields of a message of ours and of those inside it, each message once.
func checkMessage(t *testing.T, message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
	t.Helper()
	if seen[message.FullName()] || message.ParentFile().Package().Parent().Parent() != "lendgate" {
		return
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		for _, fault := range unbounded(field, fieldRules(t, field)) {
			t.Errorf("%s: %s", field.FullName(), fault)
		}
		if inner := field.Message(); inner != nil && !field.IsMap() {
			checkMessage(t, inner, seen)
		}
		if field.IsMap() && field.MapValue().Message() != nil {
			checkMessage(t, field.MapValue().Message(), seen)
		}
	}
}

func fieldRules(t *testing.T, field protoreflect.FieldDescriptor) *validate.FieldRules {
	t.Helper()
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil {
		t.Fatalf("%s: %v", field.FullName(), err)
	}
	return rules
}

// unbounded says where a field's rules let in as much as a caller likes. Messages are bounded by their own fields, booleans by nature.
func unbounded(field protoreflect.FieldDescriptor, rules *validate.FieldRules) []string {
	switch {
	case field.IsMap():
		pairs := rules.GetMap()
		out := append(scalar(field.MapKey(), pairs.GetKeys()), scalar(field.MapValue(), pairs.GetValues())...)
		if pairs.MaxPairs == nil {
			out = append(out, "a map needs max_pairs")
		}
		return out
	case field.IsList():
		out := scalar(field, rules.GetRepeated().GetItems())
		if rules.GetRepeated().MaxItems == nil {
			out = append(out, "a repeated field needs max_items")
		}
		return out
	default:
		return scalar(field, rules)
	}
}

// scalar says what bounds a single value lacks.
func scalar(field protoreflect.FieldDescriptor, rules *validate.FieldRules) []string {
	bounded, needs := true, ""
	switch field.Kind() {
	case protoreflect.StringKind:
		bounded, needs = boundedString(rules.GetString()), "a string needs max_len, max_bytes, len, in, const, uuid or a pattern that ends"
	case protoreflect.BytesKind:
		b := rules.GetBytes()
		limit := max(b.GetMaxLen(), b.GetLen())
		bounded, needs = limit > 0 && limit <= maxText || b.Const != nil || len(b.GetIn()) > 0, "bytes need len or max_len"
	case protoreflect.EnumKind:
		e := rules.GetEnum()
		bounded, needs = e.GetDefinedOnly() || len(e.GetIn()) > 0 || e.Const != nil, "an enum needs defined_only"
	case protoreflect.Int32Kind:
		bounded, needs = rules.GetInt32().GetLessThan() != nil || len(rules.GetInt32().GetIn()) > 0, "a number needs lt or lte"
	case protoreflect.Int64Kind:
		bounded, needs = rules.GetInt64().GetLessThan() != nil || len(rules.GetInt64().GetIn()) > 0, "a number needs lt or lte"
	case protoreflect.Uint32Kind:
		bounded, needs = rules.GetUint32().GetLessThan() != nil || len(rules.GetUint32().GetIn()) > 0, "a number needs lt or lte"
	case protoreflect.Uint64Kind:
		bounded, needs = rules.GetUint64().GetLessThan() != nil || len(rules.GetUint64().GetIn()) > 0, "a number needs lt or lte"
	case protoreflect.BoolKind, protoreflect.MessageKind:
	default:
		bounded, needs = false, fmt.Sprintf("contracts have no fields of kind %s", field.Kind())
	}
	if bounded {
		return nil
	}
	return []string{needs}
}

func boundedString(rules *validate.StringRules) bool {
	limit := max(rules.GetMaxLen(), rules.GetMaxBytes(), rules.GetLen(), rules.GetLenBytes())
	switch {
	case limit > 0:
		return limit <= maxText
	case rules.Const != nil, len(rules.GetIn()) > 0, rules.GetUuid(), rules.GetTuuid(), rules.GetIp(), rules.GetIpv4(), rules.GetIpv6():
		return true
	case rules.Pattern != nil:
		return ends(rules.GetPattern())
	default:
		return false
	}
}

// ends tells whether a pattern fits only texts of bounded length: it holds from the first to the last character and repeats nothing
// without end.
func ends(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return false
	}
	parsed = parsed.Simplify()
	return parsed.Op == syntax.OpConcat && len(parsed.Sub) > 1 && parsed.Sub[0].Op == syntax.OpBeginText &&
		parsed.Sub[len(parsed.Sub)-1].Op == syntax.OpEndText && !endless(parsed)
}

func endless(part *syntax.Regexp) bool {
	if part.Op == syntax.OpStar || part.Op == syntax.OpPlus || part.Op == syntax.OpRepeat && part.Max < 0 {
		return true
	}
	return slices.ContainsFunc(part.Sub, endless)
}

func TestPatternsThatEnd(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		`^[A-Z]{3}$`:                       true,
		`^[0-9]{1,6}(\.[0-9]{1,12})?$`:     true,
		`^([0-9]{1,3}(\.[0-9]{1,6})?)?$`:   true,
		`^[a-z]+$`:                         false,
		`^[a-z]{3,}$`:                      false,
		`[a-z]{3}`:                         false,
		`^[a-z]{3}`:                        false,
		`^(a|b{2,}c)$`:                     false,
		`^[a-z][a-z0-9_]{0,60}(\.[a-z])?$`: true,
	} {
		if got := ends(pattern); got != want {
			t.Errorf("ends(%s) = %t, want %t", pattern, got, want)
		}
	}
}
