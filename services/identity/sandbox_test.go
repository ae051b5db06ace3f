package identity_test

import (
	"testing"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity"
)

func TestASandboxPhoneHasItsFixedCodeAndOthersDoNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const sandbox, code = "+380500000001", "111111"
	deps := identity.Deps{
		DB: b.DB, Keeper: b.Keeper, Sealer: b.Sealer, Clock: b.Clock, Tenants: b.Tenants, SecretKey: servicetest.MasterKey(),
		Notifications: pushv1connect.NewNotificationServiceInproc(b.sms, b.Door.Call),
		Config:        identity.Config{SandboxCodes: map[string]string{sandbox: code}},
	}
	service, err := identity.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	for phone, fixed := range map[string]bool{sandbox: true, "+380501234567": false} {
		device := b.enroll(t)
		ctx := onDevice(servicetest.Anonymous(t.Context()), device.GetId())
		if _, err := service.StartLogin(ctx, &identityv1.StartLoginRequest{RequestId: newID(), Phone: phone, DeviceId: device.GetId()}); err != nil {
			t.Fatal(err)
		}
		if sent := b.sms.last(t).GetParameters()["code"]; (sent == code) != fixed {
			t.Errorf("%s was sent %s", phone, sent)
		}
	}
	deps.Config.SandboxCodes = map[string]string{sandbox: "12"}
	if _, err := identity.New(deps); err == nil {
		t.Error("a sandbox code of two digits was taken")
	}
}
