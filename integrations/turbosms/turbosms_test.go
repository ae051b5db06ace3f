package turbosms_test

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/turbosms"
	"github.com/lendgate/lendgate/integrations/turbosms/sim"
)

// Demo credentials of the tests; they open nothing.
const (
	token  = "demo-token"
	secret = "demo-webhook-secret"
	phone  = "+380000000001"
)

// gateway is a simulator behind a real listener, the adapter pointed at it, and
// our webhook endpoint.
type gateway struct {
	*sim.Simulator
	clock  *simkit.Manual
	client *turbosms.Client

	mu       sync.Mutex
	receipts []turbosms.Receipt
	refused  []error
}

func newGateway(t *testing.T, change ...func(*sim.Options)) *gateway {
	t.Helper()
	g := &gateway{clock: simkit.NewManual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))}
	hook := httptest.NewServer(http.HandlerFunc(g.receive))
	t.Cleanup(hook.Close)
	options := sim.Options{
		Token: token, Senders: []string{"LENDGATE"}, WebhookURL: hook.URL, WebhookSecret: secret, Clock: g.clock,
	}
	for _, c := range change {
		c(&options)
	}
	var err error
	if g.Simulator, err = sim.New(options); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Simulator)
	t.Cleanup(server.Close)
	t.Cleanup(g.Simulator.Close)
	g.client, err = turbosms.New(turbosms.Config{
		BaseURL: server.URL, Token: token, Sender: "LENDGATE", WebhookSecret: secret, Timeout: 10 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
		Wait:      func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gateway) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	receipt, err := g.client.ParseReceipt(body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.refused = append(g.refused, err)
		http.Error(w, "refused", http.StatusUnauthorized)
		return
	}
	g.receipts = append(g.receipts, receipt)
}

func (g *gateway) states() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var words []string
	for _, r := range g.receipts {
		words = append(words, string(r.State))
	}
	return strings.Join(words, " ")
}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, idFirst := range []bool{false, true} {
		t.Run(fmt.Sprintf("is delivered and reported, id first %t", idFirst), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(o *sim.Options) { o.IDFirst = idFirst })
			id, err := g.client.Send(t.Context(), turbosms.Message{Phone: phone, Text: "Ваш код 123456"})
			if err != nil || id == "" {
				t.Fatalf("Send = %q, %v", id, err)
			}
			inbox := g.Messages(phone)
			if len(inbox) != 1 || inbox[0].Text != "Ваш код 123456" || inbox[0].ID != id || inbox[0].Sender != "LENDGATE" {
				t.Fatalf("inbox %+v", inbox)
			}
			status := func() kit.ReceiptState {
				got, err := g.client.Status(t.Context(), id)
				if err != nil || len(got) != 1 || got[0].MessageID != id {
					t.Fatalf("Status = %+v, %v", got, err)
				}
				return got[0].State
			}
			if got := status(); got != kit.ReceiptPending {
				t.Errorf("at once %s", got)
			}
			g.clock.Advance(time.Second)
			if got := status(); got != kit.ReceiptDelivered {
				t.Errorf("later %s", got)
			}
			if g.states() != "DELIVERED" || g.receipts[0].MessageID != id || g.receipts[0].EventID == "" {
				t.Errorf("receipts %+v, refused %v", g.receipts, g.refused)
			}
		})
	}
}

func TestPhonesThatDoNotReceive(t *testing.T) {
	t.Parallel()
	for suffix, want := range map[string]kit.ReceiptState{
		"0777": kit.ReceiptUndelivered, "0778": kit.ReceiptExpired, "0779": kit.ReceiptPending,
	} {
		t.Run("a phone ending in "+suffix+" becomes "+string(want), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			id, err := g.client.Send(t.Context(), turbosms.Message{Phone: "38000000" + suffix, Text: "x"})
			if err != nil {
				t.Fatal(err)
			}
			g.clock.Advance(time.Hour)
			got, err := g.client.Status(t.Context(), id)
			if err != nil || got[0].State != want {
				t.Errorf("Status = %+v, %v", got, err)
			}
			if reported := g.states(); want != kit.ReceiptPending && reported != string(want) {
				t.Errorf("reported %q", reported)
			}
		})
	}
}

func TestSendRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*sim.Options)
		message turbosms.Message
		outcome kit.Outcome
		code    string
	}{
		{"the stop list", nil, turbosms.Message{Phone: "380000000404", Text: "x"}, kit.OutcomeRefused, "404"},
		{"a phone that cannot be sent to now", nil, turbosms.Message{Phone: "380000000503", Text: "x"}, kit.OutcomeRetryable, "503"},
		{"a phone that is none", nil, turbosms.Message{Phone: "0123456789", Text: "x"}, kit.OutcomeRefused, "305"},
		{"a long Cyrillic text", nil, turbosms.Message{Phone: phone, Text: strings.Repeat("я", 662)}, kit.OutcomeRefused, "413"},
		{"letters in the phone are not even sent", nil, turbosms.Message{Phone: "38000000000x", Text: "x"}, kit.OutcomeRefused, ""},
		{"an empty text is not even sent", nil, turbosms.Message{Phone: phone}, kit.OutcomeRefused, ""},
		{"a wrong token", func(o *sim.Options) { o.Token = "other" }, turbosms.Message{Phone: phone, Text: "x"}, kit.OutcomeRefused, "301"},
		{"a foreign sender", func(o *sim.Options) { o.Senders = []string{"SHOP"} }, turbosms.Message{Phone: phone, Text: "x"}, kit.OutcomeRefused, "400"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var changes []func(*sim.Options)
			if test.change != nil {
				changes = append(changes, test.change)
			}
			g := newGateway(t, changes...)
			_, err := g.client.Send(t.Context(), test.message)
			wantError(t, err, test.outcome, test.code)
			if n := len(g.Messages("")); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

func TestIdenticalRequest(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	message := turbosms.Message{Phone: phone, Text: "Ваш код 123456"}
	first, err := g.client.Send(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.client.Send(t.Context(), message)
	if err != nil || again != first || len(g.Messages(phone)) != 1 {
		t.Errorf("again %q, %v; first %q; %d messages", again, err, first, len(g.Messages(phone)))
	}
	g.clock.Advance(time.Minute)
	later, err := g.client.Send(t.Context(), message)
	if err != nil || later == first {
		t.Errorf("after the window %q, %v", later, err)
	}
}

func TestSendFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   simkit.Fault
		outcome kit.Outcome
		code    string
		sent    int
	}{
		{"a lost answer is unknown", simkit.Fault{Kind: simkit.KindDoThenFail}, kit.OutcomeUnknown, "", 1},
		{"a cut connection is unknown", simkit.Fault{Kind: simkit.KindReset}, kit.OutcomeUnknown, "", 0},
		{"a fatal error is unknown", simkit.Fault{Kind: simkit.KindError}, kit.OutcomeUnknown, "999", 0},
		{"an empty balance may be tried later", simkit.Fault{Kind: simkit.KindError, Code: "203"}, kit.OutcomeRetryable, "203", 0},
		{"too many requests may be tried later", simkit.Fault{Kind: simkit.KindError, Status: 429}, kit.OutcomeRetryable, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			test.fault.Operation = "message/send"
			g.Desk().Inject(test.fault)
			_, err := g.client.Send(t.Context(), turbosms.Message{Phone: phone, Text: "x"})
			wantError(t, err, test.outcome, test.code)
			if n := len(g.Messages("")); n != test.sent {
				t.Errorf("%d messages, want %d", n, test.sent)
			}
		})
	}
}

func TestReportFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault simkit.Fault
		now   string
		later string // ten minutes later
	}{
		{"late", simkit.Fault{Kind: simkit.KindDelay, DelayMS: 60_000}, "", "DELIVERED"},
		{"lost", simkit.Fault{Kind: simkit.KindLost}, "", ""},
		{"duplicated", simkit.Fault{Kind: simkit.KindDuplicate}, "DELIVERED DELIVERED", "DELIVERED DELIVERED"},
		{"wrongly signed, then repeated", simkit.Fault{Kind: simkit.KindWrongSignature}, "", "DELIVERED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			test.fault.Operation = "DLR"
			g.Desk().Inject(test.fault)
			if _, err := g.client.Send(t.Context(), turbosms.Message{Phone: phone, Text: "x"}); err != nil {
				t.Fatal(err)
			}
			g.clock.Advance(time.Second)
			if got := g.states(); got != test.now {
				t.Errorf("at once %q", got)
			}
			g.clock.Advance(10 * time.Minute)
			if got := g.states(); got != test.later {
				t.Errorf("later %q", got)
			}
			if test.fault.Kind == simkit.KindDuplicate && g.receipts[0].EventID != g.receipts[1].EventID {
				t.Errorf("a duplicate has another event id")
			}
		})
	}
}

func TestParseReceiptRefuses(t *testing.T) {
	t.Parallel()
	sign := func(id string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(secret+id))) }
	tests := []struct {
		name, body string
		want       error
	}{
		{"nothing", "", turbosms.ErrMalformed},
		{"no object", "[]", turbosms.ErrMalformed},
		{"too long", `{"id":"` + strings.Repeat("x", 70<<10) + `"}`, turbosms.ErrMalformed},
		{"no signature", `{"id":"e1","data":{"message_id":"m","status":"DELIVRD"}}`, turbosms.ErrBadSignature},
		{"no id", `{"signature":"` + sign("") + `","data":{"message_id":"m"}}`, turbosms.ErrBadSignature},
		{"a foreign signature", `{"id":"e1","signature":"` + sign("e2") + `"}`, turbosms.ErrBadSignature},
		{"no message", `{"id":"e1","signature":"` + sign("e1") + `","data":{}}`, turbosms.ErrMalformed},
	}
	client, err := turbosms.New(turbosms.Config{Token: token, Sender: "X", WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := client.ParseReceipt([]byte(test.body)); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	t.Run("everything, when we have no secret", func(t *testing.T) {
		t.Parallel()
		open, err := turbosms.New(turbosms.Config{Token: token, Sender: "X"})
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"id":"e1","signature":"%x","data":{"message_id":"m"}}`, sha1.Sum([]byte("e1")))
		if _, err := open.ParseReceipt([]byte(body)); !errors.Is(err, turbosms.ErrBadSignature) {
			t.Errorf("error %v", err)
		}
	})
}

func TestInboxForPeople(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sms.json")
	first := newGateway(t, func(o *sim.Options) { o.StatePath = path })
	if _, err := first.client.Send(t.Context(), turbosms.Message{Phone: phone, Text: "<b>123456</b>"}); err != nil {
		t.Fatal(err)
	}
	second := newGateway(t, func(o *sim.Options) { o.StatePath = path }) // the first was killed

	page := httptest.NewRecorder()
	second.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/_sim/inbox?phone=380000000001", nil))
	if !strings.Contains(page.Body.String(), "&lt;b&gt;123456&lt;/b&gt;") {
		t.Errorf("page:\n%s", page.Body)
	}
	list := httptest.NewRecorder()
	second.ServeHTTP(list, httptest.NewRequest(http.MethodGet, "/_sim/messages?phone=+380000000001", nil))
	var got struct{ Messages []sim.Message }
	if err := json.Unmarshal(list.Body.Bytes(), &got); err != nil || len(got.Messages) != 1 {
		t.Errorf("messages %s, %v", list.Body, err)
	}
	second.clock.Advance(time.Second)
	if second.states() != "DELIVERED" {
		t.Errorf("a message that was on its way is %q", second.states())
	}
}

func wantError(t *testing.T, err error, outcome kit.Outcome, code string) {
	t.Helper()
	var failure *kit.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v, want a *kit.Error", err)
	}
	if failure.Outcome != outcome || failure.Code != code {
		t.Errorf("error is %v, want %s with code %q", err, outcome, code)
	}
}
