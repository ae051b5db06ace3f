package flows

import (
	"context"
	"time"

	"connectrpc.com/connect"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The pause before an event is tried again while something is away.
const (
	eventPause    = 200 * time.Millisecond
	eventPauseMax = 10 * time.Second
)

// Listens names the services whose events HandleEvent takes in. Events of scoring are not among them: the process asks for a decision and
// has the answer.
func Listens() []string { return []string{"identity", "loans", "payments"} }

// HandleEvent is the handler of our consumer (package bus). Taking an event in twice does no more than once, so it needs no inbox. There is
// no place for events that were given up, so as long as the engine or a service is away it waits: that is not the event's fault.
func (s *Service) HandleEvent(ctx context.Context, event *eventv1.Event) error {
	pause := eventPause
	for {
		err := s.takeEvent(ctx, event)
		if !away(err) {
			return err
		}
		s.log.WarnContext(ctx, "event waits", "event_id", event.GetId(), "error", err.Error())
		if pause = wait(ctx, pause, eventPauseMax); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// takeEvent only starts and wakes processes: what a fact says is looked up again by the process, so facts that overtake each other do no
// harm.
func (s *Service) takeEvent(ctx context.Context, event *eventv1.Event) error {
	switch fact := event.GetFact().(type) {
	case *eventv1.Event_ApplicationCreated:
		return s.applicationCreated(ctx, event.GetTenantId(), fact.ApplicationCreated.GetApplicationId())
	// Any change may be the one that was missing; the process finds out.
	case *eventv1.Event_ProfileUpdated, *eventv1.Event_ConsentsGiven:
		return s.identityChanged(ctx, event.GetTenantId(), event.GetPersonId())
	case *eventv1.Event_PayoutPaid:
		return s.payoutChanged(ctx, event.GetTenantId(), fact.PayoutPaid.GetLoanId())
	case *eventv1.Event_PayoutRejected:
		return s.payoutChanged(ctx, event.GetTenantId(), fact.PayoutRejected.GetLoanId())
	default:
		return nil
	}
}

// applicationCreated starts the process, which the screen that made the application has usually done before. It is the way back when that
// screen's process died between the two.
func (s *Service) applicationCreated(ctx context.Context, tenantID, applicationID string) error {
	ctx = actor.AsService(ctx, tenantID, serviceName)
	application, err := s.application(ctx, applicationID)
	if err != nil {
		return err
	}
	_, err = s.start(ctx, application)
	return err
}

// identityChanged tells all processes of a person that may wait for it. Who has not started yet looks by itself.
func (s *Service) identityChanged(ctx context.Context, tenantID, personID string) error {
	if personID == "" {
		return nil
	}
	ctx = actor.ForPerson(ctx, tenantID, serviceName, personID)
	// All pages, though few persons have more than one: an application that is passed over waits for identityRecheck.
	page := &typev1.PageRequest{PageSize: 100}
	for {
		res, err := s.backends.Applications.ListApplications(ctx, &loansv1.ListApplicationsRequest{Page: page})
		if err != nil {
			return err
		}
		for _, application := range res.GetApplications() {
			if application.GetState() != loansv1.Application_STATE_SUBMITTED {
				continue
			}
			if err := s.tell(ctx, tenantID, application.GetId(), signalIdentityChanged); err != nil {
				return err
			}
		}
		if res.GetPage().GetNextPageToken() == "" {
			return nil
		}
		page = &typev1.PageRequest{PageSize: 100, PageToken: res.GetPage().GetNextPageToken()}
	}
}

// payoutChanged tells the process that waits for the payout of a loan. The event names the loan alone; the application, and so the process,
// is the loans service's knowledge.
func (s *Service) payoutChanged(ctx context.Context, tenantID, loanID string) error {
	ctx = actor.AsService(ctx, tenantID, serviceName)
	res, err := s.backends.Loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: loanID})
	if rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND {
		return nil // A payout that is for no loan of ours moves no process.
	}
	if err != nil {
		return err
	}
	return s.tell(ctx, tenantID, res.GetLoan().GetApplicationId(), signalPayoutChanged)
}

// tell signals a process, if it runs. One that does not run has ended, or was lost and looks for itself when it starts again.
func (s *Service) tell(ctx context.Context, tenantID, applicationID, signal string) error {
	err := s.signal(ctx, tenantID, applicationID, signal)
	if rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND {
		return nil
	}
	return err
}

// away tells whether an error says that the engine or a service does not answer now.
func away(err error) bool {
	if err == nil {
		return false
	}
	if peer, ok := rpcerr.AsPeer(err); ok {
		return peer.Err.Code() == connect.CodeUnavailable || peer.Err.Code() == connect.CodeDeadlineExceeded
	}
	return rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_FLOW_ENGINE_UNAVAILABLE
}
