package flows

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/tenant"
)

const (
	// activityTimeout bounds one try of an activity, and all calls that it makes. It is also how long the work of a worker that died lies
	// before another takes it up.
	activityTimeout = 6 * time.Second
	// retryPause is the wait after the first failed try; it doubles to retryPauseMax.
	retryPause    = 500 * time.Millisecond
	retryPauseMax = time.Minute
)

// reasonReview is what an application is rejected with that a person would have to look at.
const reasonReview = "REVIEW_REQUIRED"

// activities are all that a process does outside of itself. Each may run any number of times for one effect. The names of the methods are
// those of the activities in histories: they stay.
type activities struct {
	clock    clock.Clock
	tenants  *tenant.Directory
	backends Backends
}

// Snapshot is what a process needs to know of its application. It lies in histories and is what a process continues from when it was lost.
type Snapshot struct {
	State       loansv1.Application_State `json:"state"`
	Offers      []Offer                   `json:"offers,omitempty"`
	AgreementID string                    `json:"agreement_id,omitempty"`
	LoanID      string                    `json:"loan_id,omitempty"`
}

// Offer is an offer that may be chosen until its end.
type Offer struct {
	ID         string    `json:"id"`
	ExpireTime time.Time `json:"expire_time"`
}

// Verdict is a decision, as far as applications are concerned.
type Verdict struct {
	DecisionID string `json:"decision_id"`
	Approved   bool   `json:"approved"`
	// ReasonCodes say why not, at least one when not approved.
	ReasonCodes []string `json:"reason_codes,omitempty"`
	// MaxPrincipalMinor and MaxInstalmentMinor are the limits in minor units, when approved.
	MaxPrincipalMinor  int64  `json:"max_principal_minor,omitempty"`
	MaxInstalmentMinor int64  `json:"max_instalment_minor,omitempty"`
	CurrencyCode       string `json:"currency_code,omitempty"`
}

// asService is the context of calls that the process makes by itself. It sees everybody's rows of the tenant. The request id leads from the
// logs of all services back to the request that began it all.
func (s Subject) asService(ctx context.Context) context.Context {
	ctx = actor.AsService(ctx, s.TenantID, serviceName)
	us := actor.Must(ctx)
	us.RequestID = s.RequestID
	return actor.With(ctx, us)
}

// forPerson is the context of calls that read what is the person's own. It sees nothing else, whatever the process should ask for by
// mistake.
func (s Subject) forPerson(ctx context.Context) context.Context {
	ctx = actor.ForPerson(ctx, s.TenantID, serviceName, s.PersonID)
	us := actor.Must(ctx)
	us.RequestID = s.RequestID
	return actor.With(ctx, us)
}

// forCaller is the context of the person's own verbs: evidence names the device and the session that asked.
func (s Subject) forCaller(ctx context.Context, c Caller) context.Context {
	ctx = actor.ForPerson(ctx, s.TenantID, serviceName, s.PersonID)
	us := actor.Must(ctx)
	us.DeviceID, us.SessionID, us.RequestID, us.Locale = c.DeviceID, c.SessionID, c.RequestID, c.Locale
	return actor.With(ctx, us)
}

// workflowID is the name of the subject's process in the engine.
func (s Subject) workflowID() string { return workflowID(s.TenantID, s.ApplicationID) }

// requestID is the request_id of a call to a service: the same on every try of the same step.
func (s Subject) requestID(step string) string {
	return id.Derive(uuid.NameSpaceOID, "lendgate.flows/"+s.workflowID()+"/"+step).String()
}

// ReadApplication tells where the application stands in loans.
func (a *activities) ReadApplication(ctx context.Context, s Subject) (Snapshot, error) {
	ctx = s.asService(ctx)
	res, err := a.backends.Applications.GetApplication(ctx, &loansv1.GetApplicationRequest{ApplicationId: s.ApplicationID})
	if err != nil {
		return Snapshot{}, err
	}
	var offers []*loansv1.Offer
	if res.GetApplication().GetState() == loansv1.Application_STATE_OFFERED {
		list, err := a.backends.Applications.ListOffers(ctx, &loansv1.ListOffersRequest{ApplicationId: s.ApplicationID})
		if err != nil {
			return Snapshot{}, err
		}
		offers = list.GetOffers()
	}
	return snapshot(res.GetApplication(), offers), nil
}

