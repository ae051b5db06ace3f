package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// loginReplay is for how long a repeat of ConfirmLogin is answered with the same tokens.
const loginReplay = 10 * time.Minute

// StartLogin sends a one-time code to a phone. Whether somebody is behind the phone is not looked at, so it cannot show.
func (s *Service) StartLogin(ctx context.Context, req *identityv1.StartLoginRequest) (*identityv1.StartLoginResponse, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := parsePhone(req.GetPhone(), lender.Country)
	if err != nil {
		return nil, err
	}
	if !speaksFor(ctx, req.GetDeviceId()) {
		return nil, deviceUnknown()
	}
	res, err := idempotency.Do(ctx, s.deps.Keeper, identityv1connect.SessionServiceStartLoginProcedure, req, &identityv1.StartLoginResponse{},
		func(tx pgx.Tx) (*identityv1.StartLoginResponse, error) {
			device, err := s.liveDevice(ctx, tx, req.GetDeviceId())
			if err != nil {
				return nil, err
			}
			challenge, err := s.issue(ctx, tx, wish{
				purpose: purposeName(identityv1.Challenge_PURPOSE_LOGIN), phone: phone, device: &device.ID, digest: []byte{},
			})
			if err != nil {
				return nil, err
			}
			return &identityv1.StartLoginResponse{Challenge: challenge}, nil
		})
	if err != nil {
		return nil, err
	}
	err = s.deliver(ctx, res.GetChallenge().GetId(), &pushv1.SendNotificationRequest{
		Phone: phone, Template: templateLogin, Locale: lender.Locale(req.GetLocale()), Parameters: map[string]string{"minutes": s.minutes()},
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ConfirmLogin checks the code and opens a session on the device. What is kept for repeats holds no tokens: they are derived again.
func (s *Service) ConfirmLogin(ctx context.Context, req *identityv1.ConfirmLoginRequest) (*identityv1.ConfirmLoginResponse, error) {
	if !speaksFor(ctx, req.GetDeviceId()) {
		return nil, challengeNotFound()
	}
	res, err := settle(ctx, s.deps.Keeper, identityv1connect.SessionServiceConfirmLoginProcedure, req, &identityv1.ConfirmLoginResponse{},
		func(tx pgx.Tx) (*identityv1.ConfirmLoginResponse, error) {
			// The device is held: it can neither be revoked nor logged in on by anybody else until the session stands.
			device, err := s.lockDevice(ctx, tx, req.GetDeviceId())
			if rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_DEVICE_UNKNOWN {
				return nil, challengeNotFound()
			}
			if err != nil {
				return nil, err
			}
			if device.RevokeTime != nil {
				return nil, deviceRevoked()
			}
			challenge, err := s.findChallenge(ctx, tx, req.GetChallengeId())
			if err != nil {
				return nil, err
			}
			if challenge.Purpose != purposeName(identityv1.Challenge_PURPOSE_LOGIN) || *challenge.DeviceID != device.ID {
				return nil, challengeNotFound()
			}
			if err := s.try(ctx, tx, challenge, req.GetCode()); err != nil {
				return nil, err
			}
			return s.logIn(ctx, tx, challenge, device.ID)
		})
	if err != nil {
		return nil, err
	}
	// Only a repeat can be this late. Tokens do not stay to be had for the rest of the day.
	if s.deps.Clock.Now().After(res.GetSession().GetCreateTime().AsTime().Add(loginReplay)) {
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED, "the code has been used")
	}
	return res, s.fillTokens(ctx, res.GetSession(), res.GetTokens())
}

// logIn opens a session for whom the phone of a confirmed challenge belongs to, making the person when there is none. A blocked person opens
// no session; the code is spent all the same.
func (s *Service) logIn(ctx context.Context, tx pgx.Tx, challenge identitydb.Challenge, device uuid.UUID) (*identityv1.ConfirmLoginResponse, error) {
	who := actor.Must(ctx)
	person, err := s.queries.FindPersonByPhone(ctx, tx, identitydb.FindPersonByPhoneParams{TenantID: who.TenantID, PhoneIndex: challenge.PhoneIndex})
	first := errors.Is(err, pgx.ErrNoRows)
	switch {
	case first:
		if person.ID, err = s.createPerson(ctx, tx, challenge); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("find a person by phone: %w", err)
	case person.State == stateName(identityv1.Person_STATE_BLOCKED):
		return nil, refusal{rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PERSON_BLOCKED, "the person is blocked")}
	}
	// A login is a new session with new tokens, whatever the device had before (ASVS V7.2.4).
	if err := s.endDeviceSessions(ctx, tx, device, endLoggedInAnew); err != nil {
		return nil, err
	}
	err = s.queries.SetDevicePerson(ctx, tx, identitydb.SetDevicePersonParams{
		TenantID: who.TenantID, ID: device, PersonID: person.ID, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("note who logged in on a device: %w", err)
	}
	session, tokens, err := s.openSession(ctx, tx, identitydb.Session{PersonID: &person.ID, DeviceID: device})
	if err != nil {
		return nil, err
	}
	return &identityv1.ConfirmLoginResponse{Session: session, Tokens: tokens, FirstLogin: first}, nil
}

// createPerson makes the person behind a phone. The lock of the phone is held, so there is one however many log in at once.
func (s *Service) createPerson(ctx context.Context, tx pgx.Tx, challenge identitydb.Challenge) (uuid.UUID, error) {
	who, now, personID := actor.Must(ctx), s.deps.Clock.Now(), id.New()
	// From here the phone is the person's: it moves from the lender's key to the person's own, and erasing that erases it.
	lenderBox, err := s.deps.Sealer.Open(ctx, tx, uuid.Nil)
	if err != nil {
		return uuid.Nil, err
	}
	phone, err := lenderBox.Unseal(challengePhonePlace(challenge.ID), challenge.PhoneSealed)
	if err != nil {
		return uuid.Nil, err
	}
	box, err := s.deps.Sealer.Make(ctx, tx, personID)
	if err != nil {
		return uuid.Nil, err
	}
	err = s.queries.InsertPerson(ctx, tx, identitydb.InsertPersonParams{
		TenantID: who.TenantID, ID: personID, PhoneIndex: challenge.PhoneIndex, PhoneSealed: box.Seal(personPhonePlace(personID), phone),
		Actor: who.String(), Now: now,
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("make a person: %w", err)
	}
	if err := s.ensureRoles(ctx, tx); err != nil {
		return uuid.Nil, err
	}
	err = s.queries.AssignRole(ctx, tx, identitydb.AssignRoleParams{
		TenantID: who.TenantID, PersonID: personID, RoleName: clientRole, Actor: who.String(), Now: now,
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("give a role: %w", err)
	}
	return personID, s.tellPersonCreated(ctx, tx, personID)
}

// liveDevice reads a device that has not been revoked.
func (s *Service) liveDevice(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Device, error) {
	deviceID, err := id.Parse(id.Device, wireID)
	if err != nil {
		return identitydb.Device{}, deviceUnknown()
	}
	device, err := s.queries.GetDevice(ctx, tx, identitydb.GetDeviceParams{TenantID: actor.Must(ctx).TenantID, ID: deviceID})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return identitydb.Device{}, deviceUnknown()
	case err != nil:
		return identitydb.Device{}, fmt.Errorf("read a device: %w", err)
	case device.RevokeTime != nil:
		return identitydb.Device{}, deviceRevoked()
	default:
		return device, nil
	}
}
