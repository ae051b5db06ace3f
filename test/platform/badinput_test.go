package platform_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bff/edge"
	// The contracts whose RPCs are asked for by their descriptors.
	_ "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// bodyLimit is what the edge takes, in bytes.
const bodyLimit = 64 << 10

// malformed is content that is no message in either codec.
var malformed = map[string][]byte{"json": []byte(`{"request_id":`), "proto": {0xff, 0xff, 0xff, 0xff}}

// TestBadInput sends every RPC of the edge, and every RPC between our own processes, what no honest caller sends, and expects the documented
// refusal. When all is done no table has one row more, or one that is newer.
func TestBadInput(t *testing.T) {
	slow(t)
	in := useShared(t)
	phones := map[string]*phone{}
	for i, w := range []wire{connectJSON, connectProto, grpcProto} { // A phone each, since a device may ask only so often in a minute.
		phones[w.name] = newPhone(t, in.platform.EdgeURL)
		phones[w.name].logIn(t, fmt.Sprintf("+38050000000%d", i+1), strings.Repeat(fmt.Sprint(i+1), 6))
	}
	phones[grpcWebProto.name] = phones[grpcProto.name]
	database := in.databaseURL(t)
	before := settledRows(t, database)

	t.Run("edge", func(t *testing.T) { badInputAtTheEdge(t, in.platform.EdgeURL, phones) })
	t.Run("partners", func(t *testing.T) { badInputOfPartners(t, in) })
	t.Run("services", func(t *testing.T) { badInputAtTheServices(t, in) })

	if diff := cmp.Diff(before, settledRows(t, database)); diff != "" {
		t.Errorf("bad input has written (-before +after):\n%s", diff)
	}
}

// procedures are the RPCs that keep says to, in order.
func procedures(t *testing.T, keep func(inproc.Method) bool) []inproc.Method {
	t.Helper()
	all, err := inproc.LoadMethods()
	if err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(all.All(), func(m inproc.Method) bool { return !keep(m) })
	slices.SortFunc(list, func(a, b inproc.Method) int { return strings.Compare(a.Procedure, b.Procedure) })
	return list
}

// ofPhones tells the RPCs that the screens are made of.
func ofPhones(m inproc.Method) bool {
	return m.Descriptor.ParentFile().Package() == "lendgate.mobile.v1"
}

func badInputAtTheEdge(t *testing.T, edgeURL string, phones map[string]*phone) {
	t.Helper()
	list := procedures(t, ofPhones)
	if len(list) < 25 {
		t.Fatalf("only %d RPCs of phones are linked", len(list))
	}
	for _, m := range list {
		for _, w := range []wire{connectJSON, connectProto} {
			t.Run(m.Procedure+"/"+w.name, func(t *testing.T) { (&prober{m: m, w: w, phone: phones[w.name]}).all(t) })
		}
		t.Run(m.Procedure+"/wrong method", func(t *testing.T) { wrongMethod(t, edgeURL, m) })
	}
	// The other protocols pass the same chain: a read, a mutation and an enrolment show that they are refused in their own words.
	for _, name := range []string{"HomeService/GetHome", "PayService/StartPayment", "AuthService/EnrollDevice"} {
		m := list[slices.IndexFunc(list, func(m inproc.Method) bool { return strings.HasSuffix(m.Procedure, name) })]
		for _, w := range []wire{grpcProto, grpcWebProto} {
			t.Run(m.Procedure+"/"+w.name, func(t *testing.T) { (&prober{m: m, w: w, phone: phones[w.name]}).all(t) })
		}
	}
	t.Run("no such RPC", func(t *testing.T) {
		p := phones[connectJSON.name]
		err := send(t.Context(), edgeURL, "/lendgate.mobile.v1.HomeService/GetNothing", connectJSON, []byte("{}"), p.signer.Sign)
		expect(t, "an unknown RPC", err, connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC)
		err = send(t.Context(), edgeURL, "/lendgate.loans.v1.LoanService/DisburseLoan", connectJSON, []byte("{}"), p.signer.Sign)
		expect(t, "an RPC of our own processes", err, connect.CodeUnimplemented, typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC)
	})
	t.Run("no such lender", func(t *testing.T) {
		err := send(t.Context(), edgeURL, list[0].Procedure, connectJSON, []byte("{}"), func(r *http.Request) error {
			r.Header.Set(edge.TenantHeader, "nobody")
			return nil
		})
		expect(t, "an unknown lender", err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_TENANT_UNKNOWN)
	})
}

