package scoring_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

func TestDecideApplication(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	t.Run("approves, records and tells", func(t *testing.T) {
		req := request(named("shoe_size", "42"))
		got := h.decide(t, req)
		want := &scoringv1.Decision{
			Id: got.GetId(), PersonId: req.GetPersonId(), ApplicationId: req.GetApplicationId(), Outcome: scoringv1.Decision_OUTCOME_APPROVE,
			Score: 630, Grade: "B", DefaultProbabilityBp: 336, DebtBurdenBp: 667, MaxPrincipal: uah(12_000_000), MaxInstalment: uah(1_500_000),
			ReasonCodes:   []string{"EMPLOYMENT_UNSTABLE", "INCOME_INSUFFICIENT", "PAYMENT_HISTORY_POOR", "EXISTING_LOAN"},
			PolicyVersion: product + "/1", CreateTime: timestamppb.New(servicetest.Now),
			Features: append(slices.Clone(req.GetFeatures()),
				&scoringv1.Feature{Name: "requested_principal_minor", Value: "2000000", Source: "request"},
				&scoringv1.Feature{Name: "requested_instalment_minor", Value: "200000", Source: "request"}),
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(&scoringv1.Decision{}, "trace")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if first := got.GetTrace()[0]; first.GetCode() != "feature_unknown" || first.GetInput() != "shoe_size=42" {
			t.Errorf("the trace begins with %v", first)
		}
		events := h.events(t)
		event := &eventv1.Event{
			TenantId: servicetest.Tenant, PersonId: req.GetPersonId(), SubjectId: req.GetApplicationId(), OccurTime: timestamppb.New(servicetest.Now),
			Fact: &eventv1.Event_DecisionTaken{DecisionTaken: &eventv1.DecisionTaken{
				ApplicationId: req.GetApplicationId(), DecisionId: got.GetId(), Outcome: "APPROVE",
			}},
		}
		if diff := cmp.Diff([]*eventv1.Event{event}, events, protocmp.Transform(), protocmp.IgnoreFields(&eventv1.Event{}, "id", "traceparent")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
	for _, tt := range []struct {
		name    string
		request *scoringv1.DecideApplicationRequest
		outcome scoringv1.Decision_Outcome
		reason  string
	}{
		{"declines the young", request(named("age_years", "17")), scoringv1.Decision_OUTCOME_DECLINE, "AGE_OUT_OF_RANGE"},
		{"declines those without work", request(named("employment", "UNEMPLOYED")), scoringv1.Decision_OUTCOME_DECLINE, "EMPLOYMENT_UNSTABLE"},
		{"declines the indebted", request(named("monthly_obligations_minor", "1400000")), scoringv1.Decision_OUTCOME_DECLINE, "DEBT_BURDEN_HIGH"},
		{"refers those new at work", request(named("employment_months", "1")), scoringv1.Decision_OUTCOME_REFER, "EMPLOYMENT_UNSTABLE"},
		{"refers those who told no income", request(named("monthly_income_minor", "")), scoringv1.Decision_OUTCOME_REFER, "PROFILE_INCOMPLETE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := h.decide(t, tt.request)
			if got.GetOutcome() != tt.outcome || !slices.Contains(got.GetReasonCodes()[:1], tt.reason) {
				t.Errorf("%s because of %v", got.GetOutcome(), got.GetReasonCodes())
			}
			if tt.outcome == scoringv1.Decision_OUTCOME_DECLINE && (got.GetMaxPrincipal().GetMinorUnits() != 0 || got.GetMaxInstalment().GetMinorUnits() != 0) {
				t.Errorf("declined with limits %v and %v", got.GetMaxPrincipal(), got.GetMaxInstalment())
			}
		})
	}
}

func TestDecideApplicationRefuses(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	change := func(fn func(*scoringv1.DecideApplicationRequest)) *scoringv1.DecideApplicationRequest {
		req := request()
		fn(req)
		return req
	}
	for _, tt := range []struct {
		name     string
		request  *scoringv1.DecideApplicationRequest
		reason   typev1.ErrorReason
		metadata map[string]string
	}{
		{
			"a product without a policy", change(func(r *scoringv1.DecideApplicationRequest) { r.ProductCode = "car" }),
			typev1.ErrorReason_ERROR_REASON_POLICY_NOT_FOUND, nil,
		},
		{
			"a value outside its domain", request(named("age_years", "151")),
			typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, map[string]string{"feature": "age_years"},
		},
		{
			"a word that is none", request(named("employment", "pirate")),
			typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, map[string]string{"feature": "employment"},
		},
		{
			"a name sent twice", change(func(r *scoringv1.DecideApplicationRequest) { r.Features = append(r.Features, named("age_years", "36")) }),
			typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, map[string]string{"feature": "age_years"},
		},
		{
			"what is computed here", request(named("debt_burden_bp", "0")),
			typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, map[string]string{"feature": "debt_burden_bp"},
		},
		{
			"a feature that contradicts the request", request(named("requested_principal_minor", "1")),
			typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, map[string]string{"feature": "requested_principal_minor"},
		},
		{
			"no amount", change(func(r *scoringv1.DecideApplicationRequest) { r.Principal = uah(0) }),
			typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, nil,
		},
		{
			"an instalment below nothing", change(func(r *scoringv1.DecideApplicationRequest) { r.Instalment = uah(-1) }),
			typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, nil,
		},
		{
			"two currencies", change(func(r *scoringv1.DecideApplicationRequest) { r.Instalment.CurrencyCode = "EUR" }),
			typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, nil,
		},
		{
			"a currency that is not the policy's",
			change(func(r *scoringv1.DecideApplicationRequest) {
				r.Principal.CurrencyCode, r.Instalment.CurrencyCode = "EUR", "EUR"
			}),
			typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, nil,
		},
		{
			"an identifier that is none", change(func(r *scoringv1.DecideApplicationRequest) { r.PersonId = "per_!!!!!!!!!!!!!!!!!!!!!!!!!!" }),
			typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, nil,
		},
		{
			"what breaks the contract", change(func(r *scoringv1.DecideApplicationRequest) { r.Principal = nil }),
			typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.decisions.DecideApplication(h.flows(t), tt.request)
			wantReason(t, err, tt.reason, tt.metadata)
		})
	}
	t.Run("those who may not", func(t *testing.T) {
		req := request()
		_, err := h.decisions.DecideApplication(servicetest.AsPerson(t.Context(), req.GetPersonId()), req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, nil)
		_, err = h.decisions.DecideApplication(servicetest.Anonymous(t.Context()), req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED, nil)
	})
	t.Run("a service that acts for another person", func(t *testing.T) {
		ctx := actor.ForPerson(t.Context(), servicetest.Tenant, "flows", servicetest.NewPerson())
		_, err := h.decisions.DecideApplication(ctx, request())
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, nil)
	})
	t.Run("another lender, who has no policy", func(t *testing.T) {
		_, err := h.decisions.DecideApplication(asStranger(t, "flows"), request())
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_POLICY_NOT_FOUND, nil)
	})
	if decisions, events := h.count(t, "decisions"), len(h.events(t)); decisions+events != 0 {
		t.Errorf("refusals left %d decisions and %d events", decisions, events)
	}
}

func TestARefusedRequestMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	req := request(named("age_years", "151"))
	if _, err := h.decisions.DecideApplication(h.flows(t), req); err == nil {
		t.Fatal("taken")
	}
	right := request()
	right.RequestId = req.GetRequestId()
	h.decide(t, right)
}

func TestARepeatGetsTheFirstDecision(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	req := request()
	first := h.decide(t, req)
	h.Clock.Advance(time.Second)
	if diff := cmp.Diff(first, h.decide(t, req), protocmp.Transform()); diff != "" {
		t.Errorf("(-first +repeat):\n%s", diff)
	}
	if decisions, events := h.count(t, "decisions"), len(h.events(t)); decisions != 1 || events != 1 {
		t.Errorf("%d decisions and %d events", decisions, events)
	}
	other, ok := proto.Clone(req).(*scoringv1.DecideApplicationRequest)
	if !ok {
		t.Fatal("no clone")
	}
	other.Features[0].Value = "36"
	_, err := h.decisions.DecideApplication(h.flows(t), other)
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED, nil)

	anew, ok := proto.Clone(req).(*scoringv1.DecideApplicationRequest)
	if !ok {
		t.Fatal("no clone")
	}
	anew.RequestId = uuid.NewString()
	if second := h.decide(t, anew); second.GetId() == first.GetId() {
		t.Error("another request got the same decision")
	}
}

