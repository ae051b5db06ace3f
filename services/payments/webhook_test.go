package payments_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// deliver hands a notification in, as the webhook address of the edge does, and does what its job would.
func (h *house) deliver(t *testing.T, body []byte) error {
	t.Helper()
	res, err := h.pay.ReceiveWebhook(servicetest.Anonymous(t.Context()), &paymentsv1.ReceiveWebhookRequest{
		Provider: "tbank", Body: body, ContentType: "application/json",
	})
	if err != nil {
		return err
	}
	if string(res.GetBody()) != "OK" {
		t.Errorf("acknowledged with %q", res.GetBody())
	}
	for _, webhookID := range h.webhooks(t, "HINT") {
		if err := h.service.ProcessWebhook(servicetest.AsService(t.Context(), "payments"), webhookID); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// webhooks are the notifications kept with a verdict.
func (h *house) webhooks(t *testing.T, verdict string) []uuid.UUID {
	t.Helper()
	return adminColumn[uuid.UUID](t, h, "SELECT id FROM payments.webhooks WHERE verdict = $1 ORDER BY id", verdict)
}

// paid is a house with a collection whose person has paid, and the two notifications of it.
func paid(t *testing.T) (*house, *paymentsv1.Collection, [][]byte) {
	t.Helper()
	h := newHouse(t)
	c, _ := h.open(t)
	fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
	posts := h.posted()
	if len(posts) != 2 {
		t.Fatalf("%d notifications", len(posts))
	}
	return h, c, posts
}

func TestWebhooksThatAreUsed(t *testing.T) {
	t.Parallel()
	t.Run("duplicated ones book once", func(t *testing.T) {
		t.Parallel()
		h, c, posts := paid(t)
		for range 3 {
			for _, body := range posts {
				if err := h.deliver(t, body); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := len(h.webhooks(t, "HINT")); n != 2 {
			t.Errorf("%d notifications kept", n)
		}
		if posted, _ := h.balance(t, "funds-psp"); posted != 150_000 || len(h.events(t)) != 1 {
			t.Errorf("funds %d, events %v", posted, h.events(t))
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID {
			t.Errorf("state %s", got)
		}
	})
	t.Run("out of order they end the same", func(t *testing.T) {
		t.Parallel()
		h, c, posts := paid(t)
		for _, body := range [][]byte{posts[1], posts[0]} {
			if err := h.deliver(t, body); err != nil {
				t.Fatal(err)
			}
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_PAID || len(h.events(t)) != 1 {
			t.Errorf("state %s, events %v", got, h.events(t))
		}
	})
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	t.Run("a forged one leaves nothing", func(t *testing.T) {
		t.Parallel()
		h, c, posts := paid(t)
		for name, forged := range map[string][]byte{
			"another amount":   forge(t, posts[1], "Amount", 1),
			"another status":   forge(t, posts[0], "Status", "REFUNDED"),
			"another terminal": forge(t, posts[1], "TerminalKey", "Else"),
		} {
			if err := h.deliver(t, forged); rpcerr.PeerReason(err) != typev1.ErrorReason_ERROR_REASON_WEBHOOK_SIGNATURE_INVALID {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := adminColumn[int64](t, h, "SELECT count(*) FROM payments.webhooks")[0]; n != 0 {
			t.Errorf("%d notifications kept", n)
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_AWAITING {
			t.Errorf("state %s", got)
		}
	})
	t.Run("one that cannot be read is refused", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		wantReason(t, h.deliver(t, []byte("[]")), typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST)
	})
	t.Run("one of an unknown provider is refused", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		_, err := h.pay.ReceiveWebhook(servicetest.Anonymous(t.Context()), &paymentsv1.ReceiveWebhookRequest{Provider: "nobody", Body: []byte("{}")})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN)
	})
}

func TestWebhooksThatAreKeptAndNotUsed(t *testing.T) {
	t.Parallel()
	t.Run("a signed one with another amount is kept and not used", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		c, _ := h.open(t)
		h.bank.Desk().Inject(simkit.Fault{Operation: "Notification", Kind: simkit.KindWrongAmount, Times: 2})
		fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
		for _, body := range h.posted() {
			if err := h.deliver(t, body); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(h.webhooks(t, "MISMATCH")); n != 2 {
			t.Errorf("%d kept as mismatch", n)
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_AWAITING || len(h.events(t)) != 0 {
			t.Errorf("state %s, events %v", got, h.events(t))
		}
	})
	t.Run("one of a payment that is not ours is kept and not used", func(t *testing.T) {
		t.Parallel()
		from, _, posts := paid(t)
		h := newHouse(t)
		if err := h.deliver(t, posts[1]); err != nil {
			t.Fatal(err)
		}
		if n := len(h.webhooks(t, "UNMATCHED")); n != 1 {
			t.Errorf("%d kept as unmatched", n)
		}
		from.checkBooks(t)
	})
	t.Run("that of another lender moves nothing here", func(t *testing.T) {
		t.Parallel()
		h, c, posts := paid(t)
		ctx := other(t, "edge")
		if _, err := h.pay.ReceiveWebhook(ctx, &paymentsv1.ReceiveWebhookRequest{Provider: "tbank", Body: posts[1]}); err != nil {
			t.Fatal(err)
		}
		if n := len(h.webhooks(t, "UNMATCHED")); n != 1 {
			t.Errorf("%d kept as unmatched", n)
		}
		if got := h.collection(t, c.GetId()).GetState(); got != paymentsv1.Collection_STATE_AWAITING {
			t.Errorf("state %s", got)
		}
	})
}

func TestWebhookOfAPayout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.createPayout(t, h.order(t, sim.CardGood))
	h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.Payment", Kind: simkit.KindDoThenFail})
	h.bank.Desk().Inject(simkit.Fault{Operation: "e2c.GetState", Kind: simkit.KindError, Code: "999"})
	h.drive(t, p.GetId())
	for _, body := range h.posted() {
		if err := h.deliver(t, body); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.payout(t, p.GetId()).GetState(); got != paymentsv1.Payout_STATE_PAID {
		t.Errorf("state %s", got)
	}
}

func TestWebhookBodyIsSealed(t *testing.T) {
	t.Parallel()
	h, _, posts := paid(t)
	if err := h.deliver(t, posts[1]); err != nil {
		t.Fatal(err)
	}
	for _, body := range adminColumn[[]byte](t, h, "SELECT body FROM payments.webhooks") {
		if strings.Contains(string(body), "430000") || strings.Contains(string(body), "Pan") {
			t.Errorf("body %q", body)
		}
	}
}

// forge changes one member of a notification and keeps its signature.
func forge(t *testing.T, body []byte, name string, value any) []byte {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	members[name] = value
	forged, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return forged
}
