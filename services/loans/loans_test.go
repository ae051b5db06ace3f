package loans_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestDisburseLoanRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.approved(t, 1_200_000, 3)
	request := func(change func(*loansv1.DisburseLoanRequest)) *loansv1.DisburseLoanRequest {
		req := &loansv1.DisburseLoanRequest{RequestId: requestID(), LoanId: loanID, PaymentId: id.Format(id.Payout, id.New())}
		change(req)
		return req
	}
	for name, day := range map[string]*typev1.Date{
		"a day that has not come": date(2026, 3, 3), "a day that is none": date(2026, 2, 30), "a day of long ago": date(2025, 2, 28),
	} {
		t.Run(name, func(t *testing.T) {
			res, err := b.loans.DisburseLoan(b.flows, request(func(r *loansv1.DisburseLoanRequest) { r.ValueDate = day }))
			refused(t, res, err, typev1.ErrorReason_ERROR_REASON_INVALID_DATE)
		})
	}
	t.Run("a person may not", func(t *testing.T) {
		res, err := b.loans.DisburseLoan(b.ctx, request(func(*loansv1.DisburseLoanRequest) {}))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("a loan that is none", func(t *testing.T) {
		res, err := b.loans.DisburseLoan(b.flows, request(func(r *loansv1.DisburseLoanRequest) { r.LoanId = id.Format(id.Loan, id.New()) }))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND)
	})
}

func TestDisburseLoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.approved(t, 1_200_000, 3)
	request := func(change func(*loansv1.DisburseLoanRequest)) *loansv1.DisburseLoanRequest {
		req := &loansv1.DisburseLoanRequest{RequestId: requestID(), LoanId: loanID, PaymentId: id.Format(id.Payout, id.New())}
		change(req)
		return req
	}
	req := request(func(r *loansv1.DisburseLoanRequest) { r.ValueDate = date(2026, 3, 1) })
	res, err := b.loans.DisburseLoan(b.flows, req)
	first := ok(t, res, err)
	loan := first.GetLoan()
	// From 1 March: 31 days to 1 April, 30 to 1 May, 31 to 1 June, as in the quote.
	if loan.GetState() != loansv1.Loan_STATE_ACTIVE || loan.GetTotalOutstanding().GetMinorUnits() != 1_274_345 ||
		loan.GetPrincipalOutstanding().GetMinorUnits() != 1_200_000 || loan.GetNextDue().GetMinorUnits() != 424_782 || loan.GetDaysPastDue() != 0 {
		t.Errorf("got %v", loan)
	}
	same(t, date(2026, 3, 1), loan.GetDisburseDate())
	same(t, date(2026, 4, 1), loan.GetNextDueDate())
	same(t, date(2026, 6, 1), loan.GetMaturityDate())
	same(t, loan, b.loan(t, loanID))

	t.Run("a repeat answers the same", func(t *testing.T) {
		res, err := b.loans.DisburseLoan(b.flows, req)
		same(t, first, ok(t, res, err))
	})
	t.Run("a second payout is refused", func(t *testing.T) {
		res, err := b.loans.DisburseLoan(b.flows, request(func(*loansv1.DisburseLoanRequest) {}))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_DISBURSABLE)
	})
	t.Run("the payout of another loan is refused", func(t *testing.T) {
		other := b.approved(t, 1_200_000, 3)
		res, err := b.loans.DisburseLoan(b.flows, request(func(r *loansv1.DisburseLoanRequest) { r.LoanId, r.PaymentId = other, req.GetPaymentId() }))
		refused(t, res, err, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_DISBURSABLE)
	})
	facts := b.facts(t, loanID)
	if diff := cmp.Diff([]string{"loan_disbursed"}, names(facts)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	told := facts[0].GetLoanDisbursed()
	if facts[0].GetPersonId() != b.person || told.GetPaymentId() != req.GetPaymentId() || told.GetPrincipal().GetMinorUnits() != 1_200_000 {
		t.Errorf("told %v", facts[0])
	}
	application, err := b.applications.GetApplication(b.ctx, &loansv1.GetApplicationRequest{ApplicationId: loan.GetApplicationId()})
	if got := ok(t, application, err).GetApplication(); got.GetState() != loansv1.Application_STATE_DISBURSED || got.GetLoanId() != loanID {
		t.Errorf("got %v", got)
	}
}

func TestCancelLoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.approved(t, 1_200_000, 3)
	req := &loansv1.CancelLoanRequest{RequestId: requestID(), LoanId: loanID}
	res, err := b.loans.CancelLoan(b.flows, req)
	first := ok(t, res, err)
	if first.GetLoan().GetState() != loansv1.Loan_STATE_CANCELLED || first.GetLoan().GetTotalOutstanding().GetMinorUnits() != 0 {
		t.Errorf("got %v", first)
	}
	again, err := b.loans.CancelLoan(b.flows, req)
	same(t, first, ok(t, again, err))
	if diff := cmp.Diff([]string{"loan_cancelled"}, names(b.facts(t, loanID))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	facts := b.facts(t, first.GetLoan().GetApplicationId())
	if got := facts[len(facts)-1].GetApplicationEnded().GetState(); got != "FAILED" {
		t.Errorf("told %q", got)
	}
	t.Run("what needs a live loan is refused", func(t *testing.T) {
		cancelled, err := b.loans.CancelLoan(b.flows, &loansv1.CancelLoanRequest{RequestId: requestID(), LoanId: loanID})
		refused(t, cancelled, err, typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID)
		repaid, err := b.loans.RepayLoan(b.flows, repayment(loanID, 1))
		refused(t, repaid, err, typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID)
		quoted, err := b.loans.QuotePayoff(b.ctx, &loansv1.QuotePayoffRequest{LoanId: loanID})
		refused(t, quoted, err, typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID)
	})
	b.apply(t, 1_200_000, 3) // A failed one no longer stands in the way.
}

func TestALoanKeepsItsProductVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.product(t)
	application := b.apply(t, 1_200_000, 3)
	b.product(t, func(t *loansv1.ProductTerms) { t.AnnualRatePercent = "73" })
	offer := b.offer(t, application)
	agreement := b.accept(t, offer)
	res, err := b.agreements.SignAgreement(b.ctx, b.signRequest(t, agreement))
	loanID := ok(t, res, err).GetLoanId()
	if loan := b.loan(t, loanID); loan.GetProductId() != first.GetId() || offer.GetProductId() != first.GetId() {
		t.Errorf("got %v", loan)
	}
	plan := b.schedule(t, loanID)
	if plan.GetTotalInterest().GetMinorUnits() != 74_345 || plan.GetAnnualRatePercent() != "36.5" || len(plan.GetInstalments()) != 3 {
		t.Errorf("got %v", plan)
	}
}

func TestLoansAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	other := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
	stranger := servicetest.AsStranger(t.Context(), b.person)
	want := typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND

	loan, err := b.loans.GetLoan(other, &loansv1.GetLoanRequest{LoanId: loanID})
	refused(t, loan, err, want)
	loan, err = b.loans.GetLoan(stranger, &loansv1.GetLoanRequest{LoanId: loanID})
	refused(t, loan, err, want)
	schedule, err := b.loans.GetSchedule(other, &loansv1.GetScheduleRequest{LoanId: loanID})
	refused(t, schedule, err, want)
	transactions, err := b.loans.ListTransactions(other, &loansv1.ListTransactionsRequest{LoanId: loanID})
	refused(t, transactions, err, want)
	quote, err := b.loans.QuotePayoff(other, &loansv1.QuotePayoffRequest{LoanId: loanID})
	refused(t, quote, err, want)
	malformed, err := b.loans.GetLoan(b.ctx, &loansv1.GetLoanRequest{LoanId: "loan_uuuuuuuuuuuuuuuuuuuuuuuuuu"})
	refused(t, malformed, err, want)

	for name, list := range map[string]func() (*loansv1.ListLoansResponse, error){
		"other": func() (*loansv1.ListLoansResponse, error) {
			return b.loans.ListLoans(other, &loansv1.ListLoansRequest{})
		},
		"stranger": func() (*loansv1.ListLoansResponse, error) {
			return b.loans.ListLoans(stranger, &loansv1.ListLoansRequest{})
		},
	} {
		res, err := list()
		if n := len(ok(t, res, err).GetLoans()); n != 0 {
			t.Errorf("%s sees %d loans", name, n)
		}
	}
	mine, err := b.loans.ListLoans(b.ctx, &loansv1.ListLoansRequest{})
	if list := ok(t, mine, err).GetLoans(); len(list) != 1 {
		t.Errorf("%d loans", len(list))
	} else {
		same(t, b.loan(t, loanID), list[0])
	}
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	var loanIDs []string
	for range 3 {
		loanIDs = append([]string{b.active(t, 1_200_000, 3)}, loanIDs...)
	}
	var got []string
	page := &typev1.PageRequest{PageSize: 2}
	for {
		res, err := b.loans.ListLoans(b.ctx, &loansv1.ListLoansRequest{Page: page})
		for _, loan := range ok(t, res, err).GetLoans() {
			got = append(got, loan.GetId())
		}
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
	}
	if diff := cmp.Diff(loanIDs, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	for range 3 {
		b.repay(t, loanIDs[0], 100)
	}
	first, err := b.loans.ListTransactions(b.ctx, &loansv1.ListTransactionsRequest{LoanId: loanIDs[0], Page: &typev1.PageRequest{PageSize: 3}})
	token := ok(t, first, err).GetPage().GetNextPageToken()
	rest, err := b.loans.ListTransactions(b.ctx, &loansv1.ListTransactionsRequest{LoanId: loanIDs[0], Page: &typev1.PageRequest{PageToken: token}})
	if list := ok(t, rest, err).GetTransactions(); len(list) != 1 || list[0].GetType() != loansv1.Transaction_TYPE_DISBURSEMENT {
		t.Errorf("got %v", list)
	}
	foreign, err := b.loans.ListTransactions(b.ctx, &loansv1.ListTransactionsRequest{LoanId: loanIDs[1], Page: &typev1.PageRequest{PageToken: token}})
	refused(t, foreign, err, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
}

func TestTheBusinessDateIsTheTenants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	// 23:30 in Kyiv (UTC+2) is still the same day, half an hour later it is the next.
	b.Clock.Advance(11*time.Hour + 30*time.Minute)
	same(t, date(2026, 3, 2), b.loan(t, loanID).GetBusinessDate())
	b.Clock.Advance(30 * time.Minute)
	same(t, date(2026, 3, 3), b.loan(t, loanID).GetBusinessDate())
	b.on(t, 2026, time.April, 12)
	loan := b.loan(t, loanID)
	same(t, date(2026, 4, 12), loan.GetBusinessDate())
	if loan.GetDaysPastDue() != 10 || loan.GetOverdue().GetMinorUnits() != 424_782 {
		t.Errorf("%d days, %v", loan.GetDaysPastDue(), loan.GetOverdue())
	}
	if err := b.service.SetBusinessDate(b.flows, civil.Date{}); err != nil {
		t.Fatal(err)
	}
	same(t, date(2026, 3, 3), b.loan(t, loanID).GetBusinessDate())
}
