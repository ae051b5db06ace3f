package flows

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

const (
	testTenant   = "demo"
	rightCode    = "123456"
	testProduct  = "cash"
	offerLasts   = 72 * time.Hour
	testCurrency = "UAH"
)

// testBegin is where the clock of a test begins.
func testBegin() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }

func uah(minor int64) *typev1.Money {
	return &typev1.Money{MinorUnits: minor, CurrencyCode: testCurrency}
}

// world is all services around flows, with one person and one application. It keeps their contracts: states, idempotency, ownership.
type world struct {
	identityv1connect.UnimplementedPersonServiceHandler
	loansv1connect.UnimplementedProductServiceHandler
	loansv1connect.UnimplementedApplicationServiceHandler
	loansv1connect.UnimplementedAgreementServiceHandler
	loansv1connect.UnimplementedLoanServiceHandler
	scoringv1connect.UnimplementedDecisionServiceHandler
	paymentsv1connect.UnimplementedPaymentServiceHandler

	clock clock.Clock

	mu          sync.Mutex
	person      *identityv1.Person
	consents    []*identityv1.Consent
	application *loansv1.Application
	offers      []*loansv1.Offer
	loan        *loansv1.Loan
	oldLoans    []*loansv1.Loan
	decision    *scoringv1.Decision
	payout      *paymentsv1.Payout
	// payoutStates are what GetPayout answers with, one a call; the last stays. Empty leaves the payout as it is.
	payoutStates []paymentsv1.Payout_State
	// fits tells whether OfferLoan finds terms within the limits.
	fits bool
	// refuse is what a verb is refused with.
	refuse map[string]error
	// trouble is how often each verb fails before it works: half of the times before its effect, half after it.
	trouble int

	failed  map[string]int
	effects map[string]int
	answers map[string]proto.Message
	asked   map[string]proto.Message
	signer  actor.Actor
	sums    map[string]string
}

func newWorld(clk clock.Clock) *world {
	person, application := id.Format(id.Person, id.New()), id.Format(id.Application, id.New())
	w := &world{
		clock: clk, fits: true, refuse: map[string]error{}, failed: map[string]int{}, effects: map[string]int{},
		answers: map[string]proto.Message{}, asked: map[string]proto.Message{}, sums: map[string]string{},
		payoutStates: []paymentsv1.Payout_State{paymentsv1.Payout_STATE_SENT, paymentsv1.Payout_STATE_PAID},
		person: &identityv1.Person{Id: person, State: identityv1.Person_STATE_ACTIVE, Profile: &identityv1.Profile{
			BirthDate: &typev1.Date{Year: 1990, Month: 3, Day: 3}, MonthlyIncome: uah(2_500_000),
			Employment: identityv1.Employment_EMPLOYMENT_EMPLOYED, EmployedSince: &typev1.Date{Year: 2024, Month: 1, Day: 15},
		}},
		application: &loansv1.Application{
			Id: application, PersonId: person, ProductCode: testProduct, Principal: uah(1_000_000), Instalments: 12,
			State: loansv1.Application_STATE_SUBMITTED, CreateTime: timestamppb.New(testBegin()),
		},
		decision: &scoringv1.Decision{
			Id: id.Format(id.Decision, id.New()), Outcome: scoringv1.Decision_OUTCOME_APPROVE, MaxPrincipal: uah(2_000_000), MaxInstalment: uah(300_000),
		},
	}
	for _, purpose := range requiredConsents() {
		w.consents = append(w.consents, &identityv1.Consent{Id: id.Format(id.Consent, id.New()), Purpose: purpose})
	}
	return w
}

