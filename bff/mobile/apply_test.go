package mobile_test

import (
	"slices"
	"testing"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// planOf is a schedule of these totals in minor units.
func planOf(totals ...int64) *loansv1.Schedule {
	plan := &loansv1.Schedule{}
	for _, total := range totals {
		plan.Instalments = append(plan.Instalments, &loansv1.Instalment{Total: &typev1.Money{MinorUnits: total, CurrencyCode: "UAH"}})
	}
	return plan
}

// TestWhatMostInstalmentsAre holds the calculator and the card of an offer to the same two figures.
func TestWhatMostInstalmentsAre(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		totals         []int64
		first, regular string
	}{
		{"the first bears a fee, the last the rest of rounding", []int64{300_00, 200_00, 200_00, 200_00, 199_98}, "₴300.00", "₴200.00"},
		{"three instalments that all differ", []int64{300_00, 200_00, 199_99}, "₴300.00", "₴200.00"},
		{"all alike", []int64{200_00, 200_00}, "₴200.00", "₴200.00"},
		{"the first of two bears a fee", []int64{300_00, 200_00}, "₴300.00", "₴200.00"},
		{"interest until the principal at the end", []int64{30_00, 30_00, 30_00, 5_030_00}, "₴30.00", "₴30.00"},
		{"they shrink", []int64{500_00, 400_00, 300_00}, "₴500.00", "₴400.00"},
		{"a single one", []int64{1_015_00}, "₴1,015.00", "₴1,015.00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, plan := newApp(t), planOf(test.totals...)
			asPlanned := slices.Clone(plan.GetInstalments())
			a.board.answers[loansv1connect.ProductServiceQuoteLoanProcedure] = &loansv1.QuoteLoanResponse{Schedule: plan}
			a.board.answers[loansv1connect.ApplicationServiceGetApplicationProcedure] = &loansv1.GetApplicationResponse{
				Application: &loansv1.Application{Id: fixtureApplication, State: loansv1.Application_STATE_OFFERED},
			}
			a.board.answers[loansv1connect.ApplicationServiceListOffersProcedure] = &loansv1.ListOffersResponse{
				Offers: []*loansv1.Offer{{Schedule: plan, Instalments: int32(len(test.totals))}},
			}
			quote, err := a.apply.QuoteLoan(borrower(t.Context()), &mobilev1.QuoteLoanRequest{})
			if err != nil {
				t.Fatal(err)
			}
			screen, err := a.apply.GetApplication(borrower(t.Context()), &mobilev1.GetApplicationRequest{ApplicationId: fixtureApplication})
			if err != nil {
				t.Fatal(err)
			}
			offer := screen.GetOffers()[0]
			for name, card := range map[string]interface {
				GetInstalment() *mobilev1.Amount
				GetRegularInstalment() *mobilev1.Amount
			}{"quote": quote, "offer": offer} {
				if got := card.GetInstalment().GetDisplay(); got != test.first {
					t.Errorf("%s: the first is %s, want %s", name, got, test.first)
				}
				if got := card.GetRegularInstalment().GetDisplay(); got != test.regular {
					t.Errorf("%s: the regular one is %s, want %s", name, got, test.regular)
				}
			}
			if !slices.Equal(asPlanned, quote.GetSchedule().GetInstalments()) {
				t.Error("the schedule is not in the order of its due days any more")
			}
		})
	}
}
