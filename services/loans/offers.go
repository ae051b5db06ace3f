package loans

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/offering"
)

// Why an application that was decided well still ends without an offer. Scoring decides on limits, and only pricing shows that no term of
// the product keeps within them; so these reasons are ours, beside the decision's own.
const (
	reasonPrincipal  = "PRINCIPAL_ABOVE_LIMIT"
	reasonInstalment = "INSTALMENT_ABOVE_LIMIT"
	reasonTerms      = "TERMS_IMPOSSIBLE"
)

// offerStep is what reduced amounts are rounded down to, in major units: people are offered 5,400 and not 5,437.12.
const offerStep = 100

// OfferLoan implements the ApplicationService. Offers are of the product version that was applied for, whatever version is live by now.
func (s *Service) OfferLoan(ctx context.Context, req *loansv1.OfferLoanRequest) (*loansv1.OfferLoanResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.ApplicationServiceOfferLoanProcedure, req, &loansv1.OfferLoanResponse{},
		func(tx pgx.Tx) (*loansv1.OfferLoanResponse, error) {
			// The lock comes before the look at the state: of two decisions at once the second finds OFFERED or REJECTED and is refused.
			row, err := s.ownApplication(ctx, tx, req.GetApplicationId(), s.queries.LockApplication)
			if err != nil {
				return nil, err
			}
			if err := moveApplication(row.State, applicationOffered); err != nil {
				return nil, err
			}
			p, err := s.productVersion(ctx, tx, row.ProductID)
			if err != nil {
				return nil, err
			}
			today, err := s.BusinessDate(ctx, tx)
			if err != nil {
				return nil, err
			}
			proposals, reason, err := p.propose(row, req, today)
			if err != nil {
				return nil, err
			}
			// Nothing fits a good decision. That is an answer and no error: the application is rejected in the same transaction, and a
			// repeat is told so.
			if len(proposals) == 0 {
				row, err = s.reject(ctx, tx, row, req.GetDecisionId(), []string{reason})
				return &loansv1.OfferLoanResponse{Application: applicationMessage(row)}, err
			}
			return s.offer(ctx, tx, row, req.GetDecisionId(), p, proposals, today)
		})
}

// propose finds what fits the decision's limits, or says why nothing does. Proposals are limits turned into terms; what they cost is priced
// by the same schedule that will be agreed, as of today.
func (p product) propose(row loansdb.Application, req *loansv1.OfferLoanRequest, today civil.Date) ([]offering.Proposal, string, error) {
	if req.GetMaxPrincipal().GetCurrencyCode() != row.Currency || req.GetMaxInstalment().GetCurrencyCode() != row.Currency {
		return nil, "", rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "the application is in "+row.Currency)
	}
	// The step is in minor units from here on: 100 major units are 10,000 in UAH and 100 in JPY.
	exponent, err := money.Exponent(row.Currency)
	if err != nil {
		return nil, "", err
	}
	step := int64(offerStep)
	for range exponent {
		step *= 10
	}
	// Terms without a schedule are passed over. If no terms have one, nothing can be offered, now or at another try.
	var failure error
	priced := false
	price := func(principal int64, instalments int) (int64, bool) {
		schedule, err := p.plan(money.Money{MinorUnits: principal, Currency: row.Currency}, instalments, today)
		if err != nil {
			if !impossible(err) {
				failure = errors.Join(failure, err)
			}
			return 0, false
		}
		priced = true
		// A schedule fits by its largest instalment: the first one bears the fee, and equal principal parts cost most at the beginning.
		largest := int64(0)
		for _, instalment := range schedule.Instalments {
			largest = max(largest, instalment.Total.MinorUnits)
		}
		return largest, true
	}
	proposals := offering.Propose(offering.Limits{
		MinPrincipal: p.row.MinPrincipalMinor, MaxPrincipal: p.row.MaxPrincipalMinor,
		MinInstalments: int(p.row.MinInstalments), MaxInstalments: int(p.row.MaxInstalments),
		Principal: req.GetMaxPrincipal().GetMinorUnits(), Instalment: req.GetMaxInstalment().GetMinorUnits(), Step: step,
	}, offering.Ask{Principal: row.PrincipalMinor, Instalments: int(row.Instalments)}, price)
	switch {
	case failure != nil:
		return nil, "", failure
	case req.GetMaxPrincipal().GetMinorUnits() < p.row.MinPrincipalMinor:
		return nil, reasonPrincipal, nil
	case !priced:
		return nil, reasonTerms, nil
	}
	return proposals, reasonInstalment, nil
}

