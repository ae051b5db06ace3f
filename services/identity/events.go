package identity

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/outbox"
)

// tell appends a fact about a person. All facts of this service are in order for one person.
func (s *Service) tell(ctx context.Context, tx pgx.Tx, personID string, event *eventv1.Event) error {
	event.PersonId, event.SubjectId = personID, personID
	return outbox.Append(ctx, tx, s.deps.Clock, event)
}

// tellPersonCreated tells that somebody logged in for the first time.
func (s *Service) tellPersonCreated(ctx context.Context, tx pgx.Tx, person uuid.UUID) error {
	return s.tell(ctx, tx, id.Format(id.Person, person), &eventv1.Event{
		Fact: &eventv1.Event_PersonCreated{PersonCreated: &eventv1.PersonCreated{}},
	})
}

// tellProfileUpdated tells that there is a new version of a profile, and nothing of what it says: events outlive erasure.
func (s *Service) tellProfileUpdated(ctx context.Context, tx pgx.Tx, person *identityv1.Person) error {
	return s.tell(ctx, tx, person.GetId(), &eventv1.Event{
		Fact: &eventv1.Event_ProfileUpdated{ProfileUpdated: &eventv1.ProfileUpdated{Version: person.GetVersion()}},
	})
}

// tellConsentsGiven tells which purposes were newly agreed to, and nothing when nothing is new.
func (s *Service) tellConsentsGiven(ctx context.Context, tx pgx.Tx, person uuid.UUID, purposes []string) error {
	if len(purposes) == 0 {
		return nil
	}
	return s.tell(ctx, tx, id.Format(id.Person, person), &eventv1.Event{
		Fact: &eventv1.Event_ConsentsGiven{ConsentsGiven: &eventv1.ConsentsGiven{Purposes: purposes}},
	})
}
