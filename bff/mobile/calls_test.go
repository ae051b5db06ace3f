package mobile_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/sessionkey"
	"github.com/lendgate/lendgate/internal/tenant"
)

// boardCard is the one card that the switchboard knows.
const boardCard = "card_00000000000000000000000001"

// switchboard stands for all backends: it notes every call and answers with what it was given, or with an empty message.
type switchboard struct {
	mu      sync.Mutex
	calls   []call
	answers map[string]proto.Message // By procedure.
	refusal error
}

type call struct {
	procedure string
	request   proto.Message
}

func (s *switchboard) call(_ context.Context, procedure string, req proto.Message, _ func(context.Context) (proto.Message, error)) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call{procedure, req})
	if s.refusal != nil {
		return nil, rpcerr.MarkPeer(procedure, s.refusal)
	}
	if answer := s.answers[procedure]; answer != nil {
		return answer, nil
	}
	if earlier, ok := req.(*paymentsv1.GetCollectionRequest); ok && earlier.GetCreateRequestId() != "" {
		return nil, rpcerr.MarkPeer(procedure, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND, "no such payment"))
	}
	name := strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", ".")
	method, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(method.(protoreflect.MethodDescriptor).Output().FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

func (s *switchboard) procedures() []string {
	var all []string
	for _, c := range s.calls {
		all = append(all, c.procedure)
	}
	return all
}

// app is every screen over a switchboard.
type app struct {
	board   *switchboard
	config  *mobile.App
	auth    *mobile.Auth
	home    *mobile.Home
	loan    *mobile.Loan
	profile *mobile.Profile
	apply   *mobile.Apply
	pay     *mobile.Pay
}

func newApp(t *testing.T) *app {
	t.Helper()
	b := &switchboard{answers: map[string]proto.Message{
		paymentsv1connect.PaymentServiceListCardsProcedure: &paymentsv1.ListCardsResponse{Cards: []*paymentsv1.Card{
			{Id: boardCard, State: paymentsv1.Card_STATE_ACTIVE}, {Id: "card_00000000000000000000000002", State: paymentsv1.Card_STATE_REJECTED},
		}},
	}}
	lenders, err := tenant.NewDirectory(&tenant.Tenant{ID: "demo", Name: "Demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"}})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(fixtureNow())
	sessionKeys, err := sessionkey.NewMaker(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	screens := mobile.NewScreens(clk, slog.New(slog.DiscardHandler))
	flows := flowsv1connect.NewApplicationFlowServiceInproc(nil, b.call)
	applications := loansv1connect.NewApplicationServiceInproc(nil, b.call)
	devices := identityv1connect.NewDeviceServiceInproc(nil, b.call)
	payments := paymentsv1connect.NewPaymentServiceInproc(nil, b.call)
	loans, persons := loansv1connect.NewLoanServiceInproc(nil, b.call), identityv1connect.NewPersonServiceInproc(nil, b.call)
	notifications, cards := pushv1connect.NewNotificationServiceInproc(nil, b.call), mobile.NewApplicationCards(applications, flows)
	return &app{
		board:  b,
		config: &mobile.App{Tenants: lenders, Clock: clk},
		auth: &mobile.Auth{
			Devices: devices, Sessions: identityv1connect.NewSessionServiceInproc(nil, b.call), Clock: clk,
			RealtimeTokens: actor.NewSigner(make([]byte, 32), actor.CallLifetime), SessionKeys: sessionKeys, AppVersion: func(context.Context) string { return "1.0.0" },
		},
		home: &mobile.Home{Screens: screens, Persons: persons, Loans: loans, Applications: cards, Notifications: notifications},
		loan: &mobile.Loan{Screens: screens, Loans: loans},
		profile: &mobile.Profile{
			Screens: screens, Persons: persons, Devices: devices, Flows: flows, Applications: applications,
			Notifications: notifications, Log: slog.New(slog.DiscardHandler),
		},
		apply: &mobile.Apply{
			Screens: screens, Products: loansv1connect.NewProductServiceInproc(nil, b.call), Applications: applications,
			Agreements: loansv1connect.NewAgreementServiceInproc(nil, b.call), Payments: payments, Flows: flows,
			Cards: cards,
		},
		pay: &mobile.Pay{Screens: screens, Loans: loans, Payments: payments},
	}
}

func borrower(ctx context.Context) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: "demo", Kind: actor.KindPerson, PersonID: fixturePerson, DeviceID: fixtureDevice, SessionID: "ses_1", Locale: "en",
		Permissions: actor.BorrowerPermissions(),
	})
}

