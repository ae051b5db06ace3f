package scoring

import (
	"context"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/internal/outbox"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

// tellTaken tells that a decision was taken: that it was and how it ended, nothing of what it rested on. Decisions on one application are
// told in their order. Whoever needs more asks by the decision's id, under permissions that an event does not have.
func (s *Service) tellTaken(ctx context.Context, tx pgx.Tx, decision *scoringv1.Decision, made policy.Decision) error {
	return outbox.Append(ctx, tx, s.keeper.Clock, &eventv1.Event{
		PersonId: decision.GetPersonId(), SubjectId: decision.GetApplicationId(),
		Fact: &eventv1.Event_DecisionTaken{DecisionTaken: &eventv1.DecisionTaken{
			ApplicationId: decision.GetApplicationId(), DecisionId: decision.GetId(), Outcome: made.Outcome.String(),
		}},
	})
}
