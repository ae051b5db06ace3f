package app

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/tenant"
)

// seedSpace makes the request ids of the demo data: the same at every start, so that a second start seeds nothing twice.
var seedSpace = uuid.MustParse("8f6c6d61-6e64-5f73-8564-64656d6f0001")

// demoProduct is the code of the product that the demo lends by.
const demoProduct = "cash"

// person is a demo borrower that the table shows.
type person struct{ name, phone, code string }

// Seed brings the demo data to running services, wherever they run: what up does by itself. Repeated, it changes nothing.
func Seed(ctx context.Context, config Config, out io.Writer) error {
	lender, err := FindLender(config, "")
	if err != nil {
		return err
	}
	operator, err := DialOperator(config.DataDir, lender.ID)
	if err != nil {
		return err
	}
	if err := seed(ctx, operator.Products, lender); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s lends by the product %q\n", lender.ID, demoProduct)
	return nil
}

// seed brings a lender the product that the demo borrows by. Repeated, it changes nothing.
func seed(ctx context.Context, products loansv1connect.ProductServiceClient, lender *tenant.Tenant) error {
	ctx = actor.AsService(ctx, lender.ID, "operator")
	minor := func(units int64) *typev1.Money {
		return &typev1.Money{MinorUnits: units, CurrencyCode: lender.Currency}
	}
	_, err := products.CreateProductVersion(ctx, &loansv1.CreateProductVersionRequest{
		// The number grows with every change of the terms: the same number with other terms would be refused.
		RequestId: id.Derive(seedSpace, lender.ID+"/product/cash/3").String(), Code: demoProduct,
		Names: map[string]string{"en": "Cash loan", "uk": "Готівковий кредит", "ru": "Кредит наличными", "pl": "Pożyczka gotówkowa"},
		Terms: &loansv1.ProductTerms{
			MinPrincipal: minor(1_000_00), MaxPrincipal: minor(200_000_00), MinInstalments: 3, MaxInstalments: 36,
			Frequency: loansv1.Frequency_FREQUENCY_MONTHLY, AnnualRatePercent: "36", DayCount: loansv1.DayCount_DAY_COUNT_ACTUAL_365,
			Amortization: loansv1.Amortization_AMORTIZATION_EQUAL_INSTALMENT, OriginationFeePercent: "1.5", DailyPenaltyPercent: "0.1",
			OfferLifetimeDays: 14, Prepayment: loansv1.Prepayment_PREPAYMENT_REDUCE_INSTALMENT,
		},
	})
	return err
}

// demoPeople are obviously of nobody. Their codes are fixed, so that an app can log in without looking for the text message; they are made
// by their first login.
func demoPeople() []person {
	return []person{
		{name: "Anna Demo", phone: "+380500000001", code: "111111"},
		{name: "Borys Demo", phone: "+380500000002", code: "222222"},
		{name: "Vira Demo", phone: "+380500000003", code: "333333"},
	}
}

// demoCodes are the fixed codes by phone.
func demoCodes() map[string]string {
	codes := map[string]string{}
	for _, p := range demoPeople() {
		codes[p.phone] = p.code
	}
	return codes
}
