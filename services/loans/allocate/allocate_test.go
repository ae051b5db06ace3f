package allocate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

// terms are 300.00 at 0.1 % a day in three instalments 30 days apart.
func terms() amortize.Terms {
	start := civil.Date{Year: 2026, Month: time.March, Day: 1}
	return amortize.Terms{
		Principal: usd(30_000), Start: start,
		Dues:   []civil.Date{start.AddDays(30), start.AddDays(60), start.AddDays(90)},
		Rate:   amortize.Rate{Percent: "0.1", Per: amortize.PerDay},
		Method: amortize.Declining, Amortization: amortize.EqualPrincipal,
		Rounding: amortize.Rounding{Payment: money.HalfUp, Interest: money.HalfUp},
		Fee:      amortize.Fee{Amount: usd(100), Timing: amortize.FeeEach},
	}
}

func usd(minorUnits int64) money.Money { return money.Money{MinorUnits: minorUnits, Currency: "USD"} }

// open is the loan of terms: 100.00 of principal each, interest of 9.00, 6.00
// and 3.00, and a fee of 1.00 each.
func open(t testing.TB, order allocate.Order) allocate.State {
	t.Helper()
	s, err := allocate.Open(terms(), order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cell is an allocation in short.
type cell struct {
	Number    int
	Step      string
	MinorUnit int64
}

func cells(r allocate.Result) []cell {
	var list []cell
	for _, a := range r.Allocations {
		step := allocate.Step{Timing: a.Timing, Component: a.Component}
		list = append(list, cell{a.Number, step.String(), a.Amount.MinorUnits})
	}
	return list
}

func TestOrders(t *testing.T) {
	t.Parallel()
	horizontal := allocate.Standard()
	vertical := allocate.Standard()
	vertical.ByComponent = true
	last := allocate.Standard()
	last.Future = allocate.FutureLast
	spread := allocate.NewOrder(allocate.Principal, allocate.Interest, allocate.Fee, allocate.Penalty)
	spread.Future = allocate.FutureSpread

	tests := []struct {
		name  string
		order allocate.Order
		day   int
		pay   int64
		want  []cell
	}{
		{"instalment by instalment", horizontal, 61, 11_500, []cell{
			{1, "PAST_DUE_PENALTY", 500},
			{1, "PAST_DUE_FEE", 100},
			{1, "PAST_DUE_INTEREST", 900},
			{1, "PAST_DUE_PRINCIPAL", 10_000},
		}},
		{"component by component", vertical, 61, 3_000, []cell{
			{1, "PAST_DUE_PENALTY", 500},
			{1, "PAST_DUE_FEE", 100},
			{2, "PAST_DUE_FEE", 100},
			{1, "PAST_DUE_INTEREST", 900},
			{2, "PAST_DUE_INTEREST", 600},
			{1, "PAST_DUE_PRINCIPAL", 800},
		}},
		{"overdue interest and principal before the penalty", allocate.Law353FZ(), 61, 21_700, []cell{
			{1, "PAST_DUE_INTEREST", 900},
			{2, "PAST_DUE_INTEREST", 600},
			{1, "PAST_DUE_PRINCIPAL", 10_000},
			{2, "PAST_DUE_PRINCIPAL", 10_000},
			{1, "PAST_DUE_PENALTY", 200},
		}},
		{"past due, then due, then in advance", horizontal, 60, 22_300, []cell{
			{1, "PAST_DUE_PENALTY", 500},
			{1, "PAST_DUE_FEE", 100},
			{1, "PAST_DUE_INTEREST", 900},
			{1, "PAST_DUE_PRINCIPAL", 10_000},
			{2, "DUE_FEE", 100},
			{2, "DUE_INTEREST", 600},
			{2, "DUE_PRINCIPAL", 10_000},
			{3, "IN_ADVANCE_FEE", 100},
		}},
		{"the last instalment first", last, 10, 10_500, []cell{
			{3, "IN_ADVANCE_FEE", 100},
			{3, "IN_ADVANCE_INTEREST", 300},
			{3, "IN_ADVANCE_PRINCIPAL", 10_000},
			{2, "IN_ADVANCE_FEE", 100},
		}},
		{"an equal part for every future instalment", spread, 10, 300, []cell{
			{1, "IN_ADVANCE_PRINCIPAL", 100},
			{2, "IN_ADVANCE_PRINCIPAL", 100},
			{3, "IN_ADVANCE_PRINCIPAL", 100},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, tt.order)
			s.Instalments[0].Owed.Penalty = 500
			r, _, err := allocate.Apply(s, usd(tt.pay), s.Terms.Start.AddDays(tt.day))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, cells(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStepsComeBackFromText(t *testing.T) {
	t.Parallel()
	for _, s := range allocate.Standard().Steps {
		if back, err := allocate.ParseStep(s.String()); err != nil || back != s {
			t.Errorf("%s became %s, %v", s, back, err)
		}
	}
	if _, err := allocate.ParseStep("PAST_DUE_TAX"); !errors.Is(err, allocate.ErrBadOrder) {
		t.Errorf("got %v", err)
	}
}

func TestOrdersThatLeaveADebtOutAreRefused(t *testing.T) {
	t.Parallel()
	short := allocate.Standard()
	short.Steps = short.Steps[1:]
	twice := allocate.Standard()
	twice.Steps[0] = twice.Steps[1]
	for name, o := range map[string]allocate.Order{"short": short, "twice": twice, "empty": {}} {
		if err := o.Validate(); !errors.Is(err, allocate.ErrBadOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPayoffChargesInterestToTheDay(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	start := s.Terms.Start
	tests := []struct {
		name                                   string
		day                                    int
		principal, interest, fee, total, saved int64
	}{
		{"on the day of the loan", 0, 30_000, 0, 0, 30_000, 2_100},
		{"in the first period", 10, 30_000, 300, 100, 30_400, 1_700},
		{"on a due date", 30, 30_000, 900, 100, 31_000, 1_100},
		{"in the second period with the first unpaid", 45, 30_000, 1_200, 200, 31_400, 700},
		{"after the end", 120, 30_000, 1_800, 300, 32_100, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, err := allocate.Payoff(s, start.AddDays(tt.day))
			if err != nil {
				t.Fatal(err)
			}
			want := allocate.Quote{
				On: start.AddDays(tt.day), Principal: usd(tt.principal), Interest: usd(tt.interest), Fee: usd(tt.fee),
				Penalty: usd(0), Total: usd(tt.total), Saved: usd(tt.saved),
			}
			if diff := cmp.Diff(want, q); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAFeeForTheLoanItselfIsOwedFromItsFirstDay tells it apart from fees of each instalment, which a payoff drops with their periods.
func TestAFeeForTheLoanItselfIsOwedFromItsFirstDay(t *testing.T) {
	t.Parallel()
	for timing, want := range map[amortize.FeeTiming]int64{amortize.FeeFirst: 30_00, amortize.FeeEach: 0, amortize.FeeSpread: 0} {
		loan := terms()
		loan.Fee = amortize.Fee{Amount: usd(30_00), Timing: timing}
		state, err := allocate.Open(loan, allocate.Standard())
		if err != nil {
			t.Fatal(err)
		}
		quote, err := allocate.Payoff(state, state.Instalments[0].From)
		if err != nil {
			t.Fatal(err)
		}
		if quote.Fee != usd(want) || quote.Interest != usd(0) || quote.Principal != loan.Principal {
			t.Errorf("timing %d: fee %s, interest %s, principal %s", timing, quote.Fee, quote.Interest, quote.Principal)
		}
	}
}

func TestPayoffCountsWhatWasPaidInAdvance(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	// 111.00 in advance covers the first instalment and 1.00 of the second's fee
	// and interest; interest that is no longer due goes to the principal.
	_, s, err := allocate.Apply(s, usd(11_200), s.Terms.Start.AddDays(5))
	if err != nil {
		t.Fatal(err)
	}
	q, err := allocate.Payoff(s, s.Terms.Start.AddDays(10))
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(30_400 - 11_200); q.Total.MinorUnits != want {
		t.Errorf("got %s, want %d", q.Total, want)
	}
}

func TestPrepayReducesTheInstalment(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	on := s.Terms.Start.AddDays(10)
	// 3.00 of interest and 1.00 of fee are due, so 150.00 goes to the principal.
	_, next, err := allocate.Prepay(s, usd(15_400), on, allocate.ReduceInstalment)
	if err != nil {
		t.Fatal(err)
	}
	want := []allocate.Instalment{
		{
			Number: 1, From: s.Terms.Start, Due: on,
			Owed: allocate.Amounts{Fee: 100, Interest: 300, Principal: 15_000},
			Paid: allocate.Amounts{Fee: 100, Interest: 300, Principal: 15_000},
		},
		{Number: 2, From: on, Due: s.Terms.Dues[0], Owed: allocate.Amounts{Interest: 300, Principal: 5_000}},
		{Number: 3, From: s.Terms.Dues[0], Due: s.Terms.Dues[1], Owed: allocate.Amounts{Fee: 100, Interest: 300, Principal: 5_000}},
		{Number: 4, From: s.Terms.Dues[1], Due: s.Terms.Dues[2], Owed: allocate.Amounts{Fee: 100, Interest: 150, Principal: 5_000}},
	}
	if diff := cmp.Diff(want, next.Instalments); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrepayReducesTheTerm(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	on := s.Terms.Start.AddDays(10)
	_, next, err := allocate.Prepay(s, usd(15_400), on, allocate.ReduceTerm)
	if err != nil {
		t.Fatal(err)
	}
	// The level principal of 100.00 is kept: 150.00 takes two instalments.
	want := []allocate.Instalment{
		{Number: 2, From: on, Due: s.Terms.Dues[0], Owed: allocate.Amounts{Interest: 300, Principal: 10_000}},
		{Number: 3, From: s.Terms.Dues[0], Due: s.Terms.Dues[1], Owed: allocate.Amounts{Fee: 100, Interest: 150, Principal: 5_000}},
	}
	if diff := cmp.Diff(want, next.Instalments[1:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrepayOfLessThanIsDueIsAnOrdinaryPayment(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	_, next, err := allocate.Prepay(s, usd(200), s.Terms.Start.AddDays(45), allocate.ReduceTerm)
	if err != nil {
		t.Fatal(err)
	}
	if len(next.Instalments) != 3 || next.Instalments[0].Paid.Total() != 200 {
		t.Errorf("got %+v", next.Instalments)
	}
}

func TestDaysPastDue(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	start := s.Terms.Start
	for day, want := range map[int]int{29: 0, 30: 0, 31: 1, 61: 31} {
		if got := s.DaysPastDue(start.AddDays(day)); got != want {
			t.Errorf("day %d: got %d, want %d", day, got, want)
		}
	}
	_, s, err := allocate.Apply(s, usd(11_000), start.AddDays(31))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.DaysPastDue(start.AddDays(61)); got != 1 {
		t.Errorf("the first paid: got %d, want 1", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := open(t, allocate.Standard())
	day := s.Terms.Start
	bad := open(t, allocate.Standard())
	bad.Instalments[0].Paid.Interest = 901
	tests := map[string]struct {
		state allocate.State
		pay   money.Money
		on    civil.Date
		err   error
	}{
		"nothing":                 {s, usd(0), day, allocate.ErrBadPayment},
		"a negative amount":       {s, usd(-1), day, allocate.ErrBadPayment},
		"another currency":        {s, money.Money{MinorUnits: 1, Currency: "EUR"}, day, money.ErrCurrencyMismatch},
		"a day before the loan":   {s, usd(1), day.AddDays(-1), allocate.ErrBadPayment},
		"no day":                  {s, usd(1), civil.Date{}, allocate.ErrBadPayment},
		"a state that is no loan": {allocate.State{}, usd(1), day, allocate.ErrBadState},
		"more paid than owed":     {bad, usd(1), day, allocate.ErrBadState},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := allocate.Apply(tt.state, tt.pay, tt.on); !errors.Is(err, tt.err) {
				t.Errorf("Apply: got %v, want %v", err, tt.err)
			}
			if _, _, err := allocate.Prepay(tt.state, tt.pay, tt.on, allocate.ReduceTerm); !errors.Is(err, tt.err) {
				t.Errorf("Prepay: got %v, want %v", err, tt.err)
			}
		})
	}
}