// badInputOfPartners spoils what a shop's server sends. It signs by the demo partner's key, and has neither device nor session.
func badInputOfPartners(t *testing.T, in *installation) {
	t.Helper()
	key, err := app.ReadDemoPartnerKey(in.dir)
	if err != nil {
		t.Fatal(err)
	}
	shop := newPhone(t, in.platform.EdgeURL)
	shop.signer.Key = key
	list := procedures(t, func(m inproc.Method) bool { return m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER })
	if len(list) == 0 {
		t.Fatal("no RPC of partners is linked")
	}
	for _, m := range list {
		for _, w := range []wire{connectJSON, connectProto, grpcProto, grpcWebProto} {
			t.Run(m.Procedure+"/"+w.name, func(t *testing.T) {
				p := &prober{m: m, w: w, phone: shop}
				p.contents(t)
				p.signatures(t)
				p.values(t)
			})
		}
		t.Run(m.Procedure+"/wrong method", func(t *testing.T) { wrongMethod(t, in.platform.EdgeURL, m) })
	}
}

// prober spoils requests to one RPC over one protocol.
type prober struct {
	m     inproc.Method
	w     wire
	phone *phone
}

func (p *prober) all(t *testing.T) {
	t.Helper()
	p.contents(t)
	if p.m.Signature != typev1.SignatureClass_SIGNATURE_CLASS_NONE {
		p.signatures(t)
	}
	if !p.m.ReadOnly {
		p.keys(t)
	}
	if p.m.Permission != typev1.Permission_PERMISSION_OPEN {
		p.sessions(t)
	}
	p.values(t)
}

// send sends content by a request that is whole but for the changes: before are made to what gets signed, after to what was signed.
func (p *prober) send(t *testing.T, body []byte, before, after func(*http.Request)) error {
	t.Helper()
	key := uuid.NewString()
	return p.sendWithKey(t, key, body, before, after)
}

func (p *prober) sendWithKey(t *testing.T, key string, body []byte, before, after func(*http.Request)) error {
	t.Helper()
	return send(t.Context(), p.phone.edge, p.m.Procedure, p.w, body, func(r *http.Request) error {
		if p.m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_ENROL {
			r.Header.Set(edge.DeviceKeyHeader, p.phone.public)
		}
		if p.phone.bearer != "" && p.m.Permission != typev1.Permission_PERMISSION_OPEN {
			r.Header.Set("Authorization", "Bearer "+p.phone.bearer)
		}
		if !p.m.ReadOnly {
			r.Header.Set(edge.IdempotencyKeyHeader, key)
		}
		if before != nil {
			before(r)
		}
		if p.m.Signature != typev1.SignatureClass_SIGNATURE_CLASS_NONE {
			if err := p.phone.signer.Sign(r); err != nil {
				return err
			}
		}
		if after != nil {
			after(r)
		}
		return nil
	})
}

// contents are bytes that are no message, or too many of them.
func (p *prober) contents(t *testing.T) {
	t.Helper()
	err := p.send(t, malformed[p.w.codec], nil, nil)
	expect(t, "malformed content", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST)
	err = p.send(t, bytes.Repeat([]byte("x"), bodyLimit+1), nil, nil)
	expect(t, "oversized content", err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE)
	if len(p.w.options) > 0 {
		return // The other protocols say in the envelope whether a message is packed.
	}
	gzipped := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	err = p.send(t, pack(t, bytes.Repeat([]byte{'0'}, 1<<20)), gzipped, nil)
	expect(t, "content that unpacks to too much", err, connect.CodeResourceExhausted, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE)
	err = p.send(t, []byte("not packed at all"), gzipped, nil)
	expect(t, "content that does not unpack", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST)
}

