package scorecard

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lendgate/lendgate/services/scoring/feature"
)

// mostPoints bounds scores and the points of a bin, as the contract does.
const mostPoints = 2000

// Validate lists everything that is wrong with the card over the features of a dictionary. The form of codes is the policy's matter. All
// faults come at once, since an author mends a document and not a line.
func (c Card) Validate(dictionary feature.Dictionary) []error {
	faults := c.Scaling.validate()
	complete := true // Whether the span can be computed.
	for i, attribute := range c.Attributes {
		for _, fault := range attribute.validate(dictionary) {
			faults = append(faults, fmt.Errorf("scorecard.attributes[%d] %q: %w", i, attribute.Code, fault))
		}
		complete = complete && attribute.Missing != nil
	}
	if len(c.Attributes) == 0 {
		faults = append(faults, errors.New("scorecard: no attributes"))
	}
	if complete {
		// The score is a number of the contract from 0 on; base points lift a card of penalties to there.
		if least, greatest := c.Span(); least < 0 || greatest > mostPoints {
			faults = append(faults, fmt.Errorf("scorecard: scores go from %d to %d, not within 0 to %d", least, greatest, mostPoints))
		}
	}
	return faults
}

func (a Attribute) validate(dictionary feature.Dictionary) []error {
	var faults []error
	if a.Missing == nil {
		faults = append(faults, errors.New("missing: say how many points a missing value gives"))
	} else if least, greatest := a.span(); least < -mostPoints || greatest > mostPoints {
		faults = append(faults, fmt.Errorf("points are not within -%d to %d", mostPoints, mostPoints))
	}
	def, ok := dictionary.Find(a.Field)
	switch {
	case !ok:
		faults = append(faults, fmt.Errorf("field %q is not in the dictionary", a.Field))
	case def.Kind == feature.Whole:
		faults = append(faults, a.validateBins()...)
	default:
		faults = append(faults, a.validateCategories(def)...)
	}
	return faults
}

// validateBins checks that the bins of a number leave no gap and keep the direction.
func (a Attribute) validateBins() []error {
	var faults []error
	if len(a.Categories) > 0 || a.Unseen != nil {
		faults = append(faults, errors.New("a number has bins, not categories or unseen"))
	}
	if len(a.Bins) == 0 {
		return append(faults, errors.New("no bins"))
	}
	for i, bin := range a.Bins {
		last := i == len(a.Bins)-1
		// The last bin is open at the top, so every number has a bin; the first reaches down without end.
		if (bin.Below == nil) != last {
			faults = append(faults, fmt.Errorf("bins[%d]: the last bin, and no other, is without below", i))
			continue
		}
		if i == 0 {
			continue
		}
		before := a.Bins[i-1]
		if !last && before.Below != nil && *bin.Below <= *before.Below {
			faults = append(faults, fmt.Errorf("bins[%d]: below does not ascend", i))
		}
		// An author who states the sign of an attribute cannot turn it round by a slip of one bin, which a regulator would call arbitrary.
		if a.Direction == Rising && bin.Points < before.Points || a.Direction == Falling && bin.Points > before.Points {
			faults = append(faults, fmt.Errorf("bins[%d]: the points are not %s", i, a.Direction))
		}
	}
	if !slices.Contains([]Direction{Rising, Falling, Free}, a.Direction) {
		faults = append(faults, fmt.Errorf("direction %q is none of rising, falling, free", a.Direction))
	}
	return faults
}

// validateCategories checks that every word of the dictionary is in at most one category and that the rest has points. A word in two
// categories would have the points of whichever comes first, which nobody could see.
func (a Attribute) validateCategories(def feature.Definition) []error {
	var faults []error
	if len(a.Bins) > 0 || a.Direction != "" {
		faults = append(faults, errors.New("a word has categories, not bins or a direction"))
	}
	if len(a.Categories) == 0 {
		faults = append(faults, errors.New("no categories"))
	}
	if a.Unseen == nil {
		faults = append(faults, errors.New("unseen: say how many points a word in no category gives"))
	}
	known := def.Words
	if def.Kind == feature.Flag {
		known = []string{"true", "false"}
	}
	seen := map[string]bool{}
	for i, category := range a.Categories {
		for _, word := range category.Words {
			if seen[word] {
				faults = append(faults, fmt.Errorf("categories[%d]: word %q stands twice", i, word))
			}
			seen[word] = true
			if !def.Open && !slices.Contains(known, word) {
				faults = append(faults, fmt.Errorf("categories[%d]: word %q is not in the dictionary", i, word))
			}
		}
	}
	return faults
}
