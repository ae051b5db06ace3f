package mobile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

var update = flag.Bool("update", false, "rewrite the golden bodies in mobile-contracts/fixtures")

// The borrower of the fixtures and what is theirs. The numbers are those that the SDKs' tests mask ids by.
const (
	fixturePerson      = "per_00000000000000000000000001"
	fixtureDevice      = "dev_00000000000000000000000001"
	fixtureLoan        = "loan_00000000000000000000000001"
	fixtureApplication = "app_00000000000000000000000001"
)

// fixtureNow is when all of this happens.
func fixtureNow() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// TestFixturesOfScreensWithoutABackend holds the screens against the golden bodies that apps are tested with: a backend is away, and the
// sections that need it say so. The calls of a live platform are replayed by mobile-contracts/web.
func TestFixturesOfScreensWithoutABackend(t *testing.T) {
	t.Parallel()
	home := func(ctx context.Context, p *platform) (proto.Message, error) {
		return p.home.GetHome(ctx, &mobilev1.GetHomeRequest{})
	}
	profile := func(ctx context.Context, p *platform) (proto.Message, error) {
		return p.profile.GetProfile(ctx, &mobilev1.GetProfileRequest{})
	}
	apply := func(ctx context.Context, p *platform) (proto.Message, error) {
		return p.apply.GetApply(ctx, &mobilev1.GetApplyRequest{})
	}
	loan := func(ctx context.Context, p *platform) (proto.Message, error) {
		return p.loan.GetLoan(ctx, &mobilev1.GetLoanRequest{LoanId: fixtureLoan})
	}
	pay := func(ctx context.Context, p *platform) (proto.Message, error) {
		return p.pay.GetPay(ctx, &mobilev1.GetPayRequest{LoanId: fixtureLoan})
	}
	for _, c := range []struct {
		name string
		ask  func(ctx context.Context, p *platform) (proto.Message, error)
		// away are the backends, or single questions to them, that do not answer.
		away []string
		// warm asks once while everything is there, so that an earlier answer can stand in.
		warm bool
		// denied is a permission that the session lacks.
		denied typev1.Permission
	}{
		{name: "home/missing-loans", ask: home, away: []string{"loans", "applications"}},
		{name: "home/missing-notices", ask: home, away: []string{"push"}},
		{name: "home/stale-loans", ask: home, away: []string{"loans", "applications"}, warm: true},
		{name: "home/denied-notices", ask: home, denied: typev1.Permission_PERMISSION_NOTIFICATION_READ},
		{name: "home/failed", ask: home, away: []string{"identity"}},
		{name: "profile/missing-consents", ask: profile, away: []string{"consents"}},
		{name: "profile/missing-devices", ask: profile, away: []string{"devices"}},
		{name: "apply/missing-application", ask: apply, away: []string{"applications"}},
		{name: "apply/missing-cards", ask: apply, away: []string{"payments"}},
		{name: "loan/missing-schedule", ask: loan, away: []string{"schedule"}},
		{name: "loan/missing-transactions", ask: loan, away: []string{"transactions"}},
		{name: "loan/failed", ask: loan, away: []string{"loans", "schedule", "transactions"}},
		{name: "pay/missing-payoff", ask: pay, away: []string{"payoff"}},
		{name: "pay/missing-payments", ask: pay, away: []string{"payments"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			ctx := actor.With(t.Context(), actor.Actor{
				TenantID: "demo", Kind: actor.KindPerson, PersonID: fixturePerson, DeviceID: fixtureDevice, Locale: "en",
				Permissions: slices.DeleteFunc(actor.BorrowerPermissions(), func(held typev1.Permission) bool { return held == c.denied }),
			})
			if c.warm {
				if _, err := c.ask(ctx, p); err != nil {
					t.Fatalf("while everything is there: %v", err)
				}
			}
			p.backends.away = c.away
			screen, err := c.ask(ctx, p)
			compareGolden(t, c.name, goldenBody(t, screen, err))
		})
	}
}

