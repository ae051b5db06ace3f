package tbank_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
)

// Demo credentials of the tests; they open nothing.
const (
	terminal       = "DemoTerminal"
	password       = "demo-password-1"
	payoutTerminal = "DemoTerminalE2C"
	payoutPassword = "demo-password-2"
	serial         = "00DE0000000000000000000000000000D0"
)

// demoKey is generated once: 2048-bit RSA takes a moment.
var demoKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// bank is a simulator behind a real listener, and the adapter pointed at it.
type bank struct {
	*sim.Simulator
	clock     *simkit.Manual
	acquiring *tbank.Acquiring
	payouts   *tbank.Payouts
	inbox     *inbox
	options   sim.Options
}

// inbox is our webhook endpoint: it verifies and remembers.
type inbox struct {
	mu       sync.Mutex
	answer   string // body of the acknowledgement; "OK" unless a test breaks it
	received []tbank.Notification
	refused  []error
}

func (i *inbox) all() []tbank.Notification {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]tbank.Notification(nil), i.received...)
}

func (i *inbox) rejections() []error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]error(nil), i.refused...)
}

func newBank(t *testing.T, change ...func(*sim.Options)) *bank {
	t.Helper()
	b := &bank{clock: simkit.NewManual(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)), inbox: &inbox{answer: "OK"}}

	hooks := httptest.NewServer(http.HandlerFunc(b.receive))
	t.Cleanup(hooks.Close)
	b.options = sim.Options{
		Terminals: []sim.Terminal{{Key: terminal, Password: password, NotificationURL: hooks.URL + "/acquiring"}},
		PayoutTerminals: []sim.PayoutTerminal{{
			Key: payoutTerminal, SerialNumber: serial, PublicKey: &demoKey().PublicKey,
			NotificationURL: hooks.URL + "/payouts", Password: payoutPassword,
		}},
		Clock: b.clock,
	}
	for _, c := range change {
		c(&b.options)
	}
	var err error
	if b.Simulator, err = sim.New(b.options); err != nil {
		t.Fatalf("sim.New: %v", err)
	}
	// The simulator lives under a prefix, as in the demo.
	server := httptest.NewServer(http.StripPrefix("/tbank", b.Simulator))
	t.Cleanup(server.Close)
	t.Cleanup(b.Simulator.Close)

	link := tbank.Link{
		BaseURL: server.URL + "/tbank", Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	b.acquiring, err = tbank.NewAcquiring(tbank.Config{Link: link, TerminalKey: terminal, Password: password})
	if err != nil {
		t.Fatalf("NewAcquiring: %v", err)
	}
	b.payouts, err = tbank.NewPayouts(tbank.PayoutConfig{
		Link: link, TerminalKey: payoutTerminal, Password: payoutPassword,
		PrivateKey: demoKey(), SerialNumber: serial,
	})
	if err != nil {
		t.Fatalf("NewPayouts: %v", err)
	}
	return b
}

func (b *bank) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	parse := b.acquiring.ParseNotification
	if r.URL.Path == "/payouts" {
		parse = b.payouts.ParseNotification
	}
	n, err := parse(body)
	b.inbox.mu.Lock()
	defer b.inbox.mu.Unlock()
	if err != nil {
		b.inbox.refused = append(b.inbox.refused, err)
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	b.inbox.received = append(b.inbox.received, n)
	if b.inbox.answer != "OK" {
		_, _ = w.Write([]byte(b.inbox.answer))
		return
	}
	tbank.Acknowledge(w)
}

// fill posts one field to a hosted form and returns the status.
func fill(t *testing.T, form, field, value string) int {
	t.Helper()
	response, err := http.Post(form, "application/x-www-form-urlencoded",
		strings.NewReader(url.Values{field: {value}}.Encode()))
	if err != nil {
		t.Fatalf("post form: %v", err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// start makes an order and returns its payment.
func (b *bank) start(t *testing.T, change ...func(*tbank.Order)) tbank.Payment {
	t.Helper()
	order := tbank.Order{
		OrderID: "order-" + rand.Text()[:8], Amount: 150_000, Description: "Погашение займа",
		CustomerKey: "demo-borrower", Data: map[string]string{"loan": "demo"},
	}
	for _, c := range change {
		c(&order)
	}
	p, err := b.acquiring.Init(t.Context(), order)
	if err != nil {
		t.Fatalf("Init: %v", err)
	}
	return p
}

func (b *bank) state(t *testing.T, paymentID string) tbank.Payment {
	t.Helper()
	p, err := b.acquiring.GetState(t.Context(), paymentID)
	if err != nil {
		t.Fatalf("GetState: %v", err)
	}
	return p
}
