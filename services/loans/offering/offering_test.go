package offering_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/services/loans/offering"
)

// evenly is a loan without interest.
func evenly(principal int64, instalments int) (int64, bool) {
	n := int64(instalments)
	return (principal + n - 1) / n, principal >= n
}

func limits() offering.Limits {
	return offering.Limits{
		MinPrincipal: 100_000, MaxPrincipal: 10_000_000, MinInstalments: 3, MaxInstalments: 24,
		Principal: 10_000_000, Instalment: 10_000_000, Step: 10_000,
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	ask := offering.Ask{Principal: 1_200_000, Instalments: 12}
	tests := []struct {
		name   string
		change func(*offering.Limits)
		ask    offering.Ask
		want   []offering.Proposal
	}{
		{"asked terms, a longer and a shorter", func(*offering.Limits) {}, ask, []offering.Proposal{
			{1_200_000, 18, 66_667},
			{1_200_000, 12, 100_000},
			{1_200_000, 6, 200_000},
		}},
		{"less where the instalment would be too large", func(l *offering.Limits) { l.Instalment = 90_000 }, ask, []offering.Proposal{
			{1_200_000, 18, 66_667},
			{540_000, 6, 90_000},
			{1_080_000, 12, 90_000},
		}},
		{"at most what the decision lends", func(l *offering.Limits) { l.Principal = 555_555 }, ask, []offering.Proposal{
			{555_555, 18, 30_865},
			{555_555, 12, 46_297},
			{555_555, 6, 92_593},
		}},
		{"one where the product has one term", func(l *offering.Limits) { l.MinInstalments, l.MaxInstalments = 12, 12 }, ask, []offering.Proposal{
			{1_200_000, 12, 100_000},
		}},
		{"the smallest loan when nothing else fits", func(l *offering.Limits) { l.Instalment, l.MinPrincipal = 8_400, 100_001 }, ask, []offering.Proposal{
			{150_000, 18, 8_334},
			{100_001, 12, 8_334},
		}},
		{"none below the smallest loan", func(l *offering.Limits) { l.Principal = 99_999 }, ask, nil},
		{"none when every instalment is too large", func(l *offering.Limits) { l.Instalment = 5_000 }, ask, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := limits()
			tt.change(&l)
			got := offering.Propose(l, tt.ask, evenly)
			slices.SortFunc(tt.want, func(a, b offering.Proposal) int {
				if a.Largest != b.Largest {
					return int(a.Largest - b.Largest)
				}
				return a.Instalments - b.Instalments
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryProposalKeepsTheLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var l offering.Limits
		l.MinPrincipal = rapid.Int64Range(1, 1_000_000).Draw(t, "min principal")
		l.MaxPrincipal = l.MinPrincipal + rapid.Int64Range(0, 1_000_000_000).Draw(t, "principal range")
		l.MinInstalments = rapid.IntRange(1, 60).Draw(t, "min instalments")
		l.MaxInstalments = l.MinInstalments + rapid.IntRange(0, 60).Draw(t, "instalment range")
		l.Principal = rapid.Int64Range(1, 2_000_000_000).Draw(t, "limit")
		l.Instalment = rapid.Int64Range(1, 2_000_000_000).Draw(t, "instalment limit")
		l.Step = rapid.Int64Range(0, 100_000).Draw(t, "step")
		ask := offering.Ask{
			Principal:   rapid.Int64Range(l.MinPrincipal, l.MaxPrincipal).Draw(t, "asked"),
			Instalments: rapid.IntRange(l.MinInstalments, l.MaxInstalments).Draw(t, "asked instalments"),
		}
		proposals := offering.Propose(l, ask, evenly)
		if len(proposals) > 3 {
			t.Fatalf("%d proposals", len(proposals))
		}
		for i, p := range proposals {
			if p.Principal < l.MinPrincipal || p.Principal > min(l.MaxPrincipal, l.Principal, ask.Principal) ||
				p.Instalments < l.MinInstalments || p.Instalments > l.MaxInstalments || p.Largest > l.Instalment {
				t.Fatalf("%+v breaks %+v", p, l)
			}
			if slices.Contains(proposals[:i], p) || i > 0 && p.Largest < proposals[i-1].Largest {
				t.Fatalf("%+v", proposals)
			}
		}
	})
}