// goldenBody is an answer in canonical protoJSON, or a refusal with all that an app may rely on, as the edge would send it in English.
func goldenBody(t *testing.T, screen proto.Message, err error) []byte {
	t.Helper()
	raw := []byte(nil)
	if err == nil {
		raw, err = protojson.Marshal(screen)
	} else {
		raw, err = json.Marshal(goldenRefusal(t, err))
	}
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if err := json.Indent(&body, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(body.Bytes(), '\n')
}

type refusal struct {
	Code             string `json:"code"`
	Reason           string `json:"reason"`
	LocalizedMessage string `json:"localizedMessage"`
	RetryAfterMS     int64  `json:"retryAfterMs,omitempty"`
}

func goldenRefusal(t *testing.T, err error) refusal {
	t.Helper()
	var coded *connect.Error
	if !errors.As(err, &coded) {
		t.Fatalf("an error without a code: %v", err)
	}
	words, readErr := os.ReadFile(filepath.Join("..", "edge", "catalog", "en.json"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	var catalog map[string]string
	if err := json.Unmarshal(words, &catalog); err != nil {
		t.Fatal(err)
	}
	reason := rpcerr.Name(rpcerr.ReasonOf(err))
	return refusal{Code: coded.Code().String(), Reason: reason, LocalizedMessage: catalog[reason], RetryAfterMS: rpcerr.RetryAfterOf(err).Milliseconds()}
}

// compareGolden holds a body against its file, or writes the file.
func compareGolden(t *testing.T, name string, body []byte) {
	t.Helper()
	path := filepath.Join("..", "..", "mobile-contracts", "fixtures", filepath.FromSlash(name)+".json")
	if *update {
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), string(body)); diff != "" {
		t.Errorf("%s (-golden +have); if it is meant: go test ./bff/mobile -run Fixtures -update\n%s", name, diff)
	}
}

// platform is the screens over backends that hold one borrower each.
type platform struct {
	backends *backends
	home     *mobile.Home
	profile  *mobile.Profile
	apply    *mobile.Apply
	loan     *mobile.Loan
	pay      *mobile.Pay
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	log, clk := slog.New(slog.DiscardHandler), clock.NewFake(fixtureNow())
	door, err := inproc.NewDoor(log, clk, actor.NewSigner(bytes.Repeat([]byte{1}, 32), time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	b := &backends{}
	screens := mobile.NewScreens(clk, log)
	persons := identityv1connect.NewPersonServiceInproc(persons{backends: b}, door.Call)
	devices := identityv1connect.NewDeviceServiceInproc(devices{backends: b}, door.Call)
	loans := loansv1connect.NewLoanServiceInproc(loans{backends: b}, door.Call)
	applications := loansv1connect.NewApplicationServiceInproc(applications{backends: b}, door.Call)
	products := loansv1connect.NewProductServiceInproc(products{}, door.Call)
	payments := paymentsv1connect.NewPaymentServiceInproc(payments{backends: b}, door.Call)
	notifications := pushv1connect.NewNotificationServiceInproc(notifications{backends: b}, door.Call)
	flows := flowsv1connect.NewApplicationFlowServiceInproc(flowsv1connect.UnimplementedApplicationFlowServiceHandler{}, door.Call)
	cards := mobile.NewApplicationCards(applications, flows)
	return &platform{
		backends: b,
		home:     &mobile.Home{Screens: screens, Persons: persons, Loans: loans, Applications: cards, Notifications: notifications},
		profile:  &mobile.Profile{Screens: screens, Persons: persons, Devices: devices, Log: log},
		apply:    &mobile.Apply{Screens: screens, Products: products, Payments: payments, Cards: cards},
		loan:     &mobile.Loan{Screens: screens, Loans: loans},
		pay:      &mobile.Pay{Screens: screens, Loans: loans, Payments: payments},
	}
}

// backends know which of them are away.
type backends struct{ away []string }

// up fails when the backend, or the question, is away.
func (b *backends) up(names ...string) error {
	for _, name := range names {
		if slices.Contains(b.away, name) {
			return rpcerr.Unavailable(name + " is away")
		}
	}
	return nil
}

// uah is an amount in kopecks.
func uah(minorUnits int64) *typev1.Money {
	return &typev1.Money{MinorUnits: minorUnits, CurrencyCode: "UAH"}
}

func day(month, day int32) *typev1.Date { return &typev1.Date{Year: 2026, Month: month, Day: day} }

type persons struct {
	identityv1connect.UnimplementedPersonServiceHandler
	backends *backends
}

// GetPerson answers with the borrower.
func (s persons) GetPerson(context.Context, *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	return &identityv1.GetPersonResponse{Person: &identityv1.Person{
		Id: fixturePerson, State: identityv1.Person_STATE_ACTIVE, Phone: "+380000000000", Locale: "en", CreateTime: timestamppb.New(fixtureNow()),
		Profile: &identityv1.Profile{GivenName: "Demo", FamilyName: "Borrower", BirthDate: &typev1.Date{Year: 1990, Month: 5, Day: 17}},
	}}, s.backends.up("identity")
}

// ListConsents answers with one consent.
func (s persons) ListConsents(context.Context, *identityv1.ListConsentsRequest) (*identityv1.ListConsentsResponse, error) {
	return &identityv1.ListConsentsResponse{Consents: []*identityv1.Consent{{
		Id: "con_00000000000000000000000001", Purpose: identityv1.ConsentPurpose_CONSENT_PURPOSE_PERSONAL_DATA, TextVersion: "2026-01",
		GiveTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("identity", "consents")
}

type devices struct {
	identityv1connect.UnimplementedDeviceServiceHandler
	backends *backends
}

// ListDevices answers with one device.
func (s devices) ListDevices(context.Context, *identityv1.ListDevicesRequest) (*identityv1.ListDevicesResponse, error) {
	return &identityv1.ListDevicesResponse{Devices: []*identityv1.Device{{
		Id: fixtureDevice, Platform: identityv1.Platform_PLATFORM_WEB, Model: "Demo browser", PersonId: fixturePerson,
		CreateTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("identity", "devices")
}

type loans struct {
	loansv1connect.UnimplementedLoanServiceHandler
	backends *backends
}

func theLoan() *loansv1.Loan {
	return &loansv1.Loan{
		Id: fixtureLoan, PersonId: fixturePerson, ApplicationId: fixtureApplication, Number: "DEMO-1", State: loansv1.Loan_STATE_ACTIVE,
		Principal: uah(20_000_00), PrincipalOutstanding: uah(20_000_00), TotalOutstanding: uah(20_000_00), NextDue: uah(1_880_00),
		NextDueDate: day(2, 1), DisburseDate: day(1, 1), BusinessDate: day(1, 1), CreateTime: timestamppb.New(fixtureNow()),
	}
}

// ListLoans answers with the loan.
func (s loans) ListLoans(context.Context, *loansv1.ListLoansRequest) (*loansv1.ListLoansResponse, error) {
	return &loansv1.ListLoansResponse{Loans: []*loansv1.Loan{theLoan()}}, s.backends.up("loans")
}

// GetLoan answers with the loan.
func (s loans) GetLoan(context.Context, *loansv1.GetLoanRequest) (*loansv1.GetLoanResponse, error) {
	return &loansv1.GetLoanResponse{Loan: theLoan()}, s.backends.up("loans")
}

// GetSchedule answers with one instalment.
func (s loans) GetSchedule(context.Context, *loansv1.GetScheduleRequest) (*loansv1.GetScheduleResponse, error) {
	return &loansv1.GetScheduleResponse{Schedule: &loansv1.Schedule{
		Principal: uah(20_000_00), TotalPayable: uah(20_800_00), AnnualRatePercent: "48",
		Instalments: []*loansv1.Instalment{{Number: 1, DueDate: day(2, 1), Principal: uah(20_000_00), Interest: uah(800_00), Total: uah(20_800_00)}},
	}}, s.backends.up("schedule")
}

// ListTransactions answers with the payout.
func (s loans) ListTransactions(context.Context, *loansv1.ListTransactionsRequest) (*loansv1.ListTransactionsResponse, error) {
	return &loansv1.ListTransactionsResponse{Transactions: []*loansv1.Transaction{{
		Id: "dsb_00000000000000000000000001", Type: loansv1.Transaction_TYPE_DISBURSEMENT, ValueDate: day(1, 1), Amount: uah(20_000_00),
		CreateTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("transactions")
}

// QuotePayoff answers with what closes the loan.
func (s loans) QuotePayoff(context.Context, *loansv1.QuotePayoffRequest) (*loansv1.QuotePayoffResponse, error) {
	quote := &loansv1.PayoffQuote{Date: day(1, 1), Principal: uah(20_000_00), Total: uah(20_000_00), Saved: uah(800_00)}
	return &loansv1.QuotePayoffResponse{Quote: quote}, s.backends.up("payoff")
}

type applications struct {
	loansv1connect.UnimplementedApplicationServiceHandler
	backends *backends
}

// ListApplications answers with one that waits for a choice.
func (s applications) ListApplications(context.Context, *loansv1.ListApplicationsRequest) (*loansv1.ListApplicationsResponse, error) {
	return &loansv1.ListApplicationsResponse{Applications: []*loansv1.Application{{
		Id: fixtureApplication, State: loansv1.Application_STATE_OFFERED, Principal: uah(20_000_00),
	}}}, s.backends.up("applications")
}

type products struct {
	loansv1connect.UnimplementedProductServiceHandler
}

// ListProducts answers with one product.
func (products) ListProducts(context.Context, *loansv1.ListProductsRequest) (*loansv1.ListProductsResponse, error) {
	return &loansv1.ListProductsResponse{Products: []*loansv1.Product{{
		Code: "cash", Names: map[string]string{"en": "Cash loan"},
		Terms: &loansv1.ProductTerms{
			MinPrincipal: uah(1_000_00), MaxPrincipal: uah(200_000_00), MinInstalments: 3, MaxInstalments: 36, AnnualRatePercent: "48",
		},
	}}}, nil
}

type payments struct {
	paymentsv1connect.UnimplementedPaymentServiceHandler
	backends *backends
}

// ListCards answers with one card.
func (s payments) ListCards(context.Context, *paymentsv1.ListCardsRequest) (*paymentsv1.ListCardsResponse, error) {
	return &paymentsv1.ListCardsResponse{Cards: []*paymentsv1.Card{{
		Id: "card_00000000000000000000000001", State: paymentsv1.Card_STATE_ACTIVE, MaskedNumber: "430000******0777", CreateTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("payments")
}

// ListCollections answers with one payment.
func (s payments) ListCollections(context.Context, *paymentsv1.ListCollectionsRequest) (*paymentsv1.ListCollectionsResponse, error) {
	return &paymentsv1.ListCollectionsResponse{Collections: []*paymentsv1.Collection{{
		Id: "coll_00000000000000000000000001", LoanId: fixtureLoan, PersonId: fixturePerson, Amount: uah(1_880_00),
		Purpose: paymentsv1.Collection_PURPOSE_INSTALMENT, State: paymentsv1.Collection_STATE_PAID, CreateTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("payments")
}

type notifications struct {
	pushv1connect.UnimplementedNotificationServiceHandler
	backends *backends
}

// ListNotifications answers with one message.
func (s notifications) ListNotifications(context.Context, *pushv1.ListNotificationsRequest) (*pushv1.ListNotificationsResponse, error) {
	return &pushv1.ListNotificationsResponse{Notifications: []*pushv1.Notification{{
		Id: "ntf_00000000000000000000000001", Title: "The money has arrived", Body: "Demo message.", CreateTime: timestamppb.New(fixtureNow()),
	}}}, s.backends.up("push")
}
