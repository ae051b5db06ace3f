package offering

import (
	"cmp"
	"slices"
)

// Limits bound what may be proposed, in minor units of one currency.
type Limits struct {
	// MinPrincipal and MaxPrincipal are the product's.
	MinPrincipal, MaxPrincipal int64
	// MinInstalments and MaxInstalments are the product's.
	MinInstalments, MaxInstalments int
	// Principal is the most that the decision allows to lend.
	Principal int64
	// Instalment is the most that the decision allows an instalment to be.
	Instalment int64
	// Step is what a reduced principal is rounded down to, such as a hundred
	// of the major unit; asked amounts are offered as they are.
	Step int64
}

// Ask is what was applied for.
type Ask struct {
	Principal   int64
	Instalments int
}

// Price is the largest instalment of a loan. It does not fall as the principal
// grows. False means that there is no schedule for these terms.
type Price func(principal int64, instalments int) (largest int64, ok bool)

// Proposal is one loan that could be made.
type Proposal struct {
	Principal   int64
	Instalments int
	// Largest is the largest instalment.
	Largest int64
}

// Propose makes up to three proposals: the asked term, a longer and a shorter
// one by half, each with the asked principal or the largest below it that fits.
// None means that nothing within the limits exists.
func Propose(limits Limits, ask Ask, price Price) []Proposal {
	half := max(1, ask.Instalments/2)
	terms := []int{
		ask.Instalments,
		min(ask.Instalments+half, limits.MaxInstalments),
		max(ask.Instalments-half, limits.MinInstalments),
	}
	var proposals []Proposal
	for _, n := range terms {
		p, ok := fit(limits, ask.Principal, n, price)
		if ok && !slices.Contains(proposals, p) {
			proposals = append(proposals, p)
		}
	}
	slices.SortStableFunc(proposals, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(a.Largest, b.Largest), cmp.Compare(a.Instalments, b.Instalments))
	})
	return proposals
}

// fit finds the largest principal up to the asked one whose instalments all
// stay within the limit.
func fit(limits Limits, asked int64, instalments int, price Price) (Proposal, bool) {
	most := min(asked, limits.MaxPrincipal, limits.Principal)
	if most < limits.MinPrincipal || instalments < limits.MinInstalments || instalments > limits.MaxInstalments {
		return Proposal{}, false
	}
	try := func(principal int64) (Proposal, bool) {
		largest, ok := price(principal, instalments)
		return Proposal{Principal: principal, Instalments: instalments, Largest: largest}, ok && largest <= limits.Instalment
	}
	if p, ok := try(most); ok {
		return p, true
	}
	// A search by halves over multiples of the step; the smallest principal, which
	// need not be a multiple, stands in where none fits.
	step := max(limits.Step, 1)
	best, found := try(limits.MinPrincipal)
	low, high := limits.MinPrincipal/step+1, most/step
	for low <= high {
		middle := low + (high-low)/2
		if p, ok := try(middle * step); ok {
			best, found, low = p, true, middle+1
		} else {
			high = middle - 1
		}
	}
	return best, found
}