// snapshot keeps what the process decides by; amounts and names stay with loans.
func snapshot(application *loansv1.Application, offers []*loansv1.Offer) Snapshot {
	s := Snapshot{State: application.GetState(), AgreementID: application.GetAgreementId(), LoanID: application.GetLoanId()}
	for _, offer := range offers {
		s.Offers = append(s.Offers, Offer{ID: offer.GetId(), ExpireTime: offer.GetExpireTime().AsTime()})
	}
	return s
}

// MissingIdentity names the profile fields and consents that the person has yet to give, as "tax_id" and "consent_credit_bureau".
func (a *activities) MissingIdentity(ctx context.Context, s Subject) ([]string, error) {
	ctx = s.forPerson(ctx)
	person, err := a.backends.Persons.GetPerson(ctx, &identityv1.GetPersonRequest{PersonId: s.PersonID})
	if err != nil {
		return nil, err
	}
	consents, err := a.backends.Persons.ListConsents(ctx, &identityv1.ListConsentsRequest{})
	if err != nil {
		return nil, err
	}
	return missing(person.GetPerson(), consents.GetConsents()), nil
}

// GatherFeatures collects what scoring is to know. Its answer is kept in the history, so that every try to decide asks the same.
func (a *activities) GatherFeatures(ctx context.Context, s Subject) (Question, error) {
	lender, ok := a.tenants.Get(s.TenantID)
	if !ok {
		return Question{}, fmt.Errorf("tenant %q is not configured", s.TenantID)
	}
	application, err := a.backends.Applications.GetApplication(s.asService(ctx), &loansv1.GetApplicationRequest{ApplicationId: s.ApplicationID})
	if err != nil {
		return Question{}, err
	}
	asked := application.GetApplication()
	// Scoring has to know the instalment before there are offers, so the loan is priced as it was asked for.
	quote, err := a.backends.Products.QuoteLoan(s.asService(ctx), &loansv1.QuoteLoanRequest{
		ProductCode: asked.GetProductCode(), Principal: asked.GetPrincipal(), Instalments: asked.GetInstalments(),
	})
	if err != nil {
		return Question{}, refusedFor(err, typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND, typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE,
			typev1.ErrorReason_ERROR_REASON_TERM_OUT_OF_RANGE, typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH,
			typev1.ErrorReason_ERROR_REASON_SCHEDULE_IMPOSSIBLE)
	}
	person, err := a.backends.Persons.GetPerson(s.forPerson(ctx), &identityv1.GetPersonRequest{PersonId: s.PersonID})
	if err != nil {
		return Question{}, err
	}
	loans, err := a.loansOf(s.forPerson(ctx))
	if err != nil {
		return Question{}, err
	}
	now := a.clock.Now()
	return newQuestion(asked, quote.GetSchedule(), person.GetPerson().GetProfile(), loans, now, now.In(lender.Zone())), nil
}

// loansOf reads all loans of the person in ctx.
func (a *activities) loansOf(ctx context.Context) ([]*loansv1.Loan, error) {
	var loans []*loansv1.Loan
	page := &typev1.PageRequest{PageSize: 100}
	for {
		res, err := a.backends.Loans.ListLoans(ctx, &loansv1.ListLoansRequest{Page: page})
		if err != nil {
			return nil, err
		}
		loans = append(loans, res.GetLoans()...)
		if res.GetPage().GetNextPageToken() == "" {
			return loans, nil
		}
		page = &typev1.PageRequest{PageSize: 100, PageToken: res.GetPage().GetNextPageToken()}
	}
}

// Decide has scoring take the decision. A missing policy is waited for: an operator can add one.
func (a *activities) Decide(ctx context.Context, s Subject, q Question) (Verdict, error) {
	// A process that was started again after the loss of the engine asks anew, with what is known then.
	run := activity.GetInfo(ctx).WorkflowExecution.RunID
	res, err := a.backends.Decisions.DecideApplication(s.asService(ctx), q.request(s, s.requestID("decide/"+run)))
	if err != nil {
		return Verdict{}, refusedFor(err, typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID)
	}
	return newVerdict(res.GetDecision()), nil
}

