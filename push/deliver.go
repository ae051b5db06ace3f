package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/push/template"
)

const (
	// settleTimeout bounds noting what became of an attempt, which goes on when the process is being stopped.
	settleTimeout = 5 * time.Second
	// contested is how long a worker stays away from a row that somebody else moved meanwhile.
	// Long enough for the other attempt to end in most cases, short beside any message's lifetime.
	contested = 5 * time.Second
)

// Failures of our own, in the form of the column: who:outcome:why.
const (
	failureExpired   = "push:refused:EXPIRED"
	failureErased    = "push:refused:PERSON_ERASED"
	failureNoPerson  = "push:refused:PERSON_NOT_FOUND"
	failureNoPhone   = "push:refused:NO_PHONE"
	failureNoToken   = "push:refused:NO_LIVE_TOKEN"
	failureNoChannel = "push:refused:NO_PROVIDER"
	failureTemplate  = "push:refused:TEMPLATE"
)

// outcome is what became of an attempt.
type outcome struct {
	// verdict uses the adapters' words: done, refused, retryable or unknown. An unknown outcome is tried again like a retryable one: a
	// message twice is better than a code never, and both providers' ways of recognising a repeat are used.
	verdict  kit.Outcome
	provider string
	// providerID is the provider's name of the message, by which its receipt is matched. parts are the segments of a text message, which
	// are what is billed.
	providerID string
	parts      int32
	failure    string
	// asked is the pause that the provider asked for.
	asked time.Duration
	// unreachable is true when push has nowhere to go to.
	unreachable bool
}

// refused is an end by our own decision, without a call.
func refused(failure string) outcome { return outcome{verdict: kit.OutcomeRefused, failure: failure} }

// deliver makes one attempt for a message and answers with the wait before the next, 0 when there is none. An error means that the attempt
// could not be made or noted, for reasons that are ours.
func (s *Service) deliver(ctx context.Context, notification uuid.UUID) (again time.Duration, err error) {
	l, err := s.open(ctx, notification)
	switch {
	case errors.Is(err, seal.ErrErased):
		return 0, s.settleEnd(ctx, l, stateFailed, refused(failureErased))
	case err != nil || l == nil:
		return 0, err
	// DEAD and not FAILED: nobody refused it, it came too late.
	case !s.clock.Now().Before(l.row.ExpireTime):
		return 0, s.settleEnd(ctx, l, stateDead, refused(failureExpired))
	}
	// Everything that can be known before the attempt is found out before it is counted: an outage of ours costs no attempt.
	failure, err := s.prepare(ctx, l)
	if err != nil {
		return 0, err
	}
	if failure != "" {
		return 0, s.settleEnd(ctx, l, stateFailed, refused(failure))
	}
	mine, err := s.start(ctx, l)
	if err != nil {
		return 0, err
	}
	if !mine {
		// A rescued job meets its old worker. Whoever moved the row goes on with it; look again later, should it die.
		return contested, nil
	}
	var out outcome
	if l.row.Channel == string(template.SMS) {
		out = s.sendSMS(ctx, l)
	} else if out, err = s.sendPush(ctx, l); err != nil {
		return 0, err
	}
	return s.settle(ctx, l, out)
}

// prepare finds out what the row does not say, phone and language, and renders. A failure ends the message; an error does not. Everything
// here may be done again and costs nobody a message.
func (s *Service) prepare(ctx context.Context, l *letter) (failure string, err error) {
	tmpl, ok := s.templates.Get(l.row.Template)
	if !ok {
		return failureTemplate, nil // Queued by a newer release than this one, or an older.
	}
	l.template = tmpl
	channel := template.Channel(l.row.Channel)
	if !s.carries(channel) {
		return failureNoChannel, nil
	}
	needsPhone := channel == template.SMS && l.phone == ""
	if l.row.PersonID != nil && (needsPhone || l.row.Locale == "") {
		if failure, err = s.ask(ctx, l); failure != "" || err != nil {
			return failure, err
		}
	}
	if l.row.Locale == "" {
		l.row.Locale = s.locale(ctx, "") // A phone that is nobody's yet: the tenant's language.
	}
	if channel == template.SMS && l.phone == "" {
		return failureNoPhone, nil
	}
	// The templates were proved at start and the parameters when they were queued, so this fails only across releases.
	if l.message, err = tmpl.Render(channel, l.row.Locale, l.parameters); err != nil {
		return failureTemplate, nil
	}
	return "", nil
}

