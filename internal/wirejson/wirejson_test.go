package wirejson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/emptypb" // What allKinds imports, as are the next.
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/internal/wirejson"
)

// allKinds is a contract with every kind of field that protobuf has.
const allKinds = `
name: "kinds.proto" package: "test" syntax: "proto3"
dependency: "google/protobuf/timestamp.proto" dependency: "google/protobuf/duration.proto" dependency: "google/protobuf/wrappers.proto"
dependency: "google/protobuf/field_mask.proto" dependency: "google/protobuf/struct.proto" dependency: "google/protobuf/empty.proto"
enum_type { name: "Colour" value { name: "COLOUR_UNSPECIFIED" number: 0 } value { name: "RED" number: 1 } value { name: "BLUE" number: -7 } }
message_type {
  name: "Kinds"
  field { name: "a_bool" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "an_int32" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "an_int64" number: 3 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "a_uint32" number: 4 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "a_uint64" number: 5 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "a_sint32" number: 6 type: TYPE_SINT32 label: LABEL_OPTIONAL }
  field { name: "a_sint64" number: 7 type: TYPE_SINT64 label: LABEL_OPTIONAL }
  field { name: "a_fixed32" number: 8 type: TYPE_FIXED32 label: LABEL_OPTIONAL }
  field { name: "a_fixed64" number: 9 type: TYPE_FIXED64 label: LABEL_OPTIONAL }
  field { name: "a_sfixed32" number: 10 type: TYPE_SFIXED32 label: LABEL_OPTIONAL }
  field { name: "a_sfixed64" number: 11 type: TYPE_SFIXED64 label: LABEL_OPTIONAL }
  field { name: "a_float" number: 12 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "a_double" number: 13 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "a_string" number: 14 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "some_bytes" number: 15 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "colour" number: 16 type: TYPE_ENUM type_name: ".test.Colour" label: LABEL_OPTIONAL }
  field { name: "nested" number: 17 type: TYPE_MESSAGE type_name: ".test.Kinds" label: LABEL_OPTIONAL }
  field { name: "maybe" number: 18 type: TYPE_INT32 label: LABEL_OPTIONAL proto3_optional: true oneof_index: 1 }
  field { name: "one_text" number: 90 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "one_number" number: 20 type: TYPE_INT64 label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "one_nested" number: 21 type: TYPE_MESSAGE type_name: ".test.Kinds" label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "bools" number: 22 type: TYPE_BOOL label: LABEL_REPEATED }
  field { name: "ints" number: 23 type: TYPE_INT64 label: LABEL_REPEATED }
  field { name: "unpacked" number: 24 type: TYPE_SINT32 label: LABEL_REPEATED options { packed: false } }
  field { name: "doubles" number: 25 type: TYPE_DOUBLE label: LABEL_REPEATED }
  field { name: "texts" number: 26 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "colours" number: 27 type: TYPE_ENUM type_name: ".test.Colour" label: LABEL_REPEATED }
  field { name: "many" number: 28 type: TYPE_MESSAGE type_name: ".test.Kinds" label: LABEL_REPEATED }
  field { name: "by_text" number: 1000 type: TYPE_MESSAGE type_name: ".test.Kinds.ByTextEntry" label: LABEL_REPEATED }
  field { name: "by_number" number: 1001 type: TYPE_MESSAGE type_name: ".test.Kinds.ByNumberEntry" label: LABEL_REPEATED }
  field { name: "by_bool" number: 1002 type: TYPE_MESSAGE type_name: ".test.Kinds.ByBoolEntry" label: LABEL_REPEATED }
  field { name: "by_fixed" number: 1003 type: TYPE_MESSAGE type_name: ".test.Kinds.ByFixedEntry" label: LABEL_REPEATED }
  field { name: "time" number: 40 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "duration" number: 41 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_OPTIONAL }
  field { name: "wrapped_text" number: 42 type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" label: LABEL_OPTIONAL }
  field { name: "wrapped_number" number: 43 type: TYPE_MESSAGE type_name: ".google.protobuf.Int64Value" label: LABEL_OPTIONAL }
  field { name: "wrapped_double" number: 44 type: TYPE_MESSAGE type_name: ".google.protobuf.DoubleValue" label: LABEL_OPTIONAL }
  field { name: "wrapped_bytes" number: 45 type: TYPE_MESSAGE type_name: ".google.protobuf.BytesValue" label: LABEL_REPEATED }
  field { name: "mask" number: 46 type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" label: LABEL_OPTIONAL }
  field { name: "value" number: 47 type: TYPE_MESSAGE type_name: ".google.protobuf.Value" label: LABEL_OPTIONAL }
  field { name: "empty" number: 48 type: TYPE_MESSAGE type_name: ".google.protobuf.Empty" label: LABEL_OPTIONAL }
  oneof_decl { name: "one" } oneof_decl { name: "_maybe" }
  nested_type { name: "ByTextEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".test.Kinds" label: LABEL_OPTIONAL } }
  nested_type { name: "ByNumberEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_SINT64 label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } }
  nested_type { name: "ByBoolEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_BOOL label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_ENUM type_name: ".test.Colour" label: LABEL_OPTIONAL } }
  nested_type { name: "ByFixedEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_SFIXED32 label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_DOUBLE label: LABEL_OPTIONAL } }
}`

