package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	"github.com/lendgate/lendgate/internal/actor"
)

const (
	// sweepEvery is how often payments are looked for that are under way and have no job: those of a database that was restored without
	// River's tables, or whose job somebody deleted.
	sweepEvery = 10 * time.Minute
	// sweepPage bounds the jobs of one transaction.
	sweepPage = 500
)

// sweepArgs asks to look for payments under way that have no job.
type sweepArgs struct{}

// Kind names the job's kind in River's table.
func (sweepArgs) Kind() string { return "payment_sweep" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (sweepArgs) InsertOpts() river.InsertOpts { return insertOpts() }

// newSweep is the periodic job; it runs when a process becomes River's leader, too.
func newSweep() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(sweepEvery), func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	service *Service
}

// Work sweeps every lender. What fails is left for the next time.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	for _, lender := range w.service.tenants.All() {
		ctx := actor.AsService(ctx, lender.ID, serviceName)
		for _, kind := range []PaymentKind{PayoutKind, CollectionKind} {
			if err := w.service.sweep(ctx, lender.ID, kind); err != nil {
				w.service.log.WarnContext(ctx, "payment sweep failed", "tenant_id", lender.ID, "kind", string(kind), "error", err.Error())
			}
		}
	}
	return nil
}

// sweep gives every payment of a lender that is under way a job. Those that have one keep it: drive jobs are unique. Pages go by id, and
// each is a transaction of its own, so a sweep that dies has done what it did.
func (s *Service) sweep(ctx context.Context, tenantID string, kind PaymentKind) error {
	var after uuid.UUID
	for {
		var ids []uuid.UUID
		err := s.db.InTx(ctx, func(tx pgx.Tx) (err error) {
			if ids, err = s.openPayments(ctx, tx, tenantID, kind, after); err != nil || len(ids) == 0 {
				return err
			}
			jobs := make([]river.InsertManyParams, len(ids))
			for i, paymentID := range ids {
				jobs[i].Args = driveArgs{TenantID: tenantID, Payment: kind, PaymentID: paymentID}
			}
			_, err = s.jobs.InsertManyTx(ctx, tx, jobs)
			return err
		})
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if len(ids) < sweepPage {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// openPayments reads payments that are not final, by id, after one.
func (s *Service) openPayments(ctx context.Context, tx pgx.Tx, tenantID string, kind PaymentKind, after uuid.UUID) ([]uuid.UUID, error) {
	if kind == PayoutKind {
		return s.q.ListOpenPayouts(ctx, tx, paymentsdb.ListOpenPayoutsParams{TenantID: tenantID, After: after, PageSize: sweepPage})
	}
	return s.q.ListOpenCollections(ctx, tx, paymentsdb.ListOpenCollectionsParams{TenantID: tenantID, After: after, PageSize: sweepPage})
}
