package loans_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// otherLender is a context of the process in another tenant.
func otherLender(t *testing.T) context.Context {
	return actor.AsService(t.Context(), servicetest.OtherTenant, "flows")
}

// deliver hands an event to the service as the bus does.
func (b *bench) deliver(t *testing.T, event *eventv1.Event) error {
	t.Helper()
	handle := bus.Inbox(b.DB, b.Clock, "loans", b.service.HandleEvent)
	return handle(servicetest.AsService(t.Context(), "loans"), event)
}

func collected(loanID string, amount int64, day *typev1.Date) *eventv1.Event {
	return &eventv1.Event{
		Id: id.Format(id.Event, id.New()), TenantId: servicetest.Tenant,
		Fact: &eventv1.Event_CollectionPaid{CollectionPaid: &eventv1.CollectionPaid{
			CollectionId: id.Format(id.Collection, id.New()), LoanId: loanID, Amount: uah(amount), ValueDate: day,
		}},
	}
}

func TestACollectionIsBookedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.April, 2)
	event := collected(loanID, 424_782, date(2026, 4, 2))
	for range 2 {
		if err := b.deliver(t, event); err != nil {
			t.Fatal(err)
		}
	}
	again := collected(loanID, 424_782, date(2026, 4, 2)) // The same payment told of in another event.
	again.GetCollectionPaid().CollectionId = event.GetCollectionPaid().GetCollectionId()
	if err := b.deliver(t, again); err != nil {
		t.Fatal(err)
	}
	req := repayment(loanID, 424_782) // And by RPC.
	req.PaymentId = event.GetCollectionPaid().GetCollectionId()
	res, err := b.loans.RepayLoan(b.flows, req)
	wantParts(t, ok(t, res, err).GetTransaction(), [5]int64{387_582, 37_200, 0, 0, 0})
	facts := b.facts(t, loanID)
	if diff := cmp.Diff([]string{"loan_disbursed", "loan_repaid"}, names(facts)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	same(t, &eventv1.LoanRepaid{
		LoanId: loanID, TransactionId: res.GetTransaction().GetId(), PaymentId: req.GetPaymentId(), Amount: uah(424_782),
		Principal: uah(387_582), Interest: uah(37_200), Fee: uah(0), Penalty: uah(0), Overpaid: uah(0), ValueDate: date(2026, 4, 2),
	}, facts[1].GetLoanRepaid())
}

func TestMoneyThatIsHereIsBookedWhateverItsDay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	loanID := b.active(t, 1_200_000, 3)
	b.on(t, 2026, time.March, 20)
	days := []struct{ told, want *typev1.Date }{
		{date(2026, 3, 15), date(2026, 3, 15)},
		{date(2026, 3, 10), date(2026, 3, 15)}, // The past before the last movement is booked.
		{date(2026, 4, 1), date(2026, 3, 20)},  // The future has not come.
		{date(2026, 2, 30), date(2026, 3, 20)}, // The calendar does not have it.
		{nil, date(2026, 3, 20)},
	}
	for _, day := range days {
		if err := b.deliver(t, collected(loanID, 1_000, day.told)); err != nil {
			t.Fatal(err)
		}
		list, err := b.loans.ListTransactions(b.ctx, &loansv1.ListTransactionsRequest{LoanId: loanID})
		same(t, day.want, ok(t, list, err).GetTransactions()[0].GetValueDate())
	}
}

func TestMoneyForNoLoanIsNotTakenIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.product(t)
	absent := b.deliver(t, collected(id.Format(id.Loan, id.New()), 1_000, nil))
	if got := rpcerr.ReasonOf(absent); got != typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND {
		t.Errorf("got %v", absent)
	}
	unpaid := b.deliver(t, collected(b.approved(t, 1_200_000, 3), 1_000, nil))
	if got := rpcerr.ReasonOf(unpaid); got != typev1.ErrorReason_ERROR_REASON_LOAN_STATE_INVALID {
		t.Errorf("got %v", unpaid)
	}
}

func TestFactsOfOthersArePassedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	event := collected("", 1, nil)
	event.Fact = &eventv1.Event_PersonCreated{PersonCreated: &eventv1.PersonCreated{}}
	if err := b.deliver(t, event); err != nil {
		t.Error(err)
	}
}
