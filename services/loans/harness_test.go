package loans_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/loans"
)

// bench is the service on a database of its own, with its four clients and an identity that does what tests ask.
type bench struct {
	*servicetest.Kit
	service      *loans.Service
	identity     *identity
	products     loansv1connect.ProductServiceClient
	applications loansv1connect.ApplicationServiceClient
	agreements   loansv1connect.AgreementServiceClient
	loans        loansv1connect.LoanServiceClient
	// person is a borrower, as whom ctx calls; flows calls as the process does.
	person     string
	ctx, flows context.Context
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Kit: servicetest.New(t, "loans"), identity: &identity{}, person: servicetest.NewPerson()}
	b.identity.clock = b.Clock
	b.ctx = servicetest.AsPerson(t.Context(), b.person)
	b.flows = servicetest.AsService(t.Context(), "flows")
	b.service = loans.New(loans.Deps{
		Keeper: b.Keeper, Tenants: b.Tenants, Tokens: b.Tokens,
		Persons:    identityv1connect.NewPersonServiceInproc(b.identity, b.Door.Call),
		Challenges: identityv1connect.NewChallengeServiceInproc(b.identity, b.Door.Call),
	})
	b.products = loansv1connect.NewProductServiceInproc(b.service, b.Door.Call)
	b.applications = loansv1connect.NewApplicationServiceInproc(b.service, b.Door.Call)
	b.agreements = loansv1connect.NewAgreementServiceInproc(b.service, b.Door.Call)
	b.loans = loansv1connect.NewLoanServiceInproc(b.service, b.Door.Call)
	return b
}

// code is the one-time code of every challenge.
const code = "123456"

// identity stands in for the identity service: it keeps answers by request_id, as the real one does.
type identity struct {
	identityv1connect.UnimplementedPersonServiceHandler
	identityv1connect.UnimplementedChallengeServiceHandler
	clock interface{ Now() time.Time }

	// away makes every profile unavailable.
	away bool

	mu         sync.Mutex
	change     func(*identityv1.Person)
	challenges map[string]*identityv1.CreateChallengeRequest // By challenge.
	sent       map[string]*identityv1.Challenge              // By request.
	confirmed  map[string]*identityv1.Evidence               // By request.
	used       map[string]bool
}

func (i *identity) GetPerson(_ context.Context, req *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	if i.away {
		return nil, rpcerr.Unavailable("identity is away")
	}
	person := &identityv1.Person{
		Id: req.GetPersonId(), State: identityv1.Person_STATE_ACTIVE, Locale: "uk",
		Profile: &identityv1.Profile{GivenName: "Оксана", FamilyName: "Демченко", TaxId: "1234567899"},
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.change != nil {
		i.change(person)
	}
	return &identityv1.GetPersonResponse{Person: person}, nil
}

func (i *identity) CreateChallenge(_ context.Context, req *identityv1.CreateChallengeRequest) (*identityv1.CreateChallengeResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if sent := i.sent[req.GetRequestId()]; sent != nil {
		return &identityv1.CreateChallengeResponse{Challenge: sent}, nil
	}
	if i.challenges == nil {
		i.challenges, i.sent = map[string]*identityv1.CreateChallengeRequest{}, map[string]*identityv1.Challenge{}
		i.confirmed, i.used = map[string]*identityv1.Evidence{}, map[string]bool{}
	}
	challenge := &identityv1.Challenge{
		Id: id.Format(id.Challenge, id.New()), MaskedPhone: "+380 ** *** 12 34", ExpireTime: timestamppb.New(i.clock.Now().Add(5 * time.Minute)),
	}
	i.challenges[challenge.GetId()], i.sent[req.GetRequestId()] = req, challenge
	return &identityv1.CreateChallengeResponse{Challenge: challenge}, nil
}

func (i *identity) ConfirmChallenge(ctx context.Context, req *identityv1.ConfirmChallengeRequest) (*identityv1.ConfirmChallengeResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if evidence := i.confirmed[req.GetRequestId()]; evidence != nil {
		return &identityv1.ConfirmChallengeResponse{Evidence: evidence}, nil
	}
	made := i.challenges[req.GetChallengeId()]
	switch {
	case made.GetPersonId() != req.GetPersonId() || !bytes.Equal(made.GetBoundDigest(), req.GetBoundDigest()):
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_NOT_FOUND, "no such challenge")
	case i.used[req.GetChallengeId()]:
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED, "used")
	case req.GetCode() != code:
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_WRONG, "wrong", rpcerr.Meta("attempts_left", "2"))
	}
	i.used[req.GetChallengeId()] = true
	evidence := &identityv1.Evidence{
		ChallengeId: req.GetChallengeId(), Phone: "+380501231234", BoundDigest: req.GetBoundDigest(), DeviceId: actor.Must(ctx).DeviceID,
		SendTime: timestamppb.New(i.clock.Now()), ConfirmTime: timestamppb.New(i.clock.Now()),
	}
	i.confirmed[req.GetRequestId()] = evidence
	return &identityv1.ConfirmChallengeResponse{Evidence: evidence}, nil
}

