package push_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"

	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func (h *harness) register(ctx context.Context, token string) error {
	_, err := h.notifications.RegisterPushToken(ctx, &pushv1.RegisterPushTokenRequest{RequestId: uuid.NewString(), Token: token})
	return err
}

func TestRegisterPushToken(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tokens := func(person string) int {
		return h.count(t, "SELECT count(*) FROM push.push_tokens WHERE person_id = $1 AND state = 'LIVE'", personUUID(t, person))
	}
	t.Run("a new token replaces the device's old one", func(t *testing.T) {
		person := h.person("en")
		ctx := h.device(t, person, "phone-old-token")
		if err := h.register(ctx, "phone-new-token"); err != nil {
			t.Fatal(err)
		}
		h.deliver(t, h.sendPush(t, person, "loan-repaid"))
		if len(h.fcm.Messages("phone-old-token")) != 0 || len(h.fcm.Messages("phone-new-token")) != 1 {
			t.Error("the message went to the old token")
		}
	})
	t.Run("a token follows its phone to another person", func(t *testing.T) {
		first, second := h.person("en"), h.person("en")
		h.device(t, first, "phone-that-moves")
		h.device(t, second, "phone-that-moves")
		if tokens(first) != 0 || tokens(second) != 1 {
			t.Errorf("%d and %d tokens", tokens(first), tokens(second))
		}
	})
	t.Run("a dead token lives again when its app says so", func(t *testing.T) {
		person := h.person("en")
		ctx := h.device(t, person, "dead-and-back")
		h.deliver(t, h.sendPush(t, person, "loan-repaid"))
		if tokens(person) != 0 {
			t.Fatal("it did not die")
		}
		if err := h.register(ctx, "dead-and-back"); err != nil || tokens(person) != 1 {
			t.Errorf("%v, %d tokens", err, tokens(person))
		}
	})
	t.Run("the same token of many devices at once ends with one", func(t *testing.T) {
		var devices sync.WaitGroup
		for range 8 {
			devices.Go(func() {
				if err := h.register(servicetest.AsPerson(t.Context(), h.person("en")), "phone-of-many"); err != nil {
					t.Error(err)
				}
			})
		}
		devices.Wait()
		hash := h.Sealer.Index(servicetest.Tenant, "push_token", "phone-of-many")
		if n := h.count(t, "SELECT count(*) FROM push.push_tokens WHERE token_hash = $1", hash); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("another tenant's same token is another token", func(t *testing.T) {
		person := h.person("en")
		h.device(t, person, "phone-of-two")
		stranger := actor.Must(servicetest.AsPerson(t.Context(), servicetest.NewPerson()))
		stranger.TenantID = servicetest.OtherTenant
		if err := h.register(actor.With(t.Context(), stranger), "phone-of-two"); err != nil || tokens(person) != 1 {
			t.Errorf("%v, %d tokens", err, tokens(person))
		}
	})
}

func TestRegisterPushTokenRefuses(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := servicetest.AsPerson(t.Context(), h.person("en"))
	deviceless := actor.Must(person)
	deviceless.DeviceID = ""
	tests := []struct {
		name, token string
		ctx         context.Context
		want        typev1.ErrorReason
	}{
		{"a token of no known form", "no token at all", person, typev1.ErrorReason_ERROR_REASON_PUSH_TOKEN_INVALID},
		{"a short one", "x", person, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		{"a caller without a device", "phone-deviceless", actor.With(t.Context(), deviceless), typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED},
		{"a caller without a session", "phone-anonymous", servicetest.Anonymous(t.Context()), typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, h.register(test.ctx, test.token), test.want)
		})
	}
	t.Run("a repeat with another token", func(t *testing.T) {
		t.Parallel()
		req := &pushv1.RegisterPushTokenRequest{RequestId: uuid.NewString(), Token: "phone-repeat-1"}
		for range 2 {
			if _, err := h.notifications.RegisterPushToken(person, req); err != nil {
				t.Fatal(err)
			}
		}
		req.Token = "phone-repeat-2"
		_, err := h.notifications.RegisterPushToken(person, req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
}
