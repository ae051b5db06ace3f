package loans

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/loans/allocate"
)

// payment is money that has arrived for a loan. The id is that of the collection in payments, and the key under which the money is booked
// once, whoever tells of it.
type payment struct {
	id     uuid.UUID
	amount money.Money
}

// RepayLoan implements the LoanService. Two ids keep a payment from being booked twice: the request's, which answers a repeat with what was
// answered first, and the payment's, which answers everybody else who tells of the same money with the loan as it now is.
func (s *Service) RepayLoan(ctx context.Context, req *loansv1.RepayLoanRequest) (*loansv1.RepayLoanResponse, error) {
	return idempotency.Do(ctx, s.keeper, loansv1connect.LoanServiceRepayLoanProcedure, req, &loansv1.RepayLoanResponse{},
		func(tx pgx.Tx) (*loansv1.RepayLoanResponse, error) {
			today, err := s.BusinessDate(ctx, tx)
			if err != nil {
				return nil, err
			}
			// The event of the same collection may have come first. Then this answers with what it booked, and books nothing.
			a, booked, err := s.receive(ctx, tx, req.GetLoanId(), req.GetPaymentId(), moneyFrom(req.GetAmount()),
				func(loan loansdb.Loan) (civil.Date, error) { return repaymentDate(req.GetValueDate(), loan, today) })
			if err != nil {
				return nil, err
			}
			message, err := a.message(today)
			return &loansv1.RepayLoanResponse{Loan: message, Transaction: transactionMessage(booked)}, err
		})
}

// receive books a payment on a loan unless it has been booked already. dated is the day for which it counts.
func (s *Service) receive(
	ctx context.Context, tx pgx.Tx, loanID, paymentID string, amount money.Money, dated func(loan loansdb.Loan) (civil.Date, error),
) (account, loansdb.Transaction, error) {
	var none loansdb.Transaction
	p, err := readPayment(paymentID, amount)
	if err != nil {
		return account{}, none, err
	}
	loan, err := s.ownLoan(ctx, tx, loanID, s.queries.LockLoan)
	if err != nil {
		return account{}, none, err
	}
	a, err := s.openAccount(ctx, tx, loan)
	if err != nil {
		return account{}, none, err
	}
	// Under the loan's lock nobody else is booking on it, so what is not found now will not be there at the insert.
	booked, found, err := s.booked(ctx, tx, loan, p)
	if err != nil || found {
		return a, booked, err
	}
	switch state := loanState(loan.State); {
	// Money for a closed loan is taken in as overpaid: it has arrived, and refusing to know of it would lose it.
	case state != loanActive && state != loanClosed:
		return account{}, none, loanStateInvalid(loan.State)
	case amount.Currency != loan.Currency:
		return account{}, none, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "the loan is in "+loan.Currency)
	}
	on, err := dated(loan)
	if err != nil {
		return account{}, none, err
	}
	return s.book(ctx, tx, a, p, on)
}

// readPayment reads a payment of the wire. An id of a wrong form and an amount that is not positive are mistakes of the caller.
func readPayment(wireID string, amount money.Money) (payment, error) {
	collection, err := id.Parse(id.Collection, wireID)
	if err != nil {
		return payment{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "payment_id is no identifier",
			rpcerr.Field("payment_id", "is no identifier of a collection"))
	}
	if !amount.IsPositive() {
		return payment{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, "a payment is more than zero",
			rpcerr.Field("amount.minor_units", "must be more than zero"))
	}
	return payment{id: collection, amount: amount}, nil
}

// booked looks for the transaction of a payment, which must be the same payment.
func (s *Service) booked(ctx context.Context, tx pgx.Tx, loan loansdb.Loan, p payment) (loansdb.Transaction, bool, error) {
	// By the payment alone, not by the loan: a payment that was booked on another loan must be seen to be refused.
	row, err := s.queries.GetTransactionOfPayment(ctx, tx, loansdb.GetTransactionOfPaymentParams{TenantID: loan.TenantID, PaymentID: p.id})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, false, nil
	case err != nil:
		return row, false, fmt.Errorf("read transaction: %w", err)
	// The same money told with another loan or amount is a fault of the teller. Answering as for a repeat would hide it.
	case row.LoanID != loan.ID || row.AmountMinor != p.amount.MinorUnits || row.Currency != p.amount.Currency:
		return row, false, rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
			"the payment has been booked with another loan or amount")
	}
	return row, true, nil
}

