package push_test

import (
	"crypto/sha1" //nolint:gosec // the vendor's choice
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// report is a delivery report as the provider signs it.
func report(event, message, status string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"signature":"%x","data":{"message_id":%q,"status":%q}}`,
		event, sha1.Sum([]byte(webhookSecret+event)), message, status)
}

func (h *harness) receive(t *testing.T, body []byte) error {
	t.Helper()
	res, err := h.notifications.ReceiveReceipt(servicetest.Anonymous(t.Context()), &pushv1.ReceiveReceiptRequest{Provider: "turbosms", Body: body})
	if err == nil && string(res.GetBody()) != "OK" {
		t.Errorf("acknowledged with %q", res.GetBody())
	}
	return err
}

func TestReceiptsOfTheProvider(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tests := []struct{ name, phone, want string }{
		{"a text that arrives", "+380000000001", "DELIVERED"},
		{"a text that does not", "+380000000777", "FAILED"},
		{"a text that expires", "+380000000778", "FAILED"},
		{"a text that nothing is heard of", "+380000000779", "SENT"},
	}
	sent := map[string]uuid.UUID{}
	for _, test := range tests {
		sent[test.phone] = h.sendCode(t, test.phone)
		h.deliver(t, sent[test.phone])
	}
	h.smsClock.Advance(time.Second)
	for _, test := range tests {
		if got := h.row(t, sent[test.phone]); got.State != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestReceiptFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]simkit.Fault{
		"twice":                {Kind: simkit.KindDuplicate},
		"late":                 {Kind: simkit.KindDelay, DelayMS: 60_000},
		"wrongly signed first": {Kind: simkit.KindWrongSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			fault.Operation = "DLR"
			h.sms.Desk().Inject(fault)
			notification := h.sendCode(t, phone)
			h.deliver(t, notification)
			h.smsClock.Advance(10 * time.Minute)
			if got := h.row(t, notification); got.State != "DELIVERED" {
				t.Errorf("row %+v", got)
			}
		})
	}
}

func TestReceiptOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		reports []string
		want    string
	}{
		{"on its way, then delivered", []string{"SENT", "DELIVRD"}, "DELIVERED"},
		{"delivered, then on its way", []string{"DELIVRD", "SENT"}, "DELIVERED"},
		{"delivered, then not", []string{"DELIVRD", "UNDELIV"}, "DELIVERED"},
		{"not delivered, then delivered", []string{"UNDELIV", "DELIVRD"}, "FAILED"},
		{"a word that is new to us", []string{"TELEPORTED"}, "SENT"},
	}
	for _, early := range []bool{false, true} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s, before our own note %t", test.name, early), func(t *testing.T) {
				t.Parallel()
				h := newHarness(t)
				notification := h.sendCode(t, phone)
				h.deliver(t, notification)
				message := h.row(t, notification).ProviderID
				if early {
					// The provider's answer and its report race: the state before our note, and a repeat that is answered with the same message.
					notification = h.sendCode(t, phone)
				}
				for i, status := range test.reports {
					if err := h.receive(t, report(fmt.Sprintf("event-%d", i), message, status)); err != nil {
						t.Fatal(err)
					}
					h.Clock.Advance(time.Second)
				}
				if early {
					h.deliver(t, notification)
				}
				if got := h.row(t, notification); got.State != test.want || got.ProviderID != message {
					t.Errorf("row %+v", got)
				}
			})
		}
	}
}

func TestForgedReceipts(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	notification := h.sendCode(t, phone)
	h.deliver(t, notification)
	message := h.row(t, notification).ProviderID
	malformed, forged := typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, typev1.ErrorReason_ERROR_REASON_WEBHOOK_SIGNATURE_INVALID
	tests := []struct {
		name string
		body []byte
		want typev1.ErrorReason
	}{
		{"nothing", nil, malformed},
		{"no object", []byte("[1]"), malformed},
		{"signed without a message", report("e", "", "DELIVRD"), malformed},
		{"unsigned", []byte(`{"id":"e","data":{"message_id":"` + message + `","status":"DELIVRD"}}`), forged},
		{"signed for another event", []byte(fmt.Sprintf(`{"id":"e","signature":"%x","data":{"message_id":%q,"status":"DELIVRD"}}`,
			sha1.Sum([]byte(webhookSecret+"other")), message)), forged},
	}
	t.Run("refused", func(t *testing.T) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				wantReason(t, h.receive(t, test.body), test.want)
			})
		}
		t.Run("of a provider that does not report here", func(t *testing.T) {
			t.Parallel()
			_, err := h.notifications.ReceiveReceipt(servicetest.Anonymous(t.Context()), &pushv1.ReceiveReceiptRequest{Provider: "fcm"})
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN)
		})
	})
	if got := h.row(t, notification); got.State != "SENT" {
		t.Errorf("row %+v", got)
	}
	// Who has seen a report can forge another under its id; the first one counts.
	for _, status := range []string{"SENT", "UNDELIV"} {
		if err := h.receive(t, report("seen", message, status)); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.row(t, notification); got.State != "SENT" {
		t.Errorf("a second report under one id counted: %+v", got)
	}
	// Another tenant's door leads to another tenant's rows.
	elsewhere := servicetest.AsStranger(t.Context(), servicetest.NewPerson())
	_, err := h.notifications.ReceiveReceipt(elsewhere, &pushv1.ReceiveReceiptRequest{
		Provider: "turbosms", Body: report("x", message, "DELIVRD"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.row(t, notification); got.State != "SENT" {
		t.Errorf("another tenant's report counted: %+v", got)
	}
}
