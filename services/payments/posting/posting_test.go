package posting_test

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/payments/posting"
)

func uah(minor int64) money.Money { return money.Money{MinorUnits: minor, Currency: "UAH"} }

func TestRules(t *testing.T) {
	t.Parallel()
	const loan = "loan_demo"
	tests := []struct {
		name string
		make func() ([]posting.Entry, error)
		want []posting.Entry
		err  error
	}{
		{
			"a payout leaves the provider through clearing",
			func() ([]posting.Entry, error) { return posting.Payout(uah(500)) },
			[]posting.Entry{{Account: "disbursement-clearing", Amount: uah(500)}, {Account: "funds-psp", Amount: uah(-500)}}, nil,
		},
		{
			"a loan that begins takes over what left",
			func() ([]posting.Entry, error) { return posting.LoanDisbursed(loan, uah(500)) },
			[]posting.Entry{{Account: "loan-principal:loan_demo", Amount: uah(500)}, {Account: "disbursement-clearing", Amount: uah(-500)}}, nil,
		},
		{
			"a collection arrives in clearing",
			func() ([]posting.Entry, error) { return posting.CollectionPaid(uah(700)) },
			[]posting.Entry{{Account: "funds-psp", Amount: uah(700)}, {Account: "collection-clearing", Amount: uah(-700)}}, nil,
		},
		{
			"a repayment is spread and parts of nothing are left out",
			func() ([]posting.Entry, error) {
				return posting.LoanRepaid(loan, posting.Repayment{
					Amount: uah(700), Principal: uah(500), Interest: uah(120), Fee: uah(0), Penalty: uah(50), Overpaid: uah(30),
				})
			},
			[]posting.Entry{
				{Account: "collection-clearing", Amount: uah(700)},
				{Account: "loan-principal:loan_demo", Amount: uah(-500)},
				{Account: "interest-income", Amount: uah(-120)},
				{Account: "penalty-income", Amount: uah(-50)},
				{Account: "overpayment:loan_demo", Amount: uah(-30)},
			}, nil,
		},
		{
			"a repayment whose parts are not the whole is refused",
			func() ([]posting.Entry, error) {
				return posting.LoanRepaid(loan, posting.Repayment{Amount: uah(700), Principal: uah(699)})
			},
			nil, posting.ErrUnbalanced,
		},
		{
			"interest given back lessens the income",
			func() ([]posting.Entry, error) {
				return posting.LoanRepaid(loan, posting.Repayment{Amount: uah(700), Principal: uah(800), Interest: uah(-100)})
			},
			[]posting.Entry{
				{Account: "collection-clearing", Amount: uah(700)},
				{Account: "loan-principal:loan_demo", Amount: uah(-800)},
				{Account: "interest-income", Amount: uah(100)},
			}, nil,
		},
		{
			"a negative principal is refused",
			func() ([]posting.Entry, error) {
				return posting.LoanRepaid(loan, posting.Repayment{Amount: uah(700), Principal: uah(-100), Interest: uah(800)})
			},
			nil, posting.ErrBadAmount,
		},
		{
			"a part in another currency is refused",
			func() ([]posting.Entry, error) {
				return posting.LoanRepaid(loan, posting.Repayment{Amount: uah(700), Principal: money.Money{MinorUnits: 700, Currency: "USD"}})
			},
			nil, posting.ErrUnbalanced,
		},
		{
			"nothing is not paid out",
			func() ([]posting.Entry, error) { return posting.Payout(uah(0)) },
			nil, posting.ErrBadAmount,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.make()
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); test.err == nil && diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		entries []posting.Entry
		err     error
	}{
		{"no entries", nil, posting.ErrUnbalanced},
		{"one entry", []posting.Entry{{Account: "funds-psp", Amount: uah(1)}}, posting.ErrUnbalanced},
		{"two currencies that only balance together", []posting.Entry{
			{Account: "funds-psp", Amount: uah(1)}, {Account: "funds-psp", Amount: money.Money{MinorUnits: -1, Currency: "USD"}},
		}, posting.ErrUnbalanced},
		{"an unknown group", []posting.Entry{{Account: "cash", Amount: uah(1)}, {Account: "funds-psp", Amount: uah(-1)}}, posting.ErrNoAccount},
		{"a subject with a blank", []posting.Entry{{Account: "overpayment:a b", Amount: uah(1)}, {Account: "funds-psp", Amount: uah(-1)}}, posting.ErrNoAccount},
		{"an empty subject", []posting.Entry{{Account: "overpayment:", Amount: uah(1)}, {Account: "funds-psp", Amount: uah(-1)}}, posting.ErrNoAccount},
		{"an entry of nothing", []posting.Entry{
			{Account: "funds-psp", Amount: uah(1)}, {Account: "funds-psp", Amount: uah(-1)}, {Account: "fee-income", Amount: uah(0)},
		}, posting.ErrBadAmount},
		{"an unknown currency", []posting.Entry{
			{Account: "funds-psp", Amount: money.Money{MinorUnits: 1, Currency: "ZZZ"}},
			{Account: "fee-income", Amount: money.Money{MinorUnits: -1, Currency: "ZZZ"}},
		}, posting.ErrBadAmount},
		{"a sum that overflows", []posting.Entry{
			{Account: "funds-psp", Amount: uah(math.MaxInt64)}, {Account: "funds-psp", Amount: uah(1)}, {Account: "fee-income", Amount: uah(math.MinInt64)},
		}, posting.ErrBadAmount},
		{"two currencies that balance", []posting.Entry{
			{Account: "funds-psp", Amount: uah(1)}, {Account: "fee-income", Amount: uah(-1)},
			{Account: "funds-psp", Amount: money.Money{MinorUnits: 2, Currency: "USD"}},
			{Account: "fee-income", Amount: money.Money{MinorUnits: -2, Currency: "USD"}},
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := posting.Check(test.entries); !errors.Is(err, test.err) {
				t.Errorf("error %v, want %v", err, test.err)
			}
		})
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, group := range posting.Chart() {
		if seen[group.Code] {
			t.Errorf("%s stands twice", group.Code)
		}
		seen[group.Code] = true
		for _, code := range []string{group.Code, group.Code + ":loan_01k9demo"} {
			if got, err := posting.GroupOf(code); err != nil || got != group {
				t.Errorf("GroupOf(%q) = %+v, %v", code, got, err)
			}
		}
	}
}

func TestBalance(t *testing.T) {
	t.Parallel()
	t.Run("six holds of 1000 on 5000 leave one refused", func(t *testing.T) {
		t.Parallel()
		b := posting.Balance{Side: posting.Credit, CreditsPosted: 5000}
		for range 5 {
			b = apply(t, b, posting.Hold, 1000)
			if err := b.WithinLimit(); err != nil {
				t.Fatal(err)
			}
		}
		if err := apply(t, b, posting.Hold, 1000).WithinLimit(); !errors.Is(err, posting.ErrLimit) {
			t.Errorf("the sixth: %v", err)
		}
	})
	t.Run("holds in favour do not count yet", func(t *testing.T) {
		t.Parallel()
		b := apply(t, posting.Balance{Side: posting.Debit}, posting.Hold, 100)
		if err := apply(t, b, posting.Post, -1).WithinLimit(); !errors.Is(err, posting.ErrLimit) {
			t.Errorf("spent what was only held: %v", err)
		}
	})
	t.Run("sums do not wrap around", func(t *testing.T) {
		t.Parallel()
		full := posting.Balance{Side: posting.Debit, DebitsPosted: math.MaxInt64}
		if _, err := full.Apply(posting.Post, 1); !errors.Is(err, posting.ErrBadAmount) {
			t.Errorf("debit: %v", err)
		}
		if _, err := full.Apply(posting.Post, math.MinInt64); !errors.Is(err, posting.ErrBadAmount) {
			t.Errorf("the amount without an opposite: %v", err)
		}
		near := posting.Balance{Side: posting.Credit, CreditsPosted: math.MaxInt64, DebitsPosted: math.MaxInt64 - 1, DebitsPending: 2}
		if err := near.WithinLimit(); !errors.Is(err, posting.ErrLimit) {
			t.Errorf("limit near the end of int64: %v", err)
		}
	})
	t.Run("more than is held does not end", func(t *testing.T) {
		t.Parallel()
		if _, err := (posting.Balance{DebitsPending: 1}).Apply(posting.Release, 2); !errors.Is(err, posting.ErrBadAmount) {
			t.Errorf("error %v", err)
		}
	})
}

func apply(t *testing.T, b posting.Balance, move posting.Move, amount int64) posting.Balance {
	t.Helper()
	moved, err := b.Apply(move, amount)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

// Holding and releasing leaves a balance as it was; holding and settling is posting.
func TestBalanceLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sum := rapid.Int64Range(0, 1<<50)
		b := posting.Balance{
			Side: posting.Debit, MayGoNegative: true, DebitsPosted: sum.Draw(t, "debits"), CreditsPosted: sum.Draw(t, "credits"),
			DebitsPending: sum.Draw(t, "held debits"), CreditsPending: sum.Draw(t, "held credits"),
		}
		amount := rapid.Int64Range(-1<<50, 1<<50).Filter(func(a int64) bool { return a != 0 }).Draw(t, "amount")
		held, err := b.Apply(posting.Hold, amount)
		if err != nil {
			t.Fatal(err)
		}
		released, err := held.Apply(posting.Release, amount)
		if err != nil || released != b {
			t.Fatalf("released %+v, %v; want %+v", released, err, b)
		}
		settled, err := held.Apply(posting.Settle, amount)
		if err != nil {
			t.Fatal(err)
		}
		posted, err := b.Apply(posting.Post, amount)
		if err != nil || settled != posted {
			t.Fatalf("settled %+v, posted %+v, %v", settled, posted, err)
		}
	})
}