// outward are the calls that hand a request on: which backend hears it first.
func outward(a *app, ctx context.Context, id string) map[string]struct {
	first string
	ask   func() error
} {
	type row = struct {
		first string
		ask   func() error
	}
	return map[string]row{
		"EnrollDevice": {identityv1connect.DeviceServiceEnrollDeviceProcedure, func() error {
			_, err := a.auth.EnrollDevice(ctx, &mobilev1.EnrollDeviceRequest{RequestId: id})
			return err
		}},
		"StartLogin": {identityv1connect.SessionServiceStartLoginProcedure, func() error {
			_, err := a.auth.StartLogin(ctx, &mobilev1.StartLoginRequest{RequestId: id})
			return err
		}},
		"ConfirmLogin": {identityv1connect.SessionServiceConfirmLoginProcedure, func() error {
			_, err := a.auth.ConfirmLogin(ctx, &mobilev1.ConfirmLoginRequest{RequestId: id})
			return err
		}},
		"RefreshSession": {identityv1connect.SessionServiceRefreshSessionProcedure, func() error {
			_, err := a.auth.RefreshSession(ctx, &mobilev1.RefreshSessionRequest{RequestId: id})
			return err
		}},
		"LogOut": {identityv1connect.SessionServiceEndSessionProcedure, func() error {
			_, err := a.auth.LogOut(ctx, &mobilev1.LogOutRequest{RequestId: id})
			return err
		}},
		"UpdateProfile": {identityv1connect.PersonServiceUpdateProfileProcedure, func() error {
			_, err := a.profile.UpdateProfile(ctx, &mobilev1.UpdateProfileRequest{RequestId: id})
			return err
		}},
		"GiveConsents": {identityv1connect.PersonServiceGiveConsentsProcedure, func() error {
			_, err := a.profile.GiveConsents(ctx, &mobilev1.GiveConsentsRequest{RequestId: id})
			return err
		}},
		"WithdrawConsent": {identityv1connect.PersonServiceWithdrawConsentProcedure, func() error {
			_, err := a.profile.WithdrawConsent(ctx, &mobilev1.WithdrawConsentRequest{RequestId: id})
			return err
		}},
		"RevokeDevice": {identityv1connect.DeviceServiceRevokeDeviceProcedure, func() error {
			_, err := a.profile.RevokeDevice(ctx, &mobilev1.RevokeDeviceRequest{RequestId: id})
			return err
		}},
		"RegisterPushToken": {pushv1connect.NotificationServiceRegisterPushTokenProcedure, func() error {
			_, err := a.profile.RegisterPushToken(ctx, &mobilev1.RegisterPushTokenRequest{RequestId: id})
			return err
		}},
		"QuoteLoan": {loansv1connect.ProductServiceQuoteLoanProcedure, func() error {
			_, err := a.apply.QuoteLoan(ctx, &mobilev1.QuoteLoanRequest{})
			return err
		}},
		"RegisterCard": {paymentsv1connect.PaymentServiceRegisterCardProcedure, func() error {
			_, err := a.apply.RegisterCard(ctx, &mobilev1.RegisterCardRequest{RequestId: id})
			return err
		}},
		"Apply": {paymentsv1connect.PaymentServiceListCardsProcedure, func() error {
			_, err := a.apply.Apply(ctx, &mobilev1.ApplyRequest{RequestId: id, CardId: boardCard})
			return err
		}},
		"GetApplication": {loansv1connect.ApplicationServiceGetApplicationProcedure, func() error {
			_, err := a.apply.GetApplication(ctx, &mobilev1.GetApplicationRequest{})
			return err
		}},
		"ChooseOffer": {flowsv1connect.ApplicationFlowServiceChooseOfferProcedure, func() error {
			_, err := a.apply.ChooseOffer(ctx, &mobilev1.ChooseOfferRequest{RequestId: id})
			return err
		}},
		"GetAgreement": {loansv1connect.AgreementServiceGetAgreementProcedure, func() error {
			_, err := a.apply.GetAgreement(ctx, &mobilev1.GetAgreementRequest{})
			return err
		}},
		"RequestSignatureCode": {loansv1connect.AgreementServiceRequestSignatureCodeProcedure, func() error {
			_, err := a.apply.RequestSignatureCode(ctx, &mobilev1.RequestSignatureCodeRequest{RequestId: id})
			return err
		}},
		"SignAgreement": {flowsv1connect.ApplicationFlowServiceSignAgreementProcedure, func() error {
			_, err := a.apply.SignAgreement(ctx, &mobilev1.SignAgreementRequest{RequestId: id})
			return err
		}},
		"WithdrawApplication": {flowsv1connect.ApplicationFlowServiceCancelApplicationFlowProcedure, func() error {
			_, err := a.apply.WithdrawApplication(ctx, &mobilev1.WithdrawApplicationRequest{RequestId: id})
			return err
		}},
		"GetPayment": {paymentsv1connect.PaymentServiceGetCollectionProcedure, func() error {
			_, err := a.pay.GetPayment(ctx, &mobilev1.GetPaymentRequest{})
			return err
		}},
	}
}

