package loans_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestCreateProductVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	operator := servicetest.AsService(t.Context(), "operator")
	req := &loansv1.CreateProductVersionRequest{RequestId: requestID(), Code: "cash", Names: map[string]string{"en": "Cash loan"}, Terms: terms()}
	res, err := b.products.CreateProductVersion(operator, req)
	first := ok(t, res, err)
	if first.GetProduct().GetVersion() != 1 {
		t.Errorf("version %d", first.GetProduct().GetVersion())
	}
	same(t, req.GetTerms(), first.GetProduct().GetTerms())

	t.Run("a repeat answers the same and adds nothing", func(t *testing.T) {
		res, err := b.products.CreateProductVersion(operator, req)
		same(t, first, ok(t, res, err))
	})
	t.Run("another content under the same id is refused", func(t *testing.T) {
		other := &loansv1.CreateProductVersionRequest{RequestId: req.GetRequestId(), Code: "cash-2", Names: req.GetNames(), Terms: terms()}
		res, err := b.products.CreateProductVersion(operator, other)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
	t.Run("versions count and the newest is listed", func(t *testing.T) {
		second := b.product(t, func(t *loansv1.ProductTerms) { t.AnnualRatePercent = "30" })
		if second.GetVersion() != 2 {
			t.Errorf("version %d", second.GetVersion())
		}
		list, err := b.products.ListProducts(b.ctx, &loansv1.ListProductsRequest{})
		products := ok(t, list, err).GetProducts()
		if len(products) != 1 {
			t.Fatalf("%d products", len(products))
		}
		same(t, second, products[0])
	})
	t.Run("another currency than earlier versions is refused", func(t *testing.T) {
		res, err := b.products.CreateProductVersion(operator, &loansv1.CreateProductVersionRequest{
			RequestId: requestID(), Code: "cash", Names: req.GetNames(), Terms: terms(func(t *loansv1.ProductTerms) {
				t.MinPrincipal.CurrencyCode, t.MaxPrincipal.CurrencyCode = "EUR", "EUR"
			}),
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH)
	})
	t.Run("a borrower may not", func(t *testing.T) {
		res, err := b.products.CreateProductVersion(b.ctx, req)
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
}

func TestContradictingSettingsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	operator := servicetest.AsService(t.Context(), "operator")
	tests := []struct {
		name, setting string
		change        func(*loansv1.ProductTerms)
	}{
		{"a minimum above the maximum", "max_principal", func(t *loansv1.ProductTerms) { t.MaxPrincipal.MinorUnits = 99_999 }},
		{"two currencies", "max_principal", func(t *loansv1.ProductTerms) { t.MaxPrincipal.CurrencyCode = "EUR" }},
		{"a currency that is none", "min_principal", func(t *loansv1.ProductTerms) {
			t.MinPrincipal.CurrencyCode, t.MaxPrincipal.CurrencyCode = "XXY", "XXY"
		}},
		{"a loan of nothing", "min_principal", func(t *loansv1.ProductTerms) { t.MinPrincipal.MinorUnits = 0 }},
		{"fewer instalments at most than at least", "max_instalments", func(t *loansv1.ProductTerms) { t.MaxInstalments = 2 }},
		{"an absurd rate", "annual_rate_percent", func(t *loansv1.ProductTerms) { t.AnnualRatePercent = "5000.01" }},
		{"a fee above the loan", "origination_fee_percent", func(t *loansv1.ProductTerms) { t.OriginationFeePercent = "101" }},
		{"a penalty that no law knows", "daily_penalty_percent", func(t *loansv1.ProductTerms) { t.DailyPenaltyPercent = "11" }},
		{"an order that leaves debts out", "allocation_order", func(t *loansv1.ProductTerms) {
			t.AllocationOrder = []loansv1.AllocationTarget{loansv1.AllocationTarget_ALLOCATION_TARGET_DUE_FEE}
		}},
		{"a loan too small for its instalments", "min_principal", func(t *loansv1.ProductTerms) { t.MinPrincipal.MinorUnits = 15 }},
		{"a multiple above the smallest loan", "instalment_multiple_minor_units", func(t *loansv1.ProductTerms) {
			t.InstalmentMultipleMinorUnits = 200_000
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := b.products.CreateProductVersion(operator, &loansv1.CreateProductVersionRequest{
				RequestId: requestID(), Code: "cash", Names: map[string]string{"en": "Cash loan"}, Terms: terms(tt.change),
			})
			refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PRODUCT_INVALID)
			if got := metadata(err, "setting"); got != tt.setting {
				t.Errorf("setting %q, want %q: %v", got, tt.setting, err)
			}
		})
	}
	t.Run("no name in English", func(t *testing.T) {
		res, err := b.products.CreateProductVersion(operator, &loansv1.CreateProductVersionRequest{
			RequestId: requestID(), Code: "cash", Names: map[string]string{"uk": "Кредит"}, Terms: terms(),
		})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PRODUCT_INVALID)
	})
}

func TestListProductsPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	operator := servicetest.AsService(t.Context(), "operator")
	for _, code := range []string{"gamma", "alpha", "beta", "alpha"} {
		res, err := b.products.CreateProductVersion(operator, &loansv1.CreateProductVersionRequest{
			RequestId: requestID(), Code: code, Names: map[string]string{"en": code}, Terms: terms(),
		})
		ok(t, res, err)
	}
	var codes []string
	page := &typev1.PageRequest{PageSize: 1}
	for {
		res, err := b.products.ListProducts(b.ctx, &loansv1.ListProductsRequest{Page: page})
		for _, p := range ok(t, res, err).GetProducts() {
			codes = append(codes, p.GetCode())
		}
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"alpha", "beta", "gamma"}, codes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	t.Run("a token of another list is refused", func(t *testing.T) {
		res, err := b.loans.ListLoans(b.ctx, &loansv1.ListLoansRequest{Page: &typev1.PageRequest{PageToken: "AAAA"}})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	})
	t.Run("another lender sees none", func(t *testing.T) {
		res, err := b.products.ListProducts(servicetest.AsStranger(t.Context(), servicetest.NewPerson()), &loansv1.ListProductsRequest{})
		if n := len(ok(t, res, err).GetProducts()); n != 0 {
			t.Errorf("%d products", n)
		}
	})
}

func TestQuoteLoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	product := b.product(t, func(t *loansv1.ProductTerms) { t.OriginationFeePercent = "1.5" })
	quote := func(principal *typev1.Money, instalments int32) (*loansv1.QuoteLoanResponse, error) {
		return b.products.QuoteLoan(b.ctx, &loansv1.QuoteLoanRequest{ProductCode: "cash", Principal: principal, Instalments: instalments})
	}
	res, err := quote(uah(1_200_000), 3)
	s := ok(t, res, err).GetSchedule()
	// 12,000.00 from 2 March 2026 at 0.1 % a day: 31, 30 and 31 days.
	want := [][3]int64{{387_582, 37_200, 18_000}, {400_409, 24_373, 0}, {412_009, 12_772, 0}}
	for i, row := range s.GetInstalments() {
		got := [3]int64{row.GetPrincipal().GetMinorUnits(), row.GetInterest().GetMinorUnits(), row.GetFee().GetMinorUnits()}
		if got != want[i] {
			t.Errorf("instalment %d: got %v, want %v", i+1, got, want[i])
		}
	}
	if res.GetProductId() != product.GetId() || s.GetTotalPayable().GetMinorUnits() != 1_200_000+74_345+18_000 || s.GetAnnualRatePercent() != "36.5" {
		t.Errorf("got %v", s)
	}
	same(t, date(2026, 4, 2), s.GetInstalments()[0].GetDueDate())
	// Solved by bisection elsewhere: 56.96 %.
	if s.GetAprPercent() != "57.0" {
		t.Errorf("APR %s", s.GetAprPercent())
	}
	refusals := []struct {
		name        string
		principal   *typev1.Money
		instalments int32
		want        typev1.ErrorReason
		key, value  string
	}{
		{"too little", uah(99_999), 3, typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE, "min_minor_units", "100000"},
		{"too much", uah(10_000_001), 3, typev1.ErrorReason_ERROR_REASON_AMOUNT_OUT_OF_RANGE, "max_minor_units", "10000000"},
		{"too short", uah(100_000), 2, typev1.ErrorReason_ERROR_REASON_TERM_OUT_OF_RANGE, "min_term", "3"},
		{"too long", uah(100_000), 25, typev1.ErrorReason_ERROR_REASON_TERM_OUT_OF_RANGE, "max_term", "24"},
		{
			"another currency", &typev1.Money{MinorUnits: 100_000, CurrencyCode: "EUR"}, 3,
			typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "", "",
		},
	}
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			res, err := quote(tt.principal, tt.instalments)
			refused(t, res, err, tt.want)
			if got := metadata(err, tt.key); got != tt.value || codeOf(err) != connect.CodeInvalidArgument {
				t.Errorf("%s is %q, code %s", tt.key, got, codeOf(err))
			}
		})
	}
	t.Run("a product that is none", func(t *testing.T) {
		res, err := b.products.QuoteLoan(b.ctx, &loansv1.QuoteLoanRequest{ProductCode: "nothing", Principal: uah(1), Instalments: 3})
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PRODUCT_NOT_FOUND)
	})
}

func TestTermsBetweenTheCornersMayHaveNoSchedule(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	// 1,000.00 without interest in multiples of 40.00: three and 24 instalments work, but 16 of 80.00 would be too much before the last.
	b.product(t, func(t *loansv1.ProductTerms) {
		t.MaxPrincipal, t.AnnualRatePercent, t.InstalmentMultipleMinorUnits = uah(100_000), "0", 4_000
	})
	quote := func(instalments int32) (*loansv1.QuoteLoanResponse, error) {
		return b.products.QuoteLoan(b.ctx, &loansv1.QuoteLoanRequest{ProductCode: "cash", Principal: uah(100_000), Instalments: instalments})
	}
	res, err := quote(16)
	refused(t, res, err, typev1.ErrorReason_ERROR_REASON_SCHEDULE_IMPOSSIBLE)
	res, err = quote(24)
	if got := ok(t, res, err).GetSchedule(); got.GetAprPercent() != "0.0" || got.GetTotalPayable().GetMinorUnits() != 100_000 {
		t.Errorf("got %v", got)
	}
}
