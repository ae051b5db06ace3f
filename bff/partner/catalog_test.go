package partner_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/lendgate/lendgate/bff/partner"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// products stands in for the service that keeps products. It notes what it was asked, and by whom.
type products struct {
	loansv1connect.UnimplementedProductServiceHandler
	who    actor.Actor
	listed *loansv1.ListProductsRequest
	quoted *loansv1.QuoteLoanRequest
	fail   error
}

// ListProducts answers with one product and the token of another page.
func (p *products) ListProducts(ctx context.Context, req *loansv1.ListProductsRequest) (*loansv1.ListProductsResponse, error) {
	p.who, p.listed = actor.Must(ctx), req
	return &loansv1.ListProductsResponse{
		Page: &typev1.PageInfo{NextPageToken: "next"},
		Products: []*loansv1.Product{{
			Id: "prd_00000000000000000000000001", Code: "cash", Version: 7, Names: map[string]string{"en": "Cash loan", "uk": "Готівковий кредит"},
			Terms: &loansv1.ProductTerms{
				MinPrincipal: uah(1_000_00), MaxPrincipal: uah(200_000_00), MinInstalments: 3, MaxInstalments: 36,
				Frequency: loansv1.Frequency_FREQUENCY_MONTHLY, AnnualRatePercent: "36", DailyPenaltyPercent: "0.1",
			},
		}},
	}, p.fail
}

// QuoteLoan answers with two instalments, the first with a fee.
func (p *products) QuoteLoan(ctx context.Context, req *loansv1.QuoteLoanRequest) (*loansv1.QuoteLoanResponse, error) {
	p.who, p.quoted = actor.Must(ctx), req
	return &loansv1.QuoteLoanResponse{ProductId: "prd_00000000000000000000000001", Schedule: &loansv1.Schedule{
		Principal: uah(1_000_00), TotalInterest: uah(45_23), TotalFees: uah(15_00), TotalPayable: uah(1_060_23), AprPercent: "59.7", AnnualRatePercent: "36",
		Instalments: []*loansv1.Instalment{
			{
				Number: 1, DueDate: day(2, 1), Principal: uah(492_61), Interest: uah(30_00), Fee: uah(15_00), Total: uah(537_61),
				BalanceAfter: uah(507_39),
			},
			{Number: 2, DueDate: day(3, 1), Principal: uah(507_39), Interest: uah(15_23), Total: uah(522_62)},
		},
	}}, p.fail
}

// uah is an amount in kopecks.
func uah(minorUnits int64) *typev1.Money {
	return &typev1.Money{MinorUnits: minorUnits, CurrencyCode: "UAH"}
}

func day(month, day int32) *typev1.Date { return &typev1.Date{Year: 2026, Month: month, Day: day} }

// newCatalog makes the catalogue before a stand-in, with the real door between them.
func newCatalog(t *testing.T) (*partner.Catalog, *products) {
	t.Helper()
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	backend := &products{}
	return &partner.Catalog{Products: loansv1connect.NewProductServiceInproc(backend, door.Call)}, backend
}

// shop is the caller, as the edge would make it.
func shop(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.Actor{
		TenantID: "demo", Kind: actor.KindPartner, PartnerID: "shop-demo", Permissions: actor.PartnerPermissions(),
	})
}

func TestListProductsShowsWhatAShopNeeds(t *testing.T) {
	t.Parallel()
	catalog, backend := newCatalog(t)
	page := &typev1.PageRequest{PageSize: 1, PageToken: "this"}
	got, err := catalog.ListProducts(shop(t), &partnerv1.ListProductsRequest{Page: page})
	if err != nil {
		t.Fatal(err)
	}
	want := &partnerv1.ListProductsResponse{
		Page: &typev1.PageInfo{NextPageToken: "next"},
		Products: []*partnerv1.Product{{
			Code: "cash", Names: map[string]string{"en": "Cash loan", "uk": "Готівковий кредит"},
			MinPrincipal: uah(1_000_00), MaxPrincipal: uah(200_000_00), MinInstalments: 3, MaxInstalments: 36,
			Frequency: loansv1.Frequency_FREQUENCY_MONTHLY, AnnualRatePercent: "36",
		}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(page, backend.listed.GetPage(), protocmp.Transform()); diff != "" {
		t.Errorf("the backend was asked for another page (-want +got):\n%s", diff)
	}
	if backend.who.String() != "partner:shop-demo" {
		t.Errorf("the backend was asked by %s", backend.who)
	}
}

func TestQuoteLoanShowsWhatItCosts(t *testing.T) {
	t.Parallel()
	catalog, backend := newCatalog(t)
	got, err := catalog.QuoteLoan(shop(t), &partnerv1.QuoteLoanRequest{ProductCode: "cash", Principal: uah(1_000_00), Instalments: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := &partnerv1.QuoteLoanResponse{
		Principal: uah(1_000_00), TotalInterest: uah(45_23), TotalFees: uah(15_00), TotalPayable: uah(1_060_23), AprPercent: "59.7", AnnualRatePercent: "36",
		Instalments: []*partnerv1.QuotedInstalment{
			{Number: 1, DueDate: day(2, 1), Total: uah(537_61)}, {Number: 2, DueDate: day(3, 1), Total: uah(522_62)},
		},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	asked := &loansv1.QuoteLoanRequest{ProductCode: "cash", Principal: uah(1_000_00), Instalments: 2}
	if diff := cmp.Diff(asked, backend.quoted, protocmp.Transform()); diff != "" {
		t.Errorf("the backend was asked for another quote (-want +got):\n%s", diff)
	}
}

func TestRefusalsOfTheBackendReachThePartner(t *testing.T) {
	t.Parallel()
	catalog, backend := newCatalog(t)
	list := func(ctx context.Context) error {
		_, err := catalog.ListProducts(ctx, &partnerv1.ListProductsRequest{})
		return err
	}
	quote := func(ctx context.Context) error {
		_, err := catalog.QuoteLoan(ctx, &partnerv1.QuoteLoanRequest{ProductCode: "cash", Principal: uah(1_000_00), Instalments: 2})
		return err
	}
	for _, c := range []struct {
		name string
		ask  func(ctx context.Context) error
		fail error
		code connect.Code
		want typev1.ErrorReason
	}{
		{
			"a token of another list", list, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "for the test"),
			connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID,
		},
		{
			"no such product", quote, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND, "for the test"),
			connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND,
		},
		{
			"too much", quote, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE, "for the test"),
			connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE,
		},
		{
			"a backend that is away", list, rpcerr.Unavailable("for the test"),
			connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE,
		},
	} {
		backend.fail = c.fail // One after another: they share the stand-in.
		err := c.ask(shop(t))
		if connect.CodeOf(err) != c.code || rpcerr.ReasonOf(err) != c.want {
			t.Errorf("%s: answered %v", c.name, err)
		}
	}
}

func TestTheBackendsDoorAsksWhoCalls(t *testing.T) {
	t.Parallel()
	catalog, backend := newCatalog(t)
	ctx := actor.With(t.Context(), actor.Actor{TenantID: "demo", Kind: actor.KindAnonymous})
	if _, err := catalog.ListProducts(ctx, &partnerv1.ListProductsRequest{}); err == nil || backend.listed != nil {
		t.Errorf("somebody without a name was answered (%v)", err)
	}
}
