package wirejson_test

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"
)

// draw makes a message at random, at most depth messages deep.
func draw(t *rapid.T, descriptor protoreflect.MessageDescriptor, depth int) *dynamicpb.Message {
	message := dynamicpb.NewMessage(descriptor)
	fill(t, message, depth)
	return message
}

func fill(t *rapid.T, message protoreflect.Message, depth int) {
	fields := message.Descriptor().Fields()
	switch message.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		message.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds")))
		message.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(drawNanos(t)))
		return
	case "google.protobuf.Duration":
		seconds := rapid.Int64Range(-315576000000, 315576000000).Draw(t, "seconds")
		nanos := drawNanos(t)
		if seconds < 0 || seconds == 0 && rapid.Bool().Draw(t, "negative") {
			nanos = -nanos
		}
		message.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
		message.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
		return
	case "google.protobuf.FieldMask":
		message.Mutable(fields.ByName("paths")).List().Append(protoreflect.ValueOfString("greeting.given_name"))
		return
	case "google.protobuf.Value":
		message.Set(fields.ByName("string_value"), protoreflect.ValueOfString(rapid.String().Draw(t, "value")))
		return
	}
	for i := range fields.Len() {
		fd := fields.Get(i)
		if rapid.IntRange(0, 2).Draw(t, "there") == 0 || depth == 0 && fd.Message() != nil {
			continue
		}
		switch {
		case fd.IsMap():
			entries := message.Mutable(fd).Map()
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				entries.Set(drawScalar(t, fd.MapKey()).MapKey(), drawValue(t, fd.MapValue(), entries.NewValue, depth))
			}
		case fd.IsList():
			list := message.Mutable(fd).List()
			for range rapid.IntRange(0, 3).Draw(t, "elements") {
				list.Append(drawValue(t, fd, list.NewElement, depth))
			}
		default:
			message.Set(fd, drawValue(t, fd, func() protoreflect.Value { return message.NewField(fd) }, depth))
		}
	}
}

func drawNanos(t *rapid.T) int32 {
	unit := rapid.SampledFrom([]int32{1, 1000, 1_000_000, 1_000_000_000}).Draw(t, "unit")
	return rapid.Int32Range(0, 999_999_999).Draw(t, "nanos") / unit * unit
}

func drawValue(t *rapid.T, fd protoreflect.FieldDescriptor, empty func() protoreflect.Value, depth int) protoreflect.Value {
	if fd.Message() == nil {
		return drawScalar(t, fd)
	}
	value := empty()
	fill(t, value.Message(), depth-1)
	return value
}

func drawScalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(fd.Name())
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.OneOf(rapid.Int32Range(-8, 8), rapid.Int32()).Draw(t, name)))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, name))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, name))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, name))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, name))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, name))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, name))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\x00\n\"\\<é₴\u2028\u007f"))), 0, 20, -1).Draw(t, name))
	default:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, name))
	}
}
