package loans_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestCreateApplication(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	req := &loansv1.CreateApplicationRequest{
		RequestId: requestID(), ProductCode: "cash", Principal: uah(1_200_000), Instalments: 12, PayoutDestination: "card_demo",
	}
	res, err := b.applications.CreateApplication(b.ctx, req)
	first := ok(t, res, err)
	if first.GetApplication().GetState() != loansv1.Application_STATE_SUBMITTED || first.GetApplication().GetPersonId() != b.person {
		t.Errorf("got %v", first)
	}
	applicationID := first.GetApplication().GetId()

	t.Run("a repeat answers the same and tells nothing twice", func(t *testing.T) {
		res, err := b.applications.CreateApplication(b.ctx, req)
		same(t, first, ok(t, res, err))
		if diff := cmp.Diff([]string{"application_created"}, names(b.facts(t, applicationID))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a second open one is refused by name", func(t *testing.T) {
		res, err := b.applications.CreateApplication(b.ctx, &loansv1.CreateApplicationRequest{
			RequestId: requestID(), ProductCode: "cash", Principal: uah(500_000), Instalments: 6, PayoutDestination: "card_demo",
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_EXISTS)
		if got := metadata(err, "application_id"); got != applicationID || codeOf(err) != connect.CodeAlreadyExists {
			t.Errorf("application %q, code %s", got, codeOf(err))
		}
	})
	t.Run("it is read with its destination", func(t *testing.T) {
		res, err := b.applications.GetApplication(b.ctx, &loansv1.GetApplicationRequest{ApplicationId: applicationID})
		same(t, first.GetApplication(), ok(t, res, err).GetApplication())
		if res.GetPayoutDestination() != "card_demo" {
			t.Errorf("destination %q", res.GetPayoutDestination())
		}
	})
	t.Run("others do not see it", func(t *testing.T) {
		req := &loansv1.GetApplicationRequest{ApplicationId: applicationID}
		other, err := b.applications.GetApplication(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
		refused(t, other, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
		stranger, err := b.applications.GetApplication(servicetest.AsStranger(t.Context(), b.person), req)
		refused(t, stranger, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
	})
	t.Run("what the product does not offer is refused", func(t *testing.T) {
		res, err := b.applications.CreateApplication(b.ctx, &loansv1.CreateApplicationRequest{
			RequestId: requestID(), ProductCode: "cash", Principal: uah(1), Instalments: 12, PayoutDestination: "card_demo",
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE)
	})
	t.Run("a service applies for nobody", func(t *testing.T) {
		res, err := b.applications.CreateApplication(b.flows, req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
}

func TestManyApplicationsAtOnceOpenOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	const rivals = 10
	reasons := make(chan error, rivals)
	for range rivals {
		go func() {
			_, err := b.applications.CreateApplication(b.ctx, &loansv1.CreateApplicationRequest{
				RequestId: requestID(), ProductCode: "cash", Principal: uah(1_200_000), Instalments: 12, PayoutDestination: "card_demo",
			})
			reasons <- err
		}()
	}
	made := 0
	for range rivals {
		if err := <-reasons; err == nil {
			made++
		} else {
			refused(t, 0, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_EXISTS)
		}
	}
	if made != 1 {
		t.Errorf("%d applications", made)
	}
}

func TestListApplicationsPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	var want []string
	for range 3 {
		application := b.apply(t, 1_200_000, 12)
		want = append([]string{application.GetId()}, want...)
		res, err := b.applications.WithdrawApplication(b.ctx, &loansv1.WithdrawApplicationRequest{
			RequestId: requestID(), ApplicationId: application.GetId(),
		})
		ok(t, res, err)
	}
	var got []string
	page := &typev1.PageRequest{PageSize: 2}
	for {
		res, err := b.applications.ListApplications(b.ctx, &loansv1.ListApplicationsRequest{Page: page})
		for _, application := range ok(t, res, err).GetApplications() {
			got = append(got, application.GetId())
		}
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	other, err := b.applications.ListApplications(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &loansv1.ListApplicationsRequest{})
	if n := len(ok(t, other, err).GetApplications()); n != 0 {
		t.Errorf("somebody else sees %d", n)
	}
}

func TestStaffListAndReadEverybodysApplications(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	withdrawn := b.apply(t, 1_200_000, 12)
	res, err := b.applications.WithdrawApplication(b.ctx, &loansv1.WithdrawApplicationRequest{RequestId: requestID(), ApplicationId: withdrawn.GetId()})
	ok(t, res, err)
	open := b.apply(t, 1_200_000, 12)
	staff := func(permissions ...typev1.Permission) context.Context {
		return actor.With(t.Context(), actor.Actor{
			TenantID: servicetest.Tenant, Kind: actor.KindStaff, StaffID: id.Format(id.Staff, id.New()), Permissions: permissions,
		})
	}
	reader := staff(typev1.Permission_PERMISSION_PORTFOLIO_READ)
	for name, c := range map[string]struct {
		req  *loansv1.ListApplicationsRequest
		want []string
	}{
		"all":               {&loansv1.ListApplicationsRequest{}, []string{open.GetId(), withdrawn.GetId()}},
		"in a state":        {&loansv1.ListApplicationsRequest{State: loansv1.Application_STATE_WITHDRAWN}, []string{withdrawn.GetId()}},
		"of a person":       {&loansv1.ListApplicationsRequest{PersonId: open.GetPersonId()}, []string{open.GetId(), withdrawn.GetId()}},
		"of somebody else":  {&loansv1.ListApplicationsRequest{PersonId: servicetest.NewPerson()}, nil},
		"of no id at all":   {&loansv1.ListApplicationsRequest{PersonId: "x"}, nil},
		"narrowed by both":  {&loansv1.ListApplicationsRequest{PersonId: open.GetPersonId(), State: loansv1.Application_STATE_SUBMITTED}, []string{open.GetId()}},
		"in a state unseen": {&loansv1.ListApplicationsRequest{State: loansv1.Application_STATE_FAILED}, nil},
	} {
		var got []string
		res, err := b.applications.ListApplications(reader, c.req)
		for _, application := range ok(t, res, err).GetApplications() {
			got = append(got, application.GetId())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	seen, err := b.applications.GetApplication(reader, &loansv1.GetApplicationRequest{ApplicationId: open.GetId()})
	if ok(t, seen, err).GetApplication().GetPersonId() != open.GetPersonId() {
		t.Errorf("shown %v", seen)
	}
	_, err = b.applications.GetApplication(staff(typev1.Permission_PERMISSION_CUSTOMER_READ), &loansv1.GetApplicationRequest{ApplicationId: open.GetId()})
	refused(t, 0, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	_, err = b.applications.WithdrawApplication(reader, &loansv1.WithdrawApplicationRequest{RequestId: requestID(), ApplicationId: open.GetId()})
	refused(t, 0, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	// A filter opens nobody's list to a person.
	other, err := b.applications.ListApplications(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &loansv1.ListApplicationsRequest{PersonId: open.GetPersonId()})
	if n := len(ok(t, other, err).GetApplications()); n != 0 {
		t.Errorf("somebody else sees %d", n)
	}
}

func TestOfferLoanRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	application := b.apply(t, 1_200_000, 12)
	req := &loansv1.OfferLoanRequest{
		RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: id.Format(id.Decision, id.New()),
		MaxPrincipal: uah(1_000_000), MaxInstalment: uah(110_000),
	}
	t.Run("a person may not offer", func(t *testing.T) {
		res, err := b.applications.OfferLoan(b.ctx, req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("limits of another currency are refused", func(t *testing.T) {
		res, err := b.applications.OfferLoan(b.flows, &loansv1.OfferLoanRequest{
			RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: req.GetDecisionId(),
			MaxPrincipal: uah(1_000_000), MaxInstalment: &typev1.Money{MinorUnits: 1, CurrencyCode: "EUR"},
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH)
	})
	t.Run("an application that is none", func(t *testing.T) {
		res, err := b.applications.OfferLoan(b.flows, &loansv1.OfferLoanRequest{
			RequestId: requestID(), ApplicationId: id.Format(id.Application, id.New()), DecisionId: req.GetDecisionId(),
			MaxPrincipal: uah(1_000_000), MaxInstalment: uah(110_000),
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
	})
}

func TestOfferLoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	application := b.apply(t, 1_200_000, 12)
	req := &loansv1.OfferLoanRequest{
		RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: id.Format(id.Decision, id.New()),
		MaxPrincipal: uah(1_000_000), MaxInstalment: uah(110_000),
	}
	res, err := b.applications.OfferLoan(b.flows, req)
	first := ok(t, res, err)
	if first.GetApplication().GetState() != loansv1.Application_STATE_OFFERED || first.GetApplication().GetDecisionId() != req.GetDecisionId() {
		t.Errorf("got %v", first.GetApplication())
	}
	var last int64
	for _, offer := range first.GetOffers() {
		largest := int64(0)
		for _, row := range offer.GetSchedule().GetInstalments() {
			largest = max(largest, row.GetTotal().GetMinorUnits())
		}
		if largest > 110_000 || largest < last || offer.GetPrincipal().GetMinorUnits() > 1_000_000 {
			t.Errorf("offer %v over %d: largest instalment %d after %d", offer.GetPrincipal(), offer.GetInstalments(), largest, last)
		}
		if !offer.GetExpireTime().AsTime().Equal(b.Clock.Now().AddDate(0, 0, 14)) {
			t.Errorf("it ends %s", offer.GetExpireTime().AsTime())
		}
		last = largest
	}
	if len(first.GetOffers()) != 3 {
		t.Errorf("%d offers", len(first.GetOffers()))
	}
	t.Run("they are listed", func(t *testing.T) {
		list, err := b.applications.ListOffers(b.ctx, &loansv1.ListOffersRequest{ApplicationId: application.GetId()})
		same(t, &loansv1.ListOffersResponse{Offers: first.GetOffers()}, ok(t, list, err))
		foreign, err := b.applications.ListOffers(servicetest.AsPerson(t.Context(), servicetest.NewPerson()),
			&loansv1.ListOffersRequest{ApplicationId: application.GetId()})
		refused(t, foreign, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
	})
	t.Run("a repeat answers the same", func(t *testing.T) {
		res, err := b.applications.OfferLoan(b.flows, req)
		same(t, first, ok(t, res, err))
	})
	t.Run("a second decision is refused", func(t *testing.T) {
		res, err := b.applications.RejectApplication(b.flows, &loansv1.RejectApplicationRequest{
			RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: req.GetDecisionId(), ReasonCodes: []string{"RC03"},
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)
		if metadata(err, "state") != "OFFERED" {
			t.Errorf("state %q", metadata(err, "state"))
		}
	})
	if diff := cmp.Diff([]string{"application_created", "loan_offered"}, names(b.facts(t, application.GetId()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsThatNothingFitsReject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                     string
		principal, maxInstalment int64
		want                     string
	}{
		{"instalments too large", 10_000_000, 1_000, "INSTALMENT_ABOVE_LIMIT"},
		{"loans too large", 99_999, 10_000_000, "PRINCIPAL_ABOVE_LIMIT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.product(t)
			application := b.apply(t, 1_200_000, 12)
			res, err := b.applications.OfferLoan(b.flows, &loansv1.OfferLoanRequest{
				RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: id.Format(id.Decision, id.New()),
				MaxPrincipal: uah(tt.principal), MaxInstalment: uah(tt.maxInstalment),
			})
			got := ok(t, res, err)
			if got.GetApplication().GetState() != loansv1.Application_STATE_REJECTED || len(got.GetOffers()) != 0 {
				t.Errorf("got %v", got)
			}
			if diff := cmp.Diff([]string{tt.want}, got.GetApplication().GetReasonCodes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"application_created", "application_rejected"}, names(b.facts(t, application.GetId()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRejectApplication(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	application := b.apply(t, 1_200_000, 12)
	req := &loansv1.RejectApplicationRequest{
		RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: id.Format(id.Decision, id.New()),
		ReasonCodes: []string{"INCOME_INSUFFICIENT", "THIN_FILE"},
	}
	res, err := b.applications.RejectApplication(b.flows, req)
	first := ok(t, res, err)
	if diff := cmp.Diff(req.GetReasonCodes(), first.GetApplication().GetReasonCodes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := b.applications.RejectApplication(b.flows, req)
	same(t, first, ok(t, again, err))
	b.apply(t, 1_200_000, 12) // A rejected one no longer stands in the way.
}

func TestAnEndingRepeatedAnswersTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	withdraw := &loansv1.WithdrawApplicationRequest{RequestId: requestID(), ApplicationId: b.apply(t, 1_200_000, 12).GetId()}
	first, err := b.applications.WithdrawApplication(b.ctx, withdraw)
	ok(t, first, err)
	again, err := b.applications.WithdrawApplication(b.ctx, withdraw)
	same(t, first, ok(t, again, err))
	foreign, err := b.applications.WithdrawApplication(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), withdraw)
	refused(t, foreign, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)

	expire := &loansv1.ExpireApplicationRequest{RequestId: requestID(), ApplicationId: b.apply(t, 1_200_000, 12).GetId()}
	expired, err := b.applications.ExpireApplication(b.flows, expire)
	ok(t, expired, err)
	repeated, err := b.applications.ExpireApplication(b.flows, expire)
	same(t, expired, ok(t, repeated, err))
}

func TestEndings(t *testing.T) {
	t.Parallel()
	withdraw := func(b *bench, applicationID string) (*loansv1.Application, error) {
		res, err := b.applications.WithdrawApplication(b.ctx, &loansv1.WithdrawApplicationRequest{RequestId: requestID(), ApplicationId: applicationID})
		return res.GetApplication(), err
	}
	expire := func(b *bench, applicationID string) (*loansv1.Application, error) {
		res, err := b.applications.ExpireApplication(b.flows, &loansv1.ExpireApplicationRequest{RequestId: requestID(), ApplicationId: applicationID})
		return res.GetApplication(), err
	}
	for name, end := range map[string]func(*bench, string) (*loansv1.Application, error){"WITHDRAWN": withdraw, "EXPIRED": expire} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.product(t)
			submitted := b.apply(t, 1_200_000, 12)
			application, err := end(b, submitted.GetId())
			if ok(t, application, err).GetState().String() != "STATE_"+name {
				t.Errorf("state %s", application.GetState())
			}
			facts := b.facts(t, submitted.GetId())
			if got := facts[len(facts)-1].GetApplicationEnded().GetState(); got != name {
				t.Errorf("told %q", got)
			}
			again, err := end(b, submitted.GetId())
			refused(t, again, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)

			// An accepted one takes its agreement with it.
			agreement := b.accept(t, b.offer(t, b.apply(t, 1_200_000, 12)))
			accepted, err := end(b, agreement.GetApplicationId())
			ok(t, accepted, err)
			if got := b.agreement(t, agreement.GetId()).GetState(); got != loansv1.Agreement_STATE_VOIDED {
				t.Errorf("the agreement is %s", got)
			}

			// A signed one stays.
			signed := b.loan(t, b.approved(t, 1_200_000, 12))
			late, err := end(b, signed.GetApplicationId())
			refused(t, late, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)

			absent, err := end(b, id.Format(id.Application, id.New()))
			refused(t, absent, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND)
		})
	}
}

func TestAcceptOffer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	offer := b.offer(t, b.apply(t, 1_200_000, 12))
	req := &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId()}

	t.Run("somebody else may not", func(t *testing.T) {
		res, err := b.applications.AcceptOffer(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_OFFER_NOT_FOUND)
	})
	res, err := b.applications.AcceptOffer(b.ctx, req)
	first := ok(t, res, err)
	application := first.GetApplication()
	if application.GetState() != loansv1.Application_STATE_ACCEPTED || application.GetOfferId() != offer.GetId() {
		t.Errorf("got %v", application)
	}
	agreement := b.agreement(t, application.GetAgreementId())
	if agreement.GetNumber() != "2026-000001" || agreement.GetLocale() != "uk" || agreement.GetTemplateVersion() != "cash-loan/1" ||
		agreement.GetState() != loansv1.Agreement_STATE_PREPARED {
		t.Errorf("got %v", agreement)
	}
	t.Run("a repeat answers the same and takes no number", func(t *testing.T) {
		res, err := b.applications.AcceptOffer(b.ctx, req)
		same(t, first, ok(t, res, err))
		if got := query[int64](t, b, "SELECT value FROM loans.counters WHERE name = 'agreement/2026'"); got[0] != 1 {
			t.Errorf("%d numbers taken", got[0])
		}
	})
	t.Run("another choice is refused", func(t *testing.T) {
		res, err := b.applications.AcceptOffer(b.ctx, &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId()})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)
	})
	if diff := cmp.Diff([]string{"application_created", "loan_offered", "offer_accepted"}, names(b.facts(t, application.GetId()))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnOfferEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	offer := b.offer(t, b.apply(t, 1_200_000, 12))
	b.Clock.Advance(14 * 24 * time.Hour)
	res, err := b.applications.AcceptOffer(b.ctx, &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId()})
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED)
}
