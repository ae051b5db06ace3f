package scorecard

import (
	"errors"
	"math"
)

// Scaling ties points to odds: at Points the odds bad:good are Bad:Good, and every DoubleOdds points more halve them. The common choice is
// 1:19 at 600 points and 50 points to double the odds.
//
// With odds = bad/good, B = pdo / ln 2 and A = points0 + B · ln(odds0), a score is A − B · ln(odds), so ln(odds) = (A − score) / B.
type Scaling struct {
	Points     int `json:"points"`
	Bad        int `json:"bad"`
	Good       int `json:"good"`
	DoubleOdds int `json:"double_odds_points"`
}

// B is the number of points that the natural logarithm of the odds is worth.
func (s Scaling) B() float64 { return float64(s.DoubleOdds) / math.Ln2 }

// A is the score at even odds.
func (s Scaling) A() float64 {
	return float64(s.Points) + s.B()*math.Log(float64(s.Bad)/float64(s.Good))
}

// DefaultProbability is the probability of default at a score, in basis points, to the nearest. Floating point serves here: it is no money,
// and the result is a whole number of basis points.
func (s Scaling) DefaultProbability(score int) int {
	logOdds := (s.A() - float64(score)) / s.B()
	return int(math.Round(10_000 / (1 + math.Exp(-logOdds))))
}

func (s Scaling) validate() []error {
	var faults []error
	if s.Points < 0 || s.Points > mostPoints {
		faults = append(faults, errors.New("scorecard: scaling.points is out of range"))
	}
	if s.Bad < 1 || s.Good < 1 {
		faults = append(faults, errors.New("scorecard: scaling.bad and scaling.good must be positive"))
	}
	if s.DoubleOdds < 1 || s.DoubleOdds > mostPoints {
		faults = append(faults, errors.New("scorecard: scaling.double_odds_points is out of range"))
	}
	return faults
}
