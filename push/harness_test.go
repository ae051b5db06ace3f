package push_test

import (
	"context"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/fcm"
	fcmsim "github.com/lendgate/lendgate/integrations/fcm/sim"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/turbosms"
	smssim "github.com/lendgate/lendgate/integrations/turbosms/sim"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/push"
)

// Demo credentials and data of the tests; they open nothing and belong to nobody.
const (
	smsToken      = "demo-token"
	webhookSecret = "demo-webhook-secret"
	project       = "lendgate-demo"
	phone         = "+380000000001"
	code          = "739154"
)

// harness is the service between a real database and the simulators of its providers.
type harness struct {
	*servicetest.Kit
	service       *push.Service
	notifications pushv1connect.NotificationServiceClient
	streams       pushv1connect.StreamServiceClient
	persons       *persons
	sms           *smssim.Simulator
	smsClock      *simkit.Manual
	fcm           *fcmsim.Simulator
	redis         *redis.Client
	deps          push.Deps
	admin         *pgx.Conn
	adminMu       sync.Mutex
	// afterProvider is called after every answer of a provider, when it is set.
	afterProvider atomic.Pointer[func()]
}

func newHarness(t *testing.T, change ...func(*push.Deps)) *harness {
	t.Helper()
	h := &harness{Kit: servicetest.New(t, "push"), persons: &persons{known: map[string]*identityv1.Person{}}}
	server := miniredis.RunT(t)
	h.redis = redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = h.redis.Close() })
	deps := push.Deps{
		Keeper: h.Keeper, Tokens: h.Tokens, Tenants: h.Tenants, Redis: h.redis, Log: h.Log,
		Persons: identityv1connect.NewPersonServiceInproc(h.persons, h.Door.Call),
		SMS:     h.startSMS(t), FCM: h.startFCM(t),
	}
	for _, c := range change {
		c(&deps)
	}
	h.deps, h.service = deps, h.newService(t, deps)
	h.notifications = pushv1connect.NewNotificationServiceInproc(h.service, h.Door.Call)
	h.streams = pushv1connect.NewStreamServiceInproc(h.service, h.Door.Call)
	var err error
	if h.admin, err = pgx.Connect(t.Context(), h.AdminURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.admin.Close(context.WithoutCancel(t.Context())) })
	return h
}

