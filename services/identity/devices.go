package identity

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// listSize bounds the lists of devices and consents, as their contracts say.
const listSize = 100

// EnrollDevice registers a device by its public key. That the caller holds the private half was proved at the edge, whose signature class
// for this call is that of the presented key. Two calls at the same time with one key meet in the unique constraint and get one device.
func (s *Service) EnrollDevice(ctx context.Context, req *identityv1.EnrollDeviceRequest) (*identityv1.EnrollDeviceResponse, error) {
	publicKey, err := parsePublicKey(req.GetPublicKey())
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.DeviceServiceEnrollDeviceProcedure, req, &identityv1.EnrollDeviceResponse{},
		func(tx pgx.Tx) (*identityv1.EnrollDeviceResponse, error) {
			who, keyID := actor.Must(ctx), thumbprint(req.GetPublicKey())
			_, err := s.queries.InsertDevice(ctx, tx, identitydb.InsertDeviceParams{
				TenantID: who.TenantID, ID: id.New(), KeyID: keyID, PublicKey: publicKey, Platform: platformName(req.GetPlatform()),
				Model: req.GetModel(), AppVersion: req.GetAppVersion(), Actor: who.String(), Now: s.deps.Clock.Now(),
			})
			if err != nil {
				return nil, fmt.Errorf("enrol a device: %w", err)
			}
			// The device that was enrolled with this key before, when there is one.
			device, err := s.queries.GetDeviceByKey(ctx, tx, identitydb.GetDeviceByKeyParams{TenantID: who.TenantID, KeyID: keyID})
			if err != nil {
				return nil, fmt.Errorf("read a device: %w", err)
			}
			if device.RevokeTime != nil {
				return nil, deviceRevoked()
			}
			return &identityv1.EnrollDeviceResponse{Device: deviceToProto(device)}, nil
		})
}

// GetDeviceKey answers with the key that a signature names. A revoked one is answered, too, and says so: the edge tells it from a forgery in
// its log.
func (s *Service) GetDeviceKey(ctx context.Context, req *identityv1.GetDeviceKeyRequest) (*identityv1.GetDeviceKeyResponse, error) {
	res := &identityv1.GetDeviceKeyResponse{}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		device, err := s.queries.GetDeviceByKey(ctx, tx, identitydb.GetDeviceByKeyParams{TenantID: actor.Must(ctx).TenantID, KeyID: req.GetKeyId()})
		if errors.Is(err, pgx.ErrNoRows) {
			return deviceUnknown()
		}
		if err != nil {
			return fmt.Errorf("read a device key: %w", err)
		}
		res.DeviceKey = deviceKeyToProto(device)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ListDevices answers with the caller's own devices: those on which they were the last to log in.
func (s *Service) ListDevices(ctx context.Context, _ *identityv1.ListDevicesRequest) (*identityv1.ListDevicesResponse, error) {
	res := &identityv1.ListDevicesResponse{}
	who := actor.Must(ctx)
	person, ok := who.Person()
	if !ok {
		return res, nil
	}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		devices, err := s.queries.ListDevices(ctx, tx, identitydb.ListDevicesParams{TenantID: who.TenantID, PersonID: person, PageSize: listSize})
		for _, device := range devices {
			res.Devices = append(res.Devices, deviceToProto(device))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// RevokeDevice ends one of the caller's own devices and its session in one transaction. The row is held, so a login on the device at the same
// time comes before, and is ended, or after, and is refused.
func (s *Service) RevokeDevice(ctx context.Context, req *identityv1.RevokeDeviceRequest) (*identityv1.RevokeDeviceResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.DeviceServiceRevokeDeviceProcedure, req, &identityv1.RevokeDeviceResponse{},
		func(tx pgx.Tx) (*identityv1.RevokeDeviceResponse, error) {
			who, now := actor.Must(ctx), s.deps.Clock.Now()
			device, err := s.lockDevice(ctx, tx, req.GetDeviceId())
			if err != nil {
				return nil, err
			}
			if device.PersonID == nil || !who.MaySee(*device.PersonID) {
				return nil, deviceUnknown()
			}
			if device.RevokeTime != nil {
				return &identityv1.RevokeDeviceResponse{Device: deviceToProto(device)}, nil
			}
			if _, err := s.queries.RevokeDevice(ctx, tx, identitydb.RevokeDeviceParams{
				TenantID: who.TenantID, ID: device.ID, Actor: who.String(), Now: now,
			}); err != nil {
				return nil, fmt.Errorf("revoke a device: %w", err)
			}
			if err := s.endDeviceSessions(ctx, tx, device.ID, endDeviceRevoked); err != nil {
				return nil, err
			}
			device.RevokeTime = &now
			return &identityv1.RevokeDeviceResponse{Device: deviceToProto(device)}, nil
		})
}

// lockDevice reads a device and holds its row.
func (s *Service) lockDevice(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Device, error) {
	deviceID, err := id.Parse(id.Device, wireID)
	if err != nil {
		return identitydb.Device{}, deviceUnknown()
	}
	device, err := s.queries.LockDevice(ctx, tx, identitydb.LockDeviceParams{TenantID: actor.Must(ctx).TenantID, ID: deviceID})
	if errors.Is(err, pgx.ErrNoRows) {
		return identitydb.Device{}, deviceUnknown()
	}
	return device, err
}

// speaksFor tells whether the caller may act on a device: one who comes with the signature of a device may for that device alone.
func speaksFor(ctx context.Context, wireID string) bool {
	who := actor.Must(ctx)
	return who.Kind == actor.KindService || who.DeviceID == "" || who.DeviceID == wireID
}

// parsePublicKey reads the coordinates of a P-256 point and gives them one after the other. A point beside the curve is refused, since
// signatures under it prove nothing (RFC 7518 section 6.2.1).
func parsePublicKey(key *identityv1.PublicKey) ([]byte, error) {
	strict := base64.RawURLEncoding.Strict()
	x, errX := strict.DecodeString(key.GetX())
	y, errY := strict.DecodeString(key.GetY())
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, deviceKeyInvalid("is not two coordinates of 32 bytes in base64url")
	}
	coordinates := append(x, y...)
	const uncompressed = 4 // SEC 1 section 2.3.3.
	if _, err := ecdh.P256().NewPublicKey(append([]byte{uncompressed}, coordinates...)); err != nil {
		return nil, deviceKeyInvalid("is no point of P-256")
	}
	return coordinates, nil
}

// thumbprint is the RFC 7638 SHA-256 thumbprint of a key: the required members of the JWK in order of their names, without spaces. The
// coordinates hold no character that JSON escapes.
func thumbprint(key *identityv1.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + key.GetX() + `","y":"` + key.GetY() + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// deviceKeyInvalid says what is wrong with a key; the key itself is no secret, but is not repeated.
func deviceKeyInvalid(why string) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_DEVICE_KEY_INVALID, "the device key is no P-256 public key", rpcerr.Field("public_key", why))
}

func deviceUnknown() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN, "there is no such device")
}

func deviceRevoked() error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_DEVICE_REVOKED, "the device has been revoked; enrol again")
}

// endDeviceSessions ends the session that a device has, when it has one.
func (s *Service) endDeviceSessions(ctx context.Context, tx pgx.Tx, device uuid.UUID, reason string) error {
	who := actor.Must(ctx)
	_, err := s.queries.EndDeviceSessions(ctx, tx, identitydb.EndDeviceSessionsParams{
		TenantID: who.TenantID, DeviceID: device, EndReason: reason, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("end the sessions of a device: %w", err)
	}
	return nil
}
