package payments_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// tell hands an event of the loans service in, as the bus does.
func (h *house) tell(t *testing.T, event *eventv1.Event) error {
	t.Helper()
	if event.GetId() == "" {
		event.Id = newID(id.Event)
	}
	event.TenantId = servicetest.Tenant
	take := bus.Inbox(h.DB, h.Clock, "payments", h.service.HandleEvent)
	return take(servicetest.AsService(t.Context(), "payments"), event)
}

func TestBooksOfAWholeLoan(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := h.order(t, sim.CardGood)
	loan, person := req.GetLoanId(), req.GetPersonId()
	date := &typev1.Date{Year: 2026, Month: 3, Day: 2}
	payout := h.createPayout(t, req)
	h.drive(t, payout.GetId())

	disbursed := &eventv1.Event{SubjectId: loan, Fact: &eventv1.Event_LoanDisbursed{LoanDisbursed: &eventv1.LoanDisbursed{
		LoanId: loan, PaymentId: payout.GetId(), Principal: uah(3_000_000), ValueDate: date,
	}}}
	if err := h.tell(t, disbursed); err != nil {
		t.Fatal(err)
	}
	if posted, _ := h.balance(t, "loan-principal:"+loan); posted != 3_000_000 {
		t.Errorf("principal %d", posted)
	}

	// The borrower pays too much in one go: principal, interest, a fee, a penalty and a rest.
	const whole = 3_000_000 + 120_000 + 5_000 + 700 + 300
	collection, err := h.pay.CreateCollection(servicetest.AsPerson(t.Context(), person), &paymentsv1.CreateCollectionRequest{
		RequestId: newCollection().GetRequestId(), LoanId: loan, Amount: uah(whole), Purpose: paymentsv1.Collection_PURPOSE_PAYOFF,
	})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, collection.GetCollection().GetPaymentUrl(), "pan", sim.CardGood)
	h.drive(t, collection.GetCollection().GetId())
	repaid := &eventv1.Event{SubjectId: loan, Fact: &eventv1.Event_LoanRepaid{LoanRepaid: &eventv1.LoanRepaid{
		LoanId: loan, TransactionId: newID(id.Repayment), PaymentId: collection.GetCollection().GetId(), Amount: uah(whole),
		Principal: uah(3_000_000), Interest: uah(120_000), Fee: uah(5_000), Penalty: uah(700), Overpaid: uah(300), ValueDate: date,
	}}}
	// The same event twice, and the same fact in another event: booked once.
	other := proto.Clone(repaid).(*eventv1.Event)
	for _, event := range []*eventv1.Event{repaid, repaid, other, disbursed} {
		if err := h.tell(t, event); err != nil {
			t.Fatal(err)
		}
	}

	want := map[string]int64{
		"funds-psp": whole - 3_000_000, "disbursement-clearing": 0, "collection-clearing": 0, "loan-principal:" + loan: 0,
		"interest-income": -120_000, "fee-income": -5_000, "penalty-income": -700, "overpayment:" + loan: -300,
	}
	for code, amount := range want {
		if posted, pending := h.balance(t, code); posted != amount || pending != 0 {
			t.Errorf("%s: %d and %d held, want %d", code, posted, pending, amount)
		}
	}
	h.checkBooks(t)
	list, err := h.ledger.ListLedgerTransactions(books(t), &paymentsv1.ListLedgerTransactionsRequest{Reference: loan})
	if err != nil || len(list.GetTransactions()) != 4 {
		t.Errorf("transactions of the loan: %v, %v", list, err)
	}
}

func TestEventsThatAreNotBooked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	date := &typev1.Date{Year: 2026, Month: 3, Day: 2}
	tests := []struct {
		name  string
		event *eventv1.Event
		fails bool
	}{
		{"a fact of no account", &eventv1.Event{Fact: &eventv1.Event_LoanClosed{LoanClosed: &eventv1.LoanClosed{LoanId: "loan_x"}}}, false},
		{"a repayment whose parts are not the whole", &eventv1.Event{Fact: &eventv1.Event_LoanRepaid{LoanRepaid: &eventv1.LoanRepaid{
			LoanId: "loan_x", TransactionId: "rep_x", Amount: uah(100), Interest: uah(99), ValueDate: date,
		}}}, true},
		{"a repayment without a day", &eventv1.Event{Fact: &eventv1.Event_LoanRepaid{LoanRepaid: &eventv1.LoanRepaid{
			LoanId: "loan_x", TransactionId: "rep_x", Amount: uah(100), Interest: uah(100),
		}}}, true},
		{"a loan without an amount", &eventv1.Event{Fact: &eventv1.Event_LoanDisbursed{LoanDisbursed: &eventv1.LoanDisbursed{
			LoanId: "loan_x", ValueDate: date,
		}}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := h.tell(t, test.event); (err != nil) != test.fails {
				t.Errorf("error %v", err)
			}
		})
	}
	if n := adminColumn[int64](t, h, "SELECT count(*) FROM payments.ledger_transactions")[0]; n != 0 {
		t.Errorf("%d transactions", n)
	}
}