// deps are the dependencies of a worker in this world, all calls going through the door.
func (w *world) deps(t testing.TB) Deps {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	door, err := inproc.NewDoor(log, w.clock, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	lenders, err := tenant.NewDirectory(&tenant.Tenant{
		ID: testTenant, Name: "Demo Lender", Currency: testCurrency, Country: "UA", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Deps{
		Clock: w.clock, Log: log, Tenants: lenders,
		Backends: Backends{
			Persons:      identityv1connect.NewPersonServiceInproc(w, door.Call),
			Products:     loansv1connect.NewProductServiceInproc(w, door.Call),
			Applications: loansv1connect.NewApplicationServiceInproc(w, door.Call),
			Agreements:   loansv1connect.NewAgreementServiceInproc(w, door.Call),
			Loans:        loansv1connect.NewLoanServiceInproc(w, door.Call),
			Decisions:    scoringv1connect.NewDecisionServiceInproc(w, door.Call),
			Payments:     paymentsv1connect.NewPaymentServiceInproc(w, door.Call),
		},
	}
}

func (w *world) subject() Subject {
	return Subject{TenantID: testTenant, ApplicationID: w.application.GetId(), PersonID: w.person.GetId()}
}

// effect tells how often a verb had an effect.
func (w *world) effect(verb string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects[verb]
}

// change sets the world under its lock.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// stumble fails a call for as long as there is trouble.
func (w *world) stumble(verb string, done bool) error {
	if failed := w.failed[verb]; failed < w.trouble && (failed%2 == 1) == done {
		w.failed[verb]++
		return rpcerr.Unavailable("not now")
	}
	return nil
}

// once is a mutation: refused, troubled or done, and done once for each request_id and actor.
func once[Req interface {
	proto.Message
	GetRequestId() string
}, Res proto.Message](w *world, ctx context.Context, verb string, req Req, effect func() (Res, error)) (Res, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var none Res
	if err := w.stumble(verb, false); err != nil {
		return none, err
	}
	if err := w.refuse[verb]; err != nil {
		return none, err
	}
	key := verb + "|" + actor.Must(ctx).String() + "|" + req.GetRequestId()
	res, known := w.answers[key].(Res)
	if known && !proto.Equal(w.asked[key], req) {
		return none, keyReused()
	}
	if !known {
		var err error
		if res, err = effect(); err != nil {
			return none, err
		}
		w.effects[verb]++
		w.answers[key], w.asked[key] = proto.Clone(res), proto.Clone(req)
	}
	if err := w.stumble(verb, true); err != nil {
		return none, err
	}
	return res, nil
}

// move changes the application's state, from one of the given.
func (w *world) move(to loansv1.Application_State, from ...loansv1.Application_State) error {
	if !slices.Contains(from, w.application.GetState()) {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_APPLICATION_STATE_INVALID, "the state forbids it",
			rpcerr.Meta("state", w.application.GetState().String()))
	}
	w.application.State = to
	return nil
}

func (w *world) copied() *loansv1.Application { return proto.CloneOf(w.application) }

func (w *world) GetPerson(context.Context, *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.stumble("GetPerson", false); err != nil {
		return nil, err
	}
	return &identityv1.GetPersonResponse{Person: proto.CloneOf(w.person)}, nil
}

func (w *world) ListConsents(ctx context.Context, _ *identityv1.ListConsentsRequest) (*identityv1.ListConsentsResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if actor.Must(ctx).PersonID != w.person.GetId() {
		return &identityv1.ListConsentsResponse{}, nil
	}
	return &identityv1.ListConsentsResponse{Consents: slices.Clone(w.consents)}, nil
}

func (w *world) QuoteLoan(_ context.Context, req *loansv1.QuoteLoanRequest) (*loansv1.QuoteLoanResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuse["QuoteLoan"]; err != nil {
		return nil, err
	}
	return &loansv1.QuoteLoanResponse{Schedule: &loansv1.Schedule{Instalments: []*loansv1.Instalment{
		{Number: 1, Total: uah(100_000)}, {Number: 2, Total: uah(99_999)},
	}}}, nil
}

func (w *world) GetApplication(ctx context.Context, req *loansv1.GetApplicationRequest) (*loansv1.GetApplicationResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.stumble("GetApplication", false); err != nil {
		return nil, err
	}
	who := actor.Must(ctx)
	if req.GetApplicationId() != w.application.GetId() || (who.PersonID != "" && who.PersonID != w.person.GetId()) {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND, "no such application")
	}
	return &loansv1.GetApplicationResponse{Application: w.copied(), PayoutDestination: "card_" + w.application.GetId()[4:]}, nil
}

func (w *world) ListApplications(ctx context.Context, _ *loansv1.ListApplicationsRequest) (*loansv1.ListApplicationsResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if actor.Must(ctx).PersonID != w.person.GetId() {
		return &loansv1.ListApplicationsResponse{}, nil
	}
	ended := w.copied()
	ended.Id, ended.State = id.Format(id.Application, id.New()), loansv1.Application_STATE_REJECTED
	return &loansv1.ListApplicationsResponse{Applications: []*loansv1.Application{w.copied(), ended}}, nil
}

func (w *world) ListOffers(context.Context, *loansv1.ListOffersRequest) (*loansv1.ListOffersResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &loansv1.ListOffersResponse{Offers: slices.Clone(w.offers)}, nil
}

func (w *world) DecideApplication(ctx context.Context, req *scoringv1.DecideApplicationRequest) (*scoringv1.DecideApplicationResponse, error) {
	return once(w, ctx, "DecideApplication", req, func() (*scoringv1.DecideApplicationResponse, error) {
		for _, f := range req.GetFeatures() {
			w.sums[f.GetName()] = f.GetValue()
		}
		return &scoringv1.DecideApplicationResponse{Decision: proto.CloneOf(w.decision)}, nil
	})
}

func (w *world) OfferLoan(ctx context.Context, req *loansv1.OfferLoanRequest) (*loansv1.OfferLoanResponse, error) {
	return once(w, ctx, "OfferLoan", req, func() (*loansv1.OfferLoanResponse, error) {
		to := loansv1.Application_STATE_OFFERED
		if !w.fits {
			to = loansv1.Application_STATE_REJECTED
		}
		if err := w.move(to, loansv1.Application_STATE_SUBMITTED); err != nil || !w.fits {
			return &loansv1.OfferLoanResponse{Application: w.copied()}, err
		}
		for range 2 {
			w.offers = append(w.offers, &loansv1.Offer{
				Id: id.Format(id.Offer, id.New()), ApplicationId: w.application.GetId(), ExpireTime: timestamppb.New(w.clock.Now().Add(offerLasts)),
			})
		}
		return &loansv1.OfferLoanResponse{Application: w.copied(), Offers: slices.Clone(w.offers)}, nil
	})
}

func (w *world) RejectApplication(ctx context.Context, req *loansv1.RejectApplicationRequest) (*loansv1.RejectApplicationResponse, error) {
	return once(w, ctx, "RejectApplication", req, func() (*loansv1.RejectApplicationResponse, error) {
		w.application.ReasonCodes = req.GetReasonCodes()
		return &loansv1.RejectApplicationResponse{Application: w.application}, w.move(loansv1.Application_STATE_REJECTED, loansv1.Application_STATE_SUBMITTED)
	})
}

func (w *world) AcceptOffer(ctx context.Context, req *loansv1.AcceptOfferRequest) (*loansv1.AcceptOfferResponse, error) {
	return once(w, ctx, "AcceptOffer", req, func() (*loansv1.AcceptOfferResponse, error) {
		if err := w.move(loansv1.Application_STATE_ACCEPTED, loansv1.Application_STATE_OFFERED); err != nil {
			return nil, err
		}
		w.application.OfferId, w.application.AgreementId = req.GetOfferId(), id.Format(id.Agreement, id.New())
		return &loansv1.AcceptOfferResponse{Application: w.copied()}, nil
	})
}

func (w *world) SignAgreement(ctx context.Context, req *loansv1.SignAgreementRequest) (*loansv1.SignAgreementResponse, error) {
	return once(w, ctx, "SignAgreement", req, func() (*loansv1.SignAgreementResponse, error) {
		if req.GetCode() != rightCode {
			return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_WRONG, "the code is wrong", rpcerr.Meta("attempts_left", "4"))
		}
		if err := w.move(loansv1.Application_STATE_SIGNED, loansv1.Application_STATE_ACCEPTED); err != nil {
			return nil, err
		}
		w.signer = actor.Must(ctx)
		w.loan = &loansv1.Loan{
			Id: id.Format(id.Loan, id.New()), State: loansv1.Loan_STATE_APPROVED, Principal: uah(1_000_000), ApplicationId: w.application.GetId(),
		}
		w.application.LoanId = w.loan.GetId()
		return &loansv1.SignAgreementResponse{LoanId: w.loan.GetId()}, nil
	})
}

