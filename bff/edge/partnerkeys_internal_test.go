package edge

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// issuer stands for identity's keys of partners.
type issuer struct {
	identityv1connect.PartnerKeyServiceClient
	keys  map[string]*identityv1.GetPartnerKeyResponse
	asked int
}

func (i *issuer) GetPartnerKey(_ context.Context, req *identityv1.GetPartnerKeyRequest) (*identityv1.GetPartnerKeyResponse, error) {
	i.asked++
	if found, ok := i.keys[req.GetPartnerKeyId()]; ok {
		return found, nil
	}
	return nil, rpcerr.MarkPeer("GetPartnerKey", rpcerr.New(connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PARTNER_KEY_UNKNOWN, "unknown"))
}

// issue adds a key that verifies what the signer signs.
func (i *issuer) issue(algorithm identityv1.PartnerKey_Algorithm, public, secret []byte) string {
	keyID := id.Format(id.PartnerKey, id.New())
	i.keys[keyID] = &identityv1.GetPartnerKeyResponse{Secret: secret, PartnerKey: &identityv1.PartnerKey{
		Id: keyID, PartnerId: "shop-demo", Algorithm: algorithm, PublicKey: public, NotBefore: timestamppb.New(testNow),
	}}
	return keyID
}

func newIssuedKeys(t *testing.T) (*partnerKeys, *issuer, *clock.Fake) {
	t.Helper()
	issued, clk := &issuer{keys: map[string]*identityv1.GetPartnerKeyResponse{}}, clock.NewFake(testNow)
	return newPartnerKeys(issued, clk, 5*time.Second), issued, clk
}

func TestIssuedPartnerKeysVerify(t *testing.T) {
	t.Parallel()
	keys, issued, _ := newIssuedKeys(t)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecPrivate, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecPublic, err := ecPrivate.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	edKey, _ := signature.NewKey("", edPrivate)
	ecKey, _ := signature.NewKey("", ecPrivate)
	for name, c := range map[string]struct {
		signer signature.Key
		id     string
	}{
		"Ed25519": {edKey, issued.issue(identityv1.PartnerKey_ALGORITHM_ED25519, edPublic, nil)},
		"P-256":   {ecKey, issued.issue(identityv1.PartnerKey_ALGORITHM_ECDSA_P256, ecPublic[1:], nil)},
		"HMAC": {
			signature.Key{Algorithm: signature.HMACSHA256, Secret: secret},
			issued.issue(identityv1.PartnerKey_ALGORITHM_HMAC_SHA256, nil, secret),
		},
	} {
		key, err := keys.Key(writing(t), c.id)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		signed, err := c.signer.SignBase([]byte("base"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := key.VerifyBase([]byte("base"), signed); err != nil || key.Owner != "shop-demo" || key.ID != c.id {
			t.Errorf("%s: %v, of %s", name, err, key.Owner)
		}
	}
}

func TestARevokedPartnerKeyIsOutWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	keys, issued, clk := newIssuedKeys(t)
	keyID := issued.issue(identityv1.PartnerKey_ALGORITHM_ED25519, make([]byte, 32), nil)
	if key, err := keys.Key(writing(t), keyID); err != nil || !key.RevokedAt.IsZero() {
		t.Fatalf("%+v, %v", key, err)
	}
	issued.keys[keyID].PartnerKey.RevokeTime = timestamppb.New(testNow)
	clk.Advance(5 * time.Second)
	if key, err := keys.Key(writing(t), keyID); err != nil || key.RevokedAt.IsZero() {
		t.Errorf("%+v, %v", key, err)
	}
}

func TestUnknownPartnerKeysAreAskedForOnce(t *testing.T) {
	t.Parallel()
	keys, issued, _ := newIssuedKeys(t)
	for _, keyID := range []string{"shop-1", "pky_short", "dev_01k9demo000000000000000000"} {
		if _, err := keys.Key(writing(t), keyID); !errors.Is(err, signature.ErrUnknownKey) {
			t.Errorf("%s: %v", keyID, err)
		}
	}
	if issued.asked != 0 {
		t.Errorf("identity was asked %d times for what is no partner key", issued.asked)
	}
	unknown := id.Format(id.PartnerKey, id.New())
	for range 3 {
		if _, err := keys.Key(writing(t), unknown); !errors.Is(err, signature.ErrUnknownKey) {
			t.Error(err)
		}
	}
	if issued.asked != 1 {
		t.Errorf("identity was asked %d times", issued.asked)
	}
}
