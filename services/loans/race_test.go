package loans_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// TestManyTellOfOnePayment books it once: every caller gets the same transaction.
func TestManyTellOfOnePayment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.April, 2)
	const callers = 50
	req := repayment(loanID, 424_782)
	type answer struct {
		res *loansv1.RepayLoanResponse
		err error
	}
	answers := make(chan answer, callers)
	for range callers {
		again := proto.CloneOf(req)
		again.RequestId = requestID()
		go func() {
			res, err := b.loans.RepayLoan(b.flows, again)
			answers <- answer{res, err}
		}()
	}
	var first *loansv1.RepayLoanResponse
	for range callers {
		a := <-answers
		if ok(t, a.res, a.err); first == nil {
			first = a.res
		}
		same(t, first, a.res)
	}
	if n := query[int64](t, b, "SELECT count(*) FROM loans.transactions WHERE type = 'REPAYMENT'"); n[0] != 1 {
		t.Errorf("%d bookings", n[0])
	}
	if got := b.loan(t, loanID).GetPrincipalOutstanding().GetMinorUnits(); got != 812_418 {
		t.Errorf("%d left", got)
	}
	if diff := cmp.Diff([]string{"loan_disbursed", "loan_repaid"}, names(b.facts(t, loanID))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManyPaymentsAtOnce are all booked, one after the other.
func TestManyPaymentsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.April, 2)
	const payments = 20
	failures := make(chan error, payments)
	for range payments {
		go func() {
			_, err := b.loans.RepayLoan(b.flows, repayment(loanID, 10_000))
			failures <- err
		}()
	}
	for range payments {
		ok(t, 0, <-failures)
	}
	if got := b.loan(t, loanID).GetTotalOutstanding().GetMinorUnits(); got != 1_274_345-payments*10_000 {
		t.Errorf("%d left", got)
	}
}

func TestARepeatedRepaymentAnswersTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	req := repayment(loanID, 10_000)
	first, err := b.loans.RepayLoan(b.flows, req)
	ok(t, first, err)
	b.on(t, 2026, time.May, 2) // Days later, the repeat still answers what was.
	again, err := b.loans.RepayLoan(b.flows, req)
	same(t, first, ok(t, again, err))
	list, err := b.loans.ListTransactions(servicetest.AsService(t.Context(), "flows"), &loansv1.ListTransactionsRequest{LoanId: loanID})
	if n := len(ok(t, list, err).GetTransactions()); n != 2 {
		t.Errorf("%d transactions", n)
	}
	same(t, first.GetTransaction(), list.GetTransactions()[0])
}
