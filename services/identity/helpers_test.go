package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity"
)

// bench is an identity service on a database of its own, with a phone network that keeps every message.
type bench struct {
	*servicetest.Kit
	service    *identity.Service
	devices    identityv1connect.DeviceServiceClient
	challenges identityv1connect.ChallengeServiceClient
	sessions   identityv1connect.SessionServiceClient
	persons    identityv1connect.PersonServiceClient
	staff      identityv1connect.StaffServiceClient
	logins     identityv1connect.StaffSessionServiceClient
	roles      identityv1connect.RoleServiceClient
	audit      identityv1connect.AuditServiceClient
	sms        *network
}

func newBench(t *testing.T) *bench {
	t.Helper()
	kit := servicetest.New(t, "identity")
	sms := &network{sent: map[string]*pushv1.SendNotificationRequest{}}
	service, err := identity.New(identity.Deps{
		DB: kit.DB, Keeper: kit.Keeper, Sealer: kit.Sealer, Clock: kit.Clock, Tenants: kit.Tenants,
		Notifications: pushv1connect.NewNotificationServiceInproc(sms, kit.Door.Call), SecretKey: servicetest.MasterKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		Kit: kit, service: service, sms: sms,
		devices:    identityv1connect.NewDeviceServiceInproc(service, kit.Door.Call),
		challenges: identityv1connect.NewChallengeServiceInproc(service, kit.Door.Call),
		sessions:   identityv1connect.NewSessionServiceInproc(service, kit.Door.Call),
		persons:    identityv1connect.NewPersonServiceInproc(service, kit.Door.Call),
		staff:      identityv1connect.NewStaffServiceInproc(service, kit.Door.Call),
		logins:     identityv1connect.NewStaffSessionServiceInproc(service, kit.Door.Call),
		roles:      identityv1connect.NewRoleServiceInproc(service, kit.Door.Call),
		audit:      identityv1connect.NewAuditServiceInproc(service, kit.Door.Call),
	}
}

// network is push as this service sees it: one message for each request id.
type network struct {
	pushv1connect.UnimplementedNotificationServiceHandler
	mu    sync.Mutex
	calls int
	down  error
	sent  map[string]*pushv1.SendNotificationRequest
	order []*pushv1.SendNotificationRequest
}

func (n *network) SendNotification(_ context.Context, req *pushv1.SendNotificationRequest) (*pushv1.SendNotificationResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.down != nil {
		return nil, n.down
	}
	if n.sent[req.GetRequestId()] == nil {
		n.sent[req.GetRequestId()] = req
		n.order = append(n.order, req)
	}
	return &pushv1.SendNotificationResponse{}, nil
}

func (n *network) breakWith(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = err
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.order)
}

// last is the newest message.
func (n *network) last(t *testing.T) *pushv1.SendNotificationRequest {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.order) == 0 {
		t.Fatal("nothing was sent")
	}
	return n.order[len(n.order)-1]
}

// wrong is a code of the same length that is not the given one.
func wrong(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

func newKey(t *testing.T) *identityv1.PublicKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes() // 0x04, x, y.
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &identityv1.PublicKey{X: encode(point[1:33]), Y: encode(point[33:])}
}

func newID() string { return uuid.NewString() }

func (b *bench) enroll(t *testing.T) *identityv1.Device {
	t.Helper()
	return b.enrollIn(t, servicetest.Anonymous(t.Context()))
}

func (b *bench) enrollIn(t *testing.T, ctx context.Context) *identityv1.Device {
	t.Helper()
	res, err := b.devices.EnrollDevice(ctx, &identityv1.EnrollDeviceRequest{
		RequestId: newID(), PublicKey: newKey(t), Platform: identityv1.Platform_PLATFORM_ANDROID, Model: "Demo Phone", AppVersion: "2.4.0",
	})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetDevice()
}

// onDevice is a context as the edge makes it for a signed request without a session.
func onDevice(ctx context.Context, device string) context.Context {
	return actor.With(ctx, actor.Actor{TenantID: servicetest.Tenant, Kind: actor.KindAnonymous, DeviceID: device})
}

// inSession is a context as the edge makes it for a request of a session.
func inSession(ctx context.Context, session *identityv1.Session) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: servicetest.Tenant, Kind: actor.KindPerson, PersonID: session.GetPersonId(), DeviceID: session.GetDeviceId(),
		SessionID: session.GetId(), Permissions: session.GetPermissions(),
	})
}

func (b *bench) startLogin(t *testing.T, device, phone string) *identityv1.Challenge {
	t.Helper()
	res, err := b.sessions.StartLogin(onDevice(t.Context(), device), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phone, DeviceId: device})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetChallenge()
}

// login logs a phone in on a new device.
func (b *bench) login(t *testing.T, phone string) *identityv1.ConfirmLoginResponse {
	t.Helper()
	return b.loginOn(t, b.enroll(t).GetId(), phone)
}

func (b *bench) loginOn(t *testing.T, device, phone string) *identityv1.ConfirmLoginResponse {
	t.Helper()
	challenge := b.startLogin(t, device, phone)
	res, err := b.sessions.ConfirmLogin(onDevice(t.Context(), device), &identityv1.ConfirmLoginRequest{
		RequestId: newID(), ChallengeId: challenge.GetId(), Code: b.sms.last(t).GetParameters()["code"], DeviceId: device,
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (b *bench) authenticate(ctx context.Context, token string) (*identityv1.AuthenticateSessionResponse, error) {
	return b.sessions.AuthenticateSession(servicetest.AsService(ctx, "edge"), &identityv1.AuthenticateSessionRequest{AccessToken: token})
}

// refused checks that a call was refused for a reason, with a code.
func refused(t *testing.T, err error, code connect.Code, reason typev1.ErrorReason) {
	t.Helper()
	peer, ok := rpcerr.AsPeer(err)
	if !ok || peer.Reason() != reason || peer.Err.Code() != code {
		t.Errorf("got %v, want %s %s", err, code, rpcerr.Name(reason))
	}
}

// metadata is a fact of a refusal.
func metadata(t *testing.T, err error, key string) string {
	t.Helper()
	peer, ok := rpcerr.AsPeer(err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	return rpcerr.MetadataOf(peer.Err)[key]
}

// admin runs a statement or reads values as the database's administrator, whom row-level security does not bind.
func (b *bench) admin(t *testing.T, sql string, args ...any) []any {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[any])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// events counts the facts of one kind that were written down.
func (b *bench) eventCount(t *testing.T) int64 {
	t.Helper()
	return b.admin(t, "SELECT count(*) FROM identity.outbox_events")[0].(int64)
}

const (
	phoneA = "+380501234567"
	phoneB = "+380671234568"
)

// pause is how long a phone waits for the next code.
func (*bench) pause() time.Duration { return 30 * time.Second }
