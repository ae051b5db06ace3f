package payments

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/seal"
)

// States of a card, in rows as in the contract.
const (
	cardAwaiting = "AWAITING"
	cardActive   = "ACTIVE"
	cardRejected = "REJECTED"
)

// formLife is how long a card's form is looked after. A form that nobody filled in by then stays as it is and costs no calls.
const formLife = 24 * time.Hour

// RegisterCard implements PaymentService: first the row, then the form at the provider. Opening a form moves nothing, so a repeat simply opens
// another one when the first got lost.
func (s *Service) RegisterCard(ctx context.Context, req *paymentsv1.RegisterCardRequest) (*paymentsv1.RegisterCardResponse, error) {
	who := actor.Must(ctx)
	person, ok := who.Person()
	if !ok {
		return nil, noPerson()
	}
	carrier := s.mainProvider()
	// Only the id is kept as the answer: a form's address may be used up by the time of a repeat, and the row is asked for the present one.
	first, err := idempotency.Do(ctx, s.keeper, paymentsv1connect.PaymentServiceRegisterCardProcedure, req, &paymentsv1.RegisterCardResponse{},
		func(tx pgx.Tx) (*paymentsv1.RegisterCardResponse, error) {
			cardID := id.New()
			err := s.q.InsertCard(ctx, tx, paymentsdb.InsertCardParams{
				TenantID: who.TenantID, ID: cardID, PersonID: person, Provider: carrier.Name(), Actor: who.String(), CreateTime: s.clock.Now(),
			})
			return &paymentsv1.RegisterCardResponse{Card: &paymentsv1.Card{Id: id.Format(id.Card, cardID)}}, err
		})
	if err != nil {
		return nil, err
	}
	cardID, err := id.Parse(id.Card, first.GetCard().GetId())
	if err != nil {
		return nil, err
	}
	card, err := s.openForm(ctx, cardID)
	if err != nil {
		return nil, err
	}
	return &paymentsv1.RegisterCardResponse{Card: card}, nil
}

// openForm opens the form of a card that has none, and answers with the card as it stands.
func (s *Service) openForm(ctx context.Context, cardID uuid.UUID) (*paymentsv1.Card, error) {
	row, card, err := s.readCard(ctx, cardID)
	if err != nil || row.FormURL != nil {
		return card, err
	}
	// A refusal is final for this row: a new try is a new request_id, and a new form.
	if row.State == cardRejected {
		return nil, providerRefused(text(row.ProviderCode))
	}
	// The provider of the row, not the first of the configuration, which may have changed since.
	carrier, ok := s.provider(row.Provider)
	if !ok {
		return nil, providerUnavailable()
	}
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// The provider knows the person by our opaque id; name and phone never leave.
	formURL, callErr := carrier.OpenCardForm(callCtx, id.Format(id.Person, row.PersonID))
	// Anything but a refusal leaves the row as it is: opening a form moves nothing, so nothing has to be known about a lost answer.
	refused := kit.OutcomeOf(callErr) == kit.OutcomeRefused
	if callErr != nil && !refused {
		return nil, providerUnavailable()
	}
	err = s.db.InTx(ctx, func(tx pgx.Tx) error {
		now := s.clock.Now()
		if refused {
			_, err := s.q.RejectCard(ctx, tx, paymentsdb.RejectCardParams{
				TenantID: row.TenantID, ID: cardID, ProviderCode: nullable(kit.CodeOf(callErr)), UpdateTime: now,
			})
			return err
		}
		// No row means that another call was first; its form is as good.
		_, err := s.q.SetCardForm(ctx, tx, paymentsdb.SetCardFormParams{TenantID: row.TenantID, ID: cardID, FormURL: &formURL, UpdateTime: now})
		return err
	})
	if err != nil {
		return nil, err
	}
	if refused {
		return nil, providerRefused(kit.CodeOf(callErr))
	}
	_, card, err = s.readCard(ctx, cardID)
	return card, err
}

// readCard reads a card as a row and as the caller sees it. Whose card it is was checked by whoever names it: the ids come from the
// caller's own answers.
func (s *Service) readCard(ctx context.Context, cardID uuid.UUID) (row paymentsdb.Card, card *paymentsv1.Card, err error) {
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		row, err = s.q.GetCard(ctx, tx, paymentsdb.GetCardParams{TenantID: actor.Must(ctx).TenantID, ID: cardID})
		if err != nil {
			return err
		}
		card, err = s.cardProto(ctx, tx, row)
		return err
	})
	return row, card, err
}

// ListCards implements PaymentService. It reads first, and calls the provider only while a form is open that may have been filled in.
func (s *Service) ListCards(ctx context.Context, _ *paymentsv1.ListCardsRequest) (*paymentsv1.ListCardsResponse, error) {
	person, ok := actor.Must(ctx).Person()
	if !ok {
		return nil, noPerson()
	}
	rows, res, err := s.loadCards(ctx, person)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	awaiting := slices.ContainsFunc(rows, func(c paymentsdb.Card) bool {
		return c.State == cardAwaiting && now.Sub(c.CreateTime) < formLife
	})
	if !awaiting {
		return res, nil
	}
	// Forms that nobody looks at cost no calls: the provider is asked while the person is looking.
	if err := s.lookUpCards(ctx, person, rows); err != nil {
		return nil, err
	}
	_, res, err = s.loadCards(ctx, person)
	return res, err
}

