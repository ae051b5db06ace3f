package scorecard_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/scorecard"
)

func dictionary() feature.Dictionary {
	return feature.Dictionary{
		{Name: "income", Kind: feature.Whole, Max: 1_000_000},
		{Name: "work", Kind: feature.Word, Words: []string{"employed", "retired", "student"}},
		{Name: "verified", Kind: feature.Flag},
	}
}

func card() scorecard.Card {
	return scorecard.Card{
		Scaling:    scorecard.Scaling{Points: 600, Bad: 1, Good: 19, DoubleOdds: 50},
		BasePoints: 400,
		Attributes: []scorecard.Attribute{
			{
				Code: "income_band", Field: "income", ReasonCode: "INCOME", Direction: scorecard.Rising, Missing: new(5),
				Bins: []scorecard.Bin{{Below: new(int64(1000)), Points: 0}, {Below: new(int64(2000)), Points: 30}, {Points: 100}},
			},
			{
				Code: "work_kind", Field: "work", ReasonCode: "WORK", Missing: new(-10), Unseen: new(-20),
				Categories: []scorecard.Category{{Words: []string{"employed"}, Points: 60}, {Words: []string{"retired"}, Points: 50}},
			},
			{
				Code: "verified_flag", Field: "verified", ReasonCode: "IDENTITY", Missing: new(0), Unseen: new(0),
				Categories: []scorecard.Category{{Words: []string{"true"}, Points: 40}, {Words: []string{"false"}, Points: 0}},
			},
		},
	}
}