// newVerdict reads a decision. REFER counts as no, with a reason of its own, since no person can be asked yet.
func newVerdict(decision *scoringv1.Decision) Verdict {
	v := Verdict{DecisionID: decision.GetId(), ReasonCodes: decision.GetReasonCodes()}
	switch decision.GetOutcome() {
	case scoringv1.Decision_OUTCOME_APPROVE:
		v.Approved = true
		v.MaxPrincipalMinor, v.CurrencyCode = decision.GetMaxPrincipal().GetMinorUnits(), decision.GetMaxPrincipal().GetCurrencyCode()
		v.MaxInstalmentMinor = decision.GetMaxInstalment().GetMinorUnits()
	case scoringv1.Decision_OUTCOME_REFER:
		v.ReasonCodes = append([]string{reasonReview}, v.ReasonCodes[:min(len(v.ReasonCodes), 9)]...) // The contract takes ten.
	default:
		if len(v.ReasonCodes) == 0 {
			v.ReasonCodes = []string{"DECLINED"} // The contract asks for one.
		}
	}
	return v
}

// OfferLoan makes offers within the decision's limits. When none fits, the application it answers with is rejected.
func (a *activities) OfferLoan(ctx context.Context, s Subject, v Verdict) (Snapshot, error) {
	res, err := a.backends.Applications.OfferLoan(s.asService(ctx), &loansv1.OfferLoanRequest{
		RequestId: s.requestID("offer/" + v.DecisionID), ApplicationId: s.ApplicationID, DecisionId: v.DecisionID,
		MaxPrincipal:  &typev1.Money{MinorUnits: v.MaxPrincipalMinor, CurrencyCode: v.CurrencyCode},
		MaxInstalment: &typev1.Money{MinorUnits: v.MaxInstalmentMinor, CurrencyCode: v.CurrencyCode},
	})
	if err != nil {
		return Snapshot{}, refusedFor(err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)
	}
	return snapshot(res.GetApplication(), res.GetOffers()), nil
}

// RejectApplication ends the application with the decision's reasons.
func (a *activities) RejectApplication(ctx context.Context, s Subject, v Verdict) (Snapshot, error) {
	res, err := a.backends.Applications.RejectApplication(s.asService(ctx), &loansv1.RejectApplicationRequest{
		RequestId: s.requestID("reject/" + v.DecisionID), ApplicationId: s.ApplicationID, DecisionId: v.DecisionID, ReasonCodes: v.ReasonCodes,
	})
	if err != nil {
		return Snapshot{}, refusedFor(err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)
	}
	return snapshot(res.GetApplication(), nil), nil
}

// AcceptOffer chooses the offer for the person and answers with the id of the agreement. updateID is the request_id of the person. A new
// try after a refusal comes under another updateID, so the earlier answer does not stand in its way.
func (a *activities) AcceptOffer(ctx context.Context, s Subject, c Choice, updateID string) (string, error) {
	res, err := a.backends.Applications.AcceptOffer(s.forCaller(ctx, c.Caller), &loansv1.AcceptOfferRequest{
		RequestId: s.requestID("accept/" + updateID), OfferId: c.OfferID, Locale: c.Locale,
	})
	return res.GetApplication().GetAgreementId(), refused(err)
}

// SignAgreement signs for the person, on the device that asked, and answers with the id of the loan.
func (a *activities) SignAgreement(ctx context.Context, s Subject, g Signature, updateID string) (string, error) {
	res, err := a.backends.Agreements.SignAgreement(s.forCaller(ctx, g.Caller), &loansv1.SignAgreementRequest{
		RequestId: s.requestID("sign/" + updateID), AgreementId: g.AgreementID, DocumentSha256: g.DocumentSHA256,
		ChallengeId: g.ChallengeID, Code: g.Code,
	})
	return res.GetLoanId(), refused(err)
}

// WithdrawApplication ends the application for the person.
func (a *activities) WithdrawApplication(ctx context.Context, s Subject, w Withdrawal, updateID string) error {
	_, err := a.backends.Applications.WithdrawApplication(s.forCaller(ctx, w.Caller), &loansv1.WithdrawApplicationRequest{
		RequestId: s.requestID("withdraw/" + updateID), ApplicationId: s.ApplicationID,
	})
	return refused(err)
}

// ExpireApplication ends the application that nobody acted on in time. An application that has moved on meanwhile refuses; the process then
// continues from there.
func (a *activities) ExpireApplication(ctx context.Context, s Subject) error {
	_, err := a.backends.Applications.ExpireApplication(s.asService(ctx), &loansv1.ExpireApplicationRequest{
		RequestId: s.requestID("expire"), ApplicationId: s.ApplicationID,
	})
	return refusedFor(err, typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID)
}
