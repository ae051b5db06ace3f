package identity

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The templates of push that carry codes.
const (
	templateLogin     = "login-code"     // Parameters: code, minutes.
	templateSignature = "signature-code" // Parameters: code, subject.
)

// wish is what a code is asked for.
type wish struct {
	purpose string
	phone   string     // E.164.
	person  *uuid.UUID // Nil for a login: nobody may be behind the phone yet.
	device  *uuid.UUID // The device that the code is good on; nil when it is not known.
	digest  []byte     // SHA-256 of what is confirmed; empty for a login.
}

// issue writes a challenge down, within the limits of its phone. The SMS is requested later, when the row is committed: see deliver.
func (s *Service) issue(ctx context.Context, tx pgx.Tx, w wish) (*identityv1.Challenge, error) {
	who, index := actor.Must(ctx), s.phoneIndex(ctx, w.phone)
	if err := s.lockPhone(ctx, tx, index); err != nil {
		return nil, err
	}
	now := s.deps.Clock.Now()
	recent, err := s.recentChallenges(ctx, tx, index, w.purpose, now)
	if err != nil {
		return nil, err
	}
	if err := s.config.admit(recent, now); err != nil {
		return nil, err
	}
	// Two live codes for one thing would double the chance of a guess, and people type the newest. A code for other bytes stays.
	err = s.queries.SupersedeChallenges(ctx, tx, identitydb.SupersedeChallengesParams{
		TenantID: who.TenantID, PhoneIndex: index, Purpose: w.purpose, BoundDigest: w.digest, DeviceID: w.device, Now: now, Actor: who.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("end earlier codes: %w", err)
	}
	row := identitydb.InsertChallengeParams{
		TenantID: who.TenantID, ID: id.New(), Purpose: w.purpose, PhoneIndex: index, PersonID: w.person, DeviceID: w.device, BoundDigest: w.digest,
		Digits: int32(s.config.CodeDigits), MaxTries: int32(s.config.CodeAttempts), Actor: who.String(), Now: now,
		ExpireTime: now.Add(s.config.CodeLifetime),
	}
	if w.person == nil {
		// There is nobody yet whose key could seal it: the nil subject is the lender itself.
		box, err := s.deps.Sealer.Make(ctx, tx, uuid.Nil)
		if err != nil {
			return nil, err
		}
		row.PhoneSealed = box.Seal(challengePhonePlace(row.ID), []byte(w.phone))
	}
	if err := s.queries.InsertChallenge(ctx, tx, row); err != nil {
		return nil, fmt.Errorf("keep a challenge: %w", err)
	}
	return challengeToProto(row, w.phone, s.config.ResendPause), nil
}

// deliver asks push to send the code of a challenge that is committed. It runs outside of any transaction, on the first call as on every
// repeat: when the process died in between, the repeat sends what was promised; when it did not, push knows the request id and sends
// nothing new. A code that has ended meanwhile is not sent.
func (s *Service) deliver(ctx context.Context, challengeID string, message *pushv1.SendNotificationRequest) error {
	challenge, err := s.readChallenge(ctx, challengeID)
	if err != nil {
		return err
	}
	if challenge.UseTime != nil || !s.deps.Clock.Now().Before(challenge.ExpireTime) {
		return nil
	}
	// One challenge, one message: whoever asks for another code gets another challenge, so the id alone tells sends apart.
	message.RequestId = id.Derive(challenge.ID, "sms").String()
	message.Channels = []pushv1.Channel{pushv1.Channel_CHANNEL_SMS}
	message.Parameters["code"] = s.code(challenge)
	_, err = s.deps.Notifications.SendNotification(actor.AsService(ctx, challenge.TenantID, serviceName), message)
	return rpcerr.FromPeer(err, typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE)
}

// code is the code of a challenge: derived, or that of a sandbox phone.
func (s *Service) code(challenge identitydb.Challenge) string {
	if code, ok := s.sandbox[string(challenge.PhoneIndex)]; ok {
		return code
	}
	return s.secrets.code(challenge)
}

// readChallenge is findChallenge in a transaction of its own.
func (s *Service) readChallenge(ctx context.Context, wireID string) (challenge identitydb.Challenge, err error) {
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		challenge, err = s.findChallenge(ctx, tx, wireID)
		return err
	})
	return challenge, err
}

