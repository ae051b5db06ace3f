package scoring

import (
	"github.com/lendgate/lendgate/gen/db/scoringdb"
	"github.com/lendgate/lendgate/internal/idempotency"
)

// Deps are what the service is made of.
type Deps struct {
	// Keeper holds the service's database, the sealer of its persons' data and the clock.
	Keeper idempotency.Keeper
}

// Service implements the DecisionService of the contract.
type Service struct {
	keeper  idempotency.Keeper
	queries *scoringdb.Queries
}

// New makes the service.
func New(deps Deps) *Service {
	return &Service{keeper: deps.Keeper, queries: scoringdb.New()}
}
