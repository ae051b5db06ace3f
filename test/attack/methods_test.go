package attack_test

import (
	"crypto/rand"
	"math/big"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	// The contracts whose RPCs are found by their descriptors.
	_ "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	_ "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

// rpcs are all RPCs that strangers reach, in order.
func rpcs(t *testing.T) []inproc.Method {
	t.Helper()
	all, err := inproc.LoadMethods()
	if err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(all.All(), func(m inproc.Method) bool { return m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_INTERNAL })
	slices.SortFunc(list, func(a, b inproc.Method) int { return strings.Compare(a.Procedure, b.Procedure) })
	return list
}

// rpc finds one by its procedure.
func rpc(t *testing.T, procedure string) inproc.Method {
	t.Helper()
	list := rpcs(t)
	i := slices.IndexFunc(list, func(m inproc.Method) bool { return m.Procedure == procedure })
	if i < 0 {
		t.Fatalf("there is no %s", procedure)
	}
	return list[i]
}

// short is the service and the method.
func short(m inproc.Method) string { return strings.TrimPrefix(m.Procedure, "/lendgate.") }

// valueOf is a field's value.
func valueOf(v any) protoreflect.Value { return protoreflect.ValueOf(v) }

// plain are values that pass the rules, by the name of the field. They are in JSON, as a client would write them.
var plain = map[string]string{
	"product_code": `"cash"`, "principal": `{"minorUnits":"1000000","currencyCode":"UAH"}`, "instalments": `6`, "phone": `"+380509999999"`,
	"code": `"000000"`, "document_sha256": `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`, "purpose": `1`, "title": `"Demo role"`, "name": `"no_such_role"`,
	"roles": `["creditor"]`, "generate_secret": `true`,
}

// message fills a request: what names somebody's things as told, everything else so that the rules are kept.
func message(t *testing.T, m inproc.Method, ids map[string]string) proto.Message {
	t.Helper()
	out := dynamicpb.NewMessage(m.Descriptor.Input())
	fields := m.Descriptor.Input().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		switch text, ok := plain[name]; {
		case name == "request_id":
			out.Set(field, valueOf(uuid.NewString()))
		case ids[name] != "":
			out.Set(field, valueOf(ids[name]))
		case ok:
			part := dynamicpb.NewMessage(m.Descriptor.Input())
			if err := protojson.Unmarshal([]byte(`{"`+name+`":`+text+`}`), part); err != nil {
				t.Fatalf("%s.%s: %v", m.Procedure, name, err)
			}
			out.Set(field, part.Get(field))
		}
	}
	if err := protovalidate.Validate(out); err != nil {
		t.Fatalf("%s: teach plain its fields: %v", m.Procedure, err)
	}
	return out
}

// things are the fields of a request that name somebody's things.
func things(m inproc.Method) []string {
	var names []string
	fields := m.Descriptor.Input().Fields()
	for i := range fields.Len() {
		name := string(fields.Get(i).Name())
		ofRole := name == "name" && m.Descriptor.Parent().Name() == "RoleService" && m.Descriptor.Name() != "CreateRole"
		if strings.HasSuffix(name, "_id") && name != "request_id" || ofRole {
			names = append(names, name)
		}
	}
	return names
}

// absent is an id of the same kind that names nothing.
func absent(like string) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	tail := make([]byte, 10)
	for i := range tail {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return like
		}
		tail[i] = alphabet[n.Int64()]
	}
	if len(like) < 20 { // The name of a role, or of a partner.
		return "no" + map[bool]string{true: "-", false: "_"}[strings.Contains(like, "-")] + string(tail)
	}
	return like[:len(like)-len(tail)] + string(tail)
}
