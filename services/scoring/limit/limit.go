package limit

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/lendgate/lendgate/internal/money"
)

// whole is 100 % in basis points.
const whole = 10_000

// BurdenMost is the debt burden, in basis points, beyond which it is not told apart any more: a hundred times the income.
const BurdenMost = 1_000_000

// Bounds of what a policy may set: amounts up to a thousand billion major units, as the contract's Money, and multiples up to a hundred.
const (
	mostMinor      = 1_000_000_000_000_000
	mostMultipleBP = 1_000_000
	mostInstalment = 600
)

// Caps are the bounds that hold for every applicant. Amounts are minor units of the policy's currency.
type Caps struct {
	// BurdenBP is the most that the debt burden may be, in basis points of income: 5000 is half.
	BurdenBP int64 `json:"burden_bp"`
	// MinPrincipalMinor is the least worth lending; a limit below it is nothing.
	MinPrincipalMinor int64 `json:"min_principal_minor"`
	// MaxPrincipalMinor is the most for anybody.
	MaxPrincipalMinor int64 `json:"max_principal_minor"`
	// StepMinor is what the principal is rounded down to a multiple of.
	StepMinor int64 `json:"step_minor"`
	// LongestTerm is the greatest number of monthly instalments: a principal that so many of the largest cannot repay is out of reach.
	LongestTerm int64 `json:"longest_term"`
}

// Capacity is what one applicant can bear.
type Capacity struct {
	// IncomeMinor is a month's income, ObligationsMinor what is paid on other debts each month. Neither is negative.
	IncomeMinor, ObligationsMinor int64
	// MultipleBP is how many monthly incomes the grade may borrow, in basis points: 40000 is four.
	MultipleBP int64
}

// Limits are the most that may be lent and that an instalment may be. They are both zero or both positive.
type Limits struct {
	PrincipalMinor, InstalmentMinor int64
}

// Of computes the limits of an applicant.
func Of(caps Caps, c Capacity) Limits {
	instalment := max(0, share(c.IncomeMinor, caps.BurdenBP)-c.ObligationsMinor)
	principal := min(caps.MaxPrincipalMinor, share(c.IncomeMinor, c.MultipleBP))
	// Division instead of multiplication, which might overflow: the principal exceeds what the longest term repays.
	if instalment <= principal/caps.LongestTerm {
		principal = min(principal, instalment*caps.LongestTerm)
	}
	principal -= principal % caps.StepMinor
	if principal < caps.MinPrincipalMinor {
		return Limits{}
	}
	return Limits{PrincipalMinor: principal, InstalmentMinor: instalment}
}

// Burden is the debt burden in basis points, rounded up and at most BurdenMost, which also stands for payments out of no income.
func Burden(obligationsMinor, instalmentMinor, incomeMinor int64) int64 {
	paid := new(big.Int).Add(big.NewInt(obligationsMinor), big.NewInt(instalmentMinor))
	switch {
	case paid.Sign() <= 0:
		return 0
	case incomeMinor <= 0:
		return BurdenMost
	}
	bp, err := money.RoundQuotient(paid.Mul(paid, big.NewInt(whole)), big.NewInt(incomeMinor), money.Up)
	if err != nil { // It does not fit: far beyond the most.
		return BurdenMost
	}
	return min(bp, BurdenMost)
}

// share is a number of basis points of an amount, rounded down; an amount that does not fit is as good as the greatest.
func share(minor, bp int64) int64 {
	part, err := money.RoundQuotient(new(big.Int).Mul(big.NewInt(minor), big.NewInt(bp)), big.NewInt(whole), money.Down)
	if err != nil {
		return mostMinor
	}
	return min(part, mostMinor)
}

// Validate lists everything that is wrong with caps.
func (c Caps) Validate() []error {
	var faults []error
	if c.BurdenBP < 1 || c.BurdenBP > whole {
		faults = append(faults, fmt.Errorf("limits: burden_bp %d is not within 1 to %d", c.BurdenBP, whole))
	}
	if c.MinPrincipalMinor < 1 || c.MinPrincipalMinor > c.MaxPrincipalMinor || c.MaxPrincipalMinor > mostMinor {
		faults = append(faults, errors.New("limits: min_principal_minor and max_principal_minor are not in order"))
	}
	if c.StepMinor < 1 || c.StepMinor > c.MaxPrincipalMinor {
		faults = append(faults, errors.New("limits: step_minor is not within 1 to max_principal_minor"))
	}
	if c.LongestTerm < 1 || c.LongestTerm > mostInstalment {
		faults = append(faults, fmt.Errorf("limits: longest_term is not within 1 to %d", mostInstalment))
	}
	return faults
}

// ValidateMultiple checks a grade's multiple of income.
func ValidateMultiple(bp int64) error {
	if bp < 0 || bp > mostMultipleBP {
		return fmt.Errorf("income_multiple_bp %d is not within 0 to %d", bp, mostMultipleBP)
	}
	return nil
}
