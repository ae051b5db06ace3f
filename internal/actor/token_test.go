package actor_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
)

const procedure = "/lendgate.loans.v1.LoanService/GetLoan"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// whole is an actor with something in every field that travels, whatever fields an actor has.
func whole(t *testing.T) actor.Actor {
	t.Helper()
	var who actor.Actor
	value := reflect.ValueOf(&who).Elem()
	for i := range value.NumField() {
		field, name := value.Field(i), value.Type().Field(i)
		switch {
		case !name.IsExported():
		case field.Kind() == reflect.String:
			field.SetString("value of " + name.Name)
		case name.Name == "Permissions":
			who.Permissions = []typev1.Permission{typev1.Permission_PERMISSION_LOAN_READ, typev1.Permission_PERMISSION_STAFF_WRITE}
		default:
			t.Fatalf("actors have a new kind of field, %s: let it travel in the token of a call, under a new version", name.Name)
		}
	}
	return who
}

func TestEveryFieldOfAnActorTravels(t *testing.T) {
	t.Parallel()
	signer, content := actor.NewSigner(make([]byte, 32), actor.CallLifetime), []byte("content")
	for name, who := range map[string]actor.Actor{"with everything": whole(t), "with a tenant alone": {TenantID: "demo"}} {
		token := signer.AppendCallToken([]byte("before"), who, procedure, actor.DigestOf(content), noon)
		got, digest, err := signer.VerifyCallToken(token[len("before"):], procedure, noon)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(who, got, cmpopts.IgnoreUnexported(actor.Actor{})); diff != "" {
			t.Errorf("%s arrived as another (-sent +arrived)\n%s", name, diff)
		}
		if digest != actor.DigestOf(content) {
			t.Errorf("%s: the digest is another", name)
		}
	}
}

func TestATokenIsGoodForItsCallAlone(t *testing.T) {
	t.Parallel()
	signer := actor.NewSigner(make([]byte, 32), actor.CallLifetime)
	token := signer.AppendCallToken(nil, whole(t), procedure, actor.DigestOf(nil), noon)
	bearer, err := signer.Sign(whole(t), noon)
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]func() ([]byte, string, time.Time){
		"another RPC": func() ([]byte, string, time.Time) { return token, procedure + "s", noon },
		"after its time": func() ([]byte, string, time.Time) {
			return token, procedure, noon.Add(actor.CallLifetime + time.Second)
		},
		"nothing":         func() ([]byte, string, time.Time) { return nil, procedure, noon },
		"one of a bearer": func() ([]byte, string, time.Time) { return []byte(bearer), procedure, noon },
		"an actor without a tenant": func() ([]byte, string, time.Time) {
			return signer.AppendCallToken(nil, actor.Actor{}, procedure, actor.Digest{}, noon), procedure, noon
		},
		"one of somebody else's key": func() ([]byte, string, time.Time) {
			return actor.NewSigner(bytes.Repeat([]byte{1}, 32), time.Minute).AppendCallToken(nil, whole(t), procedure, actor.Digest{}, noon), procedure, noon
		},
	}
	for name, spoil := range refused {
		if _, _, err := signer.VerifyCallToken(spoil()); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	for i := range token {
		for bit := range 8 {
			spoiled := bytes.Clone(token)
			spoiled[i] ^= 1 << bit
			if _, _, err := signer.VerifyCallToken(spoiled, procedure, noon); err == nil {
				t.Fatalf("it passes with bit %d of byte %d changed", bit, i)
			}
		}
		if _, _, err := signer.VerifyCallToken(token[:i], procedure, noon); err == nil {
			t.Fatalf("its first %d bytes pass", i)
		}
	}
}

func BenchmarkCallToken(b *testing.B) {
	signer, content := actor.NewSigner(make([]byte, 32), actor.CallLifetime), make([]byte, 100)
	who := actor.Actor{TenantID: "demo", Kind: actor.KindPerson, PersonID: "per_x", Permissions: actor.BorrowerPermissions()}
	room := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		token := signer.AppendCallToken(room, who, procedure, actor.DigestOf(content), noon)
		if _, _, err := signer.VerifyCallToken(token, procedure, noon); err != nil {
			b.Fatal(err)
		}
	}
}
