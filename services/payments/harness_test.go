package payments_test

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

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/payments"
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

// house is the service on a real database and a simulated bank. Jobs do not run by themselves: tests drive payments step by step.
type house struct {
	*servicetest.Kit
	service *payments.Service
	pay     paymentsv1connect.PaymentServiceClient
	ledger  paymentsv1connect.LedgerServiceClient
	bank    *sim.Simulator
	bankURL string
	time    *simkit.Manual
	mortal  *mortal

	mu    sync.Mutex
	posts [][]byte // notifications that the bank has posted to us, as they came
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{Kit: servicetest.New(t, "payments"), time: simkit.NewManual(servicetest.Now)}
	hooks := httptest.NewServer(http.HandlerFunc(h.hook))
	t.Cleanup(hooks.Close)
	var err error
	h.bank, err = sim.New(sim.Options{
		Terminals: []sim.Terminal{{Key: terminal, Password: password, NotificationURL: hooks.URL}},
		PayoutTerminals: []sim.PayoutTerminal{{
			Key: payoutTerminal, SerialNumber: serial, PublicKey: &demoKey().PublicKey, NotificationURL: hooks.URL, Password: payoutPassword,
		}},
		Clock: h.time,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/tbank", h.bank))
	t.Cleanup(server.Close)
	t.Cleanup(h.bank.Close)
	h.bankURL = server.URL + "/tbank"
	h.mortal = &mortal{Provider: h.terminals(t)}
	h.service, err = payments.New(payments.Deps{
		DB: h.DB, Sealer: h.Sealer, Clock: h.Clock, Tokens: h.Tokens, Tenants: h.Tenants, Providers: []payments.Provider{h.mortal}, Log: h.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pay = paymentsv1connect.NewPaymentServiceInproc(h.service, h.Door.Call)
	h.ledger = paymentsv1connect.NewLedgerServiceInproc(h.service, h.Door.Call)
	return h
}

func (h *house) terminals(t *testing.T) *payments.TBank {
	t.Helper()
	link := tbank.Link{
		BaseURL: h.bankURL, Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}, Logger: h.Log,
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	acquiring, err := tbank.NewAcquiring(tbank.Config{Link: link, TerminalKey: terminal, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	payouts, err := tbank.NewPayouts(tbank.PayoutConfig{
		Link: link, TerminalKey: payoutTerminal, Password: payoutPassword, PrivateKey: demoKey(), SerialNumber: serial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return payments.NewTBank(payments.TBankConfig{Acquiring: acquiring, Payouts: payouts, CurrencyCode: "UAH", Description: "Loan repayment"})
}

// hook keeps what the bank posts and acknowledges it; tests hand it in when and as often as they like.
func (h *house) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.posts = append(h.posts, body)
	h.mu.Unlock()
	tbank.Acknowledge(w)
}

// posted lets the bank post what it has to and returns all of it.
func (h *house) posted() [][]byte {
	h.time.Advance(0)
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([][]byte(nil), h.posts...)
}

// advance moves our clock and the bank's.
func (h *house) advance(d time.Duration) {
	h.Clock.Advance(d)
	h.time.Advance(d)
}

// flows is the context of the process that lends.
func flows(t *testing.T) context.Context { return servicetest.AsService(t.Context(), "flows") }

// books is the context of somebody who reads the ledger and may post to it.
func books(t *testing.T) context.Context { return servicetest.AsService(t.Context(), "operator") }

func newID(prefix string) string { return id.Format(prefix, id.New()) }

func uah(minor int64) *typev1.Money { return &typev1.Money{MinorUnits: minor, CurrencyCode: "UAH"} }

// card registers a card of a person as the phone does: form, number, list.
func (h *house) card(t *testing.T, person, pan string) string {
	t.Helper()
	ctx := servicetest.AsPerson(t.Context(), person)
	registered, err := h.pay.RegisterCard(ctx, &paymentsv1.RegisterCardRequest{RequestId: uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, registered.GetCard().GetFormUrl(), "pan", pan)
	cards, err := h.pay.ListCards(ctx, &paymentsv1.ListCardsRequest{})
	if err != nil || len(cards.GetCards()) == 0 || cards.GetCards()[0].GetState() != paymentsv1.Card_STATE_ACTIVE {
		t.Fatalf("ListCards = %v, %v", cards, err)
	}
	return cards.GetCards()[0].GetId()
}

// fill posts one field to a form of the bank.
func fill(t *testing.T, form, field, value string) {
	t.Helper()
	response, err := http.Post(form, "application/x-www-form-urlencoded", strings.NewReader(url.Values{field: {value}}.Encode()))
	if err != nil {
		t.Fatalf("post form: %v", err)
	}
	_ = response.Body.Close()
}

// order is a request for a payout to a new person's new card.
func (h *house) order(t *testing.T, pan string) *paymentsv1.CreatePayoutRequest {
	t.Helper()
	person := servicetest.NewPerson()
	return &paymentsv1.CreatePayoutRequest{
		RequestId: uuid.NewString(), LoanId: newID(id.Loan), PersonId: person, Amount: uah(3_000_000), CardId: h.card(t, person, pan),
	}
}

func (h *house) createPayout(t *testing.T, req *paymentsv1.CreatePayoutRequest) *paymentsv1.Payout {
	t.Helper()
	res, err := h.pay.CreatePayout(flows(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return res.GetPayout()
}

func (h *house) payout(t *testing.T, payoutID string) *paymentsv1.Payout {
	t.Helper()
	res, err := h.pay.GetPayout(flows(t), &paymentsv1.GetPayoutRequest{PayoutId: payoutID})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetPayout()
}

// drive does what the job of a payout or collection would, once.
func (h *house) drive(t *testing.T, wireID string) time.Duration {
	t.Helper()
	kind, prefix := payments.PayoutKind, id.Payout
	if strings.HasPrefix(wireID, id.Collection) {
		kind, prefix = payments.CollectionKind, id.Collection
	}
	paymentID, err := id.Parse(prefix, wireID)
	if err != nil {
		t.Fatal(err)
	}
	wait, err := h.service.Drive(servicetest.AsService(t.Context(), "payments"), kind, paymentID)
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

// executed is how many payouts of an order, retries included, the bank has paid.
func (h *house) executed(payoutID string) int {
	n := 0
	for _, p := range h.bank.Payouts() {
		if strings.HasPrefix(p.OrderID, payoutID) && p.Status == "COMPLETED" {
			n++
		}
	}
	return n
}

// events are the facts in the outbox, in order.
func (h *house) events(t *testing.T) []*eventv1.Event {
	t.Helper()
	payloads := adminColumn[[]byte](t, h, "SELECT payload FROM payments.outbox_events ORDER BY sequence")
	var events []*eventv1.Event
	for _, payload := range payloads {
		event := &eventv1.Event{}
		if err := proto.Unmarshal(payload, event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// balance is what stands on an account: posted debits less credits, and the same of holds. An account that was never opened has nothing.
func (h *house) balance(t *testing.T, code string) (posted, pending int64) {
	t.Helper()
	res, err := h.ledger.GetAccount(books(t), &paymentsv1.GetAccountRequest{Code: code})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND {
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range res.GetAccounts() {
		posted += a.GetDebitsPosted().GetMinorUnits() - a.GetCreditsPosted().GetMinorUnits()
		pending += a.GetDebitsPending().GetMinorUnits() - a.GetCreditsPending().GetMinorUnits()
	}
	return posted, pending
}

// checkBooks fails unless the trial balance is even and the running balances are the sums of the entries.
func (h *house) checkBooks(t *testing.T) {
	t.Helper()
	running, err := h.ledger.GetTrialBalance(books(t), &paymentsv1.GetTrialBalanceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	summed, err := h.ledger.GetTrialBalance(books(t), &paymentsv1.GetTrialBalanceRequest{Date: &typev1.Date{Year: 2100, Month: 12, Day: 31}})
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(running, summed) {
		t.Errorf("running balances %v\nare not the sums of entries %v", running, summed)
	}
	for _, b := range running.GetBalances() {
		if b.GetTotalDebits().GetMinorUnits() != b.GetTotalCredits().GetMinorUnits() {
			t.Errorf("trial balance %v", b)
		}
	}
}

// wantReason fails unless err is a peer's error with the reason.
func wantReason(t *testing.T, err error, want typev1.ErrorReason) {
	t.Helper()
	if got := rpcerr.PeerReason(err); got != want {
		t.Errorf("reason %s (%v), want %s", got, err, want)
	}
}

// other is the context of a service in the other lender.
func other(t *testing.T, service string) context.Context {
	return actor.AsService(t.Context(), servicetest.OtherTenant, service)
}

// adminColumn reads one column behind row-level security.
func adminColumn[T any](t *testing.T, h *house, sql string, args ...any) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), h.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// actorForPerson is the context of a service that acts for a person.
func actorForPerson(t *testing.T, service, person string) context.Context {
	return actor.ForPerson(t.Context(), servicetest.Tenant, service, person)
}
