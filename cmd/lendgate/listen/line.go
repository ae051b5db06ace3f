package listen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// line is an event as data.
type line struct {
	Time    string          `json:"time"`
	Service string          `json:"service"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Tenant  string          `json:"tenant"`
	Person  string          `json:"person,omitempty"`
	ID      string          `json:"id"`
	Trace   string          `json:"traceparent,omitempty"`
	Fact    json.RawMessage `json:"fact"`
}

// write prints an event in one line.
func (h heard) write(out io.Writer, asJSON bool) error {
	at := h.event.GetOccurTime().AsTime().UTC().Format("2006-01-02T15:04:05.000Z07:00")
	told := fact(h.event)
	if !asJSON {
		words := fmt.Sprintf("%s  %-8s  %-20s  %s  %s", at, h.service, typeOf(h.event), h.event.GetSubjectId(), summary(told, h.event.GetSubjectId()))
		_, err := fmt.Fprintln(out, strings.TrimRight(words, " "))
		return err
	}
	compact := bytes.NewBufferString("{}")
	if told != nil {
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(told.Interface())
		if err != nil {
			return err
		}
		compact.Reset() // protoJSON varies its spaces on purpose; data are compared.
		if err := json.Compact(compact, raw); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(line{
		Time: at, Service: h.service, Type: typeOf(h.event), Subject: h.event.GetSubjectId(), Tenant: h.event.GetTenantId(),
		Person: h.event.GetPersonId(), ID: h.event.GetId(), Trace: h.event.GetTraceparent(), Fact: compact.Bytes(),
	})
}

// fact is what an event tells, without personal data; nil when it tells something that this binary does not know yet.
func fact(event *eventv1.Event) protoreflect.Message {
	message := event.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("fact"))
	if field == nil {
		return nil
	}
	told := message.Get(field).Message()
	redact(told)
	return told
}

// typeOf names the fact of an event as the contract does.
func typeOf(event *eventv1.Event) string {
	message := event.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("fact"))
	if field == nil {
		return "Unknown"
	}
	return string(field.Message().Name())
}

// redact clears what the contract marks as personal data, and what it does not know.
func redact(message protoreflect.Message) {
	message.SetUnknown(nil)
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		kind, _ := proto.GetExtension(field.Options(), typev1.E_PersonalData).(typev1.PersonalData)
		switch {
		case kind != typev1.PersonalData_PERSONAL_DATA_UNSPECIFIED:
			message.Clear(field)
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				redact(value.List().Get(i).Message())
			}
		default:
			redact(value.Message())
		}
		return true
	})
}

// summary says in a few words what a fact holds, in the order of the contract. The subject stands before it already.
func summary(told protoreflect.Message, subject string) string {
	if told == nil {
		return ""
	}
	var words []string
	fields := told.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !told.Has(field) {
			continue
		}
		if text := valueText(field, told.Get(field)); text != subject {
			words = append(words, string(field.Name())+" "+text)
		}
	}
	return strings.Join(words, ", ")
}

func valueText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch {
	case field.IsList():
		texts := make([]string, value.List().Len())
		for i := range texts {
			texts[i] = scalarText(field, value.List().Get(i))
		}
		return strings.Join(texts, "+")
	case field.IsMap():
		return fmt.Sprintf("%d entries", value.Map().Len())
	default:
		return scalarText(field, value)
	}
}

func scalarText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if field.Enum() != nil {
		if named := field.Enum().Values().ByNumber(value.Enum()); named != nil {
			return string(named.Name())
		}
		return value.String()
	}
	if field.Message() == nil {
		return value.String()
	}
	switch m := value.Message().Interface().(type) {
	case *typev1.Money:
		return money.Money{MinorUnits: m.GetMinorUnits(), Currency: m.GetCurrencyCode()}.WithCode()
	case *typev1.Date:
		return civil.Date{Year: int(m.GetYear()), Month: time.Month(m.GetMonth()), Day: int(m.GetDay())}.String()
	default:
		return "{" + summary(value.Message(), "") + "}"
	}
}
