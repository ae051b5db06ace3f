package edge_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/partner/v1/partnerv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/sessionkey"
	"github.com/lendgate/lendgate/internal/tenant"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// rig is an edge with one phone, two partners, a stand-in for identity and screens that count their calls.
type rig struct {
	server  *httptest.Server
	edge    *edge.Edge
	redis   *miniredis.Miniredis
	client  *redis.Client
	clock   *clock.Fake
	phone   signature.Signer
	public  *identityv1.PublicKey
	keyID   string
	device  string
	person  string
	token   string
	session string
	screens *screens
	// keys are those of partners, by id. They sign.
	keys map[string]signature.Key
	// sessionKeys derives what the session signs with; answerKeys sign for the edge, the first of them.
	sessionKeys *sessionkey.Maker
	answerKeys  []signature.Key
}

// identityStandIn knows one device and one session.
type identityStandIn struct {
	identityv1connect.UnimplementedDeviceServiceHandler
	identityv1connect.UnimplementedSessionServiceHandler
	rig *rig
	// permissions of the session; revoked ends the device.
	permissions []typev1.Permission
	revoked     atomic.Bool
	// ended ends the session; authenticated counts the access tokens asked for.
	ended         atomic.Bool
	authenticated atomic.Int64
	// nonces are those that were used up in what stands for PostgreSQL; noNonces makes that fail.
	nonces   sync.Map
	noNonces atomic.Bool
	// looks counts the keys asked for.
	looks atomic.Int64
	// away is what identity answers with instead of anything else.
	away atomic.Pointer[connect.Error]
}

func (s *identityStandIn) GetDeviceKey(_ context.Context, req *identityv1.GetDeviceKeyRequest) (*identityv1.GetDeviceKeyResponse, error) {
	s.looks.Add(1)
	if away := s.away.Load(); away != nil {
		return nil, away
	}
	if req.GetKeyId() != s.rig.keyID {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN, "no such device")
	}
	key := &identityv1.DeviceKey{KeyId: req.GetKeyId(), DeviceId: s.rig.device, TenantId: "demo", PublicKey: s.rig.public}
	if s.revoked.Load() {
		key.RevokeTime = timestamppb.New(noon.Add(-time.Hour))
	}
	return &identityv1.GetDeviceKeyResponse{DeviceKey: key}, nil
}

func (s *identityStandIn) ConsumeNonce(_ context.Context, req *identityv1.ConsumeNonceRequest) (*identityv1.ConsumeNonceResponse, error) {
	if s.noNonces.Load() {
		return nil, rpcerr.Unavailable("the database does not answer")
	}
	if _, used := s.nonces.LoadOrStore(string(req.GetDigest()), true); used {
		return nil, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED, "this nonce was used before")
	}
	return &identityv1.ConsumeNonceResponse{}, nil
}

func (s *identityStandIn) AuthenticateSession(_ context.Context, req *identityv1.AuthenticateSessionRequest) (*identityv1.AuthenticateSessionResponse, error) {
	if away := s.away.Load(); away != nil {
		return nil, away
	}
	s.authenticated.Add(1)
	device, session := s.rig.device, id.Format(id.Session, id.New())
	if s.ended.Load() {
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "no such session")
	}
	switch req.GetAccessToken() {
	case s.rig.token, s.rig.token + "-before": // The one in force, and one in its grace.
		session = s.rig.session
	case "access-token-of-another":
	case "of-another-device":
		device = id.Format(id.Device, id.New())
	default:
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "no such session")
	}
	return &identityv1.AuthenticateSessionResponse{TenantId: "demo", Session: &identityv1.Session{
		Id: session, PersonId: s.rig.person, DeviceId: device, Permissions: s.permissions,
		ExpireTime: timestamppb.New(noon.Add(10 * time.Minute)),
	}}, nil
}

