package loans

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/agreement"
)

// acceptance is an offer being accepted: what was read, and the document made of it.
type acceptance struct {
	// offer and product never change once written, so what was read outside the transaction that counts still holds in it.
	offer   loansdb.Offer
	product product
	// today is the date of the document, and the day from which its schedule runs.
	today civil.Date
	// now is one instant for all rows and for the file's own dates.
	now time.Time
	// number, locale and pdf are there once the document is drawn.
	number string
	locale string
	pdf    []byte
}

// AcceptOffer implements the ApplicationService. The profile is fetched, the number taken and the document drawn outside the transaction
// that counts: a number whose acceptance then fails leaves a gap, so numbers are unique and rising but not without gaps. No row is
// locked meanwhile, so a slow identity service holds up nobody but the caller.
func (s *Service) AcceptOffer(ctx context.Context, req *loansv1.AcceptOfferRequest) (*loansv1.AcceptOfferResponse, error) {
	var a acceptance
	return between(ctx, s.keeper, loansv1connect.ApplicationServiceAcceptOfferProcedure, req,
		func() *loansv1.AcceptOfferResponse { return &loansv1.AcceptOfferResponse{} },
		func(tx pgx.Tx) (err error) {
			a, err = s.planAcceptance(ctx, tx, req.GetOfferId())
			return err
		},
		func() error { return s.draw(ctx, &a, req.GetLocale()) },
		func(tx pgx.Tx) (*loansv1.AcceptOfferResponse, error) {
			row, err := s.accept(ctx, tx, a)
			return &loansv1.AcceptOfferResponse{Application: applicationMessage(row)}, err
		})
}

// planAcceptance reads what the document is made of, and refuses what cannot be accepted.
func (s *Service) planAcceptance(ctx context.Context, tx pgx.Tx, offerID string) (a acceptance, err error) {
	// Taken before anything is read, so that an offer which ends while the document is drawn is still accepted: the person was in time.
	a.now = s.keeper.Clock.Now()
	if a.offer, err = s.ownOffer(ctx, tx, offerID); err != nil {
		return a, err
	}
	application, err := s.queries.GetApplication(ctx, tx, a.offer.ApplicationID)
	if err != nil {
		return a, fmt.Errorf("read application: %w", err)
	}
	if err := a.check(application); err != nil {
		return a, err
	}
	if a.product, err = s.productVersion(ctx, tx, a.offer.ProductID); err != nil {
		return a, err
	}
	a.today, err = s.BusinessDate(ctx, tx)
	return a, err
}

// check refuses an application that waits for no choice, and an offer that has ended. It runs twice: before the document is drawn, to spare
// the work, and under the application's lock, where it counts. An offer ends at its expire time, not after it.
func (a acceptance) check(application loansdb.Application) error {
	if err := moveApplication(application.State, applicationAccepted); err != nil {
		return err
	}
	if !a.now.Before(a.offer.ExpireTime) {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED, "the offer has ended")
	}
	return nil
}

// draw makes the document. The order matters: whatever can be refused comes before the number, so that a refusal leaves no gap. The language
// is the wished one, else the person's, else the tenant's; a language without a template gets English.
func (s *Service) draw(ctx context.Context, a *acceptance, wish string) error {
	person, err := s.borrower(ctx, a.offer)
	if err != nil {
		return err
	}
	lender, err := s.tenant(ctx)
	if err != nil {
		return err
	}
	if wish == "" {
		wish = person.GetLocale()
	}
	a.locale = agreement.Language(lender.Locale(wish))
	// From here on nothing is the person's to mend.
	if a.number, err = s.nextAgreementNumber(ctx, a.today); err != nil {
		return err
	}
	document, err := a.document(lender.Name, person.GetProfile())
	if err != nil {
		return err
	}
	a.pdf, err = agreement.Render(document)
	return err
}

// borrower fetches the profile of who accepts, which must be complete and in good standing.
func (s *Service) borrower(ctx context.Context, offer loansdb.Offer) (*identityv1.Person, error) {
	res, err := s.persons.GetPerson(forPerson(ctx, offer.PersonID), &identityv1.GetPersonRequest{PersonId: id.Format(id.Person, offer.PersonID)})
	if err != nil {
		return nil, err
	}
	person := res.GetPerson()
	if person.GetState() != identityv1.Person_STATE_ACTIVE {
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PERSON_BLOCKED, "the person may not do new business")
	}
	// Names of fields and no values: the refusal may be logged.
	missing := person.GetMissingFields()
	// A person who has told nothing at all has no list of what is missing.
	if person.GetProfile() == nil && len(missing) == 0 {
		missing = []string{"profile"}
	}
	if len(missing) > 0 {
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PROFILE_INCOMPLETE, "the profile misses fields that an agreement needs",
			rpcerr.Meta("missing", strings.Join(missing, ",")))
	}
	return person, nil
}

