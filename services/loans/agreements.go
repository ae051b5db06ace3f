package loans

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
)

// documentPlace and phonePlace bind what is sealed to its row: bytes that were moved to another agreement do not open there. They are part of
// what is stored; changing them makes old documents unreadable.
func documentPlace(agreementID uuid.UUID) string { return "documents.content/" + agreementID.String() }
func phonePlace(agreementID uuid.UUID) string    { return "signatures.phone/" + agreementID.String() }

// GetAgreement implements the AgreementService. It opens nothing that is sealed, so it answers even for a person whose data were erased.
func (s *Service) GetAgreement(ctx context.Context, req *loansv1.GetAgreementRequest) (*loansv1.GetAgreementResponse, error) {
	var row loansdb.Agreement
	err := s.keeper.DB.Read(ctx, func(tx pgx.Tx) (err error) {
		row, err = s.ownAgreement(ctx, tx, req.GetAgreementId())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &loansv1.GetAgreementResponse{Agreement: agreementMessage(row)}, nil
}

// GetAgreementDocument implements the AgreementService. The document of a person whose data were erased is answered as absent. What is
// answered are the very bytes whose hash was signed: they are stored and never drawn again, since a new font or template would change them.
func (s *Service) GetAgreementDocument(ctx context.Context, req *loansv1.GetAgreementDocumentRequest) (*loansv1.GetAgreementDocumentResponse, error) {
	res := &loansv1.GetAgreementDocumentResponse{ContentType: "application/pdf"}
	err := s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.ownAgreement(ctx, tx, req.GetAgreementId())
		if err != nil {
			return err
		}
		sealed, err := s.queries.GetDocument(ctx, tx, row.ID)
		if err != nil {
			return fmt.Errorf("read document: %w", err)
		}
		box, err := s.keeper.Sealer.Open(ctx, tx, row.PersonID)
		// Erasing deletes the key. The row stays as evidence that there was an agreement, and its document can be read by nobody.
		if errors.Is(err, seal.ErrErased) {
			return agreementNotFound()
		}
		if err != nil {
			return err
		}
		// The hash of the row, not one computed here: a reader compares the two, and bytes that were changed in the database show.
		res.Sha256 = row.DocumentSha256
		res.Content, err = box.Unseal(documentPlace(row.ID), sealed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ownAgreement reads an agreement of the wire's id that the caller may see. It takes no lock. Whoever changes an agreement locks it anew
// and looks at its state again.
func (s *Service) ownAgreement(ctx context.Context, tx pgx.Tx, wireID string) (loansdb.Agreement, error) {
	agreementID, err := id.Parse(id.Agreement, wireID)
	if err != nil {
		return loansdb.Agreement{}, agreementNotFound()
	}
	row, err := s.queries.GetAgreement(ctx, tx, agreementID)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !actor.Must(ctx).MaySee(row.PersonID):
		return loansdb.Agreement{}, agreementNotFound()
	case err != nil:
		return loansdb.Agreement{}, fmt.Errorf("read agreement: %w", err)
	}
	return row, nil
}

// agreementNotFound answers alike for what does not exist, is somebody else's, or can be read by nobody any more.
func agreementNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_AGREEMENT_NOT_FOUND, "no such agreement")
}
