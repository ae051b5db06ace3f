package identity

import (
	"context"
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

// GiveConsents records consents of the caller. A newer text does not end the consent to an older one: what a person agreed to stays true
// until they withdraw it. Only what did not hold before is told as an event.
func (s *Service) GiveConsents(ctx context.Context, req *identityv1.GiveConsentsRequest) (*identityv1.GiveConsentsResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.PersonServiceGiveConsentsProcedure, req, &identityv1.GiveConsentsResponse{},
		func(tx pgx.Tx) (*identityv1.GiveConsentsResponse, error) {
			person, err := s.lockCaller(ctx, tx)
			if err != nil {
				return nil, err
			}
			res := &identityv1.GiveConsentsResponse{}
			var given []string
			for _, purpose := range req.GetPurposes() {
				consent, isNew, err := s.giveConsent(ctx, tx, person.ID, consentPurposeName(purpose), req.GetTextVersion())
				if err != nil {
					return nil, err
				}
				if isNew {
					given = append(given, consent.Purpose)
				}
				res.Consents = append(res.Consents, consentToProto(consent))
			}
			return res, s.tellConsentsGiven(ctx, tx, person.ID, given)
		})
}

// giveConsent finds the consent that holds, or makes it. The person's row is locked, so there is one.
func (s *Service) giveConsent(ctx context.Context, tx pgx.Tx, person uuid.UUID, purpose, textVersion string) (identitydb.Consent, bool, error) {
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	live, err := s.queries.FindLiveConsent(ctx, tx, identitydb.FindLiveConsentParams{
		TenantID: who.TenantID, PersonID: person, Purpose: purpose, TextVersion: textVersion,
	})
	if err == nil {
		return live, false, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return identitydb.Consent{}, false, fmt.Errorf("look for a consent: %w", err)
	}
	row := identitydb.InsertConsentParams{
		TenantID: who.TenantID, ID: id.New(), PersonID: person, Purpose: purpose, TextVersion: textVersion, Actor: who.String(), Now: now,
	}
	if err := s.queries.InsertConsent(ctx, tx, row); err != nil {
		return identitydb.Consent{}, false, fmt.Errorf("keep a consent: %w", err)
	}
	return identitydb.Consent{ID: row.ID, Purpose: purpose, TextVersion: textVersion, CreateTime: now}, true, nil
}

// WithdrawConsent ends a consent of the caller. The time of the first withdrawal stands however often it is repeated.
func (s *Service) WithdrawConsent(ctx context.Context, req *identityv1.WithdrawConsentRequest) (*identityv1.WithdrawConsentResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.PersonServiceWithdrawConsentProcedure, req, &identityv1.WithdrawConsentResponse{},
		func(tx pgx.Tx) (*identityv1.WithdrawConsentResponse, error) {
			who := actor.Must(ctx)
			consent, err := s.findConsent(ctx, tx, req.GetConsentId())
			if err != nil {
				return nil, err
			}
			if _, err := s.queries.WithdrawConsent(ctx, tx, identitydb.WithdrawConsentParams{
				TenantID: who.TenantID, ID: consent.ID, Actor: who.String(), Now: s.deps.Clock.Now(),
			}); err != nil {
				return nil, fmt.Errorf("withdraw a consent: %w", err)
			}
			// Its end, now or from before.
			if consent, err = s.findConsent(ctx, tx, req.GetConsentId()); err != nil {
				return nil, err
			}
			return &identityv1.WithdrawConsentResponse{Consent: consentToProto(consent)}, nil
		})
}

// ListConsents answers with the caller's consents, newest first.
func (s *Service) ListConsents(ctx context.Context, _ *identityv1.ListConsentsRequest) (*identityv1.ListConsentsResponse, error) {
	res := &identityv1.ListConsentsResponse{}
	who := actor.Must(ctx)
	person, ok := who.Person()
	if !ok {
		return res, nil
	}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		consents, err := s.queries.ListConsents(ctx, tx, identitydb.ListConsentsParams{TenantID: who.TenantID, PersonID: person, PageSize: listSize})
		for _, consent := range consents {
			res.Consents = append(res.Consents, consentToProto(consent))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

func (s *Service) findConsent(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Consent, error) {
	who := actor.Must(ctx)
	consentID, err := id.Parse(id.Consent, wireID)
	if err != nil {
		return identitydb.Consent{}, consentNotFound()
	}
	consent, err := s.queries.GetConsent(ctx, tx, identitydb.GetConsentParams{TenantID: who.TenantID, ID: consentID})
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !who.MaySee(consent.PersonID)) {
		return identitydb.Consent{}, consentNotFound()
	}
	return consent, err
}

func consentNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_NOT_FOUND, "there is no such consent")
}
