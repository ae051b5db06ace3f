package push

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/push/hint"
)

// HandleEvent takes in one fact of another service (a bus.Handler): in one transaction with the note that it was seen, it becomes an entry
// of its person's status stream and, where the person should look, a queued message. After the commit a hint wakes the realtime edge.
// Delivered again, an event does nothing.
func (s *Service) HandleEvent(ctx context.Context, event *eventv1.Event) error {
	ctx = actor.AsService(ctx, event.GetTenantId(), serviceName)
	var grown hint.Wakeup
	take := func(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error {
		var err error
		grown, err = s.takeEvent(ctx, tx, event)
		return err
	}
	// Grown is set by the run that committed; a run that was given up for concurrency is made anew and sets it again.
	if err := bus.Inbox(s.db, s.clock, serviceName, take)(ctx, event); err != nil {
		return err
	}
	// Committed: a hint any earlier would send readers to look for what they cannot see yet.
	if grown.Offset > 0 {
		s.hints.Announce(grown)
	}
	return nil
}

// takeEvent publishes and queues inside the transaction of the inbox's note. It calls no other service: language and phone are the worker's
// business. The payload of the stream is written here once; readers get the same bytes however often they come.
func (s *Service) takeEvent(ctx context.Context, tx pgx.Tx, event *eventv1.Event) (hint.Wakeup, error) {
	n, ok := newsOf(event)
	if !ok || event.GetPersonId() == "" {
		return hint.Wakeup{}, nil
	}
	person, err := id.Parse(id.Person, event.GetPersonId())
	if err != nil {
		return hint.Wakeup{}, fmt.Errorf("event %s: person: %w", event.GetId(), err)
	}
	eventID, err := id.Parse(id.Event, event.GetId())
	if err != nil {
		return hint.Wakeup{}, fmt.Errorf("event id: %w", err)
	}
	// The stream first: its row's lock puts the events of one person in order, messages and jobs follow in the same transaction.
	offset, err := s.publish(ctx, tx, person, eventID, n.status)
	// 0 means that the stream has the event already, which the inbox's note usually keeps out.
	if err != nil || offset == 0 {
		return hint.Wakeup{}, err
	}
	if n.template != "" {
		if err := s.notify(ctx, tx, person, n); err != nil {
			return hint.Wakeup{}, err
		}
	}
	return hint.Wakeup{Tenant: event.GetTenantId(), Stream: hint.StatusStream(event.GetPersonId()), Offset: offset}, nil
}

// notify queues the message of a fact. Whether the person can be reached is seen when it is sent.
func (s *Service) notify(ctx context.Context, tx pgx.Tx, person uuid.UUID, n news) error {
	tmpl, ok := s.templates.Get(n.template)
	if !ok {
		return fmt.Errorf("no template %s", n.template)
	}
	parameters, err := tmpl.Take(map[string]string{
		"application_id": n.status.GetApplicationId(), "loan_id": n.status.GetLoanId(), "payment_id": n.status.GetPaymentId(),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", n.template, err)
	}
	// Unlike a sender, a fact is not refused for want of a device: the row is also what the person's list shows.
	channels := tmpl.Channels
	// A lender without push gets the text message for what is worth one; without either, the stream and the screens remain.
	if !s.carries(channels[0]) && tmpl.Fallback != "" {
		channels = append(channels[:0:0], tmpl.Fallback)
	}
	for _, channel := range channels {
		if !s.carries(channel) {
			continue
		}
		if _, err := s.queue(ctx, tx, draft{template: tmpl, channel: channel, person: &person, parameters: parameters}); err != nil {
			return err
		}
	}
	return nil
}

// news is what a fact means to its person.
type news struct {
	status *realtimev1.StatusEvent
	// template is empty when the stream is enough.
	template string
}

// newsOf translates a fact; false when it is nobody's news. The words are the app's and the templates': here are kinds, ids and amounts, in
// minor units. A fact without a template is shown in an open app and does not ring.
func newsOf(event *eventv1.Event) (news, bool) {
	status := &realtimev1.StatusEvent{EventId: event.GetId(), OccurTime: event.GetOccurTime()}
	n := news{status: status}
	switch fact := event.GetFact().(type) {
	case *eventv1.Event_ApplicationCreated:
		f := fact.ApplicationCreated
		status.Kind, n.template = realtimev1.StatusEvent_KIND_APPLICATION_SUBMITTED, "application-submitted"
		status.ApplicationId, status.Amount = f.GetApplicationId(), f.GetPrincipal()
	case *eventv1.Event_LoanOffered:
		status.Kind, n.template = realtimev1.StatusEvent_KIND_APPLICATION_OFFERED, "application-offered"
		status.ApplicationId = fact.LoanOffered.GetApplicationId()
	case *eventv1.Event_ApplicationRejected:
		status.Kind, n.template = realtimev1.StatusEvent_KIND_APPLICATION_REJECTED, "application-rejected"
		status.ApplicationId = fact.ApplicationRejected.GetApplicationId()
	case *eventv1.Event_OfferAccepted:
		status.Kind, n.template = realtimev1.StatusEvent_KIND_AGREEMENT_READY, "agreement-ready"
		status.ApplicationId = fact.OfferAccepted.GetApplicationId()
	case *eventv1.Event_AgreementSigned:
		status.Kind, n.template = realtimev1.StatusEvent_KIND_AGREEMENT_SIGNED, "agreement-signed"
		status.ApplicationId, status.LoanId = fact.AgreementSigned.GetApplicationId(), fact.AgreementSigned.GetLoanId()
	case *eventv1.Event_ApplicationEnded:
		// The person ended it, or let it end: nothing to be called to the phone for.
		status.Kind = realtimev1.StatusEvent_KIND_APPLICATION_ENDED
		status.ApplicationId = fact.ApplicationEnded.GetApplicationId()
	default:
		return moneyNewsOf(event, n)
	}
	return n, true
}

// moneyNewsOf translates facts about a loan's money. Of the payout nobody is told when it is paid: LoanDisbursed follows at once, and says
// the same with a schedule behind it.
func moneyNewsOf(event *eventv1.Event, n news) (news, bool) {
	status := n.status
	switch fact := event.GetFact().(type) {
	case *eventv1.Event_LoanDisbursed:
		f := fact.LoanDisbursed
		status.Kind, n.template = realtimev1.StatusEvent_KIND_LOAN_DISBURSED, "loan-disbursed"
		status.LoanId, status.PaymentId, status.Amount = f.GetLoanId(), f.GetPaymentId(), f.GetPrincipal()
	case *eventv1.Event_LoanRepaid:
		f := fact.LoanRepaid
		status.Kind, n.template = realtimev1.StatusEvent_KIND_LOAN_REPAID, "loan-repaid"
		status.LoanId, status.PaymentId, status.Amount = f.GetLoanId(), f.GetPaymentId(), f.GetAmount()
	case *eventv1.Event_LoanClosed:
		status.Kind, n.template = realtimev1.StatusEvent_KIND_LOAN_CLOSED, "loan-closed"
		status.LoanId = fact.LoanClosed.GetLoanId()
	case *eventv1.Event_CollectionFailed:
		f := fact.CollectionFailed
		status.Kind = realtimev1.StatusEvent_KIND_PAYMENT_FAILED
		status.LoanId, status.PaymentId, status.Amount = f.GetLoanId(), f.GetCollectionId(), f.GetAmount()
		if f.GetState() != "EXPIRED" { // A form that was left open is no failure to tell anybody about.
			n.template = "payment-failed"
		}
	case *eventv1.Event_PayoutRejected: // Money that was to come to the person: news as bad as a payment that failed.
		f := fact.PayoutRejected
		status.Kind, n.template = realtimev1.StatusEvent_KIND_PAYMENT_FAILED, "payment-failed"
		status.LoanId, status.PaymentId, status.Amount = f.GetLoanId(), f.GetPayoutId(), f.GetAmount()
	default:
		return news{}, false
	}
	return n, true
}
