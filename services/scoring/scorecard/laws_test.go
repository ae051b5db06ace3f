package scorecard_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/scorecard"
)

// drawCard makes a card of one numeric attribute that keeps its direction.
func drawCard(t *rapid.T) scorecard.Card {
	direction := rapid.SampledFrom([]scorecard.Direction{scorecard.Rising, scorecard.Falling}).Draw(t, "direction")
	bounds := rapid.SliceOfNDistinct(rapid.Int64(), 0, 8, rapid.ID).Draw(t, "bounds")
	slices.Sort(bounds)
	points := rapid.SliceOfN(rapid.IntRange(-100, 100), len(bounds)+1, len(bounds)+1).Draw(t, "points")
	slices.Sort(points)
	if direction == scorecard.Falling {
		slices.Reverse(points)
	}
	attribute := scorecard.Attribute{
		Code: "a", Field: "n", ReasonCode: "A", Direction: direction, Missing: new(rapid.IntRange(-100, 100).Draw(t, "missing")),
	}
	for i, p := range points {
		bin := scorecard.Bin{Points: p}
		if i < len(bounds) {
			bin.Below = &bounds[i]
		}
		attribute.Bins = append(attribute.Bins, bin)
	}
	return scorecard.Card{
		Scaling: scorecard.Scaling{Points: 600, Bad: 1, Good: 19, DoubleOdds: 50}, BasePoints: 500, Attributes: []scorecard.Attribute{attribute},
	}
}

func TestPointsKeepTheDeclaredDirection(t *testing.T) {
	t.Parallel()
	dictionary := feature.Dictionary{{Name: "n", Kind: feature.Whole, Min: math.MinInt64, Max: math.MaxInt64}}
	rapid.Check(t, func(t *rapid.T) {
		card := drawCard(t)
		if faults := card.Validate(dictionary); len(faults) > 0 {
			t.Fatalf("refused: %v", faults)
		}
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		low, lowGains := card.Score(feature.Set{"n": feature.Number(min(a, b))})
		high, highGains := card.Score(feature.Set{"n": feature.Number(max(a, b))})
		if card.Attributes[0].Direction == scorecard.Falling {
			low, high = high, low
		}
		if low > high {
			t.Fatalf("%d points against the direction of %d", low, high)
		}
		least, greatest := card.Span()
		for _, g := range append(lowGains, highGains...) {
			if !g.Matched || g.Lost < 0 || 500+g.Points < least || 500+g.Points > greatest {
				t.Fatalf("%+v outside of %d to %d", g, least, greatest)
			}
		}
	})
}

func TestAnyDirectionThatIsBrokenIsRefused(t *testing.T) {
	t.Parallel()
	dictionary := feature.Dictionary{{Name: "n", Kind: feature.Whole, Min: math.MinInt64, Max: math.MaxInt64}}
	rapid.Check(t, func(t *rapid.T) {
		card := drawCard(t)
		bins := card.Attributes[0].Bins
		if len(bins) < 2 || bins[0].Points == bins[len(bins)-1].Points {
			t.Skip("nothing to break")
		}
		bins[0].Points, bins[len(bins)-1].Points = bins[len(bins)-1].Points, bins[0].Points
		if len(card.Validate(dictionary)) == 0 {
			t.Fatalf("%+v was taken", bins)
		}
	})
}

func TestProbabilityOfDefaultNeverGrowsWithTheScore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := scorecard.Scaling{
			Points: rapid.IntRange(0, 2000).Draw(t, "points"), Bad: rapid.IntRange(1, 100).Draw(t, "bad"),
			Good: rapid.IntRange(1, 1000).Draw(t, "good"), DoubleOdds: rapid.IntRange(1, 2000).Draw(t, "pdo"),
		}
		score := rapid.IntRange(0, 1999).Draw(t, "score")
		here, above := s.DefaultProbability(score), s.DefaultProbability(score+rapid.IntRange(1, 100).Draw(t, "more"))
		if here < above || here > 10_000 || above < 0 {
			t.Fatalf("%d bp at %d, %d above", here, score, above)
		}
		atAnchor := float64(s.Bad) / float64(s.Bad+s.Good) * 10_000
		if got := s.DefaultProbability(s.Points); math.Abs(float64(got)-atAnchor) > 0.500001 {
			t.Fatalf("%d bp at the anchor, want %f", got, atAnchor)
		}
	})
}