// TestDefaultProbability checks the scaling against odds that can be done by hand: bad/(bad+good).
func TestDefaultProbability(t *testing.T) {
	t.Parallel()
	s := card().Scaling
	for _, tt := range []struct {
		name  string
		score int
		want  float64
	}{
		{"at the anchor 1:19", 600, 1.0 / 20},
		{"fifty points more halve the odds", 650, 1.0 / 39},
		{"fifty points less double them", 550, 2.0 / 21},
		{"a hundred points less", 500, 4.0 / 23},
		{"no points", 0, 4096.0 / (4096 + 19)},
	} {
		if got, want := s.DefaultProbability(tt.score), int(math.Round(tt.want*10_000)); got != want {
			t.Errorf("%s: %d bp, want %d", tt.name, got, want)
		}
	}
	// B = pdo/ln2 and A = points0 + B·ln(odds0), with the figures that scorecard packages print for 600, 1/19 and 50.
	if math.Abs(s.B()-72.134752) > 1e-6 || math.Abs(s.A()-387.603628) > 1e-5 {
		t.Errorf("A = %f, B = %f", s.A(), s.B())
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		set     feature.Set
		points  []int
		matched []bool
		score   int
		reasons []string
	}{
		{
			"the best of everything", feature.Set{"income": feature.Number(2000), "work": feature.Named("employed"), "verified": feature.Truth(true)},
			[]int{100, 60, 40}, []bool{true, true, true}, 600, []string{},
		},
		{
			"bins begin at their bound", feature.Set{"income": feature.Number(1000), "work": feature.Named("retired"), "verified": feature.Truth(false)},
			[]int{30, 50, 0}, []bool{true, true, true}, 480, []string{"INCOME", "IDENTITY", "WORK"},
		},
		{
			"bins end before their bound", feature.Set{"income": feature.Number(999), "work": feature.Named("employed"), "verified": feature.Truth(true)},
			[]int{0, 60, 40}, []bool{true, true, true}, 500, []string{"INCOME"},
		},
		{"missing has bins of its own", feature.Set{}, []int{5, -10, 0}, []bool{false, false, false}, 395, []string{"INCOME", "WORK", "IDENTITY"}},
		{
			"a word in no category is unseen", feature.Set{"income": feature.Number(5000), "work": feature.Named("student"), "verified": feature.Truth(true)},
			[]int{100, -20, 40}, []bool{true, false, true}, 520, []string{"WORK"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			score, gains := card().Score(tt.set)
			points, matched := []int{}, []bool{}
			for _, g := range gains {
				points, matched = append(points, g.Points), append(matched, g.Matched)
			}
			if score != tt.score {
				t.Errorf("score %d, want %d", score, tt.score)
			}
			if diff := cmp.Diff(tt.points, points); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.matched, matched); diff != "" {
				t.Errorf("matched (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.reasons, scorecard.Reasons(gains, 4)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReasonsAreTheMostLostEachOnceAndFew(t *testing.T) {
	t.Parallel()
	gains := []scorecard.Gain{
		{ReasonCode: "A", Lost: 10}, {ReasonCode: "B", Lost: 30}, {ReasonCode: "C", Lost: 30}, {ReasonCode: "B", Lost: 20}, {ReasonCode: "D"},
		{ReasonCode: "E", Lost: 5},
	}
	if diff := cmp.Diff([]string{"B", "C", "A"}, scorecard.Reasons(gains, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSpanIsTheWorstAndTheBest(t *testing.T) {
	t.Parallel()
	least, greatest := card().Span()
	if least != 400-20 || greatest != 600 {
		t.Errorf("from %d to %d", least, greatest)
	}
}

func TestValidateListsEveryFaultOfACard(t *testing.T) {
	t.Parallel()
	if faults := card().Validate(dictionary()); len(faults) > 0 {
		t.Fatalf("a right card is refused: %v", faults)
	}
	tests := []struct {
		name, attribute, want string
	}{
		{"gap at the end", `{"field":"income","direction":"rising","missing":0,"bins":[{"below":10,"points":1}]}`, "the last bin, and no other"},
		{"two without bound", `{"field":"income","direction":"rising","missing":0,"bins":[{"points":1},{"points":1}]}`, "the last bin, and no other"},
		{"bounds do not ascend", `{"field":"income","direction":"rising","missing":0,"bins":[{"below":10,"points":0},{"below":10,"points":1},{"points":2}]}`, "does not ascend"},
		{"not rising", `{"field":"income","direction":"rising","missing":0,"bins":[{"below":10,"points":2},{"points":1}]}`, "points are not rising"},
		{"not falling", `{"field":"income","direction":"falling","missing":0,"bins":[{"below":10,"points":1},{"points":2}]}`, "points are not falling"},
		{"no direction", `{"field":"income","missing":0,"bins":[{"points":1}]}`, "is none of rising, falling, free"},
		{"no bins", `{"field":"income","direction":"rising","missing":0}`, "no bins"},
		{"no points for missing", `{"field":"income","direction":"rising","bins":[{"points":1}]}`, "say how many points a missing"},
		{"unknown field", `{"field":"shoe","direction":"rising","missing":0,"bins":[{"points":1}]}`, "not in the dictionary"},
		{"categories of a number", `{"field":"income","direction":"free","missing":0,"unseen":0,"bins":[{"points":1}]}`, "not categories or unseen"},
		{"no points for unseen", `{"field":"work","missing":0,"categories":[{"words":["employed"],"points":1}]}`, "a word in no category"},
		{"unknown word", `{"field":"work","missing":0,"unseen":0,"categories":[{"words":["pirate"],"points":1}]}`, `word "pirate" is not`},
		{"word twice", `{"field":"work","missing":0,"unseen":0,"categories":[{"words":["employed","employed"],"points":1}]}`, "stands twice"},
		{"bins of a word", `{"field":"work","direction":"free","missing":0,"unseen":0,"categories":[{"words":["employed"],"points":1}]}`, "not bins or a direction"},
		{"more points than a score has", `{"field":"work","missing":0,"unseen":0,"categories":[{"words":["employed"],"points":2001}]}`, "points are not within"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := card()
			var attribute scorecard.Attribute
			if err := json.Unmarshal([]byte(tt.attribute), &attribute); err != nil {
				t.Fatal(err)
			}
			c.Attributes = []scorecard.Attribute{attribute}
			faults := c.Validate(dictionary())
			if len(faults) == 0 || !strings.Contains(faults[0].Error(), tt.want) {
				t.Errorf("faults %v, want %q", faults, tt.want)
			}
		})
	}
	t.Run("scores outside the contract", func(t *testing.T) {
		t.Parallel()
		c := card()
		c.BasePoints = 10
		c.Scaling = scorecard.Scaling{}
		if faults := c.Validate(dictionary()); len(faults) != 3 {
			t.Errorf("faults %v, want the odds, the doubling and the span", faults)
		}
	})
}