// repaymentDate is the day for which a payment counts: the past before the last movement is booked, and the future has not come. Movements
// are booked in order of their days, because interest and penalties up to the last one are fixed; so money of an earlier day counts from
// the day of the last movement at the earliest, and the caller has to say that.
func repaymentDate(wire *typev1.Date, loan loansdb.Loan, today civil.Date) (civil.Date, error) {
	refused := rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_REPAYMENT_DATE_INVALID,
		"the value date lies before the last transaction or after the business date", rpcerr.Field("value_date", "is not possible"))
	on := today
	if wire != nil {
		var err error
		if on, err = dateFrom(wire); err != nil {
			return civil.Date{}, refused
		}
	}
	if on.After(today) || loan.ValueDate != nil && on.Before(*loan.ValueDate) {
		return civil.Date{}, refused
	}
	return on, nil
}

// book uses a payment on a locked loan and writes what became of it: penalties up to the day first, since they are part of what is owed, then
// the payment, then the rows, then the facts.
func (s *Service) book(ctx context.Context, tx pgx.Tx, a account, p payment, on civil.Date) (account, loansdb.Transaction, error) {
	var none loansdb.Transaction
	// The comparison of before and after below is of the same penalties, so they are no part of what this payment paid.
	before, on, err := a.asOf(on)
	if err != nil {
		return account{}, none, err
	}
	after := before
	if after.state, err = use(before.state, p.amount, on, a.product.prepayment()); err != nil {
		return account{}, none, fmt.Errorf("loan %s: %w", a.loan.ID, err)
	}
	// Remembered because save closes the loan: a loan is told as closed by the payment that closed it, and by no later one.
	wasOpen := loanState(a.loan.State) == loanActive
	if after, err = s.save(ctx, tx, after, on); err != nil {
		return account{}, none, err
	}
	// The parts are what changed, not what was allocated: a payoff may move what was paid in advance.
	was, is := paid(before.state), paid(after.state)
	params := loansdb.InsertTransactionParams{
		TenantID: a.loan.TenantID, ID: id.New(), LoanID: a.loan.ID, Type: typeRepayment, ValueDate: on, AmountMinor: p.amount.MinorUnits,
		PrincipalMinor: is.Principal - was.Principal, InterestMinor: is.Interest - was.Interest, FeeMinor: is.Fee - was.Fee,
		PenaltyMinor: is.Penalty - was.Penalty, OverpaidMinor: after.state.Overpaid.MinorUnits - before.state.Overpaid.MinorUnits,
		Currency: a.loan.Currency, PaymentID: p.id, Actor: actor.Must(ctx).String(), CreateTime: s.keeper.Clock.Now(),
	}
	if err := s.queries.InsertTransaction(ctx, tx, params); err != nil {
		return account{}, none, fmt.Errorf("insert transaction: %w", err)
	}
	// The facts come last and in the order that listeners need: the ledger hears of the parts before anybody hears that the loan is closed.
	booked := loansdb.Transaction(params)
	if err := s.tellLoanRepaid(ctx, tx, after.loan, booked); err != nil {
		return account{}, none, err
	}
	if wasOpen && loanState(after.loan.State) == loanClosed {
		err = s.tellLoanClosed(ctx, tx, after.loan)
	}
	return after, booked, err
}

// prepayment is what a payment above the next instalment does to the schedule; 0 when it covers the instalments as they stand.
func (p product) prepayment() allocate.Effect {
	switch p.terms.GetPrepayment() {
	case loansv1.Prepayment_PREPAYMENT_REDUCE_INSTALMENT:
		return allocate.ReduceInstalment
	case loansv1.Prepayment_PREPAYMENT_REDUCE_TERM:
		return allocate.ReduceTerm
	default:
		return 0
	}
}

// use is the state after a payment. What is enough to close the loan on that day closes it, and the rest is overpaid. What goes beyond the
// next instalment is an early repayment with the product's effect; anything else is allocated to the schedule as it stands. However it is
// used, its parts and what is overpaid sum to it.
func use(s allocate.State, amount money.Money, on civil.Date, effect allocate.Effect) (allocate.State, error) {
	// Settling first makes the quote and the closing the same computation: what QuotePayoff asked for is exactly what is owed here.
	settled, err := allocate.Settle(s, on)
	if err != nil {
		return allocate.State{}, err
	}
	if amount.MinorUnits >= settled.Outstanding().Total() {
		_, closed, err := allocate.Apply(settled, amount, on)
		return closed, err
	}
	// Exactly the next instalment, overdue amounts included, is no early repayment: it leaves the schedule as agreed.
	if _, due := next(s, on); effect != 0 && amount.MinorUnits > due {
		_, prepaid, err := allocate.Prepay(s, amount, on, effect)
		return prepaid, err
	}
	_, applied, err := allocate.Apply(s, amount, on)
	return applied, err
}
