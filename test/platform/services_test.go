package platform_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/inproc"
)

// serviceLimit is what a service takes from our own processes, in bytes.
const serviceLimit = 8 << 20

// badInputAtTheServices asks at the address of our own processes, where whoever is inside the network may ask, too.
func badInputAtTheServices(t *testing.T, in *installation) {
	t.Helper()
	list := procedures(t, func(m inproc.Method) bool { return m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_INTERNAL })
	if len(list) < 50 {
		t.Fatalf("only %d RPCs of services are linked", len(list))
	}
	signer := in.actorSigner(t)
	for _, m := range list {
		for _, w := range []wire{connectJSON, connectProto} {
			t.Run(m.Procedure+"/"+w.name, func(t *testing.T) {
				(&inside{url: in.platform.Services[serviceOf(m)], m: m, w: w, signer: signer}).all(t)
			})
		}
	}
}

// serviceOf is the service that an RPC belongs to: the second word of its package.
func serviceOf(m inproc.Method) string {
	return strings.Split(string(m.Descriptor.ParentFile().Package()), ".")[1]
}

// actorSigner vouches as our own processes do for each other: with the installation's master key in hand, anybody may.
func (in *installation) actorSigner(t *testing.T) *actor.Signer {
	t.Helper()
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(in.read("master.key")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, master, nil, "lendgate actor tokens", sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	return actor.NewSigner(key, actor.CallLifetime)
}

// inside spoils requests to one RPC of a service.
type inside struct {
	url    string
	m      inproc.Method
	w      wire
	signer *actor.Signer
}

func (i *inside) all(t *testing.T) {
	t.Helper()
	strangers := actor.NewSigner(bytes.Repeat([]byte{7}, sha256.Size), actor.CallLifetime)
	for what, prove := range map[string]prover{
		"no actor token":         nobody,
		"an actor token of none": func(string, []byte) string { return "not.a.token" },
		"a forged actor token":   i.proves(strangers, time.Now(), i.m.Permission),
		"an old actor token":     i.proves(i.signer, time.Now().Add(-time.Hour), i.m.Permission),
		"an actor token for another RPC": func(_ string, body []byte) string {
			return i.proves(i.signer, time.Now(), i.m.Permission)("/other", body)
		},
		"an actor token for other content": func(p string, body []byte) string {
			return i.proves(i.signer, time.Now(), i.m.Permission)(p, append(body, ' '))
		},
	} {
		expect(t, what, i.send(t, prove, nil), connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN)
	}
	// Any service acting by itself may call what asks for no more than a session.
	if i.m.Permission != typev1.Permission_PERMISSION_OPEN && i.m.Permission != typev1.Permission_PERMISSION_SESSION {
		lesser := i.proves(i.signer, time.Now(), typev1.Permission_PERMISSION_UNSPECIFIED)
		expect(t, "an actor without the permission", i.send(t, lesser, nil), connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	}
	i.contents(t)
	known := i.proves(i.signer, time.Now(), i.m.Permission)
	for _, bad := range spoil(t, i.m.Descriptor.Input(), uuid.New()) {
		err := i.send(t, known, bad.encode(t, i.w.codec))
		expect(t, "a bad "+bad.field, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST)
	}
}

// contents are bytes that are no message, or too many of them. A stranger's are not even looked at.
func (i *inside) contents(t *testing.T) {
	t.Helper()
	oversized, known := bytes.Repeat([]byte("x"), serviceLimit+1), i.proves(i.signer, time.Now(), i.m.Permission)
	err := i.send(t, nobody, malformed[i.w.codec])
	expect(t, "a stranger's malformed content", err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN)
	err = i.send(t, nobody, oversized)
	expect(t, "a stranger's oversized content", err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN)
	err = i.send(t, known, malformed[i.w.codec])
	expect(t, "malformed content", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST)
	err = i.send(t, known, oversized)
	expect(t, "oversized content", err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE)
}

// prover makes the actor token of a call, by its procedure and content.
type prover func(procedure string, body []byte) string

// nobody proves nothing.
func nobody(string, []byte) string { return "" }

func (i *inside) send(t *testing.T, prove prover, body []byte) error {
	t.Helper()
	if body == nil && i.w.codec == "json" {
		body = []byte("{}")
	}
	return send(t.Context(), i.url, i.m.Procedure, i.w, body, func(r *http.Request) error {
		if token := prove(i.m.Procedure, body); token != "" {
			r.Header.Set(actor.Header, token)
		}
		return nil
	})
}

// proves makes tokens of an actor with one permission, as of a moment.
func (i *inside) proves(signer *actor.Signer, now time.Time, permission typev1.Permission) prover {
	who := actor.Actor{TenantID: app.DemoTenant, Kind: actor.KindService, Service: "test"}
	if !slices.Contains([]typev1.Permission{typev1.Permission_PERMISSION_UNSPECIFIED, typev1.Permission_PERMISSION_OPEN}, permission) {
		who.Permissions = []typev1.Permission{permission}
	}
	return func(procedure string, body []byte) string {
		return base64.RawURLEncoding.EncodeToString(signer.AppendCallToken(nil, who, procedure, actor.DigestOf(body), now))
	}
}
