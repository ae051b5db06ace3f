package payments

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/pgdb"
)

const (
	jobQueue = "payments"
	// jobWorkers bounds the calls to providers under way in one process.
	jobWorkers = 4
	// callTimeout bounds one call to a provider.
	callTimeout = 25 * time.Second
	// attemptLease is how long a written-down attempt counts as under way; well above callTimeout, so that a call is over before it is
	// called lost.
	attemptLease = time.Minute
	// jobTimeout bounds one run of a job: a few calls. A job that runs longer than jobRescue died with its process and is run again.
	jobTimeout = 2 * time.Minute
	jobRescue  = 3 * time.Minute
	// jobRetry is the pause after a run that failed by our own fault, such as a database that is away.
	jobRetry = 5 * time.Second
	// jobMaxAttempts is never reached: money under way is not given up by a counter.
	jobMaxAttempts = 30_000
)

// driveArgs asks to bring one payment on as far as it goes now.
type driveArgs struct {
	TenantID  string      `json:"tenant"`
	Payment   PaymentKind `json:"payment"`
	PaymentID uuid.UUID   `json:"payment_id"`
}

// Kind names the job's kind in River's table.
func (driveArgs) Kind() string { return "payment_drive" }

// InsertOpts implements river.JobArgsWithInsertOpts. A payment has one job while it is under way, whoever asks for it.
func (driveArgs) InsertOpts() river.InsertOpts {
	opts := insertOpts()
	opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
	return opts
}

// webhookArgs asks to look after what a notification hints at.
type webhookArgs struct {
	TenantID  string    `json:"tenant"`
	WebhookID uuid.UUID `json:"webhook_id"`
}

// Kind names the job's kind in River's table.
func (webhookArgs) Kind() string { return "webhook_process" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (webhookArgs) InsertOpts() river.InsertOpts { return insertOpts() }

func insertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: jobQueue, MaxAttempts: jobMaxAttempts}
}

// newEnqueuer makes a client that inserts jobs and works none.
func newEnqueuer(db *pgdb.DB, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	return river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{Schema: serviceName, Logger: log})
}

// enqueue puts a job into the business transaction: it exists if and only if what it is about does.
func (s *Service) enqueue(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	if _, err := s.jobs.InsertTx(ctx, tx, args, nil); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// Workers are what works the service's jobs.
func (s *Service) Workers() *river.Workers {
	workers := river.NewWorkers()
	river.AddWorker(workers, &driveWorker{service: s})
	river.AddWorker(workers, &webhookWorker{service: s})
	river.AddWorker(workers, &sweepWorker{service: s})
	return workers
}

// NewJobs makes the client that works the jobs of a service. The caller starts it and stops it. Jobs of a process that was killed are taken
// up by the others, or by the next one, within jobRescue and half a minute.
func NewJobs(s *Service) (*river.Client[pgx.Tx], error) {
	return river.NewClient(riverpgxv5.New(s.db.Pool()), &river.Config{
		Schema: serviceName, Logger: s.log, Workers: s.Workers(),
		Queues:     map[string]river.QueueConfig{jobQueue: {MaxWorkers: jobWorkers}},
		JobTimeout: jobTimeout, RescueStuckJobsAfter: jobRescue,
		PeriodicJobs: []*river.PeriodicJob{newSweep()},
		// The service's role does not own River's indexes and may not rebuild them.
		ReindexerSchedule: river.NeverSchedule(),
	})
}

type driveWorker struct {
	river.WorkerDefaults[driveArgs]
	service *Service
}

// Work drives a payment and comes back until it is final.
func (w *driveWorker) Work(ctx context.Context, job *river.Job[driveArgs]) error {
	ctx = actor.AsService(ctx, job.Args.TenantID, serviceName)
	wait, err := w.service.drive(ctx, job.Args.Payment, job.Args.PaymentID)
	return w.service.again(ctx, wait, err)
}

// NextRetry is the pause after a panic or the death of a process; River's own would grow without bound.
func (w *driveWorker) NextRetry(*river.Job[driveArgs]) time.Time {
	return w.service.clock.Now().Add(jobRetry)
}

type webhookWorker struct {
	river.WorkerDefaults[webhookArgs]
	service *Service
}

// Work looks after a notification once. The payment's own job goes on in any case.
func (w *webhookWorker) Work(ctx context.Context, job *river.Job[webhookArgs]) error {
	ctx = actor.AsService(ctx, job.Args.TenantID, serviceName)
	return w.service.again(ctx, 0, w.service.processWebhook(ctx, job.Args.WebhookID))
}

// NextRetry is as for payments.
func (w *webhookWorker) NextRetry(*river.Job[webhookArgs]) time.Time {
	return w.service.clock.Now().Add(jobRetry)
}

// drive brings a payment on as far as it goes now and tells when to look again; 0 means that it is final.
func (s *Service) drive(ctx context.Context, kind PaymentKind, paymentID uuid.UUID) (time.Duration, error) {
	if kind == PayoutKind {
		return s.drivePayout(ctx, paymentID)
	}
	return s.driveCollection(ctx, paymentID)
}

// again turns the result of a run into River's words. A failure of our own is a pause too: it must not use up attempts.
func (s *Service) again(ctx context.Context, wait time.Duration, err error) error {
	if err != nil {
		s.log.WarnContext(ctx, "payment job failed, will run again", "error", err.Error())
		wait = jobRetry
	}
	if wait > 0 {
		return river.JobSnooze(wait)
	}
	return nil
}
