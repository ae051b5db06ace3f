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
	"github.com/lendgate/lendgate/internal/actor"
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
	screen := &mobilev1.GetPayResponse{Due: &mobilev1.DueSection{}, Payoff: &mobilev1.PayoffSection{}, Payments: &mobilev1.PaymentsSection{}}
	loanID, locale := req.GetLoanId(), actor.Must(ctx).Locale
	var loan *loansv1.Loan
	var loanErr error
	compose(ctx,
		func(ctx context.Context) {
			loan, screen.Due.Status, loanErr = fetchLoan(ctx, s.Screens, s.Loans, loanID)
		},
		func(ctx context.Context) {
			screen.Payoff.Quote, screen.Payoff.Status, _ = fetch(ctx, s.Screens, "payoff/"+loanID, func(ctx context.Context) (*loansv1.PayoffQuote, error) {
				res, err := s.Loans.QuotePayoff(ctx, &loansv1.QuotePayoffRequest{LoanId: loanID})
				return res.GetQuote(), err
			})
			if screen.Payoff.Status.GetState() == mobilev1.SectionStatus_STATE_STALE {
				// A quote is good for its day only: an earlier one must not be paid by.
				screen.Payoff.Quote, screen.Payoff.Status.State = nil, mobilev1.SectionStatus_STATE_MISSING
			}
			screen.Payoff.Total = amount(locale, screen.GetPayoff().GetQuote().GetTotal())
		},
		func(ctx context.Context) {
			screen.Payments.Payments, screen.Payments.Status, _ = fetch(ctx, s.Screens, "payments/"+loanID, func(ctx context.Context) ([]*paymentsv1.Collection, error) {
				res, err := s.Payments.ListCollections(ctx, &paymentsv1.ListCollectionsRequest{LoanId: loanID})
				return res.GetCollections(), err
			})
		},
	)
	if loanErr != nil {
		return nil, required(loanErr)
	}
	screen.Due.Card = loanCard(locale, loan)
	return screen, nil
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
