package attack_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/inproc"
)

// callPatience bounds one request.
const callPatience = 20 * time.Second

// caller is somebody outside: what they sign with and what they say of themselves.
type caller struct {
	name, base, lender string
	// signer signs every request that asks for it; a caller without a key has none.
	signer *signature.Signer
	// public is what an enrolling device presents.
	public string
	bearer string
	// deviceID and sessionID are their own, when known.
	deviceID, sessionID string
}

// answer is what came back, as far as it may differ between two callers.
type answer struct {
	Status int
	// Code is Connect's, Reason is ours; both empty on success. Words are those for people.
	Code, Reason, Words string

	header http.Header
	body   []byte
}

func (a answer) ok() bool { return a.Status == http.StatusOK }

// newCaller makes somebody with a device key of their own.
func newCaller(t *testing.T, in *target, name, lender string) *caller {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return callerWithKey(t, in, name, lender, private)
}

func callerWithKey(t *testing.T, in *target, name, lender string, private *ecdsa.PrivateKey) *caller {
	t.Helper()
	key, err := signature.NewKey("", private)
	if err != nil {
		t.Fatal(err)
	}
	if key.ID, err = key.Thumbprint(); err != nil {
		t.Fatal(err)
	}
	c := &caller{name: name, base: in.platform.EdgeURL, lender: lender, signer: signerOf(key)}
	if c.public, err = edge.PresentKey(c.publicKey(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func signerOf(key signature.Key) *signature.Signer {
	return &signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: time.Now}
}

func (c *caller) publicKey(t *testing.T) *identityv1.PublicKey {
	t.Helper()
	jwk, err := c.signer.Key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	return &identityv1.PublicKey{X: jwk.X, Y: jwk.Y}
}

// request makes a whole request in Connect's JSON. key is the Idempotency-Key of a mutation. It is not signed yet.
func (c *caller) request(t *testing.T, m inproc.Method, body []byte, key string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base+m.Procedure, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Connect-Protocol-Version", "1")
	r.Header.Set(edge.TenantHeader, c.lender)
	if m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_ENROL && c.public != "" {
		r.Header.Set(edge.DeviceKeyHeader, c.public)
	}
	if c.bearer != "" && m.Signature != typev1.SignatureClass_SIGNATURE_CLASS_ENROL {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if !m.ReadOnly {
		r.Header.Set(edge.IdempotencyKeyHeader, key)
	}
	return r
}

// send calls an RPC with bytes. before changes what gets signed, after what was signed.
func (c *caller) send(t *testing.T, m inproc.Method, body []byte, before, after func(*http.Request)) answer {
	t.Helper()
	return c.sendWithKey(t, m, body, uuid.NewString(), before, after)
}

func (c *caller) sendWithKey(t *testing.T, m inproc.Method, body []byte, key string, before, after func(*http.Request)) answer {
	t.Helper()
	r := c.request(t, m, body, key)
	if before != nil {
		before(r)
	}
	if c.signer != nil && m.Signature != typev1.SignatureClass_SIGNATURE_CLASS_NONE {
		if err := c.signer.Sign(r); err != nil {
			t.Fatal(err)
		}
	}
	if after != nil {
		after(r)
	}
	return do(t, r)
}

// call calls an RPC with a message, whose request_id is set and becomes the key.
func (c *caller) call(t *testing.T, m inproc.Method, message proto.Message) answer {
	t.Helper()
	key := uuid.NewString()
	if field := m.Descriptor.Input().Fields().ByName("request_id"); field != nil {
		message = proto.Clone(message)
		reflected := message.ProtoReflect()
		reflected.Set(reflected.Descriptor().Fields().ByName("request_id"), valueOf(key))
	}
	raw, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return c.sendWithKey(t, m, raw, key, nil, nil)
}

// mustCall is a call that has to succeed, with its answer read into res.
func (c *caller) mustCall(t *testing.T, procedure string, message, res proto.Message) {
	t.Helper()
	a := c.call(t, rpc(t, procedure), message)
	if !a.ok() {
		t.Fatalf("%s calls %s: %+v %s", c.name, procedure, a, a.body)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(a.body, res); err != nil {
		t.Fatal(err)
	}
}

// client follows no redirect and keeps no cookie.
var client = &http.Client{
	Timeout:       callPatience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends a request and reads the answer.
func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	a, err := try(r)
	if err != nil {
		t.Fatalf("%s: %v", r.URL.Path, err)
	}
	return a
}

// try is do for a request that the server may answer by hanging up.
func try(r *http.Request) (answer, error) {
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return read(response.StatusCode, response.Header, body), err
}

// read takes the code, the reason and the words out of a refusal.
func read(status int, header http.Header, body []byte) answer {
	a := answer{Status: status, header: header, body: body}
	var refusal struct {
		Code, Reason string
		Details      []struct{ Type, Value string }
	}
	if status == http.StatusOK || json.Unmarshal(body, &refusal) != nil {
		return a
	}
	a.Code, a.Reason = refusal.Code, refusal.Reason
	for _, detail := range refusal.Details {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(detail.Value, "="))
		if err != nil {
			continue
		}
		info, words := &errdetails.ErrorInfo{}, &errdetails.LocalizedMessage{}
		switch {
		case detail.Type == "google.rpc.ErrorInfo" && proto.Unmarshal(raw, info) == nil:
			a.Reason = info.GetReason()
		case detail.Type == "google.rpc.LocalizedMessage" && proto.Unmarshal(raw, words) == nil:
			a.Words = words.GetMessage()
		}
	}
	return a
}

// expect fails unless the refusal has the reason.
func expect(t *testing.T, what string, a answer, reason string) {
	t.Helper()
	if a.Reason != reason || a.ok() {
		t.Errorf("%s: got %d %s %s, want %s", what, a.Status, a.Code, a.Reason, reason)
	}
}

// within is a context that ends with the test or after some time.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
