package push

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/push/template"
)

// SendNotification queues a message. The rows and their jobs are one transaction, so what was answered will be tried whatever dies; that it
// arrives nobody can promise. A repeat gets the rows of the first time and sends nothing more.
func (s *Service) SendNotification(ctx context.Context, req *pushv1.SendNotificationRequest) (*pushv1.SendNotificationResponse, error) {
	d, err := s.readDraft(ctx, req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.keeper, pushv1connect.NotificationServiceSendNotificationProcedure, req, &pushv1.SendNotificationResponse{},
		func(tx pgx.Tx) (*pushv1.SendNotificationResponse, error) {
			channels, err := s.reach(ctx, tx, d, req.GetChannels())
			if err != nil {
				return nil, err
			}
			res := &pushv1.SendNotificationResponse{}
			// One row a channel: each has its own attempts, provider and receipt.
			for _, d.channel = range channels {
				row, err := s.queue(ctx, tx, d)
				if err != nil {
					return nil, err
				}
				res.Notifications = append(res.Notifications, notification(row, template.Message{}))
			}
			return res, nil
		})
}

// readDraft reads a request as far as the request alone tells. What is wrong with it is refused before a transaction is opened.
func (s *Service) readDraft(ctx context.Context, req *pushv1.SendNotificationRequest) (draft, error) {
	tmpl, ok := s.templates.Get(req.GetTemplate())
	if !ok {
		return draft{}, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TEMPLATE_NOT_FOUND, "no such template")
	}
	parameters, err := tmpl.Take(req.GetParameters())
	var missing *template.MissingError
	if errors.As(err, &missing) {
		// The name of the parameter is told and no value: values are personal.
		return draft{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_TEMPLATE_PARAMETER_MISSING, "a parameter is missing",
			rpcerr.Meta("parameter", missing.Parameter), rpcerr.Field("parameters", "misses "+missing.Parameter))
	}
	if err != nil {
		return draft{}, err
	}
	d := draft{template: tmpl, phone: req.GetPhone(), parameters: parameters}
	if req.GetPersonId() != "" {
		person, err := id.Parse(id.Person, req.GetPersonId())
		if err != nil {
			return draft{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "person_id is no person's id",
				rpcerr.Field("person_id", "is not of the form per_…"))
		}
		d.person = &person
	}
	// Without a wish the language stays open until the worker has asked for the person's.
	if req.GetLocale() != "" {
		d.locale = s.locale(ctx, req.GetLocale())
	}
	return d, nil
}

// reach chooses the channels that can reach the addressee: of those asked for, else of the template's with its fallback. Its answer is of
// now; a token that dies before the message is sent is met by the fallback in settleEnd.
func (s *Service) reach(ctx context.Context, tx pgx.Tx, d draft, asked []pushv1.Channel) ([]template.Channel, error) {
	unavailable := rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE, "no channel can reach this person")
	// A service that acts for one person sends to that person only. Nothing is said about whether the other exists.
	if d.person != nil && !actor.Must(ctx).MaySee(*d.person) {
		return nil, unavailable
	}
	// Whoever asks for channels gets those or nothing; the fallback is for those who leave the choice to the template.
	wanted := d.template.Channels
	if len(asked) > 0 {
		wanted = nil
		for _, channel := range asked {
			wanted = append(wanted, channelOf(channel))
		}
	}
	var reached []template.Channel
	for _, channel := range wanted {
		ok, err := s.reaches(ctx, tx, d, channel)
		if err != nil {
			return nil, err
		}
		if ok {
			reached = append(reached, channel)
		}
	}
	// The fallback is for the text message that costs money: it is chosen only where push reaches nobody.
	if fallback := d.template.Fallback; len(reached) == 0 && len(asked) == 0 && fallback != "" {
		ok, err := s.reaches(ctx, tx, d, fallback)
		if err != nil {
			return nil, err
		}
		if ok {
			reached = append(reached, fallback)
		}
	}
	if len(reached) == 0 {
		return nil, unavailable
	}
	return reached, nil
}

// reaches tells whether a message can go over a channel. Whether a person has a phone is seen when it is sent: everybody logs in with one.
// A token of the person in this tenant is enough; which of the devices still live only the provider knows.
func (s *Service) reaches(ctx context.Context, tx pgx.Tx, d draft, channel template.Channel) (bool, error) {
	if !s.carries(channel) || !d.template.Has(channel) {
		return false, nil
	}
	if channel == template.SMS {
		return d.phone != "" || d.person != nil, nil
	}
	// A push goes to a person's devices, and a bare phone number has none.
	if d.person == nil {
		return false, nil
	}
	return s.queries.HasLiveToken(ctx, tx, pushdb.HasLiveTokenParams{TenantID: actor.Must(ctx).TenantID, PersonID: *d.person})
}

// locale is the tenant's language that fits a wish best. A tenant that is not configured has no languages to choose from.
func (s *Service) locale(ctx context.Context, wish string) string {
	lender, ok := s.tenants.Get(actor.Must(ctx).TenantID)
	if !ok {
		return template.DefaultLanguage
	}
	return lender.Locale(wish)
}

// ListNotifications answers with the caller's notifications. Newest first, and without those that carried codes or have no text yet: the
// query leaves them out. A service that acts for a person sees that person's.
func (s *Service) ListNotifications(ctx context.Context, req *pushv1.ListNotificationsRequest) (*pushv1.ListNotificationsResponse, error) {
	const list = "push.notifications"
	person, err := ownPerson(ctx)
	if err != nil {
		return nil, err
	}
	who := actor.Must(ctx)
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &pushv1.ListNotificationsResponse{}
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListNotifications(ctx, tx, pushdb.ListNotificationsParams{
			TenantID: who.TenantID, PersonID: &person, After: page.After, PageSize: page.Limit(),
		})
		if err != nil {
			return err
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(row pushdb.Notification) uuid.UUID { return row.ID })
		res.Notifications, err = s.notifications(ctx, tx, person, rows)
		return err
	})
	return res, err
}

// notifications converts a person's rows with their texts. The texts of an erased person are gone; the rows tell that there were some. A
// page is of one person, so one key opens all of it.
func (s *Service) notifications(ctx context.Context, tx pgx.Tx, person uuid.UUID, rows []pushdb.Notification) ([]*pushv1.Notification, error) {
	box, err := s.sealer.Open(ctx, tx, person)
	if err != nil && !errors.Is(err, seal.ErrErased) {
		return nil, err
	}
	all := make([]*pushv1.Notification, 0, len(rows))
	for _, row := range rows {
		message := template.Message{}
		if box != nil && row.ContentSealed != nil {
			if message, err = unsealContent(box, row); err != nil {
				return nil, err
			}
		}
		all = append(all, notification(row, message))
	}
	return all, nil
}
