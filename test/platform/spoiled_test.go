package platform_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	// deepest is how many messages inside each other are spoiled.
	deepest = 4
	// widest is the most content that still passes the edge's limit, in bytes, with room for what is around it.
	widest = 60 << 10
)

// spoiled is a request with one value that breaks a rule of its contract.
type spoiled struct {
	field   string
	message proto.Message
}

// encode writes the message for a codec.
func (s spoiled) encode(t *testing.T, codec string) []byte {
	t.Helper()
	write := proto.Marshal
	if codec == "json" {
		write = protojson.Marshal
	}
	raw, err := write(s.message)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// spoil makes a bad request for every field of a message, and of the messages inside, that can be spoiled within the size limit. The rules
// themselves say what is bad: a value is taken only when they name its field. requestID stays good, for the edge compares it first.
func spoil(t *testing.T, input protoreflect.MessageDescriptor, requestID uuid.UUID) []spoiled {
	t.Helper()
	var out []spoiled
	spoilInside(input, "", 0, func(path string, fill func(protoreflect.Message)) bool {
		message := dynamicpb.NewMessage(input)
		if field := input.Fields().ByName("request_id"); field != nil {
			message.Set(field, protoreflect.ValueOfString(requestID.String()))
		}
		fill(message)
		if proto.Size(message) > widest || !breaks(t, message, path) {
			return false
		}
		out = append(out, spoiled{field: path, message: message})
		return true
	})
	return out
}

// breaks tells whether the rules name the field as the one that is wrong.
func breaks(t *testing.T, message proto.Message, path string) bool {
	t.Helper()
	err := protovalidate.Validate(message)
	var invalid *protovalidate.ValidationError
	if err == nil {
		return false
	}
	if !errors.As(err, &invalid) {
		t.Fatalf("the rules of %s do not run: %v", message.ProtoReflect().Descriptor().FullName(), err)
	}
	for _, violation := range invalid.Violations {
		if strings.HasPrefix(protovalidate.FieldPathString(violation.Proto.GetField()), path) {
			return true
		}
	}
	return false
}

// spoilInside offers bad values for the fields of a message until one is taken, and goes on with the messages inside.
func spoilInside(message protoreflect.MessageDescriptor, prefix string, depth int, try func(path string, fill func(protoreflect.Message)) bool) {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if depth == 0 && field.Name() == "request_id" {
			continue
		}
		path := prefix + string(field.Name())
		for _, bad := range badValues(field) {
			if try(path, func(m protoreflect.Message) { bad(m, field) }) {
				break
			}
		}
		if inner := field.Message(); inner != nil && !field.IsList() && !field.IsMap() && depth < deepest && inner.ParentFile().Package().Parent() != "google" {
			spoilInside(inner, path+".", depth+1, func(path string, fill func(protoreflect.Message)) bool {
				return try(path, func(m protoreflect.Message) { fill(m.Mutable(field).Message()) })
			})
		}
	}
}

// badValues are values that rules commonly refuse, for a kind of field. A required message is spoiled by leaving it out.
func badValues(field protoreflect.FieldDescriptor) []func(protoreflect.Message, protoreflect.FieldDescriptor) {
	var out []func(protoreflect.Message, protoreflect.FieldDescriptor)
	set := func(values ...any) {
		for _, value := range values {
			out = append(out, func(m protoreflect.Message, f protoreflect.FieldDescriptor) { m.Set(f, protoreflect.ValueOf(value)) })
		}
	}
	switch {
	case field.IsMap():
		return append(out, func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			for i := range 200 {
				m.Mutable(f).Map().Set(protoreflect.ValueOf(strings.Repeat("k", i+1)).MapKey(), f.MapValue().Default())
			}
		})
	case field.IsList():
		return append(out, func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			for range 1100 {
				list := m.Mutable(f).List()
				list.Append(list.NewElement())
			}
		})
	}
	switch field.Kind() {
	case protoreflect.StringKind:
		set("☂", strings.Repeat("x", 6000), strings.Repeat("x", widest-100))
	case protoreflect.BytesKind:
		set([]byte("☂"), []byte(strings.Repeat("x", 6000)))
	case protoreflect.EnumKind:
		set(protoreflect.EnumNumber(99_999))
	case protoreflect.Int32Kind:
		set(int32(math.MaxInt32), int32(math.MinInt32))
	case protoreflect.Int64Kind:
		set(int64(math.MaxInt64), int64(math.MinInt64))
	case protoreflect.Uint32Kind:
		set(uint32(math.MaxUint32))
	case protoreflect.Uint64Kind:
		set(uint64(math.MaxUint64))
	case protoreflect.MessageKind:
		out = append(out, func(m protoreflect.Message, f protoreflect.FieldDescriptor) { m.Clear(f) })
	default: // A boolean cannot be wrong.
	}
	return out
}