// ask asks identity for the person's phone and language. It is asked at the last moment, so a number that was changed since the message was
// queued is the one that gets it.
func (s *Service) ask(ctx context.Context, l *letter) (failure string, err error) {
	// Acting for the person, push sees that person alone, whatever identity would show to a service.
	wireID := id.Format(id.Person, *l.row.PersonID)
	res, err := s.persons.GetPerson(actor.ForPerson(ctx, l.row.TenantID, serviceName, wireID), &identityv1.GetPersonRequest{PersonId: wireID})
	switch {
	case rpcerr.PeerReason(err) == typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND:
		return failureNoPerson, nil
	case err != nil:
		return "", fmt.Errorf("ask for the person: %w", err)
	case res.GetPerson().GetState() == identityv1.Person_STATE_ERASED:
		return failureErased, nil
	}
	// What the sender said goes before what the person's profile says.
	if l.phone == "" {
		l.phone = res.GetPerson().GetPhone()
	}
	if l.row.Locale == "" {
		l.row.Locale = s.locale(ctx, res.GetPerson().GetLocale())
	}
	return "", nil
}

// start counts the attempt before it is made, so that a process that dies in it over and over does not send for ever, and keeps the text
// for the person's list. It is false when somebody else moved the row since it was read.
func (s *Service) start(ctx context.Context, l *letter) (bool, error) {
	var rows int64
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		box, err := s.sealer.Open(ctx, tx, subject(l.row.PersonID))
		if err != nil {
			return err
		}
		content, err := sealContent(box, l.row, l.message)
		if err != nil {
			return err
		}
		rows, err = s.queries.StartAttempt(ctx, tx, pushdb.StartAttemptParams{
			Locale: l.row.Locale, ContentSealed: content, Now: s.clock.Now(), TenantID: l.row.TenantID, ID: l.row.ID, Version: l.row.Version,
		})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("start an attempt: %w", err)
	}
	l.row.Attempts++
	return rows == 1, nil
}

// settle notes what became of an attempt. The pause after an attempt is the row's, so it is the same whichever process takes the job next.
func (s *Service) settle(ctx context.Context, l *letter, out outcome) (again time.Duration, err error) {
	switch {
	case out.verdict == kit.OutcomeDone:
		return 0, s.settleSent(ctx, l, out)
	case out.verdict == kit.OutcomeRefused:
		return 0, s.settleEnd(ctx, l, stateFailed, out)
	case l.row.Attempts >= maxAttempts:
		return 0, s.settleEnd(ctx, l, stateDead, out)
	}
	err = s.note(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return s.queries.FinishAttempt(ctx, tx, pushdb.FinishAttemptParams{
			Failure: out.failure, Now: s.clock.Now(), TenantID: l.row.TenantID, ID: l.row.ID,
		})
	})
	return s.pause(int(l.row.Attempts), out.asked), err
}

// settleSent notes that the provider took the message, and what it may have reported already.
func (s *Service) settleSent(ctx context.Context, l *letter, out outcome) error {
	return s.note(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := lockMessage(ctx, tx, out.provider, out.providerID); err != nil {
			return err
		}
		// 0 rows: another worker's attempt was noted first. Its provider id stands; a receipt for ours finds no row and harms nobody.
		rows, err := s.queries.MarkSent(ctx, tx, pushdb.MarkSentParams{
			Provider: out.provider, ProviderID: out.providerID, Parts: out.parts, Now: new(s.clock.Now()), TenantID: l.row.TenantID, ID: l.row.ID,
		})
		if err != nil || rows == 0 {
			return err
		}
		return s.applyEarlyReceipts(ctx, tx, out.provider, out.providerID)
	})
}

// settleEnd ends a message that was not sent. One that push could not reach goes over the template's other channel, once: the new row comes
// with the end of the old one.
func (s *Service) settleEnd(ctx context.Context, l *letter, state string, out outcome) error {
	err := s.note(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := s.queries.EndNotification(ctx, tx, pushdb.EndNotificationParams{
			State: state, Provider: out.provider, Failure: out.failure, Now: s.clock.Now(), TenantID: l.row.TenantID, ID: l.row.ID,
		})
		if err != nil || rows == 0 || !out.unreachable || l.template.Fallback == "" || !s.carries(l.template.Fallback) {
			return err
		}
		_, err = s.queue(ctx, tx, draft{
			template: l.template, channel: l.template.Fallback, person: l.row.PersonID, phone: l.phone, locale: l.row.Locale,
			parameters: l.parameters,
		})
		return err
	})
	// The id is enough for staff to find the row; phone, person and text stay out of the log.
	s.log.WarnContext(ctx, "notification not sent", "notification_id", id.Format(id.Notification, l.row.ID), "template", l.row.Template,
		"state", state, "failure", out.failure, "attempts", l.row.Attempts)
	return err
}

// note writes down what happened, also while the process is being stopped: what is not noted is sent again.
func (s *Service) note(ctx context.Context, write func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := s.db.InTx(ctx, func(tx pgx.Tx) error { return write(ctx, tx) }); err != nil {
		return fmt.Errorf("note an attempt: %w", err)
	}
	return nil
}
