package partner

import (
	"context"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	partnerv1 "github.com/lendgate/lendgate/gen/go/lendgate/partner/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Catalog tells what the lender offers and what it would cost.
type Catalog struct {
	Products loansv1connect.ProductServiceClient
}

// ListProducts answers with a page of the products on offer. The page is the backend's: its token is good for the next call.
func (s *Catalog) ListProducts(ctx context.Context, req *partnerv1.ListProductsRequest) (*partnerv1.ListProductsResponse, error) {
	found, err := s.Products.ListProducts(ctx, &loansv1.ListProductsRequest{Page: req.GetPage()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	res := &partnerv1.ListProductsResponse{Page: found.GetPage()}
	for _, product := range found.GetProducts() {
		res.Products = append(res.Products, productOf(product))
	}
	return res, nil
}

// productOf leaves out how the lender computes: allocation orders, penalties and lifetimes of offers are between lender and borrower.
func productOf(product *loansv1.Product) *partnerv1.Product {
	terms := product.GetTerms()
	return &partnerv1.Product{
		Code: product.GetCode(), Names: product.GetNames(),
		MinPrincipal: terms.GetMinPrincipal(), MaxPrincipal: terms.GetMaxPrincipal(),
		MinInstalments: terms.GetMinInstalments(), MaxInstalments: terms.GetMaxInstalments(),
		Frequency: terms.GetFrequency(), AnnualRatePercent: terms.GetAnnualRatePercent(),
	}
}

// QuoteLoan computes what a loan would cost, by the same code that computes offers.
func (s *Catalog) QuoteLoan(ctx context.Context, req *partnerv1.QuoteLoanRequest) (*partnerv1.QuoteLoanResponse, error) {
	quote, err := s.Products.QuoteLoan(ctx, &loansv1.QuoteLoanRequest{
		ProductCode: req.GetProductCode(), Principal: req.GetPrincipal(), Instalments: req.GetInstalments(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	schedule := quote.GetSchedule()
	res := &partnerv1.QuoteLoanResponse{
		Principal: schedule.GetPrincipal(), TotalInterest: schedule.GetTotalInterest(), TotalFees: schedule.GetTotalFees(),
		TotalPayable: schedule.GetTotalPayable(), AprPercent: schedule.GetAprPercent(), AnnualRatePercent: schedule.GetAnnualRatePercent(),
	}
	for _, instalment := range schedule.GetInstalments() {
		res.Instalments = append(res.Instalments, &partnerv1.QuotedInstalment{
			Number: instalment.GetNumber(), DueDate: instalment.GetDueDate(), Total: instalment.GetTotal(),
		})
	}
	return res, nil
}
