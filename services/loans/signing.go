package loans

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// RequestSignatureCode implements the AgreementService. The code is identity's; it is bound to the document's hash. So a code that was sent
// for one document signs no other, and a document that was drawn anew needs a new code. Nothing of ours changes here; the transaction that
// counts only keeps the answer for a repeat.
func (s *Service) RequestSignatureCode(ctx context.Context, req *loansv1.RequestSignatureCodeRequest) (*loansv1.RequestSignatureCodeResponse, error) {
	var (
		row       loansdb.Agreement
		challenge *identityv1.Challenge
	)
	return between(ctx, s.keeper, loansv1connect.AgreementServiceRequestSignatureCodeProcedure, req,
		func() *loansv1.RequestSignatureCodeResponse { return &loansv1.RequestSignatureCodeResponse{} },
		func(tx pgx.Tx) (err error) {
			if row, err = s.ownAgreement(ctx, tx, req.GetAgreementId()); err != nil {
				return err
			}
			return needAgreement(row.State, agreementPrepared)
		},
		func() error {
			requestID, err := derived(req, "CreateChallenge")
			if err != nil {
				return err
			}
			// The subject is what the text message names, so that the person sees what the code is for.
			res, err := s.challenges.CreateChallenge(forPerson(ctx, row.PersonID), &identityv1.CreateChallengeRequest{
				RequestId: requestID, PersonId: id.Format(id.Person, row.PersonID), Subject: row.Number,
				Purpose: identityv1.Challenge_PURPOSE_SIGN_AGREEMENT, BoundDigest: row.DocumentSha256,
			})
			// Nil-safe: with an error there is no answer, and the generated getters pass over that.
			challenge = res.GetChallenge()
			return rpcerr.FromPeer(err,
				typev1.ErrorReason_ERROR_REASON_CODE_RESEND_TOO_SOON, typev1.ErrorReason_ERROR_REASON_CODE_LIMIT_REACHED,
				typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
		},
		func(pgx.Tx) (*loansv1.RequestSignatureCodeResponse, error) {
			return &loansv1.RequestSignatureCodeResponse{
				ChallengeId: challenge.GetId(), MaskedPhone: challenge.GetMaskedPhone(), ExpireTime: challenge.GetExpireTime(),
			}, nil
		})
}

// SignAgreement implements the AgreementService. The code is confirmed outside the transaction under a request id derived from ours: when
// we die in between, the caller's repeat gets the same evidence from identity and goes on from there.
func (s *Service) SignAgreement(ctx context.Context, req *loansv1.SignAgreementRequest) (*loansv1.SignAgreementResponse, error) {
	var (
		row      loansdb.Agreement
		evidence *identityv1.Evidence
	)
	return between(ctx, s.keeper, loansv1connect.AgreementServiceSignAgreementProcedure, req,
		func() *loansv1.SignAgreementResponse { return &loansv1.SignAgreementResponse{} },
		func(tx pgx.Tx) (err error) {
			if row, err = s.ownAgreement(ctx, tx, req.GetAgreementId()); err != nil {
				return err
			}
			return checkSignable(row, req.GetDocumentSha256())
		},
		func() (err error) {
			evidence, err = s.confirm(ctx, row, req)
			return err
		},
		func(tx pgx.Tx) (*loansv1.SignAgreementResponse, error) { return s.sign(ctx, tx, row, evidence) })
}

// checkSignable refuses an agreement that waits for no signature, and a hash of another document. The hash that the person's app gives
// proves which bytes it showed: a signature for a document that nobody saw is worth nothing.
func checkSignable(row loansdb.Agreement, hash []byte) error {
	if err := needAgreement(row.State, agreementPrepared); err != nil {
		return err
	}
	if !bytes.Equal(row.DocumentSha256, hash) {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_AGREEMENT_CHANGED, "the hash is not that of the agreement's document")
	}
	return nil
}

// confirm has identity check the code. Refusals that our own contract promises pass with their facts, such as the tries that are left. The
// person is named to identity, which refuses a challenge of anybody else: a code that was sent to one phone signs for that phone's owner
// alone.
func (s *Service) confirm(ctx context.Context, row loansdb.Agreement, req *loansv1.SignAgreementRequest) (*identityv1.Evidence, error) {
	requestID, err := derived(req, "ConfirmChallenge")
	if err != nil {
		return nil, err
	}
	res, err := s.challenges.ConfirmChallenge(forPerson(ctx, row.PersonID), &identityv1.ConfirmChallengeRequest{
		RequestId: requestID, ChallengeId: req.GetChallengeId(), Code: req.GetCode(), PersonId: id.Format(id.Person, row.PersonID),
		BoundDigest: row.DocumentSha256,
	})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_NOT_FOUND {
		// A challenge of somebody else, or of another document, is as good as one that has ended: ask for a new one.
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED, "no such challenge for this document")
	}
	if err != nil {
		return nil, rpcerr.FromPeer(err,
			typev1.ErrorReason_ERROR_REASON_CODE_WRONG, typev1.ErrorReason_ERROR_REASON_CODE_EXPIRED,
			typev1.ErrorReason_ERROR_REASON_CODE_ATTEMPTS_EXHAUSTED, typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED,
			typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	}
	// Identity has compared already. Checked once more because the row is evidence in court, and what it says must not rest on another
	// service.
	if !bytes.Equal(res.GetEvidence().GetBoundDigest(), row.DocumentSha256) {
		return nil, errors.New("identity confirmed a code for another document")
	}
	return res.GetEvidence(), nil
}