// screens stand behind the edge.
type screens struct {
	mobilev1connect.UnimplementedAppServiceHandler
	mobilev1connect.UnimplementedAuthServiceHandler
	mobilev1connect.UnimplementedHomeServiceHandler
	mobilev1connect.UnimplementedPayServiceHandler
	partnerv1connect.UnimplementedCatalogServiceHandler
	calls atomic.Int64
	who   atomic.Pointer[actor.Actor]
	fail  error
	block chan struct{}
	// home is what GetHome shows; nil shows a greeting.
	home *mobilev1.GetHomeResponse
	// products are what ListProducts shows; nil shows one.
	products []*partnerv1.Product
}

func (s *screens) enter(ctx context.Context) error {
	s.calls.Add(1)
	who := actor.Must(ctx)
	s.who.Store(&who)
	if s.block != nil {
		<-s.block
	}
	return s.fail
}

func (s *screens) GetAppConfig(ctx context.Context, _ *mobilev1.GetAppConfigRequest) (*mobilev1.GetAppConfigResponse, error) {
	return &mobilev1.GetAppConfigResponse{TenantId: actor.Must(ctx).TenantID}, s.enter(ctx)
}

func (s *screens) EnrollDevice(ctx context.Context, _ *mobilev1.EnrollDeviceRequest) (*mobilev1.EnrollDeviceResponse, error) {
	return &mobilev1.EnrollDeviceResponse{}, s.enter(ctx)
}

func (s *screens) StartLogin(ctx context.Context, _ *mobilev1.StartLoginRequest) (*mobilev1.StartLoginResponse, error) {
	return &mobilev1.StartLoginResponse{}, s.enter(ctx)
}

func (s *screens) GetHome(ctx context.Context, _ *mobilev1.GetHomeRequest) (*mobilev1.GetHomeResponse, error) {
	if s.home != nil {
		return s.home, s.enter(ctx)
	}
	return &mobilev1.GetHomeResponse{Greeting: &mobilev1.GreetingSection{GivenName: "Demo"}}, s.enter(ctx)
}

func (s *screens) StartPayment(ctx context.Context, _ *mobilev1.StartPaymentRequest) (*mobilev1.StartPaymentResponse, error) {
	return &mobilev1.StartPaymentResponse{}, s.enter(ctx)
}

func newRig(t testing.TB, config edge.Config, permissions ...typev1.Permission) (*rig, *identityStandIn) {
	t.Helper()
	return newRigLogging(t, config, slog.New(slog.DiscardHandler), permissions...)
}

