package identity

import (
	"bytes"
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
)

// CreateChallenge makes a code for a known person and sends it.
//
// The phone is read before the transaction and used after it, so that a repeat, which does not run the transaction, can still send a code
// that was promised and never left. A service that acts for a person reaches that person's phone only; everybody else's is as absent.
func (s *Service) CreateChallenge(ctx context.Context, req *identityv1.CreateChallengeRequest) (*identityv1.CreateChallengeResponse, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	person, err := s.readPerson(ctx, req.GetPersonId())
	if err != nil {
		return nil, err
	}
	if person.GetState() == identityv1.Person_STATE_ERASED {
		return nil, personNotFound()
	}
	res, err := idempotency.Do(ctx, s.deps.Keeper, identityv1connect.ChallengeServiceCreateChallengeProcedure, req, &identityv1.CreateChallengeResponse{},
		func(tx pgx.Tx) (*identityv1.CreateChallengeResponse, error) {
			personID, err := id.Parse(id.Person, person.GetId())
			if err != nil {
				return nil, err
			}
			challenge, err := s.issue(ctx, tx, wish{
				purpose: purposeName(req.GetPurpose()), phone: person.GetPhone(), person: &personID, device: callerDevice(ctx), digest: req.GetBoundDigest(),
			})
			if err != nil {
				return nil, err
			}
			return &identityv1.CreateChallengeResponse{Challenge: challenge}, nil
		})
	if err != nil {
		return nil, err
	}
	err = s.deliver(ctx, res.GetChallenge().GetId(), &pushv1.SendNotificationRequest{
		PersonId: person.GetId(), Phone: person.GetPhone(), Template: templateSignature, Locale: lender.Locale(person.GetLocale()),
		Parameters: map[string]string{"subject": req.GetSubject()},
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ConfirmChallenge checks a code and answers with the evidence: who confirmed which bytes, by which phone, on which device, and when. The
// evidence goes to the caller to be kept with what was signed; the challenge's row stays as ours.
func (s *Service) ConfirmChallenge(ctx context.Context, req *identityv1.ConfirmChallengeRequest) (*identityv1.ConfirmChallengeResponse, error) {
	return settle(ctx, s.deps.Keeper, identityv1connect.ChallengeServiceConfirmChallengeProcedure, req, &identityv1.ConfirmChallengeResponse{},
		func(tx pgx.Tx) (*identityv1.ConfirmChallengeResponse, error) {
			challenge, err := s.findChallenge(ctx, tx, req.GetChallengeId())
			if err != nil {
				return nil, err
			}
			// What is not theirs is refused before the code is looked at, and costs no try.
			device := callerDevice(ctx)
			if !confirmable(ctx, challenge, req, device) {
				return nil, challengeNotFound()
			}
			if err := s.try(ctx, tx, challenge, req.GetCode()); err != nil {
				return nil, err
			}
			person, err := s.personInTx(ctx, tx, *challenge.PersonID)
			if err != nil {
				return nil, err
			}
			if device == nil { // The caller did not say; the code was bound to this one, if to any.
				device = challenge.DeviceID
			}
			return &identityv1.ConfirmChallengeResponse{Evidence: &identityv1.Evidence{
				ChallengeId: req.GetChallengeId(), Phone: person.GetPhone(), BoundDigest: challenge.BoundDigest,
				DeviceId: id.FormatPtr(id.Device, device), SendTime: timestamppb.New(challenge.CreateTime),
				ConfirmTime: timestamppb.New(s.deps.Clock.Now()),
			}}, nil
		})
}

// confirmable tells whether a challenge is that of the named person, for these bytes, on this device. A login code is none of those: it
// confirms nothing but a login.
func confirmable(ctx context.Context, challenge identitydb.Challenge, req *identityv1.ConfirmChallengeRequest, device *uuid.UUID) bool {
	if challenge.PersonID == nil || id.Format(id.Person, *challenge.PersonID) != req.GetPersonId() {
		return false
	}
	if challenge.DeviceID != nil && device != nil && *challenge.DeviceID != *device {
		return false
	}
	return actor.Must(ctx).MaySee(*challenge.PersonID) && bytes.Equal(challenge.BoundDigest, req.GetBoundDigest())
}

// callerDevice is the device behind the call; nil when a service acts without one.
func callerDevice(ctx context.Context) *uuid.UUID {
	device, err := id.Parse(id.Device, actor.Must(ctx).DeviceID)
	if err != nil {
		return nil
	}
	return &device
}
