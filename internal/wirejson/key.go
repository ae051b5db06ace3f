package wirejson

import (
	"bytes"
	"cmp"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mapKey is the key of an entry: text, or a number of its kind.
type mapKey struct {
	field *field
	text  []byte
	// number holds truth values and integers; signed ones in two's complement.
	number uint64
}

// compare orders keys as protojson does.
func (k mapKey) compare(other mapKey) int {
	switch k.field.kind {
	case protoreflect.StringKind:
		return bytes.Compare(k.text, other.text)
	case protoreflect.BoolKind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return cmp.Compare(k.number, other.number)
	default:
		return cmp.Compare(int64(k.number), int64(other.number))
	}
}

// append writes the key, which in JSON is always text.
func (k mapKey) append(dst []byte) ([]byte, error) {
	switch k.field.kind {
	case protoreflect.StringKind:
		return appendText(dst, k.text)
	case protoreflect.BoolKind:
		return append(strconv.AppendBool(append(dst, '"'), k.number != 0), '"'), nil
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return append(strconv.AppendUint(append(dst, '"'), k.number, 10), '"'), nil
	default:
		return append(strconv.AppendInt(append(dst, '"'), int64(k.number), 10), '"'), nil
	}
}

// entry is an entry of a map: its key, and its value on the wire.
type entry struct {
	key   mapKey
	value []byte
}

// split takes an entry of a map apart. What is missing has its zero value.
func (p *Plan) split(wire []byte) (entry, error) {
	e := entry{key: mapKey{field: &p.fields[0]}, value: zeroWire(&p.fields[1])}
	var had seen
	for len(wire) > 0 {
		number, typ, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return e, ErrNotWire
		}
		m := protowire.ConsumeFieldValue(number, typ, wire[n:])
		if m < 0 {
			return e, ErrNotWire
		}
		if number <= 2 && typ == p.fields[number-1].wire {
			if !had.mark(int(number)) {
				return e, errPieces
			}
			if number == 1 {
				e.key.read(wire[n : n+m])
			} else {
				e.value = wire[n : n+m]
			}
		}
		wire = wire[n+m:]
	}
	return e, nil
}

// read takes the key from its wire form, which has been found whole.
func (k *mapKey) read(wire []byte) {
	switch k.field.wire {
	case protowire.BytesType:
		k.text, _ = protowire.ConsumeBytes(wire)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(wire)
		k.number = uint64(v)
		if k.field.kind == protoreflect.Sfixed32Kind {
			k.number = uint64(int64(int32(v)))
		}
	case protowire.Fixed64Type:
		k.number, _ = protowire.ConsumeFixed64(wire)
	default:
		v, _ := protowire.ConsumeVarint(wire)
		switch k.field.kind {
		case protoreflect.BoolKind:
			v = protowire.EncodeBool(v != 0)
		case protoreflect.Int32Kind:
			v = uint64(int64(int32(v)))
		case protoreflect.Uint32Kind:
			v = uint64(uint32(v))
		case protoreflect.Sint32Kind:
			v = uint64(int64(int32(protowire.DecodeZigZag(v & math.MaxUint32))))
		case protoreflect.Sint64Kind:
			v = uint64(protowire.DecodeZigZag(v))
		}
		k.number = v
	}
}
