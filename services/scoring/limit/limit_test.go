package limit_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/services/scoring/limit"
)

func caps() limit.Caps {
	return limit.Caps{BurdenBP: 5000, MinPrincipalMinor: 100_000, MaxPrincipalMinor: 30_000_000, StepMinor: 10_000, LongestTerm: 36}
}

func TestOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		capacity limit.Capacity
		want     limit.Limits
	}{
		{
			"the multiple of income binds", limit.Capacity{IncomeMinor: 3_000_000, MultipleBP: 40_000},
			limit.Limits{PrincipalMinor: 12_000_000, InstalmentMinor: 1_500_000},
		},
		{
			"the cap for everybody binds", limit.Capacity{IncomeMinor: 20_000_000, MultipleBP: 60_000},
			limit.Limits{PrincipalMinor: 30_000_000, InstalmentMinor: 10_000_000},
		},
		{
			"what is paid already lowers the instalment", limit.Capacity{IncomeMinor: 3_000_000, ObligationsMinor: 600_000, MultipleBP: 40_000},
			limit.Limits{PrincipalMinor: 12_000_000, InstalmentMinor: 900_000},
		},
		{
			"the longest term binds", limit.Capacity{IncomeMinor: 3_000_000, ObligationsMinor: 1_400_000, MultipleBP: 40_000},
			limit.Limits{PrincipalMinor: 3_600_000, InstalmentMinor: 100_000},
		},
		{
			"principals are rounded down to the step", limit.Capacity{IncomeMinor: 1_001_111, MultipleBP: 20_000},
			limit.Limits{PrincipalMinor: 2_000_000, InstalmentMinor: 500_555},
		},
		{"nothing left of the burden", limit.Capacity{IncomeMinor: 3_000_000, ObligationsMinor: 1_500_000, MultipleBP: 40_000}, limit.Limits{}},
		{"more paid than the cap", limit.Capacity{IncomeMinor: 3_000_000, ObligationsMinor: 9_000_000, MultipleBP: 40_000}, limit.Limits{}},
		{"less than worth lending", limit.Capacity{IncomeMinor: 99_999, MultipleBP: 10_000}, limit.Limits{}},
		{"a grade that may borrow nothing", limit.Capacity{IncomeMinor: 3_000_000}, limit.Limits{}},
		{"no income", limit.Capacity{MultipleBP: 40_000}, limit.Limits{}},
		{
			"an income beyond all sense", limit.Capacity{IncomeMinor: math.MaxInt64, MultipleBP: 1_000_000},
			limit.Limits{PrincipalMinor: 30_000_000, InstalmentMinor: 1_000_000_000_000_000},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := limit.Of(caps(), tt.capacity); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestBurden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                            string
		obligations, instalment, income int64
		want                            int64
	}{
		{"half", 1_000_000, 500_000, 3_000_000, 5000},
		{"a cent above half is above half", 1_000_000, 500_001, 3_000_000, 5001},
		{"no payments", 0, 0, 3_000_000, 0},
		{"no payments out of no income", 0, 0, 0, 0},
		{"payments out of no income", 0, 1, 0, limit.BurdenMost},
		{"more than a hundred times the income", 0, 1_000_000, 1, limit.BurdenMost},
		{"amounts that overflow", math.MaxInt64, math.MaxInt64, 1, limit.BurdenMost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := limit.Burden(tt.obligations, tt.instalment, tt.income); got != tt.want {
				t.Errorf("%d bp, want %d", got, tt.want)
			}
		})
	}
}

func TestValidateListsEveryFaultOfCaps(t *testing.T) {
	t.Parallel()
	if faults := caps().Validate(); len(faults) > 0 {
		t.Errorf("right caps are refused: %v", faults)
	}
	if faults := (limit.Caps{BurdenBP: 10_001}).Validate(); len(faults) != 4 {
		t.Errorf("faults %v, want all four", faults)
	}
	if limit.ValidateMultiple(0) != nil || limit.ValidateMultiple(-1) == nil || limit.ValidateMultiple(1_000_001) == nil {
		t.Error("multiples of income are bounded wrongly")
	}
}

func drawCaps(t *rapid.T) limit.Caps {
	least := rapid.Int64Range(1, 1_000_000_000).Draw(t, "min principal")
	greatest := least + rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "principal range")
	return limit.Caps{
		BurdenBP: rapid.Int64Range(1, 10_000).Draw(t, "burden"), MinPrincipalMinor: least, MaxPrincipalMinor: greatest,
		StepMinor: rapid.Int64Range(1, greatest).Draw(t, "step"), LongestTerm: rapid.Int64Range(1, 600).Draw(t, "term"),
	}
}

func drawCapacity(t *rapid.T) limit.Capacity {
	return limit.Capacity{
		IncomeMinor:      rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, "income"),
		ObligationsMinor: rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, "obligations"),
		MultipleBP:       rapid.Int64Range(0, 1_000_000).Draw(t, "multiple"),
	}
}

func TestLimitsNeverExceedACap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		caps, capacity := drawCaps(t), drawCapacity(t)
		if faults := caps.Validate(); len(faults) > 0 {
			t.Fatalf("refused: %v", faults)
		}
		got := limit.Of(caps, capacity)
		if (got.PrincipalMinor == 0) != (got.InstalmentMinor == 0) {
			t.Fatalf("%+v is half a limit", got)
		}
		if got.PrincipalMinor == 0 {
			return
		}
		if got.PrincipalMinor < caps.MinPrincipalMinor || got.PrincipalMinor > caps.MaxPrincipalMinor || got.PrincipalMinor%caps.StepMinor != 0 {
			t.Fatalf("%+v breaks %+v", got, caps)
		}
		if (got.PrincipalMinor+caps.LongestTerm-1)/caps.LongestTerm > got.InstalmentMinor {
			t.Fatalf("%+v cannot be repaid in %d instalments", got, caps.LongestTerm)
		}
		if burden := limit.Burden(capacity.ObligationsMinor, got.InstalmentMinor, capacity.IncomeMinor); burden > caps.BurdenBP {
			t.Fatalf("%+v makes a burden of %d bp, %d is the cap", got, burden, caps.BurdenBP)
		}
	})
}

func TestMoreCapacityNeverLowersALimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		caps, capacity := drawCaps(t), drawCapacity(t)
		better := limit.Capacity{
			IncomeMinor:      capacity.IncomeMinor + rapid.Int64Range(0, 1_000_000_000).Draw(t, "more income"),
			ObligationsMinor: capacity.ObligationsMinor - rapid.Int64Range(0, capacity.ObligationsMinor).Draw(t, "less obligations"),
			MultipleBP:       capacity.MultipleBP + rapid.Int64Range(0, 10_000).Draw(t, "more multiple"),
		}
		a, b := limit.Of(caps, capacity), limit.Of(caps, better)
		if b.PrincipalMinor < a.PrincipalMinor || b.InstalmentMinor < a.InstalmentMinor {
			t.Fatalf("%+v became %+v", a, b)
		}
	})
}
