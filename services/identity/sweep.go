package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	"github.com/lendgate/lendgate/internal/actor"
)

const (
	// sweepPause lies between two sweeps.
	sweepPause = time.Hour
	// challengeKeep is how long login codes stay: longer than any limit looks back.
	challengeKeep = 24 * time.Hour
)

// Sweeper drops what nobody needs any more: login codes of yesterday, with the phones in them, wrong tries of
// staff's logins of yesterday, and tokens that have ended. It may run in any
// number of processes.
type Sweeper struct {
	service *Service
	log     *slog.Logger
}

// NewSweeper makes the sweeper of a service.
func NewSweeper(service *Service, log *slog.Logger) *Sweeper {
	return &Sweeper{service: service, log: log}
}

// Run sweeps at once and then every hour, until ctx ends.
func (w *Sweeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepPause)
	defer ticker.Stop()
	for {
		if err := w.Sweep(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "sweep failed; it is tried again", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Sweep sweeps all lenders once. One lender's failure does not keep the others waiting.
func (w *Sweeper) Sweep(ctx context.Context) error {
	var faults []error
	for _, lender := range w.service.deps.Tenants.All() {
		if err := w.service.sweep(actor.AsService(ctx, lender.ID, serviceName), lender.ID); err != nil {
			faults = append(faults, fmt.Errorf("sweep %s: %w", lender.ID, err))
		}
	}
	return errors.Join(faults...)
}

func (s *Service) sweep(ctx context.Context, tenantID string) error {
	now := s.deps.Clock.Now()
	return s.deps.DB.InTx(ctx, func(tx pgx.Tx) error {
		_, err := s.queries.DeleteLoginChallenges(ctx, tx, identitydb.DeleteLoginChallengesParams{TenantID: tenantID, Before: now.Add(-challengeKeep)})
		if err != nil {
			return err
		}
		_, err = s.queries.DeleteLoginTries(ctx, tx, identitydb.DeleteLoginTriesParams{TenantID: tenantID, Before: now.Add(-challengeKeep)})
		if err != nil {
			return err
		}
		if _, err = s.queries.DeleteSessionTokens(ctx, tx, identitydb.DeleteSessionTokensParams{TenantID: tenantID, Before: now}); err != nil {
			return err
		}
		_, err = s.queries.DeleteNonces(ctx, tx, identitydb.DeleteNoncesParams{TenantID: tenantID, Before: now})
		return err
	})
}