func (w *world) WithdrawApplication(ctx context.Context, req *loansv1.WithdrawApplicationRequest) (*loansv1.WithdrawApplicationResponse, error) {
	return once(w, ctx, "WithdrawApplication", req, func() (*loansv1.WithdrawApplicationResponse, error) {
		return &loansv1.WithdrawApplicationResponse{Application: w.application}, w.move(loansv1.Application_STATE_WITHDRAWN,
			loansv1.Application_STATE_SUBMITTED, loansv1.Application_STATE_OFFERED, loansv1.Application_STATE_ACCEPTED)
	})
}

func (w *world) ExpireApplication(ctx context.Context, req *loansv1.ExpireApplicationRequest) (*loansv1.ExpireApplicationResponse, error) {
	return once(w, ctx, "ExpireApplication", req, func() (*loansv1.ExpireApplicationResponse, error) {
		return &loansv1.ExpireApplicationResponse{Application: w.application}, w.move(loansv1.Application_STATE_EXPIRED,
			loansv1.Application_STATE_SUBMITTED, loansv1.Application_STATE_OFFERED, loansv1.Application_STATE_ACCEPTED)
	})
}

func (w *world) GetLoan(_ context.Context, req *loansv1.GetLoanRequest) (*loansv1.GetLoanResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loan.GetId() != req.GetLoanId() {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND, "no such loan")
	}
	return &loansv1.GetLoanResponse{Loan: proto.CloneOf(w.loan)}, nil
}

