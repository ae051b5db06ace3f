package loans

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/tenant"
)

// serviceName is who the service is when it calls others.
const serviceName = "loans"

// Deps are what the service is made of. Everything is concrete but the two peers, which are the generated clients: the service cannot tell
// whether they run in its own process.
type Deps struct {
	// Keeper holds the service's database, the sealer of its persons' data and the clock.
	Keeper  idempotency.Keeper
	Tenants *tenant.Directory
	Tokens  *pagetoken.Tokens
	// Persons and Challenges are the identity service: profiles for agreements, one-time codes for signatures.
	Persons    identityv1connect.PersonServiceClient
	Challenges identityv1connect.ChallengeServiceClient
}

// Service implements the ProductService, ApplicationService, AgreementService and LoanService of the contract. Their RPCs share tables and
// one transaction each, so they are one type.
type Service struct {
	keeper     idempotency.Keeper
	tenants    *tenant.Directory
	tokens     *pagetoken.Tokens
	persons    identityv1connect.PersonServiceClient
	challenges identityv1connect.ChallengeServiceClient
	queries    *loansdb.Queries
}

// New makes the service.
func New(deps Deps) *Service {
	return &Service{
		keeper: deps.Keeper, tenants: deps.Tenants, tokens: deps.Tokens, persons: deps.Persons, challenges: deps.Challenges,
		queries: loansdb.New(),
	}
}

// errPlanned ends the first transaction of between.
var errPlanned = errors.New("loans: planned")

// between runs a mutation that asks another service in its middle, and so may hold no transaction while it asks. plan looks and refuses in
// a transaction that is rolled back, after a repeat has been answered; ask runs outside; act checks again and writes, in the transaction
// that counts. A crash after ask is healed by the caller's repeat: ask must give the same again, which peers do for the same request_id.
func between[Res proto.Message](
	ctx context.Context, keeper idempotency.Keeper, procedure string, req idempotency.Request, fresh func() Res,
	plan func(tx pgx.Tx) error, ask func() error, act func(tx pgx.Tx) (Res, error),
) (Res, error) {
	var none Res
	res, err := idempotency.Do(ctx, keeper, procedure, req, fresh(), func(tx pgx.Tx) (Res, error) {
		if err := plan(tx); err != nil {
			return none, err
		}
		return none, errPlanned
	})
	if !errors.Is(err, errPlanned) {
		return res, err
	}
	if err := ask(); err != nil {
		return none, err
	}
	return idempotency.Do(ctx, keeper, procedure, req, fresh(), act)
}

// derived is the request id of a call to a peer that belongs to a request to us: the same on every retry of it.
func derived(req idempotency.Request, call string) (string, error) {
	space, err := uuid.Parse(req.GetRequestId())
	if err != nil {
		return "", fmt.Errorf("request_id: %w", err)
	}
	return id.Derive(space, serviceName+"/"+call).String(), nil
}

// forPerson makes ctx that of this service acting for a person, on the device that the caller uses.
func forPerson(ctx context.Context, person uuid.UUID) context.Context {
	caller := actor.Must(ctx)
	ctx = actor.ForPerson(ctx, caller.TenantID, serviceName, id.Format(id.Person, person))
	us := actor.Must(ctx)
	us.DeviceID, us.SessionID, us.Locale = caller.DeviceID, caller.SessionID, caller.Locale
	return actor.With(ctx, us)
}

// tenant is the lender of the call at hand. A tenant that is not configured is a fault of ours and no refusal: the edge lets no request of
// an unknown lender in, so the error carries no reason and becomes INTERNAL.
func (s *Service) tenant(ctx context.Context) (*tenant.Tenant, error) {
	code := actor.Must(ctx).TenantID
	t, ok := s.tenants.Get(code)
	if !ok {
		return nil, fmt.Errorf("tenant %q is not configured", code)
	}
	return t, nil
}

// ownRows is the person whose rows a list shows: nil, which means all, for a service that acts by itself and for staff.
func ownRows(ctx context.Context) *uuid.UUID {
	who := actor.Must(ctx)
	if who.SeesAll() {
		return nil
	}
	person, _ := who.Person() // No person gives the nil UUID, which owns nothing.
	return &person
}

// after is the key that a page begins after; nil on the first page.
func after(page pagetoken.Page) *uuid.UUID {
	if page.After == uuid.Nil {
		return nil
	}
	return &page.After
}

// changed turns the count of an update under a version into an error when somebody else was faster, which a row lock rules out.
func changed(rows int64, err error) error {
	if err == nil && rows != 1 {
		return errors.New("loans: a locked row was changed by somebody else")
	}
	return err
}