// offer writes proposals down as offers, which all end at the same time: so many days of 24 hours from now. Only amount and term are
// promised; the schedule depends on the day on which the money arrives.
func (s *Service) offer(
	ctx context.Context, tx pgx.Tx, row loansdb.Application, decisionID string, p product, proposals []offering.Proposal, today civil.Date,
) (*loansv1.OfferLoanResponse, error) {
	decision, err := parseDecision(decisionID)
	if err != nil {
		return nil, err
	}
	row.DecisionID = &decision
	// The state moves before the offers are written: whoever reads SUBMITTED finds none, whoever reads OFFERED finds them all.
	if row, err = s.move(ctx, tx, row, applicationOffered); err != nil {
		return nil, err
	}
	now := s.keeper.Clock.Now()
	res := &loansv1.OfferLoanResponse{Application: applicationMessage(row)}
	for _, proposal := range proposals {
		params := loansdb.InsertOfferParams{
			TenantID: row.TenantID, ID: id.New(), ApplicationID: row.ID, PersonID: row.PersonID, ProductID: row.ProductID,
			PrincipalMinor: proposal.Principal, Currency: row.Currency, Instalments: int32(proposal.Instalments), InstalmentMinor: proposal.Largest,
			// Days of 24 hours, not of the calendar: an offer's end is an instant and the same in every zone.
			ExpireTime: now.Add(time.Duration(p.terms.GetOfferLifetimeDays()) * 24 * time.Hour), Actor: actor.Must(ctx).String(), CreateTime: now,
		}
		if err := s.queries.InsertOffer(ctx, tx, params); err != nil {
			return nil, fmt.Errorf("insert offer: %w", err)
		}
		// The answer shows what was written, without reading it back: the columns are the parameters.
		message, err := offerMessage(loansdb.Offer(params), p, today)
		if err != nil {
			return nil, err
		}
		res.Offers = append(res.Offers, message)
	}
	// How many there are is told, not what they are: amounts of offers that are not taken are nobody else's business.
	return res, s.tellLoanOffered(ctx, tx, row, len(proposals))
}

// ListOffers implements the ApplicationService. Offers that have ended are listed too, with the time at which they did.
func (s *Service) ListOffers(ctx context.Context, req *loansv1.ListOffersRequest) (*loansv1.ListOffersResponse, error) {
	res := &loansv1.ListOffersResponse{}
	err := s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		application, err := s.ownApplication(ctx, tx, req.GetApplicationId(), s.queries.GetApplication)
		if err != nil {
			return err
		}
		rows, err := s.queries.ListOffers(ctx, tx, application.ID)
		// An application that was not decided yet has no offers, and needs no product to price them.
		if err != nil || len(rows) == 0 {
			return err
		}
		p, err := s.productVersion(ctx, tx, application.ProductID)
		if err != nil {
			return err
		}
		today, err := s.BusinessDate(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			// Priced as of today, not as of the day of the offer: due days and APR are those that accepting it now would give.
			message, err := offerMessage(row, p, today)
			if err != nil {
				return err
			}
			res.Offers = append(res.Offers, message)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ownOffer reads an offer of the wire's id that the caller may see. The offer bears its person itself, so that it can be shown without its
// application.
func (s *Service) ownOffer(ctx context.Context, tx pgx.Tx, wireID string) (loansdb.Offer, error) {
	missing := rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_OFFER_NOT_FOUND, "no such offer")
	offerID, err := id.Parse(id.Offer, wireID)
	if err != nil {
		return loansdb.Offer{}, missing
	}
	row, err := s.queries.GetOffer(ctx, tx, offerID)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !actor.Must(ctx).MaySee(row.PersonID):
		return loansdb.Offer{}, missing
	case err != nil:
		return loansdb.Offer{}, fmt.Errorf("read offer: %w", err)
	}
	return row, nil
}