func TestManyAtOnceGetOneDecision(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	req, ids := request(), make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			res, err := h.decisions.DecideApplication(h.flows(t), req)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = res.GetDecision().GetId()
		})
	}
	group.Wait()
	if len(slices.Compact(ids)) != 1 || h.count(t, "decisions") != 1 {
		t.Errorf("decisions %v", ids)
	}
}

func TestGetDecision(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	taken := h.decide(t, request(named("shoe_size", "42"), named("max_days_past_due", "40")))
	get := func(ctx context.Context, decisionID string) (*scoringv1.Decision, error) {
		res, err := h.decisions.GetDecision(ctx, &scoringv1.GetDecisionRequest{DecisionId: decisionID})
		return res.GetDecision(), err
	}
	t.Run("gives back what was decided", func(t *testing.T) {
		got, err := get(h.operator(t), taken.GetId())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(taken, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-taken +got):\n%s", diff)
		}
	})
	t.Run("gives a service that acts for the person the same", func(t *testing.T) {
		if _, err := get(actor.ForPerson(t.Context(), servicetest.Tenant, "operator", taken.GetPersonId()), taken.GetId()); err != nil {
			t.Error(err)
		}
	})
	for name, ask := range map[string]struct {
		ctx        context.Context
		decisionID string
		reason     typev1.ErrorReason
	}{
		"one that is not":         {h.operator(t), id.Format(id.Decision, id.New()), typev1.ErrorReason_ERROR_REASON_DECISION_NOT_FOUND},
		"an id that is none":      {h.operator(t), "dec_!!!!!!!!!!!!!!!!!!!!!!!!!!", typev1.ErrorReason_ERROR_REASON_DECISION_NOT_FOUND},
		"another lender's":        {asStranger(t, "operator"), taken.GetId(), typev1.ErrorReason_ERROR_REASON_DECISION_NOT_FOUND},
		"without the permission":  {h.flows(t), taken.GetId(), typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED},
		"the borrower themselves": {servicetest.AsPerson(t.Context(), taken.GetPersonId()), taken.GetId(), typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED},
		"another person's": {
			actor.ForPerson(t.Context(), servicetest.Tenant, "operator", servicetest.NewPerson()), taken.GetId(),
			typev1.ErrorReason_ERROR_REASON_DECISION_NOT_FOUND,
		},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			_, err := get(ask.ctx, ask.decisionID)
			wantReason(t, err, ask.reason, nil)
		})
	}
}

// TestTheRecordDecidesTheSameAgain replays decisions from nothing but what was recorded.
func TestTheRecordDecidesTheSameAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, req := range []*scoringv1.DecideApplicationRequest{
		request(), request(named("age_years", "17")), request(named("employment_months", "1"), named("shoe_size", "42")),
	} {
		res, err := h.decisions.GetDecision(h.operator(t), &scoringv1.GetDecisionRequest{DecisionId: h.decide(t, req).GetId()})
		if err != nil {
			t.Fatal(err)
		}
		recorded := res.GetDecision()
		p, err := policy.Parse(policy.Default())
		if err != nil {
			t.Fatal(err)
		}
		var facts []feature.Fact
		for _, f := range recorded.GetFeatures() {
			facts = append(facts, feature.Fact{Name: f.GetName(), Value: f.GetValue()})
		}
		again, _ := p.Decide(facts)
		if "OUTCOME_"+again.Outcome.String() != recorded.GetOutcome().String() || int32(again.Score) != recorded.GetScore() ||
			again.Limits.PrincipalMinor != recorded.GetMaxPrincipal().GetMinorUnits() || !slices.Equal(again.ReasonCodes, recorded.GetReasonCodes()) {
			t.Errorf("%+v again, %v on record", again, recorded)
		}
	}
}