// TestARequestIsHandedOnWithItsOwnID calls every RPC that passes a request on: the backend hears it first, with the caller's request_id, and
// its refusal comes back with its own reason.
func TestARequestIsHandedOnWithItsOwnID(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	for name := range outward(newApp(t), borrower(t.Context()), id) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			row := outward(a, borrower(t.Context()), id)[name]
			if err := row.ask(); err != nil {
				t.Fatal(err)
			}
			first := a.board.calls[0]
			if first.procedure != row.first {
				t.Errorf("called %s first, want %s", first.procedure, row.first)
			}
			if with, ok := first.request.(interface{ GetRequestId() string }); ok && with.GetRequestId() != id {
				t.Errorf("handed on with request_id %s, want %s", with.GetRequestId(), id)
			}
			a.board.refusal = rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID, "refused")
			if err := row.ask(); rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID {
				t.Errorf("the backend's refusal came back as %v", err)
			}
			a.board.refusal = rpcerr.New(connect.CodeInternal, typev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error, ref=x")
			if err := row.ask(); err == nil || rpcerr.Known(err) {
				t.Errorf("the backend's fault came back as %v", err)
			}
		})
	}
}

func TestApplyStartsTheProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	request := uuid.NewString()
	if _, err := a.apply.Apply(borrower(t.Context()), &mobilev1.ApplyRequest{RequestId: request, CardId: boardCard}); err != nil {
		t.Fatal(err)
	}
	want := []string{paymentsv1connect.PaymentServiceListCardsProcedure, loansv1connect.ApplicationServiceCreateApplicationProcedure, flowsv1connect.ApplicationFlowServiceStartApplicationFlowProcedure}
	if got := a.board.procedures(); !slices.Equal(got, want) {
		t.Errorf("called %v, want %v", got, want)
	}
	second := a.board.calls[2].request.(interface{ GetRequestId() string }).GetRequestId()
	if second == request || uuid.Validate(second) != nil {
		t.Errorf("the process was started with request_id %s", second)
	}
}

func TestApplyRefusesACardThatCannotBePaidOutTo(t *testing.T) {
	t.Parallel()
	for name, card := range map[string]string{"somebody else's, or none": "card_00000000000000000000000009", "a refused one": "card_00000000000000000000000002"} {
		a := newApp(t)
		_, err := a.apply.Apply(borrower(t.Context()), &mobilev1.ApplyRequest{RequestId: uuid.NewString(), CardId: card})
		if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_CARD_NOT_FOUND || len(a.board.calls) != 1 {
			t.Errorf("%s: %v after %v", name, err, a.board.procedures())
		}
	}
}

