package loans

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

// productList is the list that page tokens of ListProducts belong to.
const productList = "loans.products"

// CreateProductVersion implements the ProductService. The version is live at once for new quotes and applications; loans, offers and
// applications that exist keep theirs. A version is never changed: a correction is the next version.
func (s *Service) CreateProductVersion(ctx context.Context, req *loansv1.CreateProductVersionRequest) (*loansv1.CreateProductVersionResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.ProductServiceCreateProductVersionProcedure, req, &loansv1.CreateProductVersionResponse{},
		func(tx pgx.Tx) (*loansv1.CreateProductVersionResponse, error) {
			today, err := s.BusinessDate(ctx, tx)
			if err != nil {
				return nil, err
			}
			// Settings are tried before the version's number is taken. A number that was taken is given back with the transaction, so
			// versions have no gaps.
			if err := validateProduct(req, today); err != nil {
				return nil, err
			}
			version, err := s.nextVersion(ctx, tx, req)
			if err != nil {
				return nil, err
			}
			p, err := s.insertProduct(ctx, tx, req, version)
			if err != nil {
				return nil, err
			}
			message, err := p.message()
			return &loansv1.CreateProductVersionResponse{Product: message}, err
		})
}

// nextVersion counts the versions of a product, which all are in one currency. The counter holds rivals back until the version is there.
func (s *Service) nextVersion(ctx context.Context, tx pgx.Tx, req *loansv1.CreateProductVersionRequest) (int32, error) {
	// The counter's row is locked by taking a number, and stays so until the commit.
	version, err := s.queries.NextNumber(ctx, tx, loansdb.NextNumberParams{
		TenantID: actor.Must(ctx).TenantID, Name: "product/" + req.GetCode(),
	})
	if err != nil || version == 1 {
		return int32(version), err
	}
	last, err := s.queries.GetLiveProduct(ctx, tx, loansdb.GetLiveProductParams{Code: req.GetCode(), Now: s.keeper.Clock.Now()})
	if err != nil {
		return 0, fmt.Errorf("read the last version: %w", err)
	}
	// Applications, limits and the books of a product compare amounts across its versions, which two currencies would make nonsense of.
	if last.Currency != req.GetTerms().GetMinPrincipal().GetCurrencyCode() {
		return 0, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "earlier versions of the product are in "+last.Currency)
	}
	return int32(version), nil
}

// insertProduct seals the terms in time: the whole message as protobuf JSON, and beside it the columns that limits are checked against.
func (s *Service) insertProduct(ctx context.Context, tx pgx.Tx, req *loansv1.CreateProductVersionRequest, version int32) (product, error) {
	// Names are kept apart from the terms: they are shown, the terms are computed with.
	names, err := json.Marshal(req.GetNames())
	if err != nil {
		return product{}, err
	}
	// JSON and not the binary form, so that an auditor can read a contract's terms in the database without this program.
	terms, err := protojson.Marshal(req.GetTerms())
	if err != nil {
		return product{}, err
	}
	who, now := actor.Must(ctx), s.keeper.Clock.Now()
	row := loansdb.InsertProductParams{
		TenantID: who.TenantID, ID: id.New(), Code: req.GetCode(), Version: version, Names: names,
		Currency:          req.GetTerms().GetMinPrincipal().GetCurrencyCode(),
		MinPrincipalMinor: req.GetTerms().GetMinPrincipal().GetMinorUnits(), MaxPrincipalMinor: req.GetTerms().GetMaxPrincipal().GetMinorUnits(),
		MinInstalments: req.GetTerms().GetMinInstalments(), MaxInstalments: req.GetTerms().GetMaxInstalments(),
		// In force at once. The column lets a version wait for its day, which no RPC offers.
		Terms: terms, EffectiveTime: now, Actor: who.String(), CreateTime: now,
	}
	if err := s.queries.InsertProduct(ctx, tx, row); err != nil {
		return product{}, fmt.Errorf("insert product: %w", err)
	}
	return product{row: loansdb.Product(row), terms: req.GetTerms()}, nil
}

