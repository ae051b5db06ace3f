package loans_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
)

// parts are the amounts of a transaction: principal, interest, fee, penalty, overpaid.
func parts(m *loansv1.Transaction) [5]int64 {
	return [5]int64{
		m.GetPrincipal().GetMinorUnits(), m.GetInterest().GetMinorUnits(), m.GetFee().GetMinorUnits(), m.GetPenalty().GetMinorUnits(),
		m.GetOverpaid().GetMinorUnits(),
	}
}

func wantParts(t *testing.T, m *loansv1.Transaction, want [5]int64) {
	t.Helper()
	if diff := cmp.Diff(want, parts(m)); diff != "" {
		t.Errorf("principal, interest, fee, penalty, overpaid (-want +got):\n%s", diff)
	}
}

// TestALoanThatIsPaidOnTime is the quoted loan of 12,000.00 in three instalments with a fee of 1.5 %.
func TestALoanThatIsPaidOnTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t, func(t *loansv1.ProductTerms) { t.OriginationFeePercent = "1.5" })
	loanID := b.active(t, 1_200_000, 3)

	b.on(t, 2026, time.April, 2)
	wantParts(t, b.repay(t, loanID, 442_782).GetTransaction(), [5]int64{387_582, 37_200, 18_000, 0, 0})
	b.on(t, 2026, time.May, 2)
	wantParts(t, b.repay(t, loanID, 424_782).GetTransaction(), [5]int64{400_409, 24_373, 0, 0, 0})
	if loan := b.loan(t, loanID); loan.GetPrincipalOutstanding().GetMinorUnits() != 412_009 || loan.GetState() != loansv1.Loan_STATE_ACTIVE {
		t.Errorf("got %v", loan)
	}
	b.on(t, 2026, time.June, 2)
	last := b.repay(t, loanID, 424_781)
	wantParts(t, last.GetTransaction(), [5]int64{412_009, 12_772, 0, 0, 0})
	loan := last.GetLoan()
	if loan.GetState() != loansv1.Loan_STATE_CLOSED || loan.GetTotalOutstanding().GetMinorUnits() != 0 || loan.GetCloseTime() == nil ||
		loan.GetNextDueDate() != nil {
		t.Errorf("got %v", loan)
	}
	want := []string{"loan_disbursed", "loan_repaid", "loan_repaid", "loan_repaid", "loan_closed"}
	if diff := cmp.Diff(want, names(b.facts(t, loanID))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, row := range b.schedule(t, loanID).GetInstalments() {
		same(t, row.GetTotal(), row.GetPaid())
	}
	t.Run("what arrives after closing is all overpaid", func(t *testing.T) {
		late := b.repay(t, loanID, 5_000)
		wantParts(t, late.GetTransaction(), [5]int64{0, 0, 0, 0, 5_000})
		if late.GetLoan().GetOverpaid().GetMinorUnits() != 5_000 || late.GetLoan().GetState() != loansv1.Loan_STATE_CLOSED {
			t.Errorf("got %v", late.GetLoan())
		}
		facts := names(b.facts(t, loanID))
		if n := len(slices.DeleteFunc(facts, func(name string) bool { return name != "loan_closed" })); n != 1 {
			t.Errorf("closed %d times", n)
		}
	})
}

func TestThePayoffClosesInTheMiddleOfAPeriod(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.April, 2)
	b.repay(t, loanID, 424_782)
	b.on(t, 2026, time.April, 17)
	quote := b.payoff(t, loanID)
	// 8,124.18 for 15 days at 0.1 % a day is 121.8627.
	want := &loansv1.PayoffQuote{
		Date: date(2026, 4, 17), Principal: uah(812_418), Interest: uah(12_186), Fee: uah(0), Penalty: uah(0), Total: uah(824_604),
		Saved: uah(424_782 + 424_781 - 824_604),
	}
	same(t, want, quote)
	// A cent less leaves it open, and what is left is a cent of the last instalment with the interest still to come.
	short := b.active(t, 1_200_000, 3)
	if res := b.repay(t, short, b.payoff(t, short).GetTotal().GetMinorUnits()-1); res.GetLoan().GetState() != loansv1.Loan_STATE_ACTIVE {
		t.Errorf("a cent less: %v", res.GetLoan())
	}
	res := b.repay(t, loanID, quote.GetTotal().GetMinorUnits())
	wantParts(t, res.GetTransaction(), [5]int64{812_418, 12_186, 0, 0, 0})
	if loan := res.GetLoan(); loan.GetState() != loansv1.Loan_STATE_CLOSED || loan.GetTotalOutstanding().GetMinorUnits() != 0 ||
		loan.GetOverpaid().GetMinorUnits() != 0 {
		t.Errorf("got %v", loan)
	}
	same(t, date(2026, 4, 17), b.loan(t, loanID).GetMaturityDate())
}