func TestGetAppConfigAndRealtimeToken(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	config, err := a.config.GetAppConfig(borrower(t.Context()), &mobilev1.GetAppConfigRequest{})
	if err != nil || config.GetCurrencyCode() != "UAH" || !config.GetServerTime().AsTime().Equal(fixtureNow()) {
		t.Errorf("configuration %v, %v", config, err)
	}
	res, err := a.auth.CreateRealtimeToken(borrower(t.Context()), &mobilev1.CreateRealtimeTokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	who, end, err := a.auth.RealtimeTokens.VerifyUntil(res.GetToken(), fixtureNow())
	if err != nil || who.PersonID != fixturePerson || !end.Equal(res.GetExpireTime().AsTime()) || res.GetStream() != "status:"+fixturePerson {
		t.Errorf("token of %+v until %s for %s, %v", who, end, res.GetStream(), err)
	}
}

// TestStartPayment checks what may be paid: never more than closes the loan, and a payoff exactly that.
func TestStartPayment(t *testing.T) {
	t.Parallel()
	uah := func(minor int64) *typev1.Money { return &typev1.Money{MinorUnits: minor, CurrencyCode: "UAH"} }
	instalment, payoff := paymentsv1.Collection_PURPOSE_INSTALMENT, paymentsv1.Collection_PURPOSE_PAYOFF
	for _, test := range []struct {
		name    string
		purpose paymentsv1.Collection_Purpose
		asked   *typev1.Money
		paid    int64
		reason  typev1.ErrorReason
	}{
		{"what is due", instalment, nil, 100, 0},
		{"a part of it", instalment, uah(40), 40, 0},
		{"all of it in advance", instalment, uah(1000), 1000, 0},
		{"more than closes the loan", instalment, uah(1001), 0, typev1.ErrorReason_ERROR_REASON_REPAYMENT_ABOVE_PAYOFF},
		{"a payoff", payoff, nil, 1000, 0},
		{"a payoff of too little", payoff, uah(999), 0, typev1.ErrorReason_ERROR_REASON_REPAYMENT_ABOVE_PAYOFF},
		{"nothing", instalment, uah(0), 0, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"less than nothing", instalment, uah(-1), 0, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"another currency", instalment, &typev1.Money{MinorUnits: 1, CurrencyCode: "EUR"}, 0, typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			a.board.answers[loansv1connect.LoanServiceQuotePayoffProcedure] = &loansv1.QuotePayoffResponse{Quote: &loansv1.PayoffQuote{Total: uah(1000)}}
			a.board.answers[loansv1connect.LoanServiceGetLoanProcedure] = &loansv1.GetLoanResponse{Loan: &loansv1.Loan{NextDue: uah(100)}}
			_, err := a.pay.StartPayment(borrower(t.Context()), &mobilev1.StartPaymentRequest{
				RequestId: uuid.NewString(), LoanId: fixtureLoan, Purpose: test.purpose, Amount: test.asked,
			})
			if rpcerr.ReasonOf(err) != test.reason {
				t.Fatalf("error %v, want %v", err, test.reason)
			}
			last := a.board.calls[len(a.board.calls)-1]
			collection, paid := last.request.(*paymentsv1.CreateCollectionRequest)
			if paid != (test.reason == 0) || collection.GetAmount().GetMinorUnits() != test.paid {
				t.Errorf("the last call was %s with %v", last.procedure, last.request)
			}
		})
	}
}

// TestARepeatedPaymentIsTheSameAmount repeats a payment whose first has closed the loan: nothing is computed anew.
func TestARepeatedPaymentIsTheSameAmount(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	first := &typev1.Money{MinorUnits: 777, CurrencyCode: "UAH"}
	a.board.answers[paymentsv1connect.PaymentServiceGetCollectionProcedure] = &paymentsv1.GetCollectionResponse{Collection: &paymentsv1.Collection{Amount: first}}
	_, err := a.pay.StartPayment(borrower(t.Context()), &mobilev1.StartPaymentRequest{
		RequestId: uuid.NewString(), LoanId: fixtureLoan, Purpose: paymentsv1.Collection_PURPOSE_PAYOFF,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{paymentsv1connect.PaymentServiceGetCollectionProcedure, paymentsv1connect.PaymentServiceCreateCollectionProcedure}
	if got := a.board.procedures(); !slices.Equal(got, want) {
		t.Errorf("called %v, want %v", got, want)
	}
	if paid := a.board.calls[1].request.(*paymentsv1.CreateCollectionRequest).GetAmount(); paid.GetMinorUnits() != 777 {
		t.Errorf("paid %v", paid)
	}
}

// TestAProfileChangeWakesTheProcess tells the process of a submitted application, and nobody when there is none.
func TestAProfileChangeWakesTheProcess(t *testing.T) {
	t.Parallel()
	for state, wakes := range map[loansv1.Application_State]bool{loansv1.Application_STATE_SUBMITTED: true, loansv1.Application_STATE_OFFERED: false} {
		a := newApp(t)
		a.board.answers[loansv1connect.ApplicationServiceListApplicationsProcedure] = &loansv1.ListApplicationsResponse{
			Applications: []*loansv1.Application{{Id: fixtureApplication, State: state}},
		}
		if _, err := a.profile.UpdateProfile(borrower(t.Context()), &mobilev1.UpdateProfileRequest{RequestId: uuid.NewString(), Profile: &identityv1.Profile{}}); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(a.board.procedures(), flowsv1connect.ApplicationFlowServiceResumeIdentityProcedure); got != wakes {
			t.Errorf("%s: woken %v", state, got)
		}
	}
}
