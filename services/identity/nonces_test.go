package identity_test

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity"
)

func TestConsumeNonce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	edge := servicetest.AsService(t.Context(), "edge")
	request := func(nonce string) *identityv1.ConsumeNonceRequest {
		digest := sha256.Sum256([]byte("key\x00" + nonce))
		return &identityv1.ConsumeNonceRequest{
			RequestId: newID(), Digest: digest[:], ExpireTime: timestamppb.New(b.Clock.Now().Add(2 * time.Minute)),
		}
	}

	t.Run("a nonce is used once, and the same request may ask again", func(t *testing.T) {
		t.Parallel()
		first := request("once")
		for range 2 {
			if _, err := b.devices.ConsumeNonce(edge, first); err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.devices.ConsumeNonce(edge, request("once"))
		refused(t, err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED)
	})
	t.Run("of fifty at once one passes", func(t *testing.T) {
		t.Parallel()
		var passed atomic.Int32
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if _, err := b.devices.ConsumeNonce(edge, request("race")); err == nil {
					passed.Add(1)
				}
			})
		}
		group.Wait()
		if passed.Load() != 1 {
			t.Errorf("%d passed", passed.Load())
		}
	})
	t.Run("another lender has its own nonces", func(t *testing.T) {
		t.Parallel()
		if _, err := b.devices.ConsumeNonce(edge, request("shared")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.devices.ConsumeNonce(actor.AsService(t.Context(), servicetest.OtherTenant, "edge"), request("shared")); err != nil {
			t.Error(err)
		}
	})
	t.Run("a nonce that would be kept for ever is refused", func(t *testing.T) {
		t.Parallel()
		req := request("long")
		req.ExpireTime = timestamppb.New(b.Clock.Now().Add(6 * time.Minute))
		_, err := b.devices.ConsumeNonce(edge, req)
		refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST)
	})
	t.Run("a person may not use up nonces", func(t *testing.T) {
		t.Parallel()
		_, err := b.devices.ConsumeNonce(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), request("person"))
		refused(t, err, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
}

func TestTheSweepForgetsNoncesThatHaveEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	edge := servicetest.AsService(t.Context(), "edge")
	digest := sha256.Sum256([]byte("swept"))
	consume := func() error {
		_, err := b.devices.ConsumeNonce(edge, &identityv1.ConsumeNonceRequest{
			RequestId: newID(), Digest: digest[:], ExpireTime: timestamppb.New(b.Clock.Now().Add(2 * time.Minute)),
		})
		return err
	}
	if err := consume(); err != nil {
		t.Fatal(err)
	}
	sweeper := identity.NewSweeper(b.service, b.Log)
	if err := sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, consume(), connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_REPLAYED)
	b.Clock.Advance(3 * time.Minute)
	if err := sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := consume(); err != nil {
		t.Errorf("after its end: %v", err)
	}
}
