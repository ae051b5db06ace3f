package identity_test

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestEnrollDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := servicetest.Anonymous(t.Context())
	req := &identityv1.EnrollDeviceRequest{
		RequestId: newID(), PublicKey: knownKey(), Platform: identityv1.Platform_PLATFORM_IOS, Model: "Demo Phone", AppVersion: "2.4.0",
	}
	first, err := b.devices.EnrollDevice(ctx, req)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("the key id is the RFC 7638 thumbprint", func(t *testing.T) {
		t.Parallel()
		// Computed with another implementation of RFC 7638.
		if got, want := first.GetDevice().GetKeyId(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("the same key again is the same device", func(t *testing.T) {
		t.Parallel()
		again := proto.CloneOf(req)
		again.RequestId = newID()
		second, err := b.devices.EnrollDevice(ctx, again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a repeat gets the same answer, another content under the same id is refused", func(t *testing.T) {
		t.Parallel()
		second, err := b.devices.EnrollDevice(ctx, proto.CloneOf(req))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		other := proto.CloneOf(req)
		other.PublicKey = newKey(t)
		_, err = b.devices.EnrollDevice(ctx, other)
		refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
	t.Run("another lender has the key for itself", func(t *testing.T) {
		t.Parallel()
		other := proto.CloneOf(req)
		other.RequestId = newID()
		res, err := b.devices.EnrollDevice(actor.With(t.Context(), actor.Actor{TenantID: servicetest.OtherTenant, Kind: actor.KindAnonymous}), other)
		if err != nil {
			t.Fatal(err)
		}
		if res.GetDevice().GetId() == first.GetDevice().GetId() {
			t.Error("two lenders share a device")
		}
	})
}

// knownKey is that of RFC 7517 appendix A.1.
func knownKey() *identityv1.PublicKey {
	return &identityv1.PublicKey{X: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", Y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
}

func TestEnrollDeviceRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	known := knownKey()
	for name, key := range map[string]*identityv1.PublicKey{
		"swapped coordinates":       {X: known.GetY(), Y: known.GetX()},
		"zero":                      {X: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Y: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"not canonical in base64":   {X: known.GetX()[:42] + "5", Y: known.GetY()},
		"larger than the field":     {X: "__________________________________________8", Y: known.GetY()},
		"the same x, another key's": {X: known.GetX(), Y: newKey(t).GetY()},
	} {
		_, err := b.devices.EnrollDevice(servicetest.Anonymous(t.Context()), &identityv1.EnrollDeviceRequest{
			RequestId: newID(), PublicKey: key, Platform: identityv1.Platform_PLATFORM_IOS, AppVersion: "2.4.0",
		})
		t.Log(name)
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_DEVICE_KEY_INVALID)
	}
}

func TestGetDeviceKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	device := b.enroll(t)
	edge := servicetest.AsService(t.Context(), "edge")

	t.Run("a key is found by its id", func(t *testing.T) {
		t.Parallel()
		res, err := b.devices.GetDeviceKey(edge, &identityv1.GetDeviceKeyRequest{KeyId: device.GetKeyId()})
		if err != nil {
			t.Fatal(err)
		}
		key := res.GetDeviceKey()
		if key.GetDeviceId() != device.GetId() || key.GetTenantId() != servicetest.Tenant || key.GetRevokeTime() != nil || len(key.GetPublicKey().GetX()) != 43 {
			t.Errorf("got %v", key)
		}
	})
	t.Run("an unknown key and another lender's key are answered alike", func(t *testing.T) {
		t.Parallel()
		_, err := b.devices.GetDeviceKey(edge, &identityv1.GetDeviceKeyRequest{KeyId: "A" + device.GetKeyId()[1:]})
		if device.GetKeyId()[0] != 'A' {
			refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
		}
		_, err = b.devices.GetDeviceKey(actor.AsService(t.Context(), servicetest.OtherTenant, "edge"), &identityv1.GetDeviceKeyRequest{KeyId: device.GetKeyId()})
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
	})
	t.Run("a person may not ask for keys", func(t *testing.T) {
		t.Parallel()
		_, err := b.devices.GetDeviceKey(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &identityv1.GetDeviceKeyRequest{KeyId: device.GetKeyId()})
		refused(t, err, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
}

func TestListDevices(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.login(t, phoneA)
	b.Clock.Advance(b.pause())
	second := b.login(t, phoneA)
	b.login(t, phoneB)

	res, err := b.devices.ListDevices(inSession(t.Context(), first.GetSession()), &identityv1.ListDevicesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, device := range res.GetDevices() {
		got = append(got, device.GetId())
	}
	if diff := cmp.Diff([]string{second.GetSession().GetDeviceId(), first.GetSession().GetDeviceId()}, got); diff != "" {
		t.Errorf("own devices, newest first: %s", diff)
	}
	res, err = b.devices.ListDevices(servicetest.AsStranger(t.Context(), first.GetSession().GetPersonId()), &identityv1.ListDevicesRequest{})
	if err != nil || len(res.GetDevices()) != 0 {
		t.Errorf("another lender sees %v, %v", res, err)
	}
}

func TestRevokeDeviceIsForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	own, stranger := inSession(t.Context(), session), servicetest.AsPerson(t.Context(), servicetest.NewPerson())
	for name, call := range map[string]struct {
		ctx    context.Context
		device string
	}{
		"absent":           {own, id.Format(id.Device, id.New())},
		"nobody's":         {own, b.enroll(t).GetId()},
		"somebody else's":  {stranger, session.GetDeviceId()},
		"another lender's": {servicetest.AsStranger(t.Context(), session.GetPersonId()), session.GetDeviceId()},
	} {
		_, err := b.devices.RevokeDevice(call.ctx, &identityv1.RevokeDeviceRequest{RequestId: newID(), DeviceId: call.device})
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN)
	}
}

func TestRevokeDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(t, phoneA)
	own := inSession(t.Context(), login.GetSession())
	device := login.GetSession().GetDeviceId()
	pending := b.startLogin(t, device, phoneB)
	pendingCode := b.sms.last(t).GetParameters()["code"]

	req := &identityv1.RevokeDeviceRequest{RequestId: newID(), DeviceId: device}
	first, err := b.devices.RevokeDevice(own, req)
	if err != nil || first.GetDevice().GetRevokeTime() == nil {
		t.Fatalf("got %v, %v", first, err)
	}
	b.Clock.Advance(b.pause())
	for _, requestID := range []string{req.GetRequestId(), newID()} {
		again, err := b.devices.RevokeDevice(own, &identityv1.RevokeDeviceRequest{RequestId: requestID, DeviceId: device})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("revoking again changes nothing: %s", diff)
		}
	}
	_, err = b.devices.RevokeDevice(own, &identityv1.RevokeDeviceRequest{RequestId: req.GetRequestId(), DeviceId: b.enroll(t).GetId()})
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)

	_, err = b.authenticate(t.Context(), login.GetTokens().GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED)
	_, err = b.sessions.RefreshSession(onDevice(t.Context(), device), &identityv1.RefreshSessionRequest{
		RequestId: newID(), RefreshToken: login.GetTokens().GetRefreshToken(), DeviceId: device,
	})
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_DEVICE_REVOKED)
	_, err = b.sessions.StartLogin(onDevice(t.Context(), device), &identityv1.StartLoginRequest{RequestId: newID(), Phone: phoneA, DeviceId: device})
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_DEVICE_REVOKED)
	_, err = b.sessions.ConfirmLogin(onDevice(t.Context(), device), &identityv1.ConfirmLoginRequest{
		RequestId: newID(), ChallengeId: pending.GetId(), Code: pendingCode, DeviceId: device,
	})
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_DEVICE_REVOKED)
	key, err := b.devices.GetDeviceKey(servicetest.AsService(t.Context(), "edge"), &identityv1.GetDeviceKeyRequest{KeyId: first.GetDevice().GetKeyId()})
	if err != nil || key.GetDeviceKey().GetRevokeTime() == nil {
		t.Errorf("a revoked key says so: %v, %v", key, err)
	}
	// The revoked key never comes back.
	_, err = b.devices.EnrollDevice(servicetest.Anonymous(t.Context()), &identityv1.EnrollDeviceRequest{
		RequestId: newID(), PublicKey: key.GetDeviceKey().GetPublicKey(), Platform: identityv1.Platform_PLATFORM_IOS, AppVersion: "3.0.0",
	})
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_DEVICE_REVOKED)
}