func TestMoreThanThePayoffIsOverpaid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.March, 12)
	// 10 days of 12.00.
	res := b.repay(t, loanID, 1_300_000)
	wantParts(t, res.GetTransaction(), [5]int64{1_200_000, 12_000, 0, 0, 88_000})
	if loan := res.GetLoan(); loan.GetState() != loansv1.Loan_STATE_CLOSED || loan.GetOverpaid().GetMinorUnits() != 88_000 {
		t.Errorf("got %v", loan)
	}
}

func TestRepaymentOnTheDayOfThePayoutCostsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	if quote := b.payoff(t, loanID); quote.GetTotal().GetMinorUnits() != 1_200_000 {
		t.Errorf("got %v", quote)
	}
	wantParts(t, b.repay(t, loanID, 1_200_000).GetTransaction(), [5]int64{1_200_000, 0, 0, 0, 0})
}

func TestAPaymentInAdvanceIsGivenBackItsInterestByThePayoff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.March, 12)
	// The first instalment, early: by the standard order its interest is paid in full.
	wantParts(t, b.repay(t, loanID, 424_782).GetTransaction(), [5]int64{387_582, 37_200, 0, 0, 0})
	b.on(t, 2026, time.March, 22)
	// Twenty days of 12.00 are owed, and 372.00 of interest were paid.
	quote := b.payoff(t, loanID)
	if quote.GetTotal().GetMinorUnits() != 1_200_000+24_000-424_782 {
		t.Errorf("got %v", quote)
	}
	res := b.repay(t, loanID, quote.GetTotal().GetMinorUnits())
	wantParts(t, res.GetTransaction(), [5]int64{812_418, -13_200, 0, 0, 0})
	if res.GetLoan().GetState() != loansv1.Loan_STATE_CLOSED {
		t.Errorf("got %v", res.GetLoan())
	}
}

func TestEarlyPartialRepayments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule loansv1.Prepayment
		// left is what is still to be paid of the schedule afterwards, rows how many instalments are not paid in full.
		first [5]int64
		rows  int
	}{
		// By the standard order instalment by instalment: 4,247.82 of the first, then of the second.
		{loansv1.Prepayment_PREPAYMENT_COVER_NEXT, [5]int64{387_582 + 150_845, 37_200 + 24_373, 0, 0, 0}, 2},
		// Ten days of interest, and the rest at once off the principal.
		{loansv1.Prepayment_PREPAYMENT_REDUCE_INSTALMENT, [5]int64{588_000, 12_000, 0, 0, 0}, 3},
		{loansv1.Prepayment_PREPAYMENT_REDUCE_TERM, [5]int64{588_000, 12_000, 0, 0, 0}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.rule.String(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.product(t, func(t *loansv1.ProductTerms) { t.Prepayment = tt.rule })
			loanID := b.active(t, 1_200_000, 3)
			b.on(t, 2026, time.March, 12)
			wantParts(t, b.repay(t, loanID, 600_000).GetTransaction(), tt.first)
			open := 0
			for _, row := range b.schedule(t, loanID).GetInstalments() {
				if !proto.Equal(row.GetTotal(), row.GetPaid()) {
					open++
				}
			}
			if open != tt.rows {
				t.Errorf("%d instalments are open, want %d: %v", open, tt.rows, b.schedule(t, loanID))
			}
			// Whatever the rule, paying what falls due closes the loan with nothing left over.
			for b.loan(t, loanID).GetState() == loansv1.Loan_STATE_ACTIVE {
				loan := b.loan(t, loanID)
				due := loan.GetNextDueDate()
				b.on(t, int(due.GetYear()), time.Month(due.GetMonth()), int(due.GetDay()))
				b.repay(t, loanID, loan.GetNextDue().GetMinorUnits())
			}
			loan := b.loan(t, loanID)
			if loan.GetState() != loansv1.Loan_STATE_CLOSED || loan.GetOverpaid().GetMinorUnits() != 0 || loan.GetTotalOutstanding().GetMinorUnits() != 0 {
				t.Errorf("got %v", loan)
			}
		})
	}
}

func TestPenalties(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t, func(t *loansv1.ProductTerms) { t.DailyPenaltyPercent = "0.5" })
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.April, 6)
	// 4,247.82 × 0.5 % × 4 days is 84.9564.
	loan := b.loan(t, loanID)
	if loan.GetOverdue().GetMinorUnits() != 424_782+8_496 || loan.GetDaysPastDue() != 4 {
		t.Errorf("overdue %v for %d days", loan.GetOverdue(), loan.GetDaysPastDue())
	}
	same(t, date(2026, 5, 2), loan.GetNextDueDate())
	if loan.GetNextDue().GetMinorUnits() != 424_782+8_496+424_782 {
		t.Errorf("next %v", loan.GetNextDue())
	}
	wantParts(t, b.repay(t, loanID, 108_496).GetTransaction(), [5]int64{62_800, 37_200, 0, 8_496, 0})
	b.on(t, 2026, time.April, 8)
	// 3,247.82 × 0.5 % × 2 days is 32.4782.
	if loan := b.loan(t, loanID); loan.GetOverdue().GetMinorUnits() != 324_782+3_248 {
		t.Errorf("overdue %v", loan.GetOverdue())
	}
	quote := b.payoff(t, loanID)
	if quote.GetPenalty().GetMinorUnits() != 3_248 || quote.GetPrincipal().GetMinorUnits() != 1_137_200 {
		t.Errorf("got %v", quote)
	}
	res := b.repay(t, loanID, quote.GetTotal().GetMinorUnits())
	if res.GetLoan().GetState() != loansv1.Loan_STATE_CLOSED || res.GetLoan().GetOverpaid().GetMinorUnits() != 0 {
		t.Errorf("got %v", res.GetLoan())
	}
}

