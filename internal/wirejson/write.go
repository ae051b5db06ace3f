package wirejson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

// ErrNotWire is returned for bytes that are no message.
var ErrNotWire = errors.New("not the wire form of the message")

// errPieces is returned for a wire that is valid but that no serializer writes: a field in pieces, or a key of a map twice.
var errPieces = errors.New("fields in pieces")

// Append writes the message in wire as JSON to the end of dst.
func (p *Plan) Append(dst, wire []byte) ([]byte, error) {
	out, err := p.message(dst, wire, protowire.DefaultRecursionLimit)
	if !errors.Is(err, errPieces) {
		return out, err
	}
	whole, err := p.assemble(wire)
	if err != nil {
		return dst, err
	}
	return p.message(dst, whole, protowire.DefaultRecursionLimit)
}

// assemble writes a wire anew as a serializer would.
func (p *Plan) assemble(wire []byte) ([]byte, error) {
	message := dynamicpb.NewMessage(p.descriptor)
	if err := proto.Unmarshal(wire, message); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWire, err)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(message)
}

// message writes one message. depth is how much deeper it may nest.
func (p *Plan) message(dst, wire []byte, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, fmt.Errorf("%w: nested too deeply", ErrNotWire)
	}
	switch p.special {
	case byTimestamp:
		return appendTimestamp(dst, wire)
	case byDuration:
		return appendDuration(dst, wire)
	case byWrapper:
		return p.wrapper(dst, wire)
	case byLibrary:
		return p.library(dst, wire)
	default:
		return p.object(dst, wire, depth)
	}
}

// library has protojson write the message.
func (p *Plan) library(dst, wire []byte) ([]byte, error) {
	message := dynamicpb.NewMessage(p.descriptor)
	if err := proto.Unmarshal(wire, message); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrNotWire, err)
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		return dst, err
	}
	out := bytes.NewBuffer(dst)
	err = json.Compact(out, text) // protojson puts spaces in at random.
	return out.Bytes(), err
}

// seen are the slots of fields that a message had already.
type seen [maxFields / 64]uint64

// mark notes a slot; false when it was noted before.
func (s *seen) mark(slot int) bool {
	word, bit := slot>>6, uint64(1)<<(slot&63)
	if s[word]&bit != 0 {
		return false
	}
	s[word] |= bit
	return true
}

// object writes a message by its fields.
func (p *Plan) object(dst, wire []byte, depth int) ([]byte, error) {
	var had seen
	first := true
	dst = append(dst, '{')
	for len(wire) > 0 {
		number, typ, tag := protowire.ConsumeTag(wire)
		if tag < 0 {
			return dst, ErrNotWire
		}
		f := p.find(number)
		if f == nil || (typ != f.wire && (!f.packable || typ != protowire.BytesType)) {
			n := protowire.ConsumeFieldValue(number, typ, wire[tag:])
			if n < 0 {
				return dst, ErrNotWire
			}
			wire = wire[tag+n:]
			continue
		}
		if !had.mark(f.slot) {
			return dst, errPieces
		}
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = append(dst, f.name...)
		head := len(dst)
		var err error
		switch {
		case f.mapped:
			dst, wire, err = f.entries(dst, wire, number, depth)
		case f.list:
			dst, wire, err = f.elements(dst, wire, number, depth)
		default:
			var n int
			dst, n, err = f.append(dst, wire[tag:], depth)
			wire = wire[tag+n:]
		}
		switch {
		case err != nil:
			return dst, err
		case len(dst) == head: // Nothing to show: a zero, or a list without elements.
			dst = dst[:before]
		default:
			first = false
		}
	}
	return append(dst, '}'), nil
}

// elements writes the consecutive appearances of a list field, packed or not, and returns the rest of the wire.
func (f *field) elements(dst, wire []byte, number protowire.Number, depth int) (out, rest []byte, err error) {
	head := len(dst)
	for len(wire) > 0 {
		next, typ, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return dst, wire, ErrNotWire
		}
		if next != number || (typ != f.wire && (!f.packable || typ != protowire.BytesType)) {
			break
		}
		wire = wire[n:]
		run := wire // One element at the head of the wire, or all of a packed run.
		if typ != f.wire {
			if run, n = protowire.ConsumeBytes(wire); n < 0 {
				return dst, wire, ErrNotWire
			}
			wire = wire[n:]
		}
		for len(run) > 0 {
			dst = append(dst, separator(len(dst) == head))
			if dst, n, err = f.append(dst, run, depth); err != nil {
				return dst, wire, err
			}
			run = run[n:]
			if typ == f.wire {
				wire = run
				break
			}
		}
	}
	if len(dst) > head {
		dst = append(dst, ']')
	}
	return dst, wire, nil
}

// separator begins a list or goes on with it.
func separator(first bool) byte {
	if first {
		return '['
	}
	return ','
}

// entries writes the consecutive entries of a map, in the order of their keys.
func (f *field) entries(dst, wire []byte, number protowire.Number, depth int) (out, rest []byte, err error) {
	var few [8]entry // Most maps have no more.
	entries := few[:0]
	for len(wire) > 0 {
		next, typ, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return dst, wire, ErrNotWire
		}
		if next != number || typ != protowire.BytesType {
			break
		}
		content, m := protowire.ConsumeBytes(wire[n:])
		if m < 0 {
			return dst, wire, ErrNotWire
		}
		wire = wire[n+m:]
		one, err := f.message.split(content)
		if err != nil {
			return dst, wire, err
		}
		entries = append(entries, one)
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.key.compare(b.key) })
	for i, one := range entries {
		if i > 0 && entries[i-1].key.compare(one.key) == 0 {
			return dst, wire, errPieces // The last of them counts; which that was is no longer known here.
		}
		dst = append(dst, "{,"[min(i, 1)])
		if dst, err = one.key.append(dst); err != nil {
			return dst, wire, err
		}
		if dst, _, err = f.message.fields[1].append(append(dst, ':'), one.value, depth); err != nil {
			return dst, wire, err
		}
	}
	return append(dst, '}'), wire, nil
}

// wrapper writes the value of a google.protobuf wrapper, which is there even when it is zero.
func (p *Plan) wrapper(dst, wire []byte) ([]byte, error) {
	value := zeroWire(p.value)
	found := false
	for len(wire) > 0 {
		number, typ, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return dst, ErrNotWire
		}
		m := protowire.ConsumeFieldValue(number, typ, wire[n:])
		if m < 0 {
			return dst, ErrNotWire
		}
		if number == 1 && typ == p.value.wire {
			if found {
				return dst, errPieces
			}
			value, found = wire[n:n+m], true
		}
		wire = wire[n+m:]
	}
	dst, _, err := p.value.append(dst, value, 1)
	return dst, err
}