// sign writes the signature, its evidence and the loan in one step. It locks the application before the agreement, as the verbs do that end
// an application, so that a withdrawal and a signature at the same time are one after the other and never wait for each other. A signature
// that comes second is refused though its code was right; the code is then spent.
func (s *Service) sign(ctx context.Context, tx pgx.Tx, row loansdb.Agreement, evidence *identityv1.Evidence) (*loansv1.SignAgreementResponse, error) {
	application, err := s.queries.LockApplication(ctx, tx, row.ApplicationID)
	if err != nil {
		return nil, fmt.Errorf("lock application: %w", err)
	}
	if row, err = s.queries.LockAgreement(ctx, tx, row.ID); err != nil {
		return nil, fmt.Errorf("lock agreement: %w", err)
	}
	// Now under the lock: the look in checkSignable was of a moment that has passed.
	if err := needAgreement(row.State, agreementPrepared); err != nil {
		return nil, err
	}
	now := s.keeper.Clock.Now()
	// Evidence before the state that it proves. All are one transaction: there is no signed agreement without its evidence, nor without its
	// loan.
	if err := s.insertSignature(ctx, tx, row, evidence, now); err != nil {
		return nil, err
	}
	// Our own time, which orders with our other rows; when the code was confirmed stands in the evidence.
	row.State, row.SignTime = stateName(agreementSigned), &now
	err = changed(s.queries.UpdateAgreement(ctx, tx, loansdb.UpdateAgreementParams{
		ID: row.ID, State: row.State, SignTime: row.SignTime, Actor: actor.Must(ctx).String(), Now: now,
	}))
	if err != nil {
		return nil, fmt.Errorf("sign agreement: %w", err)
	}
	loanID, err := s.insertLoan(ctx, tx, row, now)
	if err != nil {
		return nil, err
	}
	application.LoanID = &loanID
	if application, err = s.move(ctx, tx, application, applicationSigned); err != nil {
		return nil, err
	}
	res := &loansv1.SignAgreementResponse{Agreement: agreementMessage(row), LoanId: id.Format(id.Loan, loanID)}
	return res, s.tellAgreementSigned(ctx, tx, application)
}

// insertSignature keeps the evidence; the phone is sealed. What identity tells is taken as it is: it alone saw the code.
func (s *Service) insertSignature(ctx context.Context, tx pgx.Tx, row loansdb.Agreement, evidence *identityv1.Evidence, now time.Time) error {
	// An id that cannot be read is identity's fault and not the caller's, so it is no refusal: it becomes INTERNAL and is looked at.
	challenge, err := id.Parse(id.Challenge, evidence.GetChallengeId())
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	params := loansdb.InsertSignatureParams{
		TenantID: row.TenantID, AgreementID: row.ID, PersonID: row.PersonID, DocumentSha256: evidence.GetBoundDigest(), ChallengeID: challenge,
		SendTime: evidence.GetSendTime().AsTime(), ConfirmTime: evidence.GetConfirmTime().AsTime(), Actor: actor.Must(ctx).String(), CreateTime: now,
	}
	// A challenge that was confirmed without a device, by a service for a person, has none to name.
	if evidence.GetDeviceId() != "" {
		device, err := id.Parse(id.Device, evidence.GetDeviceId())
		if err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
		params.DeviceID = &device
	}
	box, err := s.keeper.Sealer.Make(ctx, tx, row.PersonID)
	if err != nil {
		return err
	}
	params.Phone = box.Seal(phonePlace(row.ID), []byte(evidence.GetPhone()))
	if err := s.queries.InsertSignature(ctx, tx, params); err != nil {
		return fmt.Errorf("insert signature: %w", err)
	}
	return nil
}

// insertLoan makes the loan that the agreement promises; it waits for its payout. Principal, currency and term are the offer's. The
// schedule is not fixed here: due days count from the day on which the money arrives.
func (s *Service) insertLoan(ctx context.Context, tx pgx.Tx, row loansdb.Agreement, now time.Time) (uuid.UUID, error) {
	offer, err := s.queries.GetOffer(ctx, tx, row.OfferID)
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("read offer: %w", err)
	}
	loanID := id.New()
	err = s.queries.InsertLoan(ctx, tx, loansdb.InsertLoanParams{
		TenantID: row.TenantID, ID: loanID, PersonID: row.PersonID, AgreementID: row.ID, ApplicationID: row.ApplicationID,
		ProductID: offer.ProductID, Number: row.Number, State: stateName(loanApproved), PrincipalMinor: offer.PrincipalMinor,
		Currency: offer.Currency, Instalments: offer.Instalments, Actor: actor.Must(ctx).String(), Now: now,
	})
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("insert loan: %w", err)
	}
	return loanID, nil
}