// loadCards reads the newest cards of a person, as rows and as the caller sees them. Cards whose form never opened are left out.
func (s *Service) loadCards(ctx context.Context, person uuid.UUID) (rows []paymentsdb.Card, res *paymentsv1.ListCardsResponse, err error) {
	res = &paymentsv1.ListCardsResponse{}
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err = s.q.ListCards(ctx, tx, paymentsdb.ListCardsParams{TenantID: actor.Must(ctx).TenantID, PersonID: person})
		if err != nil {
			return err
		}
		for _, row := range rows {
			card, err := s.cardProto(ctx, tx, row)
			if err != nil {
				return err
			}
			res.Cards = append(res.Cards, card)
		}
		return nil
	})
	return rows, res, err
}

// lookUpCards asks the providers of awaited cards, and gives cards that no row names yet to awaited rows, the newest row first: a person fills
// in the form that was opened last.
func (s *Service) lookUpCards(ctx context.Context, person uuid.UUID, rows []paymentsdb.Card) error {
	for _, carrier := range s.providers {
		awaited := slices.DeleteFunc(slices.Clone(rows), func(c paymentsdb.Card) bool {
			return c.State != cardAwaiting || c.Provider != carrier.Name()
		})
		if len(awaited) == 0 {
			continue
		}
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		// A provider that does not answer fails the list. Showing the old one would tell a person who has just filled in the form that
		// nothing came of it.
		cards, err := carrier.Cards(callCtx, id.Format(id.Person, person))
		cancel()
		if err != nil {
			s.log.WarnContext(ctx, "the provider did not list cards", "provider", carrier.Name(), "outcome", kit.OutcomeOf(err).String())
			return providerUnavailable()
		}
		if err := s.activateCards(ctx, person, carrier.Name(), awaited, cards); err != nil {
			return err
		}
	}
	return nil
}

// activateCards writes down which of the provider's cards came of which form. The person's rows are locked, so that two lists at once do not
// give one card to two forms.
func (s *Service) activateCards(ctx context.Context, person uuid.UUID, provider string, awaited []paymentsdb.Card, cards []ProviderCard) error {
	tenantID := actor.Must(ctx).TenantID
	return s.db.InTx(ctx, func(tx pgx.Tx) error {
		// This query is the one that locks.
		named, err := s.q.ListProviderCardIDs(ctx, tx, paymentsdb.ListProviderCardIDsParams{
			TenantID: tenantID, PersonID: person, Provider: provider,
		})
		if err != nil {
			return err
		}
		box, err := s.sealer.Make(ctx, tx, person)
		if err != nil {
			return err
		}
		open := awaited
		for _, card := range cards {
			taken := slices.ContainsFunc(named, func(known *string) bool { return text(known) == card.ID })
			if taken || len(open) == 0 {
				continue
			}
			rows, err := s.q.ActivateCard(ctx, tx, paymentsdb.ActivateCardParams{
				TenantID: tenantID, ID: open[0].ID, ProviderCardID: &card.ID,
				// Even masked it tells of a person. The full number never comes here.
				MaskedNumber: box.Seal(maskedPlace(open[0].ID), []byte(card.Masked)), UpdateTime: s.clock.Now(),
			})
			if err != nil {
				return err
			}
			// No row: another list was first with this form, and the card stays for the next look.
			if rows == 1 {
				named = append(named, &card.ID)
			}
			open = open[1:]
		}
		return nil
	})
}

// maskedPlace binds a sealed card number to its row. Changing it makes stored numbers unreadable.
func maskedPlace(cardID uuid.UUID) string { return "cards.masked_number/" + cardID.String() }

// cardProto opens the masked number. That of an erased person stays empty. The card itself stays usable in rows, so that a payout under way
// ends as it would.
func (s *Service) cardProto(ctx context.Context, tx pgx.Tx, row paymentsdb.Card) (*paymentsv1.Card, error) {
	card := &paymentsv1.Card{
		Id:         id.Format(id.Card, row.ID),
		State:      paymentsv1.Card_State(paymentsv1.Card_State_value["STATE_"+row.State]),
		CreateTime: timestamppb.New(row.CreateTime),
	}
	// A form that was filled in, or refused, leads nowhere any more.
	if row.State == cardAwaiting {
		card.FormUrl = text(row.FormURL)
	}
	if row.MaskedNumber == nil {
		return card, nil
	}
	box, err := s.sealer.Open(ctx, tx, row.PersonID)
	if errors.Is(err, seal.ErrErased) {
		return card, nil
	}
	if err != nil {
		return nil, err
	}
	masked, err := box.Unseal(maskedPlace(row.ID), row.MaskedNumber)
	card.MaskedNumber = string(masked)
	return card, err
}
