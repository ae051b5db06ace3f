package scoring

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/scoringdb"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

// decisionNotFound answers for what does not exist and for what is another person's.
func decisionNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_DECISION_NOT_FOUND, "no such decision")
}

// DecideApplication implements the DecisionService. The policy that is in force at this moment decides; the decision names its version, so
// that it can be taken again years later. A repeat gets the first decision, whatever policy is in force by then.
func (s *Service) DecideApplication(ctx context.Context, req *scoringv1.DecideApplicationRequest) (*scoringv1.DecideApplicationResponse, error) {
	ask, err := readAsk(ctx, req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.keeper, scoringv1connect.DecisionServiceDecideApplicationProcedure, req, &scoringv1.DecideApplicationResponse{},
		func(tx pgx.Tx) (*scoringv1.DecideApplicationResponse, error) {
			live, err := s.policyInForce(ctx, tx, req.GetProductCode())
			if err != nil {
				return nil, err
			}
			// Limits and burden are in the policy's currency, and 1,000 of one currency say nothing about 1,000 of another.
			if live.Currency != ask.currency {
				return nil, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "the policy is in "+live.Currency)
			}
			// Pure: the same facts under the same policy give the same decision, without a clock, a draw or a look at other applicants.
			made, faults := live.Decide(facts(ask.features))
			if len(faults) > 0 {
				return nil, invalidFeatures(faults)
			}
			decision := s.message(ask, live, made)
			if err := s.record(ctx, tx, ask, live, decision, made); err != nil {
				return nil, err
			}
			return &scoringv1.DecideApplicationResponse{Decision: decision}, s.tellTaken(ctx, tx, decision, made)
		})
}

// GetDecision implements the DecisionService. It shows what was decided and on what; it decides nothing anew.
func (s *Service) GetDecision(ctx context.Context, req *scoringv1.GetDecisionRequest) (*scoringv1.GetDecisionResponse, error) {
	decisionID, err := id.Parse(id.Decision, req.GetDecisionId())
	if err != nil {
		return nil, decisionNotFound()
	}
	var decision *scoringv1.Decision
	err = s.keeper.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.queries.GetDecision(ctx, tx, decisionID)
		if errors.Is(err, pgx.ErrNoRows) {
			return decisionNotFound()
		}
		if err != nil {
			return fmt.Errorf("read decision: %w", err)
		}
		// Somebody else's decision is answered as absent: that there is one would tell of an application.
		if !actor.Must(ctx).MaySee(row.PersonID) {
			return decisionNotFound()
		}
		decision, err = s.open(ctx, tx, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &scoringv1.GetDecisionResponse{Decision: decision}, nil
}

// message makes the decision as the wire shows it. Its id is made here and not by the database, because the sealing of the row's parts
// binds to it.
func (s *Service) message(ask ask, live livePolicy, made policy.Decision) *scoringv1.Decision {
	return &scoringv1.Decision{
		Id: id.Format(id.Decision, id.New()), PersonId: id.Format(id.Person, ask.person), ApplicationId: id.Format(id.Application, ask.application),
		Outcome: wireOutcome(made.Outcome), Score: int32(made.Score), Grade: made.Grade,
		DefaultProbabilityBp: int32(made.DefaultProbabilityBP), DebtBurdenBp: int32(made.DebtBurdenBP),
		MaxPrincipal:  &typev1.Money{MinorUnits: made.Limits.PrincipalMinor, CurrencyCode: live.Currency},
		MaxInstalment: &typev1.Money{MinorUnits: made.Limits.InstalmentMinor, CurrencyCode: live.Currency},
		ReasonCodes:   made.ReasonCodes, PolicyVersion: live.version(), Features: ask.features, Trace: wireTrace(made.Trace),
		CreateTime: timestamppb.New(s.keeper.Clock.Now()),
	}
}

// record writes a decision down: what it says in clear, what it rests on sealed with the person's key. Outcome, grade and reasons stay
// readable after an erasure, as the lender has to account for its decisions; income and obligations do not.
func (s *Service) record(ctx context.Context, tx pgx.Tx, ask ask, live livePolicy, decision *scoringv1.Decision, made policy.Decision) error {
	box, err := s.keeper.Sealer.Make(ctx, tx, ask.person)
	if err != nil {
		return err
	}
	decisionID, err := id.Parse(id.Decision, decision.GetId())
	if err != nil {
		return err
	}
	who := actor.Must(ctx)
	row := scoringdb.InsertDecisionParams{
		TenantID: who.TenantID, ID: decisionID, PersonID: ask.person, ApplicationID: ask.application, ProductCode: live.productCode,
		PolicyVersion: live.number, Outcome: made.Outcome.String(), Score: decision.GetScore(), Grade: decision.GetGrade(),
		DefaultProbabilityBp: decision.GetDefaultProbabilityBp(), ReasonCodes: decision.GetReasonCodes(), RequestID: ask.request,
		Actor: who.String(), CreateTime: decision.GetCreateTime().AsTime(),
	}
	for _, part := range sealedParts(decisionID, &row.FeaturesSealed, &row.TraceSealed, &row.LimitsSealed) {
		if err := part.seal(box, decision); err != nil {
			return err
		}
	}
	if err := s.queries.InsertDecision(ctx, tx, row); err != nil {
		return fmt.Errorf("insert decision: %w", err)
	}
	return nil
}

// open makes the wire's decision of a row. Once the person's key is erased, it is without what was sealed. It is put together of the same
// parts that record took apart.
func (s *Service) open(ctx context.Context, tx pgx.Tx, row scoringdb.Decision) (*scoringv1.Decision, error) {
	decision := &scoringv1.Decision{
		Id: id.Format(id.Decision, row.ID), PersonId: id.Format(id.Person, row.PersonID), ApplicationId: id.Format(id.Application, row.ApplicationID),
		Outcome: outcomeFrom(row.Outcome), Score: row.Score, Grade: row.Grade, DefaultProbabilityBp: row.DefaultProbabilityBp,
		ReasonCodes: row.ReasonCodes, PolicyVersion: policyVersion(row.ProductCode, row.PolicyVersion), CreateTime: timestamppb.New(row.CreateTime),
	}
	box, err := s.keeper.Sealer.Open(ctx, tx, row.PersonID)
	if errors.Is(err, seal.ErrErased) {
		return decision, nil
	}
	if err != nil {
		return nil, err
	}
	for _, part := range sealedParts(row.ID, &row.FeaturesSealed, &row.TraceSealed, &row.LimitsSealed) {
		if err := part.unseal(box, decision); err != nil {
			return nil, err
		}
	}
	return decision, nil
}
