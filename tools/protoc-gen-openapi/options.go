package main

import (
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// optionReader reads the options that the contract declares itself. A build tool does not import what it generates, so they are read by the
// descriptors that came with the request.
type optionReader struct{ types *dynamicpb.Types }

func newOptionReader(plugin *protogen.Plugin) (*optionReader, error) {
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: plugin.Request.GetProtoFile()})
	if err != nil {
		return nil, fmt.Errorf("the contracts of the request: %w", err)
	}
	return &optionReader{types: dynamicpb.NewTypes(files)}, nil
}

// enum reads an enum option by its name under lendgate.type.v1, without the prefix of its enum; empty when it is not set.
func (o *optionReader) enum(options proto.Message, name string) string {
	wire, err := proto.Marshal(options)
	if err != nil {
		return ""
	}
	read := options.ProtoReflect().New()
	if err := (proto.UnmarshalOptions{Resolver: o.types}).Unmarshal(wire, read.Interface()); err != nil {
		return ""
	}
	var word string
	read.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.FullName() != protoreflect.FullName("lendgate.type.v1."+name) {
			return true
		}
		values := field.Enum().Values()
		prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
		if named := values.ByNumber(value.Enum()); named != nil {
			word = strings.TrimPrefix(string(named.Name()), prefix)
		}
		return false
	})
	return word
}

// personal tells whether a message holds personal data anywhere, or secrets only.
func (o *optionReader) personal(message protoreflect.MessageDescriptor, secretOnly bool) bool {
	return o.personalIn(message, secretOnly, map[protoreflect.FullName]bool{})
}

func (o *optionReader) personalIn(message protoreflect.MessageDescriptor, secretOnly bool, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] {
		return false
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if kind := o.enum(field.Options(), "personal_data"); kind == "SECRET" || kind != "" && !secretOnly {
			return true
		}
		if field.Message() != nil && o.personalIn(field.Message(), secretOnly, seen) {
			return true
		}
	}
	return false
}

// rulesOf are protovalidate's rules of a field; nil when it has none.
func rulesOf(field protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}
