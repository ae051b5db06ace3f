package push

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/push/template"
)

const (
	// maxAttempts is how often a provider is asked to take a message before it is left for people to look at.
	maxAttempts = 8
	// firstPause is the wait before the second attempt; it triples up to maxPause: eight attempts take half an hour.
	firstPause = 2 * time.Second
	maxPause   = 10 * time.Minute
	// maxAsked bounds the wait that a provider asks for.
	maxAsked = time.Hour

	// jobTimeout bounds one attempt: longer than any provider's own timeout.
	jobTimeout = 45 * time.Second
	// rescueAfter is when a job counts as orphaned by a process that was killed.
	rescueAfter = time.Minute
	// jobTries is how often River runs a job that fails for our own reasons (the database, identity). With errorPauseMax it outlasts every
	// template's lifetime, so that a row always ends by its own rules and never waits without a job.
	jobTries = 1000
	// errorPauseMax is the longest wait after such a failure.
	errorPauseMax = 2 * time.Minute

	// softStop and hardStop are how long a stop waits for attempts under way, first politely, then cancelling them.
	softStop = 10 * time.Second
	hardStop = 5 * time.Second
)

// deliverArgs name a message. Nothing else of it belongs into a job.
type deliverArgs struct {
	TenantID       string    `json:"tenant_id"`
	NotificationID uuid.UUID `json:"notification_id"`
}

// Kind names the job in River's table.
func (deliverArgs) Kind() string { return "deliver_notification" }

// queueOf is a queue for each channel, so that a slow provider holds up nobody else's messages.
func queueOf(channel template.Channel) string {
	if channel == template.SMS {
		return "sms"
	}
	return "push"
}

// newJobs makes the River client. Until it is started it only writes jobs.
func newJobs(s *Service) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &deliverer{service: s})
	return river.NewClient(riverpgxv5.New(s.db.Pool()), &river.Config{
		Schema:  serviceName,
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			queueOf(template.SMS):  {MaxWorkers: 8},
			queueOf(template.Push): {MaxWorkers: 8},
		},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		MaxAttempts:          jobTries,
		RetryPolicy:          retryPolicy{},
		Logger:               s.log,
		// The service's role does not own River's indexes and may not rebuild them.
		ReindexerSchedule: river.NeverSchedule(),
	})
}

// enqueue writes the job that sends a row, in the row's own transaction.
func (s *Service) enqueue(ctx context.Context, tx pgx.Tx, row pushdb.Notification, urgent bool) error {
	// Priority orders the jobs of one queue: codes and money before the rest.
	opts := &river.InsertOpts{Queue: queueOf(template.Channel(row.Channel)), Priority: 2}
	if urgent {
		opts.Priority = 1
	}
	if _, err := s.jobs.InsertTx(ctx, tx, deliverArgs{TenantID: row.TenantID, NotificationID: row.ID}, opts); err != nil {
		return fmt.Errorf("enqueue a notification: %w", err)
	}
	return nil
}

// deliverer is River's worker.
type deliverer struct {
	river.WorkerDefaults[deliverArgs]
	service *Service
}

// Work makes one attempt for a message.
func (d *deliverer) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	ctx = actor.AsService(ctx, job.Args.TenantID, serviceName)
	again, err := d.service.deliver(ctx, job.Args.NotificationID)
	if err == nil && again > 0 {
		return river.JobSnooze(again) // The row counts attempts; River does not need to.
	}
	return err
}

// retryPolicy spaces runs that failed for our own reasons.
type retryPolicy struct{}

// NextRetry doubles the wait from one second, with jitter.
func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	bound := min(time.Second<<min(job.Attempt, 10), errorPauseMax)
	return time.Now().Add(bound/2 + rand.N(bound/2)) //nolint:forbidigo // River's own clock is the wall's.
}

// backoff is the wait before the attempt after the given one: what the provider asked for, or a wait that triples, with jitter either way so
// that messages that failed together do not come back together.
func backoff(attempt int, asked time.Duration) time.Duration {
	bound := firstPause
	for range attempt - 1 {
		bound = min(3*bound, maxPause)
	}
	own := bound/2 + rand.N(bound/2)
	asked = min(asked, maxAsked)
	if asked > own {
		return asked + rand.N(asked/10+1)
	}
	return own
}
