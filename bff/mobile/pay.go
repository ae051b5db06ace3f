package mobile

import (
	"context"
	"strconv"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Pay shapes the payment screen and starts payments.
type Pay struct {
	Screens  *Screens
	Loans    loansv1connect.LoanServiceClient
	Payments paymentsv1connect.PaymentServiceClient
}

// GetPay composes the pay screen.
func (s *Pay) GetPay(ctx context.Context, req *mobilev1.GetPayRequest) (*mobilev1.GetPayResponse, error) {
	screen, id := &mobilev1.GetPayResponse{}, req.GetLoanId()
	err := s.Screens.compose(ctx, screen, req.GetReadMask(),
		section{"due", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "loans.loan/"+id, s.Loans.GetLoan, &loansv1.GetLoanRequest{LoanId: id})
			screen.Due = &mobilev1.DueSection{Status: status, Card: loanCard(s.Screens.speech(ctx), res.GetLoan())}
			return err
		}},
		section{"payoff", func(ctx context.Context) (err error) { screen.Payoff, err = s.payoff(ctx, id); return }},
		section{"payments", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "payments.payments/"+id, s.Payments.ListCollections, &paymentsv1.ListCollectionsRequest{LoanId: id})
			screen.Payments = &mobilev1.PaymentsSection{Status: status, Payments: res.GetCollections()}
			return err
		}},
	)
	if err != nil {
		return nil, err
	}
	return screen, nil
}

// payoff is what closes the loan today. A quote is good for its day only: an earlier one must not be paid by, so none is kept.
func (s *Pay) payoff(ctx context.Context, loanID string) (*mobilev1.PayoffSection, error) {
	res, status, err := fetchFresh(ctx, s.Screens, "loans.payoff/"+loanID, s.Loans.QuotePayoff, &loansv1.QuotePayoffRequest{LoanId: loanID})
	quote := res.GetQuote()
	return &mobilev1.PayoffSection{Status: status, Quote: quote, Total: s.Screens.speech(ctx).amount(quote.GetTotal())}, err
}

// StartPayment checks the amount against the loan and opens a payment page. The loan is read here and the payment made at payments; what
// arrives is booked by what is owed then, so a race between the two costs nobody money.
//
// A repeat is told by its request_id before anything is computed: what was due may have been paid by the first, and the loan be closed by it.
func (s *Pay) StartPayment(ctx context.Context, req *mobilev1.StartPaymentRequest) (*mobilev1.StartPaymentResponse, error) {
	due, err := s.amountOfEarlier(ctx, req)
	if err == nil && due == nil {
		due, err = s.amountToPay(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	res, err := s.Payments.CreateCollection(ctx, &paymentsv1.CreateCollectionRequest{
		RequestId: req.GetRequestId(), LoanId: req.GetLoanId(), Amount: due, Purpose: req.GetPurpose(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.StartPaymentResponse{Payment: res.GetCollection()}, nil
}

// amountOfEarlier is the amount that the first of several equal requests came to; nil when this is the first. A difference in what the caller
// did say is refused by payments, which keeps the request.
func (s *Pay) amountOfEarlier(ctx context.Context, req *mobilev1.StartPaymentRequest) (*typev1.Money, error) {
	res, err := s.Payments.GetCollection(ctx, &paymentsv1.GetCollectionRequest{CreateRequestId: req.GetRequestId()})
	switch {
	case rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_COLLECTION_NOT_FOUND:
		return nil, nil
	case err != nil:
		return nil, rpcerr.PassPeer(err)
	case req.GetAmount() != nil:
		return req.GetAmount(), nil
	default:
		return res.GetCollection().GetAmount(), nil
	}
}

func (s *Pay) amountToPay(ctx context.Context, req *mobilev1.StartPaymentRequest) (*typev1.Money, error) {
	quote, err := s.Loans.QuotePayoff(ctx, &loansv1.QuotePayoffRequest{LoanId: req.GetLoanId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	payoff := quote.GetQuote().GetTotal()
	asked := req.GetAmount()
	if asked == nil {
		if req.GetPurpose() == paymentsv1.Collection_PURPOSE_PAYOFF {
			return payoff, nil
		}
		loan, err := s.Loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: req.GetLoanId()})
		if err != nil {
			return nil, rpcerr.PassPeer(err)
		}
		asked = loan.GetLoan().GetNextDue()
	}
	switch {
	case asked.GetCurrencyCode() != payoff.GetCurrencyCode():
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "not the loan's currency", rpcerr.Field("amount.currency_code", "must be "+payoff.GetCurrencyCode()))
	case asked.GetMinorUnits() <= 0:
		return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, "nothing to pay", rpcerr.Field("amount.minor_units", "must be more than 0"))
	case asked.GetMinorUnits() > payoff.GetMinorUnits(),
		req.GetPurpose() == paymentsv1.Collection_PURPOSE_PAYOFF && asked.GetMinorUnits() != payoff.GetMinorUnits():
		return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_REPAYMENT_ABOVE_PAYOFF, "not what closes the loan today",
			rpcerr.Meta("payoff_minor_units", strconv.FormatInt(payoff.GetMinorUnits(), 10)))
	}
	return asked, nil
}

// GetPayment shows one payment.
func (s *Pay) GetPayment(ctx context.Context, req *mobilev1.GetPaymentRequest) (*mobilev1.GetPaymentResponse, error) {
	res, err := s.Payments.GetCollection(ctx, &paymentsv1.GetCollectionRequest{CollectionId: req.GetPaymentId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.GetPaymentResponse{Payment: res.GetCollection()}, nil
}
