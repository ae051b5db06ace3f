package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	errUnknownParameter = errors.New("is no field of this request")
	errRepeated         = errors.New("is given more than once")
)

// assignParameter sets the field that a query parameter names: "page.page_size" or "page.pageSize". Fields that the path or the body holds
// have no parameter.
func assignParameter(message protoreflect.Message, binding *restBinding, name string, values []string) error {
	if binding.body {
		return errUnknownParameter
	}
	path := name
	for {
		head, rest, nested := strings.Cut(path, ".")
		field := fieldNamed(message.Descriptor(), head)
		if field == nil || path == name && slices.Contains(binding.variables, field) {
			return errUnknownParameter
		}
		if !nested {
			return assignField(message, field, values)
		}
		if field.Message() == nil || field.IsList() || field.IsMap() || writtenAsText(field) {
			return errUnknownParameter
		}
		message, path = message.Mutable(field).Message(), rest
	}
}

// fieldNamed finds a field by its name in the contract or in JSON.
func fieldNamed(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByName(protoreflect.Name(name)); field != nil {
		return field
	}
	return message.Fields().ByJSONName(name)
}

// writtenAsText tells the messages that JSON writes as a string.
func writtenAsText(field protoreflect.FieldDescriptor) bool {
	switch field.Message().FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	default:
		return false
	}
}

// assignField sets a field by the texts of its values: many for a list, else one.
func assignField(message protoreflect.Message, field protoreflect.FieldDescriptor, values []string) error {
	switch {
	case field.IsMap(), field.Message() != nil && (field.IsList() || !writtenAsText(field)):
		return fmt.Errorf("is no single value; name its fields, or ask by Connect: %w", errUnknownParameter)
	case field.IsList():
		list := message.Mutable(field).List()
		for _, text := range values {
			value, err := parseValue(field, text)
			if err != nil {
				return err
			}
			list.Append(value)
		}
		return nil
	case len(values) != 1:
		return errRepeated
	case field.Message() != nil:
		quoted, err := json.Marshal(values[0])
		if err != nil {
			return err
		}
		if err := protojson.Unmarshal(quoted, message.Mutable(field).Message().Interface()); err != nil {
			return fmt.Errorf("is no %s", field.Message().Name())
		}
		return nil
	}
	value, err := parseValue(field, values[0])
	if err != nil {
		return err
	}
	message.Set(field, value)
	return nil
}

// parseValue reads one value as protoJSON writes it, without the quotes.
func parseValue(field protoreflect.FieldDescriptor, text string) (value protoreflect.Value, err error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return value, errors.New("is no UTF-8")
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BoolKind:
		if text != "true" && text != "false" {
			return value, errors.New("is neither true nor false")
		}
		return protoreflect.ValueOfBool(text == "true"), nil
	case protoreflect.EnumKind:
		return parseEnum(field.Enum(), text)
	case protoreflect.BytesKind:
		content, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
		if err != nil {
			return value, errors.New("is no base64")
		}
		return protoreflect.ValueOfBytes(content), nil
	default:
		return parseNumber(field.Kind(), text)
	}
}

// parseEnum reads the name of a value, or its number, which may be one that this server does not know.
func parseEnum(enum protoreflect.EnumDescriptor, text string) (protoreflect.Value, error) {
	if value := enum.Values().ByName(protoreflect.Name(text)); value != nil {
		return protoreflect.ValueOfEnum(value.Number()), nil
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return protoreflect.Value{}, fmt.Errorf("is no %s", enum.Name())
	}
	return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number)), nil
}

func parseNumber(kind protoreflect.Kind, text string) (value protoreflect.Value, err error) {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		var number int64
		number, err = strconv.ParseInt(text, 10, 32)
		value = protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		var number int64
		number, err = strconv.ParseInt(text, 10, 64)
		value = protoreflect.ValueOfInt64(number)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		var number uint64
		number, err = strconv.ParseUint(text, 10, 32)
		value = protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		var number uint64
		number, err = strconv.ParseUint(text, 10, 64)
		value = protoreflect.ValueOfUint64(number)
	case protoreflect.FloatKind:
		var number float64
		number, err = strconv.ParseFloat(text, 32)
		value = protoreflect.ValueOfFloat32(float32(number))
	default:
		var number float64
		number, err = strconv.ParseFloat(text, 64)
		value = protoreflect.ValueOfFloat64(number)
	}
	if err != nil {
		return protoreflect.Value{}, fmt.Errorf("is no number of the kind %s", kind)
	}
	return value, nil
}
