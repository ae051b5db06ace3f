// Package wirejson turns the wire form of a protobuf message into its canonical JSON without building the message.
//
// A Plan is compiled once for a message type: its fields' names are quoted already, its enums are words, its nested messages are plans. What
// a plan writes is what protojson writes in its compact form, value for value (https://protobuf.dev/programming-guides/json), at about a
// sixth of the cost. Fields come in the order of the wire; object members have no order in JSON.
//
// It owns the writing alone: parsing stays with protojson. It promises to refuse what protojson refuses (invalid UTF-8, timestamps out of
// range, nesting without end). It does not rewrite everything that JSON knows: messages whose JSON is not that of their fields (Any, Struct,
// FieldMask, extensions, groups) and wires that no serializer writes (a field in pieces) are handed to protojson, which is slower and right.
package wirejson
