package wirejson

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ErrValue is returned for a value that JSON cannot say: text that is not UTF-8, a time out of range.
var ErrValue = errors.New("no such value in JSON")

// append writes one value at the head of wire and tells how many bytes it took. A zero that means absence writes nothing.
func (f *field) append(dst, wire []byte, depth int) (out []byte, n int, err error) {
	switch f.wire {
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(wire)
		if n < 0 {
			return dst, 0, ErrNotWire
		}
		return f.varint(dst, v), n, nil
	case protowire.Fixed32Type:
		v, n := protowire.ConsumeFixed32(wire)
		if n < 0 {
			return dst, 0, ErrNotWire
		}
		return f.fixed32(dst, v), n, nil
	case protowire.Fixed64Type:
		v, n := protowire.ConsumeFixed64(wire)
		if n < 0 {
			return dst, 0, ErrNotWire
		}
		return f.fixed64(dst, v), n, nil
	}
	v, n := protowire.ConsumeBytes(wire)
	if n < 0 {
		return dst, 0, ErrNotWire
	}
	switch {
	case f.message != nil:
		dst, err = f.message.message(dst, v, depth-1)
	case len(v) == 0 && f.zeroless:
	case f.kind == protoreflect.StringKind:
		dst, err = appendText(dst, v)
	default:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		dst = append(dst, '"')
	}
	return dst, n, err
}

// varint writes a number, a truth value or an enum.
func (f *field) varint(dst []byte, v uint64) []byte {
	switch f.kind {
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		v = uint64(int64(int32(v)))
	case protoreflect.Uint32Kind:
		v = uint64(uint32(v))
	case protoreflect.Sint32Kind:
		v = uint64(int64(int32(protowire.DecodeZigZag(v & math.MaxUint32))))
	case protoreflect.Sint64Kind:
		v = uint64(protowire.DecodeZigZag(v))
	}
	if v == 0 && f.zeroless {
		return dst
	}
	switch f.kind {
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v != 0)
	case protoreflect.EnumKind:
		if name, known := f.enum[int32(v)]; known {
			return append(dst, name...)
		}
		return strconv.AppendInt(dst, int64(v), 10)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return strconv.AppendInt(dst, int64(v), 10)
	case protoreflect.Uint32Kind:
		return strconv.AppendUint(dst, v, 10)
	case protoreflect.Uint64Kind:
		return append(strconv.AppendUint(append(dst, '"'), v, 10), '"')
	default:
		return append(strconv.AppendInt(append(dst, '"'), int64(v), 10), '"')
	}
}

// fixed32 writes four bytes. A negative zero is no absence.
func (f *field) fixed32(dst []byte, v uint32) []byte {
	if v == 0 && f.zeroless {
		return dst
	}
	switch f.kind {
	case protoreflect.FloatKind:
		return appendFloat(dst, float64(math.Float32frombits(v)), 32)
	case protoreflect.Sfixed32Kind:
		return strconv.AppendInt(dst, int64(int32(v)), 10)
	default:
		return strconv.AppendUint(dst, uint64(v), 10)
	}
}

// fixed64 writes eight bytes.
func (f *field) fixed64(dst []byte, v uint64) []byte {
	if v == 0 && f.zeroless {
		return dst
	}
	switch f.kind {
	case protoreflect.DoubleKind:
		return appendFloat(dst, math.Float64frombits(v), 64)
	case protoreflect.Sfixed64Kind:
		return append(strconv.AppendInt(append(dst, '"'), int64(v), 10), '"')
	default:
		return append(strconv.AppendUint(append(dst, '"'), v, 10), '"')
	}
}

// appendFloat writes a number as ECMAScript does (section 6.1.6.1.20), as protojson and encoding/json do.
func appendFloat(dst []byte, v float64, size int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	abs := math.Abs(v)
	wide := size == 64 && (abs < 1e-6 || abs >= 1e21)
	narrow := size == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) // The bounds are those of the narrow number.
	if abs != 0 && (wide || narrow) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, v, format, -1, size)
	if n := len(dst); format == 'e' && n >= 4 && string(dst[n-4:n-1]) == "e-0" {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendText writes a string.
func appendText(dst, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return dst, fmt.Errorf("%w: text that is not UTF-8", ErrValue)
	}
	dst = append(dst, '"')
	for {
		i := plainPrefix(text)
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"'), nil
		}
		dst = appendEscaped(dst, text[i])
		text = text[i+1:]
	}
}

// plainPrefix is how many bytes of text can stand in a JSON string as they are. It looks at eight at once: a byte below 0x20, a quotation
// mark and a backslash each leave the top bit of their byte in stop. A carry can mark a byte too many, never one too few, and the look at
// single bytes settles it.
func plainPrefix(text []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
			uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		stop := ((w - ones*0x20) | (quote - ones) | (slash - ones)) & ^w & tops
		if stop != 0 {
			i += bits.TrailingZeros64(stop) / 8
			break
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// appendEscaped writes a byte that needs it, in the short form where JSON has one.
func appendEscaped(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
}

// zeroWire is the wire form of a field's zero value, without its tag.
func zeroWire(f *field) []byte {
	switch f.wire {
	case protowire.Fixed32Type:
		return make([]byte, 4)
	case protowire.Fixed64Type:
		return make([]byte, 8)
	default:
		return []byte{0} // The number zero, and no bytes.
	}
}
