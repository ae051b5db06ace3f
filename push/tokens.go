package push

import (
	"context"
	"fmt"
	"regexp"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// tokenForm is the alphabet of FCM registration tokens as seen in the wild: base64url parts, joined by colons. Google documents no form, so
// nothing more is asked.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_:-]+$`)

// RegisterPushToken tells where push messages for the caller's device go. An app calls it at every start, so it mostly changes nothing; a
// device has one token and a token one device.
func (s *Service) RegisterPushToken(ctx context.Context, req *pushv1.RegisterPushTokenRequest) (*pushv1.RegisterPushTokenResponse, error) {
	person, err := ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	who := actor.Must(ctx)
	// The device is that of the session and never named by the request: nobody directs another's messages to themselves.
	device, err := id.Parse(id.Device, who.DeviceID)
	if err != nil {
		// A service that acts for a person has a device only when the person's own call led to it.
		return nil, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, "the caller has no device")
	}
	if !tokenForm.MatchString(req.GetToken()) {
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PUSH_TOKEN_INVALID, "the push token has no known form",
			rpcerr.Field("token", "is no registration token"))
	}
	return idempotency.Do(ctx, s.keeper, pushv1connect.NotificationServiceRegisterPushTokenProcedure, req, &pushv1.RegisterPushTokenResponse{},
		func(tx pgx.Tx) (*pushv1.RegisterPushTokenResponse, error) {
			// A keyed hash: equal tokens are found without opening any, and a copy of the table tells nobody whether it holds a given
			// token.
			hash, now := s.sealer.Index(who.TenantID, "push_token", req.GetToken()), s.clock.Now()
			// Two devices that bring the same token at once: the later one gets it.
			if err := lock(ctx, tx, fmt.Sprintf("push_token|%x", hash)); err != nil {
				return nil, err
			}
			// The app's installation is what has a token: seen on another device id, or with another person, it has moved.
			err := s.queries.ReleaseToken(ctx, tx, pushdb.ReleaseTokenParams{TenantID: who.TenantID, TokenHash: hash, DeviceID: device})
			if err != nil {
				return nil, fmt.Errorf("release a push token: %w", err)
			}
			box, err := s.sealer.Make(ctx, tx, person)
			if err != nil {
				return nil, err
			}
			err = s.queries.PutToken(ctx, tx, pushdb.PutTokenParams{
				TenantID: who.TenantID, DeviceID: device, PersonID: person, TokenSealed: box.Seal(tokenPlace(device), []byte(req.GetToken())),
				TokenHash: hash, Actor: who.String(), Now: now,
			})
			if err != nil {
				return nil, fmt.Errorf("keep a push token: %w", err)
			}
			return &pushv1.RegisterPushTokenResponse{}, nil
		})
}
