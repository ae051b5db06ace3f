package payments

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// pageLife is how long a payment page stays open. What is owed is another sum the next day. The provider closes the page itself; a payment
// that was begun on it before may still end after.
const pageLife = 24 * time.Hour

// CreateCollection implements PaymentService. The row and its job are one transaction; then the page is opened at the provider; a repeat finds
// the row and opens the page if that had not succeeded. The answer is the collection as it stands, so a late repeat may show it paid.
func (s *Service) CreateCollection(ctx context.Context, req *paymentsv1.CreateCollectionRequest) (*paymentsv1.CreateCollectionResponse, error) {
	loanID, err := readID("loan_id", id.Loan, req.GetLoanId())
	if err != nil {
		return nil, err
	}
	amount, err := readAmount("amount", req.GetAmount())
	if err != nil {
		return nil, err
	}
	// A payment of a person belongs to the provider that began it for its whole life, so the choice is made here and written into the row.
	carrier := s.mainProvider()
	if err := fitsProvider(carrier, amount); err != nil {
		return nil, err
	}
	who := actor.Must(ctx)
	person, ok := who.Person()
	if !ok {
		return nil, noPerson()
	}
	// What is kept as the answer is the row without its page, so that a repeat finds the row and not a page that may have closed.
	first, err := idempotency.Do(ctx, s.keeper, paymentsv1connect.PaymentServiceCreateCollectionProcedure, req, &paymentsv1.CreateCollectionResponse{},
		func(tx pgx.Tx) (*paymentsv1.CreateCollectionResponse, error) {
			now, collectionID := s.clock.Now(), id.New()
			err := s.q.InsertCollection(ctx, tx, paymentsdb.InsertCollectionParams{
				TenantID: who.TenantID, ID: collectionID, LoanID: loanID, PersonID: person, AmountMinor: amount.MinorUnits,
				Currency: amount.Currency, Purpose: purposeName(req.GetPurpose()), Provider: carrier.Name(), DueTime: now.Add(pageLife),
				Actor: who.String(), CreateTime: now,
			})
			if err != nil {
				return nil, err
			}
			row, err := s.q.GetCollection(ctx, tx, paymentsdb.GetCollectionParams{TenantID: who.TenantID, ID: collectionID})
			if err != nil {
				return nil, err
			}
			res := &paymentsv1.CreateCollectionResponse{Collection: collectionProto(row)}
			// The job comes with the row, before anything is called: whatever dies, somebody asks the provider.
			return res, s.enqueue(ctx, tx, driveArgs{TenantID: who.TenantID, Payment: CollectionKind, PaymentID: collectionID})
		})
	if err != nil {
		return nil, err
	}
	// Outside the transaction: a call to the provider may take half a minute, and a lock must not.
	collectionID, err := id.Parse(id.Collection, first.GetCollection().GetId())
	if err != nil {
		return nil, err
	}
	row, err := s.openCollection(ctx, collectionID)
	if err != nil {
		return nil, err
	}
	return &paymentsv1.CreateCollectionResponse{Collection: collectionProto(row)}, nil
}

// purposeName is the purpose in rows. The contract's rules let no third one through. The purpose decides nothing here: loans uses money by
// the loan's own order, and a payoff that comes a day late may leave a rest.
func purposeName(p paymentsv1.Collection_Purpose) string {
	if p == paymentsv1.Collection_PURPOSE_PAYOFF {
		return "PAYOFF"
	}
	return "INSTALMENT"
}

// noPerson refuses a caller who is, and acts for, nobody: a card or a payment belongs to a person.
func noPerson() error {
	return rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, "a person must be behind this call")
}

// GetCollection implements PaymentService. It reads our row and calls nobody: notifications and the job bring it on.
func (s *Service) GetCollection(ctx context.Context, req *paymentsv1.GetCollectionRequest) (*paymentsv1.GetCollectionResponse, error) {
	// Absent, somebody else's and an id of another form are answered alike.
	missing := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND, "no such payment")
	wireID := req.GetCollectionId()
	// By the request that made it: for an app that lost the answer and knows no more than its own request_id. Only the caller's own is
	// found.
	if wireID == "" {
		made := &paymentsv1.CreateCollectionResponse{}
		found, err := idempotency.Find(ctx, s.keeper, paymentsv1connect.PaymentServiceCreateCollectionProcedure, req.GetCreateRequestId(), made)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missing
		}
		wireID = made.GetCollection().GetId()
	}
	collectionID, err := id.Parse(id.Collection, wireID)
	if err != nil {
		return nil, missing
	}
	row, err := s.readCollection(ctx, collectionID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, missing
	case err != nil:
		return nil, err
	case !actor.Must(ctx).MaySee(row.PersonID):
		return nil, missing
	}
	return &paymentsv1.GetCollectionResponse{Collection: collectionProto(row)}, nil
}

// readCollection reads a collection without a lock, for a look.
func (s *Service) readCollection(ctx context.Context, collectionID uuid.UUID) (row paymentsdb.Collection, err error) {
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		row, err = s.q.GetCollection(ctx, tx, paymentsdb.GetCollectionParams{TenantID: actor.Must(ctx).TenantID, ID: collectionID})
		return err
	})
	return row, err
}

// ListCollections implements PaymentService. A service that acts by itself and staff see everybody's. The list of a page token names the loan, so a
// token of one loan opens no other's list.
func (s *Service) ListCollections(ctx context.Context, req *paymentsv1.ListCollectionsRequest) (*paymentsv1.ListCollectionsResponse, error) {
	loanID, err := readID("loan_id", id.Loan, req.GetLoanId())
	if err != nil {
		return nil, err
	}
	who, list := actor.Must(ctx), "payments.collections/"+req.GetLoanId()
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	params := paymentsdb.ListCollectionsParams{TenantID: who.TenantID, LoanID: loanID, Before: before(page), PageSize: page.Limit()}
	// Whoever does not see all sees the collections of their own person; without one that is the nil UUID, which nobody bears.
	if !who.SeesAll() {
		person, _ := who.Person()
		params.PersonID = &person
	}
	res := &paymentsv1.ListCollectionsResponse{}
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.ListCollections(ctx, tx, params)
		if err != nil {
			return err
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(r paymentsdb.Collection) uuid.UUID { return r.ID })
		for _, row := range rows {
			res.Collections = append(res.Collections, collectionProto(row))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}