func (w *world) ListLoans(ctx context.Context, _ *loansv1.ListLoansRequest) (*loansv1.ListLoansResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if actor.Must(ctx).PersonID != w.person.GetId() {
		return nil, connect.NewError(connect.CodeInternal, context.Canceled)
	}
	return &loansv1.ListLoansResponse{Loans: slices.Clone(w.oldLoans)}, nil
}

func (w *world) CreatePayout(ctx context.Context, req *paymentsv1.CreatePayoutRequest) (*paymentsv1.CreatePayoutResponse, error) {
	return once(w, ctx, "CreatePayout", req, func() (*paymentsv1.CreatePayoutResponse, error) {
		w.payout = &paymentsv1.Payout{
			Id: id.Format(id.Payout, id.New()), LoanId: req.GetLoanId(), Amount: req.GetAmount(), State: paymentsv1.Payout_STATE_SENT,
		}
		return &paymentsv1.CreatePayoutResponse{Payout: proto.CloneOf(w.payout)}, nil
	})
}

func (w *world) GetPayout(context.Context, *paymentsv1.GetPayoutRequest) (*paymentsv1.GetPayoutResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects["GetPayout"]++
	if len(w.payoutStates) > 0 {
		w.payout.State = w.payoutStates[0]
		if len(w.payoutStates) > 1 {
			w.payoutStates = w.payoutStates[1:]
		}
	}
	if (Payment{State: w.payout.GetState()}).final() && w.payout.GetFinishTime() == nil {
		w.payout.FinishTime = timestamppb.New(w.clock.Now())
	}
	return &paymentsv1.GetPayoutResponse{Payout: proto.CloneOf(w.payout)}, nil
}

func (w *world) DisburseLoan(ctx context.Context, req *loansv1.DisburseLoanRequest) (*loansv1.DisburseLoanResponse, error) {
	if err := w.refuse["DisburseLoan/dated"]; err != nil && req.GetValueDate() != nil {
		return nil, err
	}
	return once(w, ctx, "DisburseLoan", req, func() (*loansv1.DisburseLoanResponse, error) {
		w.loan.State, w.loan.DisburseDate = loansv1.Loan_STATE_ACTIVE, req.GetValueDate()
		return &loansv1.DisburseLoanResponse{Loan: proto.CloneOf(w.loan)}, w.move(loansv1.Application_STATE_DISBURSED, loansv1.Application_STATE_SIGNED)
	})
}

func (w *world) CancelLoan(ctx context.Context, req *loansv1.CancelLoanRequest) (*loansv1.CancelLoanResponse, error) {
	return once(w, ctx, "CancelLoan", req, func() (*loansv1.CancelLoanResponse, error) {
		w.loan.State = loansv1.Loan_STATE_CANCELLED
		return &loansv1.CancelLoanResponse{Loan: proto.CloneOf(w.loan)}, w.move(loansv1.Application_STATE_FAILED, loansv1.Application_STATE_SIGNED)
	})
}
