package scorecard

import (
	"cmp"
	"slices"

	"github.com/lendgate/lendgate/services/scoring/feature"
)

// Direction is the sign of a numeric attribute: which way the points go as the number grows.
type Direction string

// The directions. A numeric attribute has to name one.
const (
	// Rising points never fall as the number grows, as with income.
	Rising Direction = "rising"
	// Falling points never rise as the number grows, as with days past due.
	Falling Direction = "falling"
	// Free points may do both, as with age.
	Free Direction = "free"
)

// Card is a scorecard.
type Card struct {
	Scaling Scaling `json:"scaling"`
	// BasePoints are everybody's.
	BasePoints int         `json:"base_points"`
	Attributes []Attribute `json:"attributes"`
}

// Attribute gives points for one feature.
type Attribute struct {
	// Code names the attribute in traces, such as "income_band".
	Code  string `json:"code"`
	Field string `json:"field"`
	// ReasonCode tells people that this attribute cost them points.
	ReasonCode string `json:"reason_code"`
	// Direction is of numeric attributes only.
	Direction Direction `json:"direction,omitempty"`
	// Bins are of numeric attributes only, in ascending order.
	Bins []Bin `json:"bins,omitempty"`
	// Categories are of words and of flags, whose words are "true" and "false".
	Categories []Category `json:"categories,omitempty"`
	// Missing are the points when nothing is known. A policy must say so: there is no default.
	Missing *int `json:"missing"`
	// Unseen are the points of a word in no category. Required with categories, absent with bins.
	Unseen *int `json:"unseen,omitempty"`
}

// Bin is the numbers from the end of the bin before up to, but not including, Below. The last bin has no Below.
type Bin struct {
	Below  *int64 `json:"below,omitempty"`
	Points int    `json:"points"`
}

// Category is words that give the same points.
type Category struct {
	Words  []string `json:"words"`
	Points int      `json:"points"`
}

// Gain is what one attribute gave.
type Gain struct {
	Code  string
	Field string
	Value feature.Value
	// Matched is false when the value was missing or in no category.
	Matched bool
	Points  int
	// Lost is how many points the attribute's best bin would have given more.
	Lost       int
	ReasonCode string
}

// Score adds the points up. The gains are in the card's order.
func (c Card) Score(set feature.Set) (score int, gains []Gain) {
	score = c.BasePoints
	gains = make([]Gain, len(c.Attributes))
	for i, attribute := range c.Attributes {
		value := set[attribute.Field]
		points, matched := attribute.points(value)
		_, best := attribute.span()
		gains[i] = Gain{
			Code: attribute.Code, Field: attribute.Field, Value: value, Matched: matched, Points: points, Lost: best - points,
			ReasonCode: attribute.ReasonCode,
		}
		score += points
	}
	return score, gains
}

// Span is the least and the greatest score that the card can give.
func (c Card) Span() (least, greatest int) {
	least, greatest = c.BasePoints, c.BasePoints
	for _, attribute := range c.Attributes {
		low, high := attribute.span()
		least, greatest = least+low, greatest+high
	}
	return least, greatest
}

// Reasons are the reason codes of the attributes that lost points, most lost first, each once, at most as many as asked.
func Reasons(gains []Gain, most int) []string {
	lost := slices.DeleteFunc(slices.Clone(gains), func(g Gain) bool { return g.Lost == 0 })
	slices.SortStableFunc(lost, func(a, b Gain) int { return cmp.Compare(b.Lost, a.Lost) })
	reasons := []string{}
	for _, g := range lost {
		if len(reasons) < most && !slices.Contains(reasons, g.ReasonCode) {
			reasons = append(reasons, g.ReasonCode)
		}
	}
	return reasons
}

// points finds the bin of a value. The attribute is a valid one.
func (a Attribute) points(value feature.Value) (points int, matched bool) {
	if value.Missing() {
		return *a.Missing, false
	}
	if number, ok := value.Number(); ok {
		for _, bin := range a.Bins {
			if bin.Below == nil || number < *bin.Below {
				return bin.Points, true
			}
		}
	}
	for _, category := range a.Categories {
		if slices.Contains(category.Words, value.Text()) {
			return category.Points, true
		}
	}
	return *a.Unseen, false
}

// span is the least and the greatest points of all bins, those for missing and unseen values included.
func (a Attribute) span() (least, greatest int) {
	least, greatest = *a.Missing, *a.Missing
	count := func(points int) { least, greatest = min(least, points), max(greatest, points) }
	for _, bin := range a.Bins {
		count(bin.Points)
	}
	for _, category := range a.Categories {
		count(category.Points)
	}
	if a.Unseen != nil {
		count(*a.Unseen)
	}
	return least, greatest
}
