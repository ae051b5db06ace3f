package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/lendgate/lendgate/bff/signature"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// service is the name under which the edge calls backends for itself.
const service = "edge"

// deviceKeys finds the keys of devices at identity. Keys and refusals are kept for a few seconds, apart from each other and within a budget
// of vain questions, so that a flood of made-up key ids neither becomes a flood of look-ups nor pushes out the keys of those who call.
type deviceKeys struct {
	devices identityv1connect.DeviceServiceClient
	finder  keyFinder
}

func newDeviceKeys(devices identityv1connect.DeviceServiceClient, clk clock.Clock, lifetime time.Duration) *deviceKeys {
	return &deviceKeys{devices: devices, finder: newKeyFinder(clk, lifetime)}
}

// Key finds a device's key by its id in the lender of the call.
func (d *deviceKeys) Key(ctx context.Context, keyID string) (signature.Key, error) {
	lender := callOf(ctx).tenant.ID
	return d.finder.find(ctx, lender, keyID, func(ctx context.Context) (signature.Key, error) {
		return d.look(actor.AsService(ctx, lender, service), keyID)
	})
}

func (d *deviceKeys) look(ctx context.Context, keyID string) (signature.Key, error) {
	res, err := d.devices.GetDeviceKey(ctx, &identityv1.GetDeviceKeyRequest{KeyId: keyID})
	switch reason := rpcerr.PeerReason(err); {
	case reason == typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN, reason == typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST:
		return signature.Key{}, signature.ErrUnknownKey
	case err != nil:
		return signature.Key{}, err
	}
	record := res.GetDeviceKey()
	key, err := publicKey(record.GetPublicKey())
	if err != nil {
		return signature.Key{}, err
	}
	key.ID, key.Owner = keyID, record.GetDeviceId()
	if record.GetRevokeTime() != nil {
		key.RevokedAt = record.GetRevokeTime().AsTime()
	}
	return key, nil
}

// publicKey reads the coordinates of a P-256 key.
func publicKey(k *identityv1.PublicKey) (signature.Key, error) {
	jwk, err := json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": k.GetX(), "y": k.GetY()})
	if err != nil {
		return signature.Key{}, err
	}
	return signature.ParseJWK(jwk)
}

// PresentKey writes the header by which an enrolling device presents its public key.
func PresentKey(k *identityv1.PublicKey) (string, error) {
	if k.GetX() == "" || k.GetY() == "" {
		return "", errors.New("edge: the key has no coordinates")
	}
	jwk, err := json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": k.GetX(), "y": k.GetY()})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(jwk), nil
}

// Forget drops a key of a lender, a device's or a partner's, from the cache of this process, so that its revocation holds for the next
// request here. Elsewhere it holds when the cache of that process ends, Config.CacheLifetime later at the latest.
func (e *Edge) Forget(tenantID, keyID string) {
	e.keys.finder.forget(tenantID, keyID)
	e.partners.finder.forget(tenantID, keyID)
}