func uah(minor int64) *typev1.Money { return &typev1.Money{MinorUnits: minor, CurrencyCode: "UAH"} }

func date(year, month, day int32) *typev1.Date {
	return &typev1.Date{Year: year, Month: month, Day: day}
}

func requestID() string { return uuid.NewString() }

// terms are those of the demo product: 1,000 to 100,000 over 3 to 24 months at 36.5 % on actual days.
func terms(changes ...func(*loansv1.ProductTerms)) *loansv1.ProductTerms {
	t := &loansv1.ProductTerms{
		MinPrincipal: uah(100_000), MaxPrincipal: uah(10_000_000), MinInstalments: 3, MaxInstalments: 24,
		Frequency: loansv1.Frequency_FREQUENCY_MONTHLY, AnnualRatePercent: "36.5", DayCount: loansv1.DayCount_DAY_COUNT_ACTUAL_365,
		Amortization: loansv1.Amortization_AMORTIZATION_EQUAL_INSTALMENT, OfferLifetimeDays: 14,
	}
	for _, change := range changes {
		change(t)
	}
	return t
}

// product makes a version of the product "cash".
func (b *bench) product(t *testing.T, changes ...func(*loansv1.ProductTerms)) *loansv1.Product {
	t.Helper()
	res, err := b.products.CreateProductVersion(servicetest.AsService(t.Context(), "operator"), &loansv1.CreateProductVersionRequest{
		RequestId: requestID(), Code: "cash", Names: map[string]string{"en": "Cash loan", "uk": "Кредит готівкою"}, Terms: terms(changes...),
	})
	return ok(t, res, err).GetProduct()
}

// apply applies for a loan of the product "cash".
func (b *bench) apply(t *testing.T, principal int64, instalments int32) *loansv1.Application {
	t.Helper()
	res, err := b.applications.CreateApplication(b.ctx, &loansv1.CreateApplicationRequest{
		RequestId: requestID(), ProductCode: "cash", Principal: uah(principal), Instalments: instalments, PayoutDestination: "card_demo",
	})
	return ok(t, res, err).GetApplication()
}

// offer decides well with limits that never bind, and answers the offer of the asked terms.
func (b *bench) offer(t *testing.T, application *loansv1.Application) *loansv1.Offer {
	t.Helper()
	res, err := b.applications.OfferLoan(b.flows, &loansv1.OfferLoanRequest{
		RequestId: requestID(), ApplicationId: application.GetId(), DecisionId: id.Format(id.Decision, id.New()),
		MaxPrincipal: uah(10_000_000), MaxInstalment: uah(100_000_000),
	})
	for _, offer := range ok(t, res, err).GetOffers() {
		if offer.GetInstalments() == application.GetInstalments() {
			return offer
		}
	}
	t.Fatal("the asked terms are not offered")
	return nil
}

// accept chooses an offer and answers the agreement.
func (b *bench) accept(t *testing.T, offer *loansv1.Offer) *loansv1.Agreement {
	t.Helper()
	res, err := b.applications.AcceptOffer(b.ctx, &loansv1.AcceptOfferRequest{RequestId: requestID(), OfferId: offer.GetId(), Locale: "en"})
	return b.agreement(t, ok(t, res, err).GetApplication().GetAgreementId())
}

func (b *bench) agreement(t *testing.T, agreementID string) *loansv1.Agreement {
	t.Helper()
	res, err := b.agreements.GetAgreement(b.ctx, &loansv1.GetAgreementRequest{AgreementId: agreementID})
	return ok(t, res, err).GetAgreement()
}

// signRequest asks for a code and answers the request that signs with it.
func (b *bench) signRequest(t *testing.T, agreement *loansv1.Agreement) *loansv1.SignAgreementRequest {
	t.Helper()
	res, err := b.agreements.RequestSignatureCode(b.ctx, &loansv1.RequestSignatureCodeRequest{RequestId: requestID(), AgreementId: agreement.GetId()})
	return &loansv1.SignAgreementRequest{
		RequestId: requestID(), AgreementId: agreement.GetId(), DocumentSha256: agreement.GetDocumentSha256(),
		ChallengeId: ok(t, res, err).GetChallengeId(), Code: code,
	}
}