func pack(t *testing.T, plain []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// signatures are missing, of others, of something else, or used before.
func (p *prober) signatures(t *testing.T) {
	t.Helper()
	refused := func(what string, err error) {
		t.Helper()
		expect(t, what, err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SIGNATURE_INVALID)
	}
	good := p.empty()
	refused("an unsigned request", p.send(t, good, nil, func(r *http.Request) {
		r.Header.Del("Signature")
		r.Header.Del("Signature-Input")
	}))
	refused("a signature of something else", p.send(t, good, nil, func(r *http.Request) { r.URL.RawQuery = "another=query" }))
	refused("a signature that is none", p.send(t, good, nil, func(r *http.Request) { r.Header.Set("Signature", "lendgate=:AAAA:") }))
	stranger := *p
	unknown := newPhone(t, p.phone.edge)
	unknown.bearer = p.phone.bearer
	if p.m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_ENROL {
		unknown.public = p.phone.public // It presents another's key.
	}
	stranger.phone = unknown
	refused("the signature of a stranger", stranger.send(t, good, nil, nil))

	var signed http.Header
	err := p.send(t, malformed[p.w.codec], nil, func(r *http.Request) { signed = r.Header.Clone() })
	expect(t, "the first of two equal requests", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST)
	err = p.send(t, malformed[p.w.codec], nil, func(r *http.Request) { maps.Copy(r.Header, signed) })
	expect(t, "the second of two equal requests", err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED)
}

// empty is the empty message of the codec: whole, though rules may break on it.
func (p *prober) empty() []byte {
	if p.w.codec == "json" {
		return []byte("{}")
	}
	return nil
}

// keys are Idempotency-Keys that are missing or another than in the message.
func (p *prober) keys(t *testing.T) {
	t.Helper()
	reason, code := typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REQUIRED, connect.CodeInvalidArgument
	if p.m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY {
		// Such a signature has to cover the key, so it is the first to fail.
		reason, code = typev1.ErrorReason_ERROR_REASON_SIGNATURE_INVALID, connect.CodeUnauthenticated
	}
	err := p.send(t, p.empty(), func(r *http.Request) { r.Header.Del(edge.IdempotencyKeyHeader) }, nil)
	expect(t, "no Idempotency-Key", err, code, reason)
	err = p.send(t, p.empty(), func(r *http.Request) { r.Header.Set(edge.IdempotencyKeyHeader, "no-uuid") }, nil)
	expect(t, "an Idempotency-Key that is none", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REQUIRED)
	err = p.send(t, p.empty(), nil, nil)
	expect(t, "another Idempotency-Key than request_id", err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_MISMATCH)
}

// sessions are missing, or of nobody.
func (p *prober) sessions(t *testing.T) {
	t.Helper()
	reason := typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED
	if p.m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY {
		reason = typev1.ErrorReason_ERROR_REASON_SIGNATURE_INVALID // Such a signature has to cover the session.
	}
	err := p.send(t, p.empty(), func(r *http.Request) { r.Header.Del("Authorization") }, nil)
	expect(t, "no session", err, connect.CodeUnauthenticated, reason)
	for what, token := range map[string]string{"a session of nobody": strings.Repeat("A", 43), "a session that is none": strings.Repeat("A", 4000)} {
		err = p.send(t, p.empty(), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, nil)
		expect(t, what, err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED)
	}
}

// values are those that the contract's rules refuse, field by field.
func (p *prober) values(t *testing.T) {
	t.Helper()
	key := uuid.New()
	for _, bad := range spoil(t, p.m.Descriptor.Input(), key) {
		err := p.sendWithKey(t, key.String(), bad.encode(t, p.w.codec), nil, nil)
		expect(t, "a bad "+bad.field, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST)
	}
}

// expect fails unless the error has the code and the reason.
func expect(t *testing.T, what string, err error, code connect.Code, reason typev1.ErrorReason) {
	t.Helper()
	if got, named := connect.CodeOf(err), rpcerr.ReasonOf(err); err == nil || got != code || named != reason {
		t.Errorf("%s: got %v %s (%v), want %v %s", what, got, rpcerr.Name(named), err, code, rpcerr.Name(reason))
	}
}

// wrongMethod asks for an RPC by HTTP methods that it is not served by. There is no protocol to answer in, so the answer is plain JSON.
func wrongMethod(t *testing.T, edgeURL string, m inproc.Method) {
	t.Helper()
	methods := []string{http.MethodPut, http.MethodDelete, http.MethodPatch}
	if !m.ReadOnly {
		methods = append(methods, http.MethodGet)
	}
	for _, method := range methods {
		request, err := http.NewRequestWithContext(t.Context(), method, edgeURL+m.Procedure+asJSON("{}"), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		code, reason := readRefusal(t, response)
		if code != connect.CodeUnimplemented.String() || reason != "METHOD_NOT_ALLOWED" || response.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s: answered %s, %s, %s", method, response.Status, code, reason)
		}
		if !strings.Contains(response.Header.Get("Allow"), http.MethodPost) {
			t.Errorf("%s: the answer allows %q", method, response.Header.Get("Allow"))
		}
	}
}

// readRefusal reads the code and the reason of a refusal in JSON, with the details of Connect or without.
func readRefusal(t *testing.T, response *http.Response) (code, reason string) {
	t.Helper()
	defer response.Body.Close()
	var refusal struct {
		Code    string `json:"code"`
		Reason  string `json:"reason"`
		Details []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"details"`
	}
	if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil {
		t.Fatalf("%s: the answer is no JSON: %v", response.Status, err)
	}
	for _, detail := range refusal.Details {
		if detail.Type != "google.rpc.ErrorInfo" {
			continue
		}
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(detail.Value, "="))
		if err != nil {
			t.Fatal(err)
		}
		info := &errdetails.ErrorInfo{}
		if err := proto.Unmarshal(raw, info); err != nil {
			t.Fatal(err)
		}
		return refusal.Code, info.GetReason()
	}
	return refusal.Code, refusal.Reason
}
