package payments

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/tenant"
)

// serviceName names the service in actors, schema and jobs.
const serviceName = "payments"

// Deps is what the service needs from the house.
type Deps struct {
	// DB is the database opened with the service's role.
	DB      *pgdb.DB
	Sealer  *seal.Sealer
	Clock   clock.Clock
	Tokens  *pagetoken.Tokens
	Tenants *tenant.Directory
	// Providers carry payments, at least one. The first carries new ones, the others only what they began.
	Providers []Provider
	Log       *slog.Logger
}

// Service implements PaymentService and LedgerService. It is safe for concurrent use: whatever changes is in rows.
type Service struct {
	db        *pgdb.DB
	q         *paymentsdb.Queries
	sealer    *seal.Sealer
	keeper    idempotency.Keeper
	clock     clock.Clock
	tokens    *pagetoken.Tokens
	tenants   *tenant.Directory
	providers []Provider
	log       *slog.Logger
	jobs      *river.Client[pgx.Tx] // Enqueues only; NewJobs works.
}

var (
	_ paymentsv1connect.PaymentServiceHandler = (*Service)(nil)
	_ paymentsv1connect.LedgerServiceHandler  = (*Service)(nil)
)

// New makes the service. It calls nobody. Jobs are worked by the client of NewJobs, in this process or another.
func New(deps Deps) (*Service, error) {
	if len(deps.Providers) == 0 {
		return nil, errors.New("payments: no provider")
	}
	jobs, err := newEnqueuer(deps.DB, deps.Log)
	if err != nil {
		return nil, fmt.Errorf("payments: jobs: %w", err)
	}
	return &Service{
		db: deps.DB, q: paymentsdb.New(), sealer: deps.Sealer, clock: deps.Clock, tokens: deps.Tokens, tenants: deps.Tenants,
		keeper:    idempotency.Keeper{DB: deps.DB, Sealer: deps.Sealer, Clock: deps.Clock},
		providers: deps.Providers, log: deps.Log, jobs: jobs,
	}, nil
}