// approved takes an application all the way to a signed loan and answers the loan's id.
func (b *bench) approved(t *testing.T, principal int64, instalments int32) string {
	t.Helper()
	agreement := b.accept(t, b.offer(t, b.apply(t, principal, instalments)))
	res, err := b.agreements.SignAgreement(b.ctx, b.signRequest(t, agreement))
	return ok(t, res, err).GetLoanId()
}

// active is approved with the money paid out on the business date.
func (b *bench) active(t *testing.T, principal int64, instalments int32) string {
	t.Helper()
	loanID := b.approved(t, principal, instalments)
	res, err := b.loans.DisburseLoan(b.flows, &loansv1.DisburseLoanRequest{
		RequestId: requestID(), LoanId: loanID, PaymentId: id.Format(id.Payout, id.New()),
	})
	ok(t, res, err)
	return loanID
}

// on sets the business date.
func (b *bench) on(t *testing.T, year int, month time.Month, day int) {
	t.Helper()
	if err := b.service.SetBusinessDate(b.flows, civil.Date{Year: year, Month: month, Day: day}); err != nil {
		t.Fatal(err)
	}
}

// repay books a payment of its own on the business date.
func (b *bench) repay(t *testing.T, loanID string, amount int64) *loansv1.RepayLoanResponse {
	t.Helper()
	res, err := b.loans.RepayLoan(b.flows, repayment(loanID, amount))
	return ok(t, res, err)
}

func repayment(loanID string, amount int64) *loansv1.RepayLoanRequest {
	return &loansv1.RepayLoanRequest{RequestId: requestID(), LoanId: loanID, PaymentId: id.Format(id.Collection, id.New()), Amount: uah(amount)}
}

func (b *bench) loan(t *testing.T, loanID string) *loansv1.Loan {
	t.Helper()
	res, err := b.loans.GetLoan(b.ctx, &loansv1.GetLoanRequest{LoanId: loanID})
	return ok(t, res, err).GetLoan()
}

func (b *bench) schedule(t *testing.T, loanID string) *loansv1.Schedule {
	t.Helper()
	res, err := b.loans.GetSchedule(b.ctx, &loansv1.GetScheduleRequest{LoanId: loanID})
	return ok(t, res, err).GetSchedule()
}

func (b *bench) payoff(t *testing.T, loanID string) *loansv1.PayoffQuote {
	t.Helper()
	res, err := b.loans.QuotePayoff(b.ctx, &loansv1.QuotePayoffRequest{LoanId: loanID})
	return ok(t, res, err).GetQuote()
}

// query looks behind row-level security, as the database's administrator.
func query[T any](t *testing.T, b *bench, sql string, args ...any) []T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// tryExec runs a statement as the database's administrator, exec one that must succeed.
func tryExec(t *testing.T, b *bench, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), sql)
	return err
}

func exec(t *testing.T, b *bench, sql string) {
	t.Helper()
	if err := tryExec(t, b, sql); err != nil {
		t.Fatal(err)
	}
}

// facts are the events told of a subject, in order.
func (b *bench) facts(t *testing.T, subject string) []*eventv1.Event {
	t.Helper()
	var events []*eventv1.Event
	for _, payload := range query[[]byte](t, b, "SELECT payload FROM loans.outbox_events WHERE subject_id = $1 ORDER BY sequence", subject) {
		event := &eventv1.Event{}
		if err := proto.Unmarshal(payload, event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// names are the facts' names in the contract.
func names(events []*eventv1.Event) []string {
	var list []string
	for _, event := range events {
		m := event.ProtoReflect()
		list = append(list, string(m.WhichOneof(m.Descriptor().Oneofs().ByName("fact")).Name()))
	}
	return list
}

// ok fails the test when a call did.
func ok[Res any](t *testing.T, res Res, err error) Res {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// refused fails the test unless a call was refused with a reason.
func refused[Res any](t *testing.T, res Res, err error, want typev1.ErrorReason) {
	t.Helper()
	if got := rpcerr.PeerReason(err); got != want {
		t.Errorf("got %v, %v; want %s", res, err, want)
	}
}

// same fails the test unless two messages are equal.
func same(t *testing.T, want, got proto.Message) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// metadata reads a fact of a refusal.
func metadata(err error, key string) string {
	peer, isPeer := rpcerr.AsPeer(err)
	if !isPeer {
		return ""
	}
	return rpcerr.MetadataOf(peer.Err)[key]
}

// codeOf is the Connect code of a refusal.
func codeOf(err error) connect.Code {
	if peer, isPeer := rpcerr.AsPeer(err); isPeer {
		return peer.Err.Code()
	}
	return 0
}
