package flows

import (
	"log/slog"

	"go.temporal.io/sdk/client"

	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1/scoringv1connect"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/tenant"
)

// serviceName is who the service is when it calls others.
const serviceName = "flows"

// Backends are the services that the process calls.
type Backends struct {
	Persons      identityv1connect.PersonServiceClient
	Products     loansv1connect.ProductServiceClient
	Applications loansv1connect.ApplicationServiceClient
	Agreements   loansv1connect.AgreementServiceClient
	Loans        loansv1connect.LoanServiceClient
	Decisions    scoringv1connect.DecisionServiceClient
	Payments     paymentsv1connect.PaymentServiceClient
}

// Deps are what the service and its worker are made of.
type Deps struct {
	// Temporal is the engine, made by Dial so that payloads are sealed.
	Temporal client.Client
	Clock    clock.Clock
	Log      *slog.Logger
	Tenants  *tenant.Directory
	Backends Backends
}

// Service implements the ApplicationFlowService of the contract and takes in the events that move processes.
type Service struct {
	temporal client.Client
	log      *slog.Logger
	backends Backends
}

var _ flowsv1connect.ApplicationFlowServiceHandler = (*Service)(nil)

// New makes the service.
func New(deps Deps) *Service {
	return &Service{temporal: deps.Temporal, log: deps.Log, backends: deps.Backends}
}
