package edge

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// codec is how messages are written: the two that Connect has.
type codec uint8

const (
	codecUnknown codec = iota
	codecJSON
	codecProto
)

// codecOf knows a codec by the name that Connect has for it.
func codecOf(name string) codec {
	switch name {
	case "json":
		return codecJSON
	case "proto":
		return codecProto
	default:
		return codecUnknown
	}
}

// contentType is that of answers.
func (c codec) contentType() string {
	if c == codecJSON {
		return "application/json"
	}
	return "application/proto"
}

// decode reads a message.
func (c codec) decode(plain []byte, message proto.Message) error {
	var err error
	switch {
	case c == codecProto:
		err = proto.Unmarshal(plain, message)
	case c == codecUnknown:
		err = errMalformed
	case len(plain) == 0 || string(plain) == "{}": // Connect takes an empty body for an empty message.
	default:
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(plain, message)
	}
	if err != nil {
		return errMalformed
	}
	return nil
}

// encode writes a message of the RPC's answers into scratch. Equal messages give equal bytes, so that ETags hold: JSON by its plan, which
// sorts maps, Protobuf by asking for it.
func (c codec) encode(r *rpc, message proto.Message, s *scratch) ([]byte, error) {
	var err error
	s.wire, err = proto.MarshalOptions{Deterministic: c == codecProto}.MarshalAppend(s.wire[:0], message)
	if err != nil || c == codecProto {
		return s.wire, err
	}
	s.text, err = r.plan.Append(s.text[:0], s.wire)
	return s.text, err
}