// kinds is the message of allKinds.
func kinds(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(allKinds), &file); err != nil {
		t.Fatal(err)
	}
	built, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return built.Messages().ByName("Kinds")
}

// contracts are messages that the platform answers with.
func contracts() []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	for _, message := range []proto.Message{
		&mobilev1.GetHomeResponse{}, &mobilev1.GetLoanResponse{}, &mobilev1.GetPayResponse{}, &mobilev1.GetProfileResponse{}, &mobilev1.GetApplicationResponse{},
		&mobilev1.GetAppConfigResponse{}, &partnerv1.ListProductsResponse{}, &partnerv1.QuoteLoanResponse{}, &loansv1.Loan{}, &loansv1.Application{}, &pushv1.Notification{},
	} {
		all = append(all, message.ProtoReflect().Descriptor())
	}
	return all
}

// TestAPlanWritesWhatProtojsonWrites compares, for messages drawn at random, every value with protojson's, and reads the text back.
func TestAPlanWritesWhatProtojsonWrites(t *testing.T) {
	t.Parallel()
	for _, descriptor := range append(contracts(), kinds(t)) {
		t.Run(string(descriptor.FullName()), func(t *testing.T) {
			t.Parallel()
			plan := wirejson.NewCompiler().Compile(descriptor)
			rapid.Check(t, func(t *rapid.T) {
				message := draw(t, descriptor, 3)
				wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
				if err != nil {
					t.Fatal(err)
				}
				same(t, plan, message, wire)
			})
		})
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// same holds what a plan writes of wire against message.
func same(t fataler, plan *wirejson.Plan, message *dynamicpb.Message, wire []byte) {
	t.Helper()
	want, wantErr := protojson.Marshal(message)
	got, err := plan.Append([]byte("head"), wire)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("errors differ: %v, protojson %v", err, wantErr)
	}
	if err != nil {
		return
	}
	text, ok := bytes.CutPrefix(got, []byte("head"))
	var gotAny, wantAny any
	if err := json.Unmarshal(text, &gotAny); !ok || err != nil {
		t.Fatalf("wrote no JSON: %v\n%s", err, got)
	}
	if err := json.Unmarshal(want, &wantAny); err != nil {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(wantAny, gotAny); diff != "" {
		t.Fatalf("values differ (-protojson +plan):\n%s", diff)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, want); err != nil || compact.Len() != len(text) {
		t.Fatalf("%d bytes, protojson %d (%v):\n%s\n%s", len(text), compact.Len(), err, text, want)
	}
	back := dynamicpb.NewMessage(message.Descriptor())
	if err := protojson.Unmarshal(text, back); err != nil {
		t.Fatalf("cannot be read back: %v\n%s", err, text)
	}
	if !proto.Equal(message, back) && !bytes.Contains(text, []byte("NaN")) {
		t.Fatalf("read back as another message (-want +got):\n%s", cmp.Diff(message, back, protocmp.Transform()))
	}
}

// TestAWireInPiecesIsWrittenWhole takes the same message apart: fields twice, lists interrupted, maps out of order, unknown fields between.
func TestAWireInPiecesIsWrittenWhole(t *testing.T) {
	t.Parallel()
	descriptor := kinds(t)
	plan := wirejson.NewCompiler().Compile(descriptor)
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		for range rapid.IntRange(1, 4).Draw(t, "pieces") {
			piece, err := proto.Marshal(draw(t, descriptor, 2)) // Not deterministic: maps come in any order.
			if err != nil {
				t.Fatal(err)
			}
			wire = append(wire, piece...)
			wire = protowire.AppendTag(wire, 5000, protowire.BytesType)
			wire = protowire.AppendString(wire, "unknown")
		}
		message := dynamicpb.NewMessage(descriptor)
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(wire, message); err != nil {
			t.Fatal(err)
		}
		same(t, plan, message, wire)
	})
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	plan := wirejson.NewCompiler().Compile(kinds(t))
	field := func(number protowire.Number, content string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	deep := []byte{}
	for range 10_001 {
		deep = field(17, string(deep))
	}
	tests := map[string]struct {
		wire []byte
		want error
	}{
		"text that is not UTF-8":       {field(14, "\xff"), wirejson.ErrValue},
		"a key that is not UTF-8":      {field(1000, string(field(1, "\xff"))), wirejson.ErrValue},
		"a timestamp before the years": {field(40, string(protowire.AppendVarint([]byte{8}, uint64(1<<63)))), wirejson.ErrValue},
		"a duration of two signs":      {field(41, string(append(protowire.AppendVarint([]byte{8}, 1), protowire.AppendVarint([]byte{16}, math.MaxUint64)...))), wirejson.ErrValue},
		"a wire that breaks off":       {field(14, "text")[:4], wirejson.ErrNotWire},
		"nesting without end":          {deep, wirejson.ErrNotWire},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := plan.Append(nil, test.wire); !errors.Is(err, test.want) {
				t.Errorf("wrote %.80q, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	home := &mobilev1.GetHomeResponse{
		Greeting: &mobilev1.GreetingSection{GivenName: "Demo", ProfileIncomplete: true},
		Loans:    &mobilev1.LoansSection{Loans: []*mobilev1.LoanCard{{LoanId: "loan_1", State: "ACTIVE"}, {LoanId: "loan_2", Number: "7"}}},
		Notices:  &mobilev1.NoticesSection{Notices: []*mobilev1.Notice{{Title: "A", CreateTime: timestamppb.Now()}}},
	}
	wire, err := proto.Marshal(home)
	if err != nil {
		t.Fatal(err)
	}
	plan := wirejson.NewCompiler().Compile(home.ProtoReflect().Descriptor())
	tests := map[string]struct {
		paths []string
		want  string
	}{
		"nothing":                        {nil, `{}`},
		"a section":                      {[]string{"greeting"}, `{"greeting":{"givenName":"Demo","profileIncomplete":true}}`},
		"fields below, by either name":   {[]string{"greeting.given_name", "greeting.profileIncomplete"}, `{"greeting":{"givenName":"Demo","profileIncomplete":true}}`},
		"a field of every element":       {[]string{"loans.loans.loan_id", "notices.notices.title"}, `{"loans":{"loans":[{"loanId":"loan_1"},{"loanId":"loan_2"}]},"notices":{"notices":[{"title":"A"}]}}`},
		"a whole beside a part of it":    {[]string{"greeting.given_name", "greeting"}, `{"greeting":{"givenName":"Demo","profileIncomplete":true}}`},
		"a section that is not there":    {[]string{"application"}, `{}`},
		"a message whose fields are not": {[]string{"loans.status"}, `{"loans":{}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part, err := plan.Project(test.paths)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := part.Append(nil, wire); err != nil || string(got) != test.want {
				t.Errorf("wrote %s, %v; want %s", got, err, test.want)
			}
		})
	}
	for _, path := range []string{"nobody", "greeting.nobody", "greeting.given_name.x", "notices.notices.create_time.seconds", "", "greeting."} {
		if _, err := plan.Project([]string{path}); !errors.Is(err, wirejson.ErrPath) {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

// FuzzAppend writes whatever bytes: what protobuf reads comes out as protojson writes it, the rest is refused, and nothing breaks.
func FuzzAppend(f *testing.F) {
	descriptor := kinds(f)
	plan := wirejson.NewCompiler().Compile(descriptor)
	f.Add([]byte{})
	f.Add([]byte{8, 1, 8, 0})
	f.Add([]byte(strings.Repeat("\x8a\x01\x00", 4)))
	f.Fuzz(func(t *testing.T, wire []byte) {
		message := dynamicpb.NewMessage(descriptor)
		if err := proto.Unmarshal(wire, message); err != nil {
			plan.Append(nil, wire)
			return
		}
		message.SetUnknown(nil)
		if want, err := protojson.Marshal(message); err == nil {
			if got, err := plan.Append(nil, wire); err != nil || !json.Valid(got) {
				t.Errorf("wrote %s, %v; protojson %s", got, err, want)
			}
		}
	})
}

// BenchmarkAppend writes a home screen from its wire, and beside it what protojson takes.
func BenchmarkAppend(b *testing.B) {
	home := &mobilev1.GetHomeResponse{Greeting: &mobilev1.GreetingSection{GivenName: "Demo"}, Loans: &mobilev1.LoansSection{}}
	for range 10 {
		home.Loans.Loans = append(home.Loans.Loans, &mobilev1.LoanCard{
			LoanId: "loan_01k9demo000000000000000000", Number: "DL-2026-0001", State: "ACTIVE", StateText: "Діє", DaysPastDue: 3, OverdueText: "3 days overdue",
			Outstanding: &mobilev1.Amount{Display: "12 345,00 ₴"},
		})
	}
	b.Run("marshal and append", func(b *testing.B) {
		plan := wirejson.NewCompiler().Compile(home.ProtoReflect().Descriptor())
		var wire, text []byte
		b.ReportAllocs()
		for b.Loop() {
			wire, _ = proto.MarshalOptions{Deterministic: true}.MarshalAppend(wire[:0], home)
			text, _ = plan.Append(text[:0], wire)
		}
		b.SetBytes(int64(len(text)))
	})
	b.Run("protojson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			protojson.Marshal(home)
		}
	})
}
