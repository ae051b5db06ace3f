package identity_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/internal/tenant"
)

// shopsOf gives both lenders two shops, and the client of their keys.
func shopsOf(t *testing.T, b *bench) identityv1connect.PartnerKeyServiceClient {
	t.Helper()
	for _, lender := range b.Tenants.All() {
		lender.Partners = []tenant.Partner{{ID: "shop-demo"}, {ID: "shop-other"}}
	}
	return identityv1connect.NewPartnerKeyServiceInproc(b.service, b.Door.Call)
}

// keyKeeper is the context of somebody who may issue partners' keys.
func keyKeeper(ctx context.Context, lender string) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: lender, Kind: actor.KindStaff, StaffID: id.Format(id.Staff, id.New()),
		Permissions: []typev1.Permission{typev1.Permission_PERMISSION_PARTNER_KEY_WRITE},
	})
}

func newSecretRequest(partner string) *identityv1.CreatePartnerKeyRequest {
	return &identityv1.CreatePartnerKeyRequest{
		RequestId: newID(), PartnerId: partner, Material: &identityv1.CreatePartnerKeyRequest_GenerateSecret{GenerateSecret: true},
	}
}

func TestCreatePartnerKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keys := shopsOf(t, b)
	staff, edge := keyKeeper(t.Context(), servicetest.Tenant), servicetest.AsService(t.Context(), "edge")

	t.Run("a secret is made, shown once and told to the edge", func(t *testing.T) {
		req := newSecretRequest("shop-demo")
		first, err := keys.CreatePartnerKey(staff, req)
		if err != nil || len(first.GetSecret()) != 32 {
			t.Fatalf("got %v, %v", first, err)
		}
		repeat, err := keys.CreatePartnerKey(staff, proto.CloneOf(req))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, repeat, protocmp.Transform()); diff != "" {
			t.Errorf("a repeat gets another answer: %s", diff)
		}
		found, err := keys.GetPartnerKey(edge, &identityv1.GetPartnerKeyRequest{PartnerKeyId: first.GetPartnerKey().GetId()})
		if err != nil || !bytes.Equal(found.GetSecret(), first.GetSecret()) {
			t.Errorf("the edge got another secret: %v", err)
		}
		list, err := keys.ListPartnerKeys(staff, &identityv1.ListPartnerKeysRequest{PartnerId: "shop-demo"})
		if err != nil || len(list.GetPartnerKeys()) != 1 {
			t.Fatalf("got %v, %v", list, err)
		}
		if diff := cmp.Diff(first.GetPartnerKey(), list.GetPartnerKeys()[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("public keys are kept as they are", func(t *testing.T) {
		for name, req := range map[string]*identityv1.CreatePartnerKeyRequest{
			"Ed25519": {Material: &identityv1.CreatePartnerKeyRequest_Ed25519PublicKey{Ed25519PublicKey: bytes.Repeat([]byte{7}, 32)}},
			"P-256":   {Material: &identityv1.CreatePartnerKeyRequest_P256PublicKey{P256PublicKey: knownKey()}},
		} {
			req.RequestId, req.PartnerId = newID(), "shop-other"
			made, err := keys.CreatePartnerKey(staff, req)
			if err != nil || made.GetSecret() != nil || len(made.GetPartnerKey().GetPublicKey()) == 0 {
				t.Errorf("%s: %v, %v", name, made, err)
			}
		}
	})
	t.Run("what is wrong is refused", func(t *testing.T) {
		for name, c := range map[string]struct {
			change func(*identityv1.CreatePartnerKeyRequest)
			code   connect.Code
			reason typev1.ErrorReason
		}{
			"an unknown partner": {
				func(r *identityv1.CreatePartnerKeyRequest) { r.PartnerId = "nobody" },
				connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PARTNER_UNKNOWN,
			},
			"a key that has ended": {
				func(r *identityv1.CreatePartnerKeyRequest) { r.NotAfter = timestamppb.New(b.Clock.Now()) },
				connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_INVALID,
			},
			"a point beside the curve": {
				func(r *identityv1.CreatePartnerKeyRequest) {
					known := knownKey()
					r.Material = &identityv1.CreatePartnerKeyRequest_P256PublicKey{P256PublicKey: &identityv1.PublicKey{X: known.GetY(), Y: known.GetX()}}
				},
				connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_INVALID,
			},
		} {
			req := newSecretRequest("shop-demo")
			c.change(req)
			_, err := keys.CreatePartnerKey(staff, req)
			t.Log(name)
			refused(t, err, c.code, c.reason)
		}
	})
	t.Run("a borrower and the edge may not issue keys", func(t *testing.T) {
		for _, ctx := range []context.Context{servicetest.AsPerson(t.Context(), servicetest.NewPerson()), edge} {
			_, err := keys.CreatePartnerKey(ctx, newSecretRequest("shop-demo"))
			refused(t, err, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
		}
	})
}

func TestTwoKeysOfAPartnerLiveAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keys := shopsOf(t, b)
	staff := keyKeeper(t.Context(), servicetest.Tenant)
	var made atomic.Int32
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := keys.CreatePartnerKey(staff, newSecretRequest("shop-demo")); err == nil {
				made.Add(1)
			}
		})
	}
	group.Wait()
	if made.Load() != 2 {
		t.Fatalf("%d of ten at once were issued", made.Load())
	}
	_, err := keys.CreatePartnerKey(staff, newSecretRequest("shop-demo"))
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_LIMIT_REACHED)
	if _, err := keys.CreatePartnerKey(keyKeeper(t.Context(), servicetest.OtherTenant), newSecretRequest("shop-demo")); err != nil {
		t.Errorf("the shop of another lender: %v", err)
	}
	list, err := keys.ListPartnerKeys(staff, &identityv1.ListPartnerKeysRequest{PartnerId: "shop-demo"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.RevokePartnerKey(staff, &identityv1.RevokePartnerKeyRequest{RequestId: newID(), PartnerKeyId: list.GetPartnerKeys()[1].GetId()}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.CreatePartnerKey(staff, newSecretRequest("shop-demo")); err != nil {
		t.Errorf("after one was revoked: %v", err)
	}
}

func TestRevokePartnerKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keys := shopsOf(t, b)
	staff := keyKeeper(t.Context(), servicetest.Tenant)
	made, err := keys.CreatePartnerKey(staff, newSecretRequest("shop-demo"))
	if err != nil {
		t.Fatal(err)
	}
	req := &identityv1.RevokePartnerKeyRequest{RequestId: newID(), PartnerKeyId: made.GetPartnerKey().GetId()}
	first, err := keys.RevokePartnerKey(staff, req)
	if err != nil || first.GetPartnerKey().GetRevokeTime() == nil {
		t.Fatalf("got %v, %v", first, err)
	}
	b.Clock.Advance(time.Minute)
	for _, requestID := range []string{req.GetRequestId(), newID()} {
		again, err := keys.RevokePartnerKey(staff, &identityv1.RevokePartnerKeyRequest{RequestId: requestID, PartnerKeyId: req.GetPartnerKeyId()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
			t.Errorf("revoking again changes something: %s", diff)
		}
	}
	found, err := keys.GetPartnerKey(servicetest.AsService(t.Context(), "edge"), &identityv1.GetPartnerKeyRequest{PartnerKeyId: req.GetPartnerKeyId()})
	if err != nil || found.GetPartnerKey().GetRevokeTime() == nil {
		t.Errorf("the edge is not told: %v, %v", found, err)
	}
	for name, call := range map[string]struct {
		ctx context.Context
		key string
	}{
		"absent":           {staff, id.Format(id.PartnerKey, id.New())},
		"another lender's": {keyKeeper(t.Context(), servicetest.OtherTenant), req.GetPartnerKeyId()},
	} {
		_, err := keys.RevokePartnerKey(call.ctx, &identityv1.RevokePartnerKeyRequest{RequestId: newID(), PartnerKeyId: call.key})
		t.Log(name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN)
	}
}