// ListProducts implements the ProductService. The token holds the id of the last version shown; the next page begins after its code. A
// version that became live between two pages is shown on none or one of them, never twice: pages go by code.
func (s *Service) ListProducts(ctx context.Context, req *loansv1.ListProductsRequest) (*loansv1.ListProductsResponse, error) {
	who := actor.Must(ctx)
	page, err := s.tokens.Read(who, productList, req.GetPage())
	if err != nil {
		return nil, err
	}
	var rows []loansdb.Product
	err = s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err = s.queries.ListLiveProducts(ctx, tx, loansdb.ListLiveProductsParams{
			// The nil UUID of a first page is the id of no version, so the query begins before all codes.
			Now: s.keeper.Clock.Now(), After: page.After, PageSize: page.Limit(),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	res := &loansv1.ListProductsResponse{}
	rows, res.Page = pagetoken.Cut(s.tokens, who, productList, page, rows, func(row loansdb.Product) uuid.UUID { return row.ID })
	for _, row := range rows {
		p, err := readProduct(row)
		if err != nil {
			return nil, err
		}
		message, err := p.message()
		if err != nil {
			return nil, err
		}
		res.Products = append(res.Products, message)
	}
	return res, nil
}

// QuoteLoan implements the ProductService. It computes what OfferLoan and DisburseLoan would compute today, by the same code.
func (s *Service) QuoteLoan(ctx context.Context, req *loansv1.QuoteLoanRequest) (*loansv1.QuoteLoanResponse, error) {
	res := &loansv1.QuoteLoanResponse{}
	err := s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		p, err := s.liveProduct(ctx, tx, req.GetProductCode())
		if err != nil {
			return err
		}
		if err := p.checkAsk(req.GetPrincipal(), req.GetInstalments()); err != nil {
			return err
		}
		today, err := s.BusinessDate(ctx, tx)
		if err != nil {
			return err
		}
		// The version that was quoted is named, so that a quote can be held against the offer that follows.
		res.ProductId = id.Format(id.Product, p.row.ID)
		// Money is taken to arrive today. A payout on another day moves the due days, and with them interest by days.
		schedule, err := p.plan(moneyFrom(req.GetPrincipal()), int(req.GetInstalments()), today)
		if err != nil {
			return scheduleImpossible(err)
		}
		res.Schedule, err = p.planned(schedule)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// liveProduct is the newest version of a product that is in force. A version whose time has not come, or a code that never was, is the same
// absence.
func (s *Service) liveProduct(ctx context.Context, tx pgx.Tx, code string) (product, error) {
	row, err := s.queries.GetLiveProduct(ctx, tx, loansdb.GetLiveProductParams{Code: code, Now: s.keeper.Clock.Now()})
	if errors.Is(err, pgx.ErrNoRows) {
		return product{}, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND, "no such product")
	}
	if err != nil {
		return product{}, fmt.Errorf("read product: %w", err)
	}
	return readProduct(row)
}

// productVersions reads versions by id, each once however often it is named.
func (s *Service) productVersions(ctx context.Context, tx pgx.Tx, ids ...uuid.UUID) (map[uuid.UUID]product, error) {
	rows, err := s.queries.ListProductVersions(ctx, tx, ids)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	products := make(map[uuid.UUID]product, len(rows))
	for _, row := range rows {
		if products[row.ID], err = readProduct(row); err != nil {
			return nil, err
		}
	}
	return products, nil
}

// productVersion reads the version that a row names. Versions are never deleted, so one that is missing is a fault of ours and no refusal.
func (s *Service) productVersion(ctx context.Context, tx pgx.Tx, productID uuid.UUID) (product, error) {
	products, err := s.productVersions(ctx, tx, productID)
	if err != nil {
		return product{}, err
	}
	p, ok := products[productID]
	if !ok {
		return product{}, fmt.Errorf("product %s is gone", productID)
	}
	return p, nil
}

// checkAsk holds what is asked for to the product's limits. The currency comes first, since amounts of another one compare with nothing.
func (p product) checkAsk(principal *typev1.Money, instalments int32) error {
	switch {
	case principal.GetCurrencyCode() != p.row.Currency:
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "the product is in "+p.row.Currency,
			rpcerr.Field("principal.currency_code", "is not the product's"))
	case principal.GetMinorUnits() < p.row.MinPrincipalMinor || principal.GetMinorUnits() > p.row.MaxPrincipalMinor:
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE, "the amount is outside the product's limits",
			rpcerr.Field("principal.minor_units", "is outside the product's limits"),
			// Limits come in minor units and as metadata, so that a form can correct itself without reading words.
			rpcerr.Meta("min_minor_units", strconv.FormatInt(p.row.MinPrincipalMinor, 10)),
			rpcerr.Meta("max_minor_units", strconv.FormatInt(p.row.MaxPrincipalMinor, 10)))
	case instalments < p.row.MinInstalments || instalments > p.row.MaxInstalments:
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_TERM_OUT_OF_RANGE, "the term is outside the product's limits",
			rpcerr.Field("instalments", "is outside the product's limits"),
			rpcerr.Meta("min_term", strconv.Itoa(int(p.row.MinInstalments))), rpcerr.Meta("max_term", strconv.Itoa(int(p.row.MaxInstalments))))
	}
	return nil
}

// scheduleImpossible translates the engine's refusal of terms; other errors pass.
func scheduleImpossible(err error) error {
	if !impossible(err) {
		return err
	}
	var refused *amortize.TermsError
	// The principal is named unless the engine names another: an amount too small for its instalments is refused without a field.
	field := "principal"
	if errors.As(err, &refused) {
		field = refused.Field
	}
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_SCHEDULE_IMPOSSIBLE, "no schedule exists for these terms", rpcerr.Meta("setting", field))
}

// moneyFrom reads an amount of the wire. Its currency may be unknown; what is computed from it says so.
func moneyFrom(m *typev1.Money) money.Money {
	return money.Money{MinorUnits: m.GetMinorUnits(), Currency: m.GetCurrencyCode()}
}
