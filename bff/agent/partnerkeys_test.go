package agent_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// forgotten notes what an edge is told to forget.
type forgotten struct{ keys []string }

func (f *forgotten) forget(tenantID, keyID string) { f.keys = append(f.keys, tenantID+"/"+keyID) }

// newKey asks for a secret, bounded on both sides.
func newKey() *agentv1.CreatePartnerKeyRequest {
	return &agentv1.CreatePartnerKeyRequest{
		RequestId: requests, PartnerId: shop, NotBefore: timestamppb.New(time.Unix(1, 0)), NotAfter: timestamppb.New(time.Unix(2, 0)),
		Material: &agentv1.CreatePartnerKeyRequest_GenerateSecret{GenerateSecret: true},
	}
}

func TestEveryMaterialOfAKeyIsPassedOn(t *testing.T) {
	t.Parallel()
	point := &identityv1.PublicKey{X: "x", Y: "y"}
	for name, req := range map[string]*agentv1.CreatePartnerKeyRequest{
		"Ed25519":  {Material: &agentv1.CreatePartnerKeyRequest_Ed25519PublicKey{Ed25519PublicKey: bytes.Repeat([]byte{7}, 32)}},
		"P-256":    {Material: &agentv1.CreatePartnerKeyRequest_P256PublicKey{P256PublicKey: point}},
		"a secret": {Material: &agentv1.CreatePartnerKeyRequest_GenerateSecret{GenerateSecret: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom()
			req.RequestId, req.PartnerId = requests, shop
			if _, err := r.keys.CreatePartnerKey(asCaller(t.Context()), req); err != nil {
				t.Fatal(err)
			}
			passedOn(t, req, r.asked[0].req)
		})
	}
}

func TestTheSecretOfAKeyIsShownAndNotRecorded(t *testing.T) {
	t.Parallel()
	r := newRoom()
	first, err := r.keys.CreatePartnerKey(asCaller(t.Context()), newKey())
	if err != nil || string(first.GetSecret()) != "horse" || first.GetPartnerKey().GetId() != keyID {
		t.Fatalf("answered %v, %v", first, err)
	}
	if text := r.records[0].String(); strings.Contains(text, "horse") {
		t.Errorf("the record holds the secret: %s", text)
	}
	// The backend knows a repeat by the caller's own request_id, so both must arrive alike.
	if _, err := r.keys.CreatePartnerKey(asCaller(t.Context()), proto.CloneOf(newKey())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.asked[0].req, r.asked[1].req, protocmp.Transform()); diff != "" {
		t.Errorf("a repeat is passed on differently (-first +second):\n%s", diff)
	}
}

func TestARevokedKeyIsForgottenHereAtOnce(t *testing.T) {
	t.Parallel()
	revoke := func() *agentv1.RevokePartnerKeyRequest {
		return &agentv1.RevokePartnerKeyRequest{RequestId: requests, PartnerKeyId: keyID}
	}
	t.Run("by the first call and by its repeat", func(t *testing.T) {
		t.Parallel()
		r := newRoom()
		for range 2 {
			res, err := r.keys.RevokePartnerKey(asCaller(t.Context()), revoke())
			if err != nil || res.GetPartnerKey().GetRevokeTime() == nil {
				t.Fatalf("answered %v, %v", res, err)
			}
		}
		if diff := cmp.Diff([]string{"demo/" + keyID, "demo/" + keyID}, r.forgotten.keys); diff != "" {
			t.Errorf("forgotten (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(r.asked[0].req, r.asked[1].req, protocmp.Transform()); diff != "" {
			t.Errorf("a repeat is passed on differently (-first +second):\n%s", diff)
		}
	})
	t.Run("also when it could not be written down", func(t *testing.T) {
		t.Parallel()
		r := newRoom()
		r.noAudit = rpcerr.Unavailable("no database")
		if _, err := r.keys.RevokePartnerKey(asCaller(t.Context()), revoke()); err == nil || len(r.forgotten.keys) != 1 {
			t.Errorf("%v, forgotten %v", err, r.forgotten.keys)
		}
	})
	t.Run("not when it goes on being good", func(t *testing.T) {
		t.Parallel()
		r := newRoom()
		r.fail = rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN, "there is no such partner key")
		_, err := r.keys.RevokePartnerKey(asCaller(t.Context()), revoke())
		if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN || len(r.forgotten.keys) != 0 {
			t.Errorf("%v, forgotten %v", err, r.forgotten.keys)
		}
	})
}
