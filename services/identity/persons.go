package identity

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/language"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
)

// GetPerson answers with a person and profile. Absent, of another lender and not yours are one answer.
func (s *Service) GetPerson(ctx context.Context, req *identityv1.GetPersonRequest) (*identityv1.GetPersonResponse, error) {
	wanted := req.GetPersonId()
	if wanted == "" {
		wanted = actor.Must(ctx).PersonID
	}
	person, err := s.readPerson(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return &identityv1.GetPersonResponse{Person: person}, nil
}

// FindPerson answers with the person behind a phone, to staff and services. Phones of nobody, and of other lenders, are absent.
func (s *Service) FindPerson(ctx context.Context, req *identityv1.FindPersonRequest) (*identityv1.FindPersonResponse, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := parsePhone(req.GetPhone(), lender.Country)
	if err != nil {
		return nil, err
	}
	if !actor.Must(ctx).SeesAll() {
		return nil, personNotFound()
	}
	res := &identityv1.FindPersonResponse{}
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.queries.FindPersonByPhone(ctx, tx, identitydb.FindPersonByPhoneParams{TenantID: lender.ID, PhoneIndex: s.phoneIndex(ctx, phone)})
		if errors.Is(err, pgx.ErrNoRows) {
			return personNotFound()
		}
		if err != nil {
			return fmt.Errorf("find a person by phone: %w", err)
		}
		res.Person, err = s.personInTx(ctx, tx, row.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// UpdateProfile replaces the caller's profile. The rules of the profile are checked before the transaction, since they need no row; the
// version is checked under the lock of the row, so of two who read the same version one is refused.
func (s *Service) UpdateProfile(ctx context.Context, req *identityv1.UpdateProfileRequest) (*identityv1.UpdateProfileResponse, error) {
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkProfile(req.GetProfile(), lender, civil.Of(s.deps.Clock.Now().In(lender.Zone()))); err != nil {
		return nil, err
	}
	locale, err := parseLocale(req.GetLocale())
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.PersonServiceUpdateProfileProcedure, req, &identityv1.UpdateProfileResponse{},
		func(tx pgx.Tx) (*identityv1.UpdateProfileResponse, error) {
			person, err := s.lockCaller(ctx, tx)
			if err != nil {
				return nil, err
			}
			if person.Version != req.GetVersion() {
				return nil, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_PROFILE_VERSION_STALE, "the profile has changed; read it again")
			}
			if locale != "" { // Empty leaves the language as it is.
				person.Locale = locale
			}
			if err := s.storeProfile(ctx, tx, person, req.GetProfile()); err != nil {
				return nil, err
			}
			updated, err := s.personInTx(ctx, tx, person.ID)
			if err != nil {
				return nil, err
			}
			return &identityv1.UpdateProfileResponse{Person: updated}, s.tellProfileUpdated(ctx, tx, updated)
		})
}

// storeProfile seals a profile for its person and writes it.
func (s *Service) storeProfile(ctx context.Context, tx pgx.Tx, person identitydb.Person, profile *identityv1.Profile) error {
	who := actor.Must(ctx)
	box, err := s.deps.Sealer.Open(ctx, tx, person.ID)
	if errors.Is(err, seal.ErrErased) {
		return personNotFound()
	}
	if err != nil {
		return err
	}
	body, err := proto.Marshal(profile)
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	updated, err := s.queries.UpdateProfile(ctx, tx, identitydb.UpdateProfileParams{
		TenantID: who.TenantID, ID: person.ID, Version: person.Version, ProfileSealed: box.Seal(personProfilePlace(person.ID), body),
		Locale: person.Locale, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if err == nil && updated != 1 {
		err = errors.New("the row changed while it was locked")
	}
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return nil
}

// readPerson reads a person whom the caller may see.
func (s *Service) readPerson(ctx context.Context, wireID string) (*identityv1.Person, error) {
	personID, err := id.Parse(id.Person, wireID)
	if err != nil || !actor.Must(ctx).MaySee(personID) {
		return nil, personNotFound()
	}
	var person *identityv1.Person
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		person, err = s.personInTx(ctx, tx, personID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return person, nil
}

// personInTx reads and opens a person. An erased one comes back as a name plate without data.
func (s *Service) personInTx(ctx context.Context, tx pgx.Tx, personID uuid.UUID) (*identityv1.Person, error) {
	row, err := s.queries.GetPerson(ctx, tx, identitydb.GetPersonParams{TenantID: actor.Must(ctx).TenantID, ID: personID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, personNotFound()
	}
	if err != nil {
		return nil, fmt.Errorf("read a person: %w", err)
	}
	box, err := s.deps.Sealer.Open(ctx, tx, personID)
	if errors.Is(err, seal.ErrErased) {
		row.State, row.PhoneSealed, row.ProfileSealed = stateName(identityv1.Person_STATE_ERASED), nil, nil
		return personToProto(row, "", nil), nil
	}
	if err != nil {
		return nil, err
	}
	phone, err := box.Unseal(personPhonePlace(personID), row.PhoneSealed)
	if err != nil {
		return nil, err
	}
	if row.ProfileSealed == nil {
		return personToProto(row, string(phone), nil), nil
	}
	body, err := box.Unseal(personProfilePlace(personID), row.ProfileSealed)
	if err != nil {
		return nil, err
	}
	profile := &identityv1.Profile{}
	if err := proto.Unmarshal(body, profile); err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	return personToProto(row, string(phone), profile), nil
}

// lockCaller reads the row of the person who calls and holds it.
func (s *Service) lockCaller(ctx context.Context, tx pgx.Tx) (identitydb.Person, error) {
	who := actor.Must(ctx)
	personID, ok := who.Person()
	if !ok {
		return identitydb.Person{}, personNotFound()
	}
	row, err := s.queries.LockPerson(ctx, tx, identitydb.LockPersonParams{TenantID: who.TenantID, ID: personID})
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && row.State == stateName(identityv1.Person_STATE_ERASED)) {
		return identitydb.Person{}, personNotFound()
	}
	if err != nil {
		return identitydb.Person{}, fmt.Errorf("lock a person: %w", err)
	}
	return row, nil
}

// parseLocale reads a BCP 47 tag and gives its canonical form; empty stays empty.
func parseLocale(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	tag, err := language.Parse(text)
	if err != nil {
		return "", rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "the locale is no language tag", rpcerr.Field("locale", "is no BCP 47 tag"))
	}
	return tag.String(), nil
}

// The places that sealed values are bound to (package seal): a value copied to another row or column does not open.
func personPhonePlace(person uuid.UUID) string   { return "persons.phone_sealed/" + person.String() }
func personProfilePlace(person uuid.UUID) string { return "persons.profile_sealed/" + person.String() }

// personNotFound does not tell whether the person exists.
func personNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, "there is no such person")
}
