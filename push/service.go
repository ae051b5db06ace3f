package push

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/integrations/fcm"
	"github.com/lendgate/lendgate/integrations/turbosms"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/tenant"
	"github.com/lendgate/lendgate/push/hint"
	"github.com/lendgate/lendgate/push/template"
)

// serviceName is the schema, the actor and the event consumer.
const serviceName = "push"

// Deps is what push is made of. Without a provider at all the service still keeps streams and lists.
type Deps struct {
	// Keeper brings the database, the sealer and the clock along.
	Keeper  idempotency.Keeper
	Tokens  *pagetoken.Tokens
	Tenants *tenant.Directory
	// Persons tells a person's phone and language.
	Persons identityv1connect.PersonServiceClient
	// SMS and FCM carry messages. Without one its channel is not available.
	SMS *turbosms.Client
	FCM *fcm.Client
	// Redis carries wake-up hints; nil sends none.
	Redis redis.UniversalClient
	Log   *slog.Logger
}

// Service serves NotificationService and StreamService, takes in events and delivers. It is safe for concurrent use.
type Service struct {
	keeper  idempotency.Keeper
	db      *pgdb.DB
	sealer  *seal.Sealer
	clock   clock.Clock
	tokens  *pagetoken.Tokens
	tenants *tenant.Directory
	persons identityv1connect.PersonServiceClient
	sms     *turbosms.Client
	fcm     *fcm.Client
	log     *slog.Logger

	queries   *pushdb.Queries
	templates *template.Catalog
	jobs      *river.Client[pgx.Tx]
	// hints only make readers look sooner; what they look at is in rows.
	hints *hint.Publisher
	// pause is the wait before another attempt; tests shorten it.
	pause func(attempt int, asked time.Duration) time.Duration
}

var (
	_ pushv1connect.NotificationServiceHandler = (*Service)(nil)
	_ pushv1connect.StreamServiceHandler       = (*Service)(nil)
)

// New makes the service. It serves at once; messages leave while Run runs, here or in another process on the same database. It fails for
// broken templates, before anything is served.
func New(deps Deps) (*Service, error) {
	templates, err := template.Load()
	if err != nil {
		return nil, err
	}
	s := &Service{
		keeper: deps.Keeper, db: deps.Keeper.DB, sealer: deps.Keeper.Sealer, clock: deps.Keeper.Clock, tokens: deps.Tokens,
		tenants: deps.Tenants, persons: deps.Persons, sms: deps.SMS, fcm: deps.FCM, log: deps.Log,
		queries: pushdb.New(), templates: templates, hints: hint.NewPublisher(deps.Redis, deps.Log), pause: backoff,
	}
	if s.jobs, err = newJobs(s); err != nil {
		return nil, fmt.Errorf("push jobs: %w", err)
	}
	return s, nil
}

// Run delivers messages and publishes hints until ctx ends, then lets the attempts under way finish.
func (s *Service) Run(ctx context.Context) error {
	// Not ctx itself: its end must stop the taking of new jobs, and not cut off those under way.
	if err := s.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start push jobs: %w", err)
	}
	s.hints.Run(ctx) // Until ctx ends.
	// An attempt under way is worth waiting for: one that is cut off has an unknown outcome and is made again.
	ctx = context.WithoutCancel(ctx)
	soft, cancel := context.WithTimeout(ctx, softStop)
	defer cancel()
	if s.jobs.Stop(soft) == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(ctx, hardStop)
	defer cancel()
	return s.jobs.StopAndCancel(hard)
}

// ownPerson is whose messages and stream a call is about: the caller, or the one a service acts for.
func ownPerson(ctx context.Context) (uuid.UUID, error) {
	person, ok := actor.Must(ctx).Person()
	if !ok {
		return uuid.UUID{}, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
			"the caller is no person and acts for none")
	}
	return person, nil
}

// lock makes transactions about the same thing run one after the other until they end.
func lock(ctx context.Context, tx pgx.Tx, what string) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", actor.Must(ctx).TenantID+"|"+what)
	return err
}