// nextAgreementNumber takes the next number of the tenant's year, "2026-000042", in a transaction of its own, so that nobody waits for a
// document to be drawn. The counter is one a year and lender and begins at 1; the year is that of the business date.
func (s *Service) nextAgreementNumber(ctx context.Context, today civil.Date) (string, error) {
	var number int64
	err := s.keeper.DB.InTx(ctx, func(tx pgx.Tx) (err error) {
		number, err = s.queries.NextNumber(ctx, tx, loansdb.NextNumberParams{
			TenantID: actor.Must(ctx).TenantID, Name: fmt.Sprintf("agreement/%d", today.Year),
		})
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%06d", today.Year, number), nil
}

// document fills in the agreement's parameters. The APR is computed here once more rather than taken from the offer, whose schedule is as of
// the day on which it was shown.
func (a acceptance) document(lender string, profile *identityv1.Profile) (agreement.Document, error) {
	principal := money.Money{MinorUnits: a.offer.PrincipalMinor, Currency: a.offer.Currency}
	schedule, err := a.product.plan(principal, int(a.offer.Instalments), a.today)
	if err != nil {
		return agreement.Document{}, scheduleImpossible(err)
	}
	rate, err := apr(schedule, a.product.terms.GetFrequency())
	if err != nil {
		return agreement.Document{}, err
	}
	names := map[string]string{}
	if err := json.Unmarshal(a.product.row.Names, &names); err != nil {
		return agreement.Document{}, fmt.Errorf("names of product %s: %w", a.product.row.ID, err)
	}
	// English is required of every product, so there is always a name.
	name := names[a.locale]
	if name == "" {
		name = names["en"]
	}
	document := agreement.Document{
		Locale: a.locale, Number: a.number, Date: a.today, CreateTime: a.now, Lender: lender, ProductName: name,
		BorrowerName: profile.GetGivenName() + " " + profile.GetFamilyName(), TaxID: profile.GetTaxId(),
		Principal: principal, AnnualRate: a.product.terms.GetAnnualRatePercent(), APR: rate,
		OriginationFee: a.product.terms.GetOriginationFeePercent(), DailyPenalty: a.product.terms.GetDailyPenaltyPercent(),
		LowersPrincipal: a.product.prepayment() != 0,
		TotalInterest:   schedule.Interest, TotalFees: schedule.Fee, TotalPayable: schedule.Total,
	}
	for _, row := range schedule.Instalments {
		document.Schedule = append(document.Schedule, agreement.Row{
			Number: row.Number, Due: row.Due, Principal: row.Principal, Interest: row.Interest, Fee: row.Fee, Total: row.Total, Rest: row.Balance,
		})
	}
	return document, nil
}

// accept writes the agreement and its sealed document, and takes the application on. The hash is of the PDF in clear: it is what the person
// is shown, and what the signature is bound to. The sealed bytes differ each time, since sealing takes a random nonce.
func (s *Service) accept(ctx context.Context, tx pgx.Tx, a acceptance) (loansdb.Application, error) {
	row, err := s.queries.LockApplication(ctx, tx, a.offer.ApplicationID)
	if err != nil {
		return row, fmt.Errorf("lock application: %w", err)
	}
	if err := a.check(row); err != nil {
		return row, err
	}
	// The hash is taken before sealing, see above, and the id before the row, because it is part of what the sealing binds to.
	who, hash, agreementID := actor.Must(ctx).String(), sha256.Sum256(a.pdf), id.New()
	err = s.queries.InsertAgreement(ctx, tx, loansdb.InsertAgreementParams{
		TenantID: row.TenantID, ID: agreementID, ApplicationID: row.ID, OfferID: a.offer.ID, PersonID: row.PersonID, Number: a.number,
		State: stateName(agreementPrepared), DocumentSha256: hash[:], Locale: a.locale, TemplateVersion: agreement.TemplateVersion,
		Actor: who, Now: a.now,
	})
	if err != nil {
		return row, fmt.Errorf("insert agreement: %w", err)
	}
	box, err := s.keeper.Sealer.Make(ctx, tx, row.PersonID)
	if err != nil {
		return row, err
	}
	err = s.queries.InsertDocument(ctx, tx, loansdb.InsertDocumentParams{
		TenantID: row.TenantID, AgreementID: agreementID, PersonID: row.PersonID, Content: box.Seal(documentPlace(agreementID), a.pdf),
		Actor: who, CreateTime: a.now,
	})
	if err != nil {
		return row, fmt.Errorf("insert document: %w", err)
	}
	row.OfferID, row.AgreementID = &a.offer.ID, &agreementID
	if row, err = s.move(ctx, tx, row, applicationAccepted); err != nil {
		return row, err
	}
	return row, s.tellOfferAccepted(ctx, tx, row)
}
