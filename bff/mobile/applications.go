package mobile

import (
	"context"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// ApplicationCards shows applications: what they are from loans, what they wait for from the process.
type ApplicationCards struct {
	applications loansv1connect.ApplicationServiceClient
	flows        flowsv1connect.ApplicationFlowServiceClient
}

// NewApplicationCards makes what the screens with applications share.
func NewApplicationCards(applications loansv1connect.ApplicationServiceClient, flows flowsv1connect.ApplicationFlowServiceClient) *ApplicationCards {
	return &ApplicationCards{applications: applications, flows: flows}
}

// section is the newest application, unless it has become a loan.
func (a *ApplicationCards) section(ctx context.Context, screens *Screens) (*mobilev1.ApplicationSection, error) {
	card, status, err := fetchBy(ctx, screens, "loans.application", func(ctx context.Context) (*mobilev1.ApplicationCard, error) {
		res, err := read(ctx, screens, "loans.application", a.applications.ListApplications, &loansv1.ListApplicationsRequest{
			Page: &typev1.PageRequest{PageSize: 1},
		})
		if err != nil || len(res.GetApplications()) == 0 {
			return nil, err
		}
		application := res.GetApplications()[0]
		if application.GetState() == loansv1.Application_STATE_DISBURSED {
			return nil, nil
		}
		missing, err := a.missing(ctx, screens, application)
		if err != nil {
			return nil, err
		}
		return applicationCard(screens.speech(ctx), application, len(missing) > 0), nil
	})
	return &mobilev1.ApplicationSection{Status: status, Application: card}, err
}

// missing asks the process of a submitted application what it waits for.
func (a *ApplicationCards) missing(ctx context.Context, screens *Screens, application *loansv1.Application) ([]string, error) {
	if application.GetState() != loansv1.Application_STATE_SUBMITTED {
		return nil, nil
	}
	res, err := read(ctx, screens, "flows.missing", a.flows.GetApplicationFlow, &flowsv1.GetApplicationFlowRequest{ApplicationId: application.GetId()})
	if reasonOf(err) == typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND {
		return nil, nil // The process has not begun yet.
	}
	return res.GetFlow().GetMissing(), err
}

// applicationCard is an application in short. incomplete tells that its process waits for the profile or for consents.
func applicationCard(say speech, application *loansv1.Application, incomplete bool) *mobilev1.ApplicationCard {
	state := stateName(application.GetState().String())
	return &mobilev1.ApplicationCard{
		ApplicationId: application.GetId(), State: state, StateText: say.text("application." + state),
		Principal: say.amount(application.GetPrincipal()), NextStep: nextStep(application.GetState(), incomplete),
	}
}

func nextStep(state loansv1.Application_State, incomplete bool) mobilev1.NextStep {
	switch state {
	case loansv1.Application_STATE_SUBMITTED:
		if incomplete {
			return mobilev1.NextStep_NEXT_STEP_COMPLETE_PROFILE
		}
		return mobilev1.NextStep_NEXT_STEP_UNSPECIFIED
	case loansv1.Application_STATE_OFFERED:
		return mobilev1.NextStep_NEXT_STEP_CHOOSE_OFFER
	case loansv1.Application_STATE_ACCEPTED:
		return mobilev1.NextStep_NEXT_STEP_SIGN
	case loansv1.Application_STATE_SIGNED, loansv1.Application_STATE_DISBURSED:
		return mobilev1.NextStep_NEXT_STEP_OPEN_LOAN
	default:
		return mobilev1.NextStep_NEXT_STEP_APPLY_AGAIN
	}
}