// newRigLogging is newRig with a log.
func newRigLogging(t testing.TB, config edge.Config, log *slog.Logger, permissions ...typev1.Permission) (*rig, *identityStandIn) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.NewKey("", private)
	if err != nil {
		t.Fatal(err)
	}
	key.ID, _ = key.Thumbprint()
	jwk, err := key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		redis: miniredis.RunT(t), clock: clock.NewFake(noon), public: &identityv1.PublicKey{X: jwk.X, Y: jwk.Y},
		device: id.Format(id.Device, id.New()), person: id.Format(id.Person, id.New()), token: "access-token-of-the-rig", session: id.Format(id.Session, id.New()), screens: &screens{},
	}
	r.keyID = key.ID
	r.phone = signature.Signer{Key: key, Policy: signature.ProfileLendgate1(), Now: r.clock.Now}
	if permissions == nil {
		permissions = actor.BorrowerPermissions()
	}
	standIn := &identityStandIn{rig: r, permissions: permissions}
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), r.clock, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	if r.sessionKeys, err = sessionkey.NewMaker(make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	r.answerKeys = []signature.Key{answerKey(t, 1), answerKey(t, 2)}
	partners, keys := shops(t)
	r.keys = keys
	lenders, err := tenant.NewDirectory(
		&tenant.Tenant{
			ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"}, MinAppVersions: map[string]string{"ios": "2.10.0"},
			RecommendedAppVersions: map[string]string{"ios": "2.12.0"}, StoreURLs: map[string]string{"ios": "https://store.example/demo"},
			Partners: partners,
		},
		&tenant.Tenant{ID: "other", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.redis.Set("edge:epoch", " 1"); err != nil { // A Redis that has been there for long.
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: r.redis.Addr(), MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	r.client = client
	r.edge, err = edge.New(config, edge.Deps{
		Log: log, Clock: r.clock, Door: door, Redis: client, Tenants: lenders, Metrics: prometheus.NewRegistry(),
		SessionKeys: r.sessionKeys, AnswerKeys: r.answerKeys,
		Devices:  identityv1connect.NewDeviceServiceInproc(standIn, door.Call),
		Sessions: identityv1connect.NewSessionServiceInproc(standIn, door.Call),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.edge.Mount(mobilev1connect.AppServiceRoutes(r.screens))
	r.edge.Mount(mobilev1connect.AuthServiceRoutes(r.screens))
	r.edge.Mount(mobilev1connect.HomeServiceRoutes(r.screens))
	r.edge.Mount(mobilev1connect.PayServiceRoutes(r.screens))
	r.edge.Mount(partnerv1connect.CatalogServiceRoutes(r.screens))
	r.server = httptest.NewServer(r.edge.Handler())
	t.Cleanup(r.server.Close)
	return r, standIn
}

// request makes a request as an app would, unsigned.
func (r *rig) request(t testing.TB, procedure string, message proto.Message) *http.Request {
	t.Helper()
	body, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL+procedure, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if m := message.ProtoReflect(); m.Descriptor().Fields().ByName("request_id") != nil {
		req.Header.Set(edge.IdempotencyKeyHeader, m.Get(m.Descriptor().Fields().ByName("request_id")).String())
	}
	return req
}

// sign signs a request with the rig's phone.
func (r *rig) sign(t testing.TB, req *http.Request) *http.Request {
	t.Helper()
	if err := r.phone.Sign(req); err != nil {
		t.Fatal(err)
	}
	return req
}

// loggedIn adds the session.
func (r *rig) loggedIn(req *http.Request) *http.Request {
	req.Header.Set("Authorization", "Bearer "+r.token)
	return req
}

// answer is what came back, with the reason out of its details.
type answer struct {
	status int
	header http.Header
	body   []byte
	code   string
	reason string
	words  string
}

// send sends a request as it is.
func (r *rig) send(t *testing.T, req *http.Request) answer {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: body}
	var failure struct {
		Code    string `json:"code"`
		Reason  string `json:"reason"`
		Details []struct {
			Type  string         `json:"type"`
			Debug map[string]any `json:"debug"`
		} `json:"details"`
	}
	if res.StatusCode != http.StatusOK && json.Unmarshal(body, &failure) == nil {
		a.code, a.reason = failure.Code, failure.Reason
		for _, detail := range failure.Details {
			switch detail.Type {
			case "google.rpc.ErrorInfo":
				if reason, told := detail.Debug["reason"].(string); told { // The plain form says it once, at its top.
					a.reason = reason
				}
			case "google.rpc.LocalizedMessage":
				a.words, _ = detail.Debug["message"].(string)
			}
		}
	}
	return a
}

// home and pay are the two requests that most tests send.
func (r *rig) home(t testing.TB) *http.Request {
	t.Helper()
	return r.loggedIn(r.request(t, mobilev1connect.HomeServiceGetHomeProcedure, &mobilev1.GetHomeRequest{}))
}

func (r *rig) pay(t *testing.T) *http.Request {
	t.Helper()
	return r.loggedIn(r.request(t, mobilev1connect.PayServiceStartPaymentProcedure, &mobilev1.StartPaymentRequest{
		RequestId: uuid.NewString(), LoanId: id.Format(id.Loan, id.New()), Purpose: 1,
	}))
}
