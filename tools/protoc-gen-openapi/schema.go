package main

import (
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schema is what our document says of a value, in the words of JSON Schema (draft 2020-12).
type schema struct {
	Ref                  string             `yaml:"$ref,omitempty"`
	Type                 string             `yaml:"type,omitempty"`
	Format               string             `yaml:"format,omitempty"`
	ContentEncoding      string             `yaml:"contentEncoding,omitempty"`
	Description          string             `yaml:"description,omitempty"`
	Enum                 []string           `yaml:"enum,omitempty"`
	Pattern              string             `yaml:"pattern,omitempty"`
	MinLength            *uint64            `yaml:"minLength,omitempty"`
	MaxLength            *uint64            `yaml:"maxLength,omitempty"`
	Minimum              *int64             `yaml:"minimum,omitempty"`
	Maximum              *int64             `yaml:"maximum,omitempty"`
	Items                *schema            `yaml:"items,omitempty"`
	MinItems             *uint64            `yaml:"minItems,omitempty"`
	MaxItems             *uint64            `yaml:"maxItems,omitempty"`
	UniqueItems          bool               `yaml:"uniqueItems,omitempty"`
	Properties           map[string]*schema `yaml:"properties,omitempty"`
	AdditionalProperties *schema            `yaml:"additionalProperties,omitempty"`
	MaxProperties        *uint64            `yaml:"maxProperties,omitempty"`
	Required             []string           `yaml:"required,omitempty"`
}

// shapes are the schemas of messages and enums, each made once.
type shapes struct{ made map[string]*schema }

// of refers to the schema of a message, and makes it when it is the first to.
func (s *shapes) of(message *protogen.Message) *schema {
	if known := wellKnown(message); known != nil {
		return known
	}
	name := strings.TrimPrefix(string(message.Desc.FullName()), "lendgate.")
	if s.made[name] == nil {
		made := &schema{}
		s.made[name] = made // Before its fields, one of which may be of its own kind.
		*made = *s.without(message, nil)
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

// without is the schema of a message whose other fields are given elsewhere. The request_id may be left to its header.
func (s *shapes) without(message *protogen.Message, fields []string) *schema {
	object := &schema{Type: "object", Description: words(message.Comments.Leading), Properties: map[string]*schema{}}
	for _, field := range message.Fields {
		if slices.Contains(fields, string(field.Desc.Name())) {
			continue
		}
		name := field.Desc.JSONName()
		object.Properties[name] = s.field(field)
		object.Properties[name].Description = words(field.Comments.Leading)
		if required(field) {
			object.Required = append(object.Required, name)
		}
	}
	return object
}

// field is the schema of a field's value, with its bounds.
func (s *shapes) field(field *protogen.Field) *schema {
	rules := rulesOf(field.Desc)
	switch {
	case field.Desc.IsMap():
		value := field.Message.Fields[1]
		made := &schema{Type: "object", AdditionalProperties: s.value(value, rules.GetMap().GetValues())}
		made.MaxProperties = rules.GetMap().MaxPairs
		return made
	case field.Desc.IsList():
		made := &schema{Type: "array", Items: s.value(field, rules.GetRepeated().GetItems())}
		if list := rules.GetRepeated(); list != nil {
			made.MinItems, made.MaxItems, made.UniqueItems = list.MinItems, list.MaxItems, list.GetUnique()
		}
		return made
	default:
		return s.value(field, rules)
	}
}

// value is the schema of one value in protoJSON (https://protobuf.dev/programming-guides/json): 64-bit integers are strings there.
func (s *shapes) value(field *protogen.Field, rules *validate.FieldRules) *schema {
	switch field.Desc.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return s.of(field.Message)
	case protoreflect.EnumKind:
		return s.enum(field.Enum)
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.StringKind:
		return text(rules.GetString())
	case protoreflect.BytesKind:
		return &schema{Type: "string", ContentEncoding: "base64"}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return &schema{Type: "number"}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return &schema{Type: "string", Format: "int64"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Type: "string", Format: "uint64"}
	default:
		made := &schema{Type: "integer", Format: "int32"}
		if bounds := rules.GetInt32(); bounds != nil {
			if bounds.HasGte() {
				made.Minimum = wide(bounds.GetGte())
			}
			if bounds.HasLte() {
				made.Maximum = wide(bounds.GetLte())
			}
		}
		return made
	}
}

func wide(bound int32) *int64 {
	wider := int64(bound)
	return &wider
}

// text is the schema of a string with its bounds.
func text(rules *validate.StringRules) *schema {
	made := &schema{Type: "string"}
	if rules == nil {
		return made
	}
	made.Pattern, made.MinLength, made.MaxLength = rules.GetPattern(), rules.MinLen, rules.MaxLen
	if rules.Len != nil {
		made.MinLength, made.MaxLength = rules.Len, rules.Len
	}
	switch {
	case rules.GetUuid():
		made.Format = "uuid"
	case rules.GetEmail():
		made.Format = "email"
	case rules.GetPrefix() != "":
		made.Pattern = "^" + rules.GetPrefix()
	}
	return made
}

// enum refers to the schema of an enum: its values are words.
func (s *shapes) enum(enum *protogen.Enum) *schema {
	name := strings.TrimPrefix(string(enum.Desc.FullName()), "lendgate.")
	if s.made[name] == nil {
		made := &schema{Type: "string", Description: words(enum.Comments.Leading)}
		for _, value := range enum.Values {
			made.Enum = append(made.Enum, string(value.Desc.Name()))
			made.Description += "\n- `" + string(value.Desc.Name()) + "`: " + words(value.Comments.Leading)
		}
		s.made[name] = made
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

// wellKnown is the schema of a message that JSON writes in a way of its own; nil for others.
func wellKnown(message *protogen.Message) *schema {
	switch message.Desc.FullName() {
	case "google.protobuf.Timestamp":
		return &schema{Type: "string", Format: "date-time"}
	case "google.protobuf.Duration":
		return &schema{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return &schema{Type: "string", Pattern: `^([A-Za-z0-9_.]+(,[A-Za-z0-9_.]+)*)?$`}
	default:
		return nil
	}
}

// required tells whether the contract refuses a message without the field.
func required(field *protogen.Field) bool {
	if field.Desc.Name() == "request_id" {
		return false // The header Idempotency-Key fills it.
	}
	rules := rulesOf(field.Desc)
	return rules.GetRequired() || rules.GetString().GetMinLen() > 0 || rules.GetString().GetLen() > 0 || rules.GetString().GetUuid() ||
		rules.GetInt32().GetGte() > 0 || rules.GetRepeated().GetMinItems() > 0 || slices.Contains(rules.GetEnum().GetNotIn(), 0)
}
