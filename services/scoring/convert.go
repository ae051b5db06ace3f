package scoring

import (
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/services/scoring/policy"
	"github.com/lendgate/lendgate/services/scoring/rules"
)

// outcomePrefix is what the enum's names bear, and rows and policies do not.
const outcomePrefix = "OUTCOME_"

// wireOutcome relies on rules.Outcome bearing the enum's names without their prefix.
func wireOutcome(outcome rules.Outcome) scoringv1.Decision_Outcome {
	return outcomeFrom(outcome.String())
}

// outcomeFrom reads the name that a row bears, which its CHECK keeps to the enum.
func outcomeFrom(name string) scoringv1.Decision_Outcome {
	return scoringv1.Decision_Outcome(scoringv1.Decision_Outcome_value[outcomePrefix+name])
}

func wireTrace(steps []policy.Step) []*scoringv1.TraceStep {
	trace := make([]*scoringv1.TraceStep, len(steps))
	for i, step := range steps {
		trace[i] = &scoringv1.TraceStep{Code: step.Code, Input: step.Input, Hit: step.Hit, Points: int32(step.Points)}
		// A step that did not ask for anything worse stays without an outcome: an approval is nobody's step.
		if step.Outcome != rules.Approve {
			trace[i].Outcome = wireOutcome(step.Outcome)
		}
	}
	return trace
}

// sealedPart is a column that holds some fields of a decision, sealed for its place. The fields are a partial message of the decision, so
// that the wire's own form is what is stored, and a new field needs no new column.
type sealedPart struct {
	place string
	into  *[]byte
	pick  func(*scoringv1.Decision) *scoringv1.Decision
}

// sealedParts are the sealed columns of a decision's row. The places are part of what is stored: changing one makes old decisions
// unreadable.
func sealedParts(decisionID uuid.UUID, features, trace, limits *[]byte) []sealedPart {
	return []sealedPart{
		{"decisions.features/" + decisionID.String(), features, func(d *scoringv1.Decision) *scoringv1.Decision {
			return &scoringv1.Decision{Features: d.GetFeatures()}
		}},
		{"decisions.trace/" + decisionID.String(), trace, func(d *scoringv1.Decision) *scoringv1.Decision {
			return &scoringv1.Decision{Trace: d.GetTrace()}
		}},
		{"decisions.limits/" + decisionID.String(), limits, func(d *scoringv1.Decision) *scoringv1.Decision {
			return &scoringv1.Decision{DebtBurdenBp: d.GetDebtBurdenBp(), MaxPrincipal: d.GetMaxPrincipal(), MaxInstalment: d.GetMaxInstalment()}
		}},
	}
}

// seal writes the part's fields into its column.
func (p sealedPart) seal(box *seal.Box, decision *scoringv1.Decision) error {
	body, err := proto.Marshal(p.pick(decision))
	if err != nil {
		return fmt.Errorf("write %s: %w", p.place, err)
	}
	*p.into = box.Seal(p.place, body)
	return nil
}

// unseal adds the part's fields to a decision.
func (p sealedPart) unseal(box *seal.Box, decision *scoringv1.Decision) error {
	body, err := box.Unseal(p.place, *p.into)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.place, err)
	}
	// Merge adds to what the other parts have filled in; without it each would wipe out the ones before.
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(body, decision); err != nil {
		return fmt.Errorf("read %s: %w", p.place, err)
	}
	return nil
}
