package wirejson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Plan writes messages of one type. It is immutable and safe for concurrent use.
type Plan struct {
	descriptor protoreflect.MessageDescriptor
	// special is how the message is written when not by its fields.
	special special
	fields  []field
	// low finds the fields with small numbers, nearly all there are, by their number: 1 + the place in fields, 0 for none. high has the rest.
	low  []uint16
	high map[protowire.Number]uint16
	// value is the field of a wrapper.
	value *field
}

// special says how the JSON of a message differs from that of its fields.
type special uint8

const (
	byFields special = iota
	byTimestamp
	byDuration
	byWrapper
	// byLibrary is for messages that protojson writes.
	byLibrary
)

// maxFields is what the record of fields that were seen holds; a message with more is written by protojson.
const maxFields = 256

// lowNumbers is how far field numbers are looked up in a slice.
const lowNumbers = 128

// field is what writing a field needs to know.
type field struct {
	// name is the quoted JSON name with its colon.
	name []byte
	kind protoreflect.Kind
	wire protowire.Type
	// list, packable and mapped tell its shape; zeroless is true when the zero value means absence.
	list, packable, mapped, zeroless bool
	// slot is the bit by which a second appearance is noticed; members of a oneof share one.
	slot int
	// enum are the quoted names by number.
	enum map[int32]string
	// message is the plan of a message field; for a map, that of its entry.
	message *Plan
}

// Compiler makes plans. Types that appear in several messages are compiled once. It is not safe for concurrent use; its plans are.
type Compiler struct {
	plans map[protoreflect.FullName]*Plan
}

// NewCompiler makes a compiler that has compiled nothing yet.
func NewCompiler() *Compiler { return &Compiler{plans: map[protoreflect.FullName]*Plan{}} }

// Compile makes the plan of a message type.
func (c *Compiler) Compile(message protoreflect.MessageDescriptor) *Plan {
	if plan, ok := c.plans[message.FullName()]; ok {
		return plan
	}
	plan := &Plan{descriptor: message}
	c.plans[message.FullName()] = plan // Before its fields, which may be of this type again.
	plan.special = specialOf(message)
	if plan.special == byFields || plan.special == byWrapper {
		for i := range message.Fields().Len() {
			plan.fields = append(plan.fields, c.field(message.Fields().Get(i)))
		}
		plan.index()
	}
	if plan.special == byWrapper {
		plan.value = &plan.fields[0]
		plan.value.zeroless = false // A wrapper is there for telling zero from nothing.
	}
	return plan
}

// specialOf knows the types whose JSON the specification sets apart, and those that need protojson for other reasons.
func specialOf(message protoreflect.MessageDescriptor) special {
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		return byTimestamp
	case "google.protobuf.Duration":
		return byDuration
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return byWrapper
	case "google.protobuf.Any", "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue", "google.protobuf.FieldMask":
		return byLibrary
	}
	fields := message.Fields()
	if message.ExtensionRanges().Len() > 0 || message.RequiredNumbers().Len() > 0 || fields.Len() > maxFields {
		return byLibrary
	}
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.IsMap() {
			fd = fd.MapValue()
		}
		closed := fd.Enum() != nil && (fd.Enum().IsClosed() || fd.Enum().FullName() == "google.protobuf.NullValue")
		if fd.Kind() == protoreflect.GroupKind || closed {
			return byLibrary
		}
	}
	return byFields
}

// field compiles one field.
func (c *Compiler) field(fd protoreflect.FieldDescriptor) field {
	f := field{
		name: append(strconv.AppendQuote(nil, fd.JSONName()), ':'), kind: fd.Kind(), wire: wireType(fd.Kind()),
		list: fd.IsList(), mapped: fd.IsMap(), slot: fd.Index(),
		zeroless: !fd.HasPresence() && !fd.IsList() && !fd.IsMap() && !fd.ContainingMessage().IsMapEntry(),
	}
	f.packable = f.list && f.wire != protowire.BytesType
	if oneof := fd.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		f.slot = oneof.Fields().Get(0).Index()
	}
	if fd.Enum() != nil {
		f.enum = map[int32]string{}
		for i := range fd.Enum().Values().Len() {
			value := fd.Enum().Values().Get(i)
			if _, aliased := f.enum[int32(value.Number())]; !aliased {
				f.enum[int32(value.Number())] = strconv.Quote(string(value.Name()))
			}
		}
	}
	if fd.Message() != nil {
		f.message = c.Compile(fd.Message())
	}
	return f
}

// index makes the look-up by number.
func (p *Plan) index() {
	p.low, p.high = make([]uint16, 0, len(p.fields)+1), nil
	for i := range p.fields {
		p.add(p.descriptor.Fields().Get(i).Number(), i)
	}
}

// add makes the field at place i found by its number.
func (p *Plan) add(number protowire.Number, i int) {
	if number >= lowNumbers {
		if p.high == nil {
			p.high = map[protowire.Number]uint16{}
		}
		p.high[number] = uint16(i + 1)
		return
	}
	for len(p.low) <= int(number) {
		p.low = append(p.low, 0)
	}
	p.low[number] = uint16(i + 1)
}

// find finds a field by its number; nil when the plan leaves it out.
func (p *Plan) find(number protowire.Number) *field {
	place := uint16(0)
	if int(number) < len(p.low) {
		place = p.low[number]
	} else if p.high != nil {
		place = p.high[number]
	}
	if place == 0 {
		return nil
	}
	return &p.fields[place-1]
}

func wireType(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	default:
		return protowire.VarintType
	}
}

// ErrPath is returned for a path of a mask that names nothing.
var ErrPath = errors.New("no such field")

// Project makes a plan that writes only what the paths name, each with all that is below it. A path is dotted, in the names of the contract
// or of JSON, and goes through lists: "loans.loans.outstanding" picks that field of every loan. An empty list names nothing.
func (p *Plan) Project(paths []string) (*Plan, error) {
	below := map[int][]string{}
	whole := map[int]bool{}
	for _, path := range paths {
		head, rest, deeper := strings.Cut(path, ".")
		fd := p.descriptor.Fields().ByName(protoreflect.Name(head))
		if fd == nil {
			fd = p.descriptor.Fields().ByJSONName(head)
		}
		switch {
		case fd == nil || p.special != byFields:
			return nil, fmt.Errorf("%w: %q of %s", ErrPath, head, p.descriptor.FullName())
		case deeper && (fd.Message() == nil || fd.IsMap()):
			return nil, fmt.Errorf("%w: %q has nothing below it", ErrPath, head)
		case deeper:
			below[fd.Index()] = append(below[fd.Index()], rest)
		default:
			whole[fd.Index()] = true
		}
	}
	projected := &Plan{descriptor: p.descriptor, fields: make([]field, 0, len(below)+len(whole))}
	for i := range p.fields {
		f := p.fields[i]
		if !whole[i] {
			if below[i] == nil {
				continue
			}
			message, err := f.message.Project(below[i])
			if err != nil {
				return nil, err
			}
			f.message = message
		}
		projected.fields = append(projected.fields, f)
		projected.add(p.descriptor.Fields().Get(i).Number(), len(projected.fields)-1)
	}
	return projected, nil
}