// newService makes another instance on the same database.
func (h *harness) newService(t *testing.T, deps push.Deps) *push.Service {
	t.Helper()
	service, err := push.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// startSMS starts the SMS provider; its delivery reports come in at ReceiveReceipt when its clock is moved.
func (h *harness) startSMS(t *testing.T) *turbosms.Client {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		res, err := h.notifications.ReceiveReceipt(servicetest.Anonymous(r.Context()), &pushv1.ReceiveReceiptRequest{
			Provider: "turbosms", Body: body, ContentType: r.Header.Get("Content-Type"),
		})
		if err != nil {
			http.Error(w, "refused", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(res.GetBody())
	}))
	t.Cleanup(hook.Close)
	h.smsClock = simkit.NewManual(servicetest.Now)
	var err error
	h.sms, err = smssim.New(smssim.Options{
		Token: smsToken, Senders: []string{"LENDGATE"}, WebhookURL: hook.URL, WebhookSecret: webhookSecret, Clock: h.smsClock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.sms.Close)
	server := httptest.NewServer(h.sms)
	t.Cleanup(server.Close)
	client, err := turbosms.New(turbosms.Config{
		BaseURL: server.URL, Token: smsToken, Sender: "LENDGATE", WebhookSecret: webhookSecret, Timeout: 5 * time.Second, Logger: h.Log,
		Transport: spy{&http.Transport{DisableKeepAlives: true}, h},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (h *harness) startFCM(t *testing.T) *fcm.Client {
	t.Helper()
	var err error
	if h.fcm, err = fcmsim.New(fcmsim.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.fcm.Close)
	server := httptest.NewServer(h.fcm)
	t.Cleanup(server.Close)
	account, err := fcmsim.NewAccount(project, server.URL, serviceKey(t))
	if err != nil {
		t.Fatal(err)
	}
	h.fcm.Trust(account)
	client, err := fcm.New(t.Context(), fcm.Config{
		ProjectID: project, Credentials: kit.Secret(account.JSON), BaseURL: server.URL, Timeout: 5 * time.Second, Logger: h.Log,
		Transport: spy{&http.Transport{DisableKeepAlives: true}, h},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// persons is identity's PersonService as far as push asks it.
type persons struct {
	identityv1connect.UnimplementedPersonServiceHandler
	mu    sync.Mutex
	known map[string]*identityv1.Person
	fail  error
	asked int
}

func (p *persons) GetPerson(ctx context.Context, req *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.fail != nil {
		return nil, p.fail
	}
	who := actor.Must(ctx)
	person, ok := p.known[req.GetPersonId()]
	if !ok || who.PersonID != req.GetPersonId() || who.Service != "push" {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, "no such person")
	}
	return &identityv1.GetPersonResponse{Person: person}, nil
}

func (p *persons) set(fail error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

// person makes a person that identity knows.
func (h *harness) person(locale string) string {
	wireID := servicetest.NewPerson()
	h.persons.mu.Lock()
	defer h.persons.mu.Unlock()
	h.persons.known[wireID] = &identityv1.Person{Id: wireID, State: identityv1.Person_STATE_ACTIVE, Phone: phone, Locale: locale}
	return wireID
}

// device makes a context of a new device of a person and registers a push token for it.
func (h *harness) device(t *testing.T, person, token string) context.Context {
	t.Helper()
	ctx := servicetest.AsPerson(t.Context(), person)
	if _, err := h.notifications.RegisterPushToken(ctx, &pushv1.RegisterPushTokenRequest{RequestId: uuid.NewString(), Token: token}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// asIdentity is the caller of codes.
func asIdentity(t *testing.T) context.Context { return servicetest.AsService(t.Context(), "identity") }

// send queues a message and expects one notification.
func (h *harness) send(t *testing.T, req *pushv1.SendNotificationRequest) uuid.UUID {
	t.Helper()
	req.RequestId = uuid.NewString()
	res, err := h.notifications.SendNotification(asIdentity(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.GetNotifications()) != 1 {
		t.Fatalf("%d notifications", len(res.GetNotifications()))
	}
	notification, err := id.Parse(id.Notification, res.GetNotifications()[0].GetId())
	if err != nil {
		t.Fatal(err)
	}
	return notification
}

// sendCode queues a login code.
func (h *harness) sendCode(t *testing.T, to string) uuid.UUID {
	t.Helper()
	return h.send(t, &pushv1.SendNotificationRequest{
		Phone: to, Template: "login-code", Parameters: map[string]string{"code": code}, Locale: "en",
	})
}

// sendPush queues a push message.
func (h *harness) sendPush(t *testing.T, person, tmpl string) uuid.UUID {
	t.Helper()
	return h.send(t, &pushv1.SendNotificationRequest{
		PersonId: person, Template: tmpl, Parameters: map[string]string{"loan_id": "loan_demo", "application_id": "app_demo"},
	})
}

// deliver makes one attempt and answers with whether another is due.
func (h *harness) deliver(t *testing.T, notification uuid.UUID) time.Duration {
	t.Helper()
	again, err := h.service.Deliver(servicetest.AsService(t.Context(), "push"), notification)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// row is what tests look at behind row-level security.
type row struct {
	State, Channel, Locale, Provider, ProviderID, Failure string
	Attempts, Parts                                       int
	Sealed                                                bool // Parameters or phone are still there.
}

func (h *harness) row(t *testing.T, notification uuid.UUID) row {
	t.Helper()
	h.adminMu.Lock()
	defer h.adminMu.Unlock()
	var r row
	err := h.admin.QueryRow(t.Context(), `
		SELECT state, channel, locale, provider, provider_id, failure, attempts, parts,
			parameters_sealed IS NOT NULL OR phone_sealed IS NOT NULL
		FROM push.notifications WHERE id = $1`, notification).
		Scan(&r.State, &r.Channel, &r.Locale, &r.Provider, &r.ProviderID, &r.Failure, &r.Attempts, &r.Parts, &r.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// count answers a question about numbers behind row-level security.
func (h *harness) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	h.adminMu.Lock()
	defer h.adminMu.Unlock()
	var n int
	if err := h.admin.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// wantReason expects a refusal.
func wantReason(t *testing.T, err error, want typev1.ErrorReason) {
	t.Helper()
	if got := rpcerr.PeerReason(err); got != want {
		t.Errorf("reason %s, want %s; error %v", got, want, err)
	}
}

func mustID(t *testing.T, wireID string) uuid.UUID {
	t.Helper()
	notification, err := id.Parse(id.Notification, wireID)
	if err != nil {
		t.Fatal(err)
	}
	return notification
}

func personUUID(t *testing.T, wireID string) uuid.UUID {
	t.Helper()
	person, err := id.Parse(id.Person, wireID)
	if err != nil {
		t.Fatal(err)
	}
	return person
}

// sharedKey is one key for all demo service accounts, since making one takes a while.
var sharedKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return simkit.OpenKey("") })

func serviceKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := sharedKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
