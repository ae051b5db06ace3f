package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/push/template"
)

// The states of a notification's row.
const (
	// QUEUED waits or is under way; SENT was taken by the provider; DELIVERED was reported as arrived; FAILED was refused or cannot be
	// sent; DEAD was given up by time or tries. A row leaves QUEUED once and never comes back.
	stateQueued    = "QUEUED"
	stateSent      = "SENT"
	stateDelivered = "DELIVERED"
	stateFailed    = "FAILED"
	stateDead      = "DEAD"
)

// draft is a message that is to be queued. One of person and phone is always there.
type draft struct {
	template *template.Template
	channel  template.Channel
	// person is nil for a code to a phone that is not a person's yet; phone is then there.
	person *uuid.UUID
	// phone is E.164; empty means the person's.
	phone string
	// locale is one of the tenant's; empty means that the worker finds out.
	locale     string
	parameters map[string]string
}

// subject is whose key seals a message: the person's, or the tenant's own for a phone that is nobody's yet.
func subject(person *uuid.UUID) uuid.UUID {
	if person == nil {
		return uuid.UUID{}
	}
	return *person
}

// Places of sealed values: a value moved to another row or column does not open there.
func parametersPlace(row uuid.UUID) string { return "notifications.parameters/" + row.String() }
func phonePlace(row uuid.UUID) string      { return "notifications.phone/" + row.String() }
func contentPlace(row uuid.UUID) string    { return "notifications.content/" + row.String() }
func tokenPlace(device uuid.UUID) string   { return "push_tokens.token/" + device.String() }

// queue writes a message and the job that sends it, both or neither. The lifetime runs from now, however long the first attempt has to
// wait.
func (s *Service) queue(ctx context.Context, tx pgx.Tx, d draft) (pushdb.Notification, error) {
	who, now := actor.Must(ctx), s.clock.Now()
	row := pushdb.Notification{
		TenantID: who.TenantID, ID: id.New(), PersonID: d.person, Template: d.template.Name, Channel: string(d.channel), Locale: d.locale,
		State: stateQueued, Secret: d.template.Secret, ExpireTime: now.Add(d.template.Lifetime), Actor: who.String(),
		Version: 1, CreateTime: now, UpdateTime: now,
	}
	if err := s.sealDraft(ctx, tx, d, &row); err != nil {
		return row, err
	}
	err := s.queries.InsertNotification(ctx, tx, pushdb.InsertNotificationParams{
		TenantID: row.TenantID, ID: row.ID, PersonID: row.PersonID, Template: row.Template, Channel: row.Channel, Locale: row.Locale,
		Secret: row.Secret, ParametersSealed: row.ParametersSealed, PhoneSealed: row.PhoneSealed, ExpireTime: row.ExpireTime,
		Actor: row.Actor, CreateTime: now,
	})
	if err != nil {
		return row, fmt.Errorf("queue a notification: %w", err)
	}
	return row, s.enqueue(ctx, tx, row, d.template.Urgent)
}

// sealDraft seals what sending takes. MarkSent and EndNotification forget it again.
func (s *Service) sealDraft(ctx context.Context, tx pgx.Tx, d draft, row *pushdb.Notification) error {
	// All parameters are sealed alike: which of them are secret is the templates' business and may change.
	parameters, err := json.Marshal(d.parameters)
	if err != nil {
		return fmt.Errorf("write parameters: %w", err)
	}
	box, err := s.sealer.Make(ctx, tx, subject(d.person))
	if err != nil {
		return err
	}
	row.ParametersSealed = box.Seal(parametersPlace(row.ID), parameters)
	if d.phone != "" {
		row.PhoneSealed = box.Seal(phonePlace(row.ID), []byte(d.phone))
	}
	return nil
}

// carries tells whether a channel has a provider here. It is of this process: a deployment gives all of its processes the same providers.
func (s *Service) carries(channel template.Channel) bool {
	switch channel {
	case template.Push:
		return s.fcm != nil
	case template.SMS:
		return s.sms != nil
	default:
		return false
	}
}

// letter is a queued row, opened. It lives in memory for one attempt and is logged nowhere.
type letter struct {
	row        pushdb.Notification
	template   *template.Template
	parameters map[string]string
	phone      string
	message    template.Message
}

// open reads a row that waits and unseals it. It is nil when there is nothing to send any more. It takes no lock: start notices by the
// row's version whether somebody else has moved it since.
func (s *Service) open(ctx context.Context, notification uuid.UUID) (*letter, error) {
	var l *letter
	err := s.db.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.queries.GetNotification(ctx, tx, pushdb.GetNotificationParams{TenantID: actor.Must(ctx).TenantID, ID: notification})
		// A job may run again after its row has ended: that is how River makes up for a process that died before noting the job's end.
		if errors.Is(err, pgx.ErrNoRows) || err == nil && row.State != stateQueued {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a notification: %w", err)
		}
		l = &letter{row: row} // Also for ErrErased, so that the row can be ended.
		box, err := s.sealer.Open(ctx, tx, subject(row.PersonID))
		if err != nil {
			return err
		}
		return l.unseal(box)
	})
	return l, err
}

// unseal opens parameters and phone; a row that waits has both or needs no phone.
func (l *letter) unseal(box *seal.Box) error {
	parameters, err := box.Unseal(parametersPlace(l.row.ID), l.row.ParametersSealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(parameters, &l.parameters); err != nil {
		return fmt.Errorf("read parameters: %w", err)
	}
	if l.row.PhoneSealed != nil {
		phone, err := box.Unseal(phonePlace(l.row.ID), l.row.PhoneSealed)
		if err != nil {
			return err
		}
		l.phone = string(phone)
	}
	return nil
}
