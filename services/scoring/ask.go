package scoring

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/scoring/feature"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

// askedSource is the source of features that the request itself says.
const askedSource = "request"

// ask is a request, read. Amounts are positive and in one currency.
type ask struct {
	request, application, person uuid.UUID
	currency                     string
	// features are those of the request and what it says besides of principal and instalment.
	features []*scoringv1.Feature
}

// readAsk reads a request and refuses what is wrong with it whatever the policy says.
func readAsk(ctx context.Context, req *scoringv1.DecideApplicationRequest) (ask, error) {
	a := ask{currency: req.GetPrincipal().GetCurrencyCode()}
	var err error
	if a.request, err = uuid.Parse(req.GetRequestId()); err != nil {
		return ask{}, invalidID("request_id", err)
	}
	if a.application, err = id.Parse(id.Application, req.GetApplicationId()); err != nil {
		return ask{}, invalidID("application_id", err)
	}
	if a.person, err = id.Parse(id.Person, req.GetPersonId()); err != nil {
		return ask{}, invalidID("person_id", err)
	}
	// A service that acts for one person has that person decided on and nobody else.
	if !actor.Must(ctx).MaySee(a.person) {
		return ask{}, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, "no such person")
	}
	if req.GetPrincipal().GetMinorUnits() <= 0 || req.GetInstalment().GetMinorUnits() <= 0 {
		return ask{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, "principal and instalment must be more than zero")
	}
	if req.GetInstalment().GetCurrencyCode() != a.currency {
		return ask{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_CURRENCY_MISMATCH, "principal and instalment are in different currencies")
	}
	a.features, err = withAsked(req)
	return a, err
}

func invalidID(field string, why error) error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, field+" is no identifier", rpcerr.Field(field, why.Error()))
}

// withAsked is the features of a request, and those of its principal and instalment when they were not sent as features too, so that the
// record alone decides the same again. A feature that contradicts the request is refused.
func withAsked(req *scoringv1.DecideApplicationRequest) ([]*scoringv1.Feature, error) {
	features := slices.Clone(req.GetFeatures())
	var faults []feature.Fault
	for _, asked := range []struct {
		name   string
		amount *typev1.Money
	}{
		{policy.Principal, req.GetPrincipal()},
		{policy.Instalment, req.GetInstalment()},
	} {
		// Features are text, amounts among them in minor units; text is compared, so "012" is no 12.
		value := strconv.FormatInt(asked.amount.GetMinorUnits(), 10)
		i := slices.IndexFunc(features, func(f *scoringv1.Feature) bool { return f.GetName() == asked.name })
		switch {
		case i < 0:
			features = append(features, &scoringv1.Feature{Name: asked.name, Value: value, Source: askedSource})
		case features[i].GetValue() != value:
			faults = append(faults, feature.Fault{Index: i, Name: asked.name, Why: "contradicts the request"})
		}
	}
	if len(faults) > 0 {
		return nil, invalidFeatures(faults)
	}
	return features, nil
}

// facts are features as policies read them. Source and time of observation are for the record alone and decide nothing.
func facts(features []*scoringv1.Feature) []feature.Fact {
	out := make([]feature.Fact, len(features))
	for i, f := range features {
		out[i] = feature.Fact{Name: f.GetName(), Value: f.GetValue()}
	}
	return out
}

// invalidFeatures refuses features: the first is named in the metadata, all of them as fields. Their values are personal and not told.
func invalidFeatures(faults []feature.Fault) error {
	opts := []rpcerr.Option{rpcerr.Meta("feature", faults[0].Name)}
	for _, fault := range faults {
		opts = append(opts, rpcerr.Field(fmt.Sprintf("features[%d].value", fault.Index), fault.Name+" "+fault.Why))
	}
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_FEATURE_INVALID, "feature "+faults[0].Name+" "+faults[0].Why, opts...)
}