// findChallenge reads a challenge of the caller's lender. Whether it is the caller's own is for the caller to check.
func (s *Service) findChallenge(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Challenge, error) {
	challengeID, err := id.Parse(id.Challenge, wireID)
	if err != nil {
		return identitydb.Challenge{}, challengeNotFound()
	}
	challenge, err := s.queries.GetChallenge(ctx, tx, identitydb.GetChallengeParams{TenantID: actor.Must(ctx).TenantID, ID: challengeID})
	if errors.Is(err, pgx.ErrNoRows) {
		return identitydb.Challenge{}, challengeNotFound()
	}
	return challenge, err
}

// try checks a code on a challenge that the caller has found to be theirs. A right code ends the challenge. A wrong one comes back as a
// refusal, so that the try is counted whatever becomes of the call. All tries on codes of one phone are one after the other, which makes the
// limits exact however many come at once.
func (s *Service) try(ctx context.Context, tx pgx.Tx, challenge identitydb.Challenge, code string) error {
	if err := s.lockPhone(ctx, tx, challenge.PhoneIndex); err != nil {
		return err
	}
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	// Read again: another try may have come first.
	challenge, err := s.queries.GetChallenge(ctx, tx, identitydb.GetChallengeParams{TenantID: who.TenantID, ID: challenge.ID})
	if err != nil {
		return fmt.Errorf("read a challenge: %w", err)
	}
	recent, err := s.recentChallenges(ctx, tx, challenge.PhoneIndex, challenge.Purpose, now)
	if err != nil {
		return err
	}
	wrong := wrongTries(recent)
	if err := s.config.judge(challenge, wrong, now); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(s.code(challenge))) != 1 {
		if _, err := s.queries.CountWrongTry(ctx, tx, identitydb.CountWrongTryParams{
			TenantID: who.TenantID, ID: challenge.ID, Actor: who.String(), Now: now,
		}); err != nil {
			return fmt.Errorf("count a wrong try: %w", err)
		}
		// Whichever ends first: the tries of this code or those of the phone.
		left := min(challenge.MaxTries-challenge.WrongTries, int32(s.config.TriesPerPhoneHour-wrong)) - 1
		return refusal{codeWrong(left)}
	}
	if _, err := s.queries.UseChallenge(ctx, tx, identitydb.UseChallengeParams{
		TenantID: who.TenantID, ID: challenge.ID, Actor: who.String(), Now: now,
	}); err != nil {
		return fmt.Errorf("use a challenge: %w", err)
	}
	return nil
}

// phoneIndex is the keyed hash under which a phone is found without being readable.
func (s *Service) phoneIndex(ctx context.Context, phone string) []byte {
	return s.deps.Sealer.Index(actor.Must(ctx).TenantID, phoneField, phone)
}

// lockPhone holds everybody else who asks for, or tries, a code of this phone until the transaction ends. A lock on a name and not on a row,
// since the first code of a phone has no row to lock.
//
// The order of locks in this service is request, device, phone, person: nobody waits in a circle.
func (s *Service) lockPhone(ctx context.Context, tx pgx.Tx, index []byte) error {
	key := "identity.phone|" + actor.Must(ctx).TenantID + "|" + hex.EncodeToString(index)
	if err := s.queries.LockPhone(ctx, tx, key); err != nil {
		return fmt.Errorf("lock a phone: %w", err)
	}
	return nil
}

// minutes is the lifetime of codes for the text of the message.
func (s *Service) minutes() string { return strconv.Itoa(int(s.config.CodeLifetime.Minutes())) }

func challengePhonePlace(challenge uuid.UUID) string {
	return "challenges.phone_sealed/" + challenge.String()
}

func challengeNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_NOT_FOUND, "there is no such challenge")
}
