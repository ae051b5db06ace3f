package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	"github.com/lendgate/lendgate/integrations/fcm"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/seal"
)

// device is where a push goes. The hash of its token tells this token from one that the app registers while the message is under way.
type device struct {
	id    uuid.UUID
	token string
	hash  []byte
	// taken is the provider's name of this very message when it was handed over for the device before; empty when not.
	taken string
}

// sendPush hands a message over for each of the person's devices that has not got it yet. It is done when at least one device got it and
// none needs another attempt. Devices are served one after the other: a person has few, and the job's time is bounded.
func (s *Service) sendPush(ctx context.Context, l *letter) (outcome, error) {
	devices, err := s.devices(ctx, l)
	if err != nil {
		return outcome{}, err
	}
	// What stands when no device changes it: there is no device.
	none := refused(failureNoToken)
	none.unreachable = true
	done, worst := outcome{}, none
	for _, d := range devices {
		if d.taken == "" {
			var out outcome
			if d.taken, out, err = s.sendDevice(ctx, l, d); err != nil {
				return outcome{}, err
			}
			worst = worse(worst, out)
		}
		if d.taken != "" && done.providerID == "" {
			done = outcome{verdict: kit.OutcomeDone, provider: providerFCM, providerID: d.taken}
		}
	}
	// As long as attempts are left, one device that did not get it keeps the message waiting; at the end one that did makes it sent.
	if again := worst.verdict == kit.OutcomeRetryable || worst.verdict == kit.OutcomeUnknown; again && l.row.Attempts < maxAttempts {
		return worst, nil
	}
	if done.verdict == kit.OutcomeDone {
		return done, nil
	}
	return worst, nil
}

// worse is the outcome that decides: one that asks for another attempt over a refusal, a refusal over a dead token; of two that ask, the one
// that asks for the longer pause. Taking the longer pause keeps to what each of the devices' answers asked for.
func worse(a, b outcome) outcome {
	rank := func(o outcome) int {
		switch {
		case o.verdict == kit.OutcomeDone, o.unreachable:
			return 0
		case o.verdict == kit.OutcomeRefused:
			return 1
		default:
			return 2
		}
	}
	if rank(b) > rank(a) || rank(b) == rank(a) && b.asked > a.asked {
		return b
	}
	return a
}

// sendDevice hands a message over for one device and notes the result at once, so that a retry for another device is none for this one.
func (s *Service) sendDevice(ctx context.Context, l *letter, d device) (taken string, out outcome, err error) {
	name, err := s.fcm.Send(ctx, fcm.Message{
		Token: d.token, Title: l.message.Title, Body: l.message.Body, Data: l.template.Data(l.parameters),
		// A repeat of this message replaces it on the phone.
		CollapseKey: id.Format(id.Notification, l.row.ID),
		// A phone that is off gets the message within its lifetime or never: a code of yesterday is of no use.
		TTL: l.row.ExpireTime.Sub(s.clock.Now()), Urgent: l.template.Urgent,
	})
	now := s.clock.Now()
	switch {
	// Noted before the next device is served: should we die there, this one does not get the message twice.
	case err == nil:
		return name, outcome{verdict: kit.OutcomeDone}, s.note(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return s.queries.InsertDelivery(ctx, tx, pushdb.InsertDeliveryParams{
				TenantID: l.row.TenantID, NotificationID: l.row.ID, DeviceID: d.id, ProviderID: name, CreateTime: now,
			})
		})
	case errors.Is(err, fcm.ErrTokenDead): // UNREGISTERED alone; an invalid argument may be the payload's fault.
		out = refused(failureNoToken)
		out.unreachable = true
		return "", out, s.note(ctx, func(ctx context.Context, tx pgx.Tx) error {
			_, err := s.queries.MarkTokenDead(ctx, tx, pushdb.MarkTokenDeadParams{
				Now: now, TenantID: l.row.TenantID, DeviceID: d.id, TokenHash: d.hash,
			})
			return err
		})
	default:
		return "", failed(providerFCM, err), nil
	}
}

// devices reads the person's live tokens. They come with what was handed over for this very message, so a retry leaves out those that have
// it.
func (s *Service) devices(ctx context.Context, l *letter) ([]device, error) {
	if l.row.PersonID == nil {
		return nil, nil
	}
	var devices []device
	err := s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListLiveTokens(ctx, tx, pushdb.ListLiveTokensParams{
			NotificationID: l.row.ID, TenantID: l.row.TenantID, PersonID: *l.row.PersonID,
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		box, err := s.sealer.Open(ctx, tx, *l.row.PersonID)
		if errors.Is(err, seal.ErrErased) {
			return nil // The tokens went with the person's key.
		}
		if err != nil {
			return err
		}
		for _, row := range rows {
			token, err := box.Unseal(tokenPlace(row.DeviceID), row.TokenSealed)
			if err != nil {
				return err
			}
			d := device{id: row.DeviceID, token: string(token), hash: row.TokenHash}
			// Taken by the provider in an earlier attempt for this device.
			if row.ProviderID != nil {
				d.taken = *row.ProviderID
			}
			devices = append(devices, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read push tokens: %w", err)
	}
	return devices, nil
}