func TestTheAllocationOrderIsTheProducts(t *testing.T) {
	t.Parallel()
	// Two instalments overdue; the payment is less than the interest and penalties of both.
	target := func(names ...string) (order []loansv1.AllocationTarget) {
		for _, timing := range []string{"PAST_DUE", "DUE", "IN_ADVANCE"} {
			for _, name := range names {
				order = append(order, loansv1.AllocationTarget(loansv1.AllocationTarget_value["ALLOCATION_TARGET_"+timing+"_"+name]))
			}
		}
		return order
	}
	tests := []struct {
		name     string
		order    []loansv1.AllocationTarget
		byTarget bool
		want     [5]int64
	}{
		{"the usual one", nil, false, [5]int64{0, 36_832, 0, 13_168, 0}},
		{"principal first, the oldest instalment first", target("PRINCIPAL", "INTEREST", "FEE", "PENALTY"), false, [5]int64{50_000, 0, 0, 0, 0}},
		{"interest of all before anything else", target("INTEREST", "PRINCIPAL", "PENALTY", "FEE"), true, [5]int64{0, 50_000, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.product(t, func(terms *loansv1.ProductTerms) {
				terms.DailyPenaltyPercent, terms.AllocationOrder, terms.AllocateByTarget = "0.1", tt.order, tt.byTarget
			})
			loanID := b.active(t, 1_200_000, 3)
			b.on(t, 2026, time.May, 3)
			// Penalties: 4,247.82 × 0.1 % × 31 = 131.68 and 4,247.82 × 0.1 % = 4.25.
			wantParts(t, b.repay(t, loanID, 50_000).GetTransaction(), tt.want)
		})
	}
}

func TestRepayLoanRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.March, 12)
	booked := repayment(loanID, 1_000)
	res, err := b.loans.RepayLoan(b.flows, booked)
	ok(t, res, err)
	approved := b.approved(t, 1_200_000, 3)
	tests := []struct {
		name   string
		change func(*loansv1.RepayLoanRequest)
		want   typev1.ErrorReason
	}{
		{"nothing", func(r *loansv1.RepayLoanRequest) { r.Amount = uah(0) }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"less than nothing", func(r *loansv1.RepayLoanRequest) { r.Amount = uah(-1) }, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"another currency", func(r *loansv1.RepayLoanRequest) {
			r.Amount = &typev1.Money{MinorUnits: 1, CurrencyCode: "EUR"}
		}, typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH},
		{"tomorrow", func(r *loansv1.RepayLoanRequest) { r.ValueDate = date(2026, 3, 13) }, typev1.ErrorReason_ERROR_REASON_REPAYMENT_DATE_INVALID},
		{"before the last movement", func(r *loansv1.RepayLoanRequest) {
			r.ValueDate = date(2026, 3, 11)
		}, typev1.ErrorReason_ERROR_REASON_REPAYMENT_DATE_INVALID},
		{"no day", func(r *loansv1.RepayLoanRequest) { r.ValueDate = date(2026, 2, 29) }, typev1.ErrorReason_ERROR_REASON_REPAYMENT_DATE_INVALID},
		{"no loan", func(r *loansv1.RepayLoanRequest) {
			r.LoanId = id.Format(id.Loan, id.New())
		}, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND},
		{"a loan that is not paid out", func(r *loansv1.RepayLoanRequest) { r.LoanId = approved }, typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID},
		{"a booked payment with another amount", func(r *loansv1.RepayLoanRequest) {
			r.PaymentId = booked.GetPaymentId()
		}, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED},
		{"a booked payment with another loan", func(r *loansv1.RepayLoanRequest) {
			r.PaymentId, r.LoanId, r.Amount = booked.GetPaymentId(), approved, booked.GetAmount()
		}, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED},
		{"the same request with another content", func(r *loansv1.RepayLoanRequest) {
			r.RequestId = booked.GetRequestId()
		}, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := repayment(loanID, 2_000)
			tt.change(req)
			res, err := b.loans.RepayLoan(b.flows, req)
			refused(t, res, err, tt.want)
		})
	}
	t.Run("a person", func(t *testing.T) {
		res, err := b.loans.RepayLoan(b.ctx, repayment(loanID, 2_000))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("another lender's service", func(t *testing.T) {
		res, err := b.loans.RepayLoan(otherLender(t), repayment(loanID, 2_000))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND)
	})
	if n := query[int64](t, b, "SELECT count(*) FROM loans.transactions WHERE type = 'REPAYMENT'"); n[0] != 1 {
		t.Errorf("%d repayments", n[0])
	}
}
