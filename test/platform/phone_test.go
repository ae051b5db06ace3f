package platform_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
)

// callPatience bounds one request.
const callPatience = 20 * time.Second

// wire is a protocol with a codec: how bytes travel.
type wire struct {
	name string
	// codec is "json" or "proto".
	codec   string
	options []connect.ClientOption
}

// The protocols that the edge speaks on its one port.
var (
	connectJSON  = wire{name: "connect json", codec: "json"}
	connectProto = wire{name: "connect proto", codec: "proto"}
	grpcProto    = wire{name: "grpc", codec: "proto", options: []connect.ClientOption{connect.WithGRPC()}}
	grpcWebProto = wire{name: "grpc-web", codec: "proto", options: []connect.ClientOption{connect.WithGRPCWeb()}}
)

// content is a message as the bytes it is sent as, so that it may be none at all.
type content struct{ bytes []byte }

// asIs is a codec that leaves content alone and only tells the name of a real one. Messages of the protocol itself, such as the status that
// ends a gRPC call, are protobuf as ever.
type asIs struct{ name string }

// Name is what goes into the content type.
func (c asIs) Name() string { return c.name }

// Marshal takes the bytes out.
func (c asIs) Marshal(message any) ([]byte, error) {
	switch m := message.(type) {
	case *content:
		return m.bytes, nil
	case proto.Message:
		return proto.Marshal(m)
	default:
		return nil, fmt.Errorf("%T is no message", message)
	}
}

// Unmarshal puts the bytes in.
func (c asIs) Unmarshal(raw []byte, message any) error {
	switch m := message.(type) {
	case *content:
		m.bytes = bytes.Clone(raw)
		return nil
	case proto.Message:
		return proto.Unmarshal(raw, m)
	default:
		return fmt.Errorf("%T is no message", message)
	}
}

// transport sends requests after a last change. It speaks HTTP/2 without TLS where gRPC needs it.
type transport struct {
	change func(*http.Request) error
	http   http.RoundTripper
}

// RoundTrip changes a copy of the request and sends it.
func (t transport) RoundTrip(original *http.Request) (*http.Response, error) {
	request := original.Clone(original.Context())
	if err := t.change(request); err != nil {
		return nil, err
	}
	return t.http.RoundTrip(request)
}

// send calls an RPC with content as it is and answers with what a client of the protocol makes of the reply.
func send(ctx context.Context, base, procedure string, w wire, body []byte, change func(*http.Request) error) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	var protocols http.Protocols
	if len(w.options) > 0 {
		protocols.SetUnencryptedHTTP2(true)
	} else {
		protocols.SetHTTP1(true)
	}
	link := &http.Transport{Protocols: &protocols}
	defer link.CloseIdleConnections()
	client := connect.NewClient[content, content](&http.Client{Transport: transport{change: change, http: link}}, base+procedure,
		append([]connect.ClientOption{connect.WithCodec(asIs{w.codec})}, w.options...)...)
	_, err := client.CallUnary(ctx, connect.NewRequest(&content{body}))
	return err
}

// phone is a device with a key and, after logIn, a session.
type phone struct {
	edge   string
	signer signature.Signer
	public string
	bearer string
}

// newPhone makes a device key and no more.
func newPhone(t *testing.T, edgeURL string) *phone {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.NewKey("", private)
	if err != nil {
		t.Fatal(err)
	}
	if key.ID, err = key.Thumbprint(); err != nil {
		t.Fatal(err)
	}
	p := &phone{edge: edgeURL, signer: signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: time.Now}}
	if p.public, err = edge.PresentKey(p.publicKey(t)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *phone) publicKey(t *testing.T) *identityv1.PublicKey {
	t.Helper()
	jwk, err := p.signer.Key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	return &identityv1.PublicKey{X: jwk.X, Y: jwk.Y}
}

// logIn enrols the device and opens a session for a demo person, whose code is always the same.
func (p *phone) logIn(t *testing.T, number, code string) {
	t.Helper()
	key := ""
	client := &http.Client{Timeout: callPatience, Transport: transport{http: http.DefaultTransport, change: func(r *http.Request) error {
		r.Header.Set(edge.DeviceKeyHeader, p.public)
		r.Header.Set(edge.IdempotencyKeyHeader, key)
		return p.signer.Sign(r)
	}}}
	auth := mobilev1connect.NewAuthServiceClient(client, p.edge)
	key = uuid.NewString()
	if _, err := auth.EnrollDevice(t.Context(), &mobilev1.EnrollDeviceRequest{
		RequestId: key, PublicKey: p.publicKey(t), Platform: identityv1.Platform_PLATFORM_ANDROID,
	}); err != nil {
		t.Fatalf("enrol: %v", err)
	}
	key = uuid.NewString()
	started, err := auth.StartLogin(t.Context(), &mobilev1.StartLoginRequest{RequestId: key, Phone: number})
	if err != nil {
		t.Fatalf("ask for a code: %v", err)
	}
	key = uuid.NewString()
	confirmed, err := auth.ConfirmLogin(t.Context(), &mobilev1.ConfirmLoginRequest{RequestId: key, ChallengeId: started.GetChallenge().GetId(), Code: code})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	p.bearer = confirmed.GetTokens().GetAccessToken()
}

// shows calls a screen that needs the session and tells whether it was shown.
func (p *phone) shows(ctx context.Context) error {
	client := &http.Client{Timeout: callPatience, Transport: transport{http: http.DefaultTransport, change: func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+p.bearer)
		return p.signer.Sign(r)
	}}}
	_, err := mobilev1connect.NewHomeServiceClient(client, p.edge).GetHome(ctx, &mobilev1.GetHomeRequest{})
	return err
}

// asJSON is a GET's query for a message in JSON.
func asJSON(message string) string {
	return "?" + strings.Join([]string{"connect=v1", "encoding=json", "message=" + url.QueryEscape(message)}, "&")
}
