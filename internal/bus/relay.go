package bus

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	"github.com/lendgate/lendgate/internal/clock"
)

const (
	// relayBatch is how many events are told in one go.
	relayBatch = 200
	// relayPoll is how long the relay waits without a signal before it looks again, for events of other processes.
	relayPoll = 500 * time.Millisecond
	// relayBackoff is how long it waits after a failure.
	relayBackoff = time.Second
)

// Topic is the topic that a service tells its events on. Consumers, brokers' permissions and runbooks know the name, so it stays.
func Topic(service string) string { return "lendgate." + service + ".events" }

// Relay tells the events of one service's outbox. Several relays of a service may run; a lock lets one work at a time.
type Relay struct {
	Service string
	// Pool connects as the relay's role, which sees the outboxes of all tenants and nothing else.
	Pool  *pgxpool.Pool
	Kafka *kgo.Client
	// Signals hint that there may be events; a missed one costs relayPoll.
	Signals <-chan struct{}
	Clock   clock.Clock
	Log     *slog.Logger
}

// Run tells events until ctx ends. A full batch is followed by the next at once; the pauses are for an outbox that is empty or a bus that
// is away.
func (r *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		told, err := r.tellBatch(ctx)
		wait := relayPoll
		switch {
		case err != nil && ctx.Err() == nil:
			r.Log.WarnContext(ctx, "relay failed, will try again", "service", r.Service, "error", err.Error())
			wait = relayBackoff
		case told == relayBatch:
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.Signals:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tellBatch produces what is untold and marks it, in one transaction: when marking fails the events are told again, which consumers bear.
func (r *Relay) tellBatch(ctx context.Context) (int, error) {
	told := 0
	err := pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		// One pool serves the outboxes of all schemas; the setting ends with the transaction.
		if _, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", r.Service); err != nil {
			return err
		}
		// Trying and not waiting: a relay that finds another at work has nothing to do. The lock ends with the transaction, also of a
		// process that died.
		var mine bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", "relay|"+r.Service).Scan(&mine); err != nil || !mine {
			return err
		}
		q := platformdb.New()
		events, err := q.ListUnrelayedEvents(ctx, tx, relayBatch)
		if err != nil || len(events) == 0 {
			return err
		}
		records := make([]*kgo.Record, len(events))
		sequences := make([]int64, len(events))
		for i, event := range events {
			// One key has one partition, and a partition one order; tenant and subject keep lenders' subjects apart.
			records[i] = &kgo.Record{Topic: Topic(r.Service), Key: []byte(event.TenantID + "|" + event.SubjectID), Value: event.Payload}
			sequences[i] = event.Sequence
		}
		// Told first and marked afterwards: the other way round a crash in between would lose events, and this way it repeats them.
		if err := r.Kafka.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		now := r.Clock.Now()
		told = len(events)
		return q.MarkEventsRelayed(ctx, tx, platformdb.MarkEventsRelayedParams{RelayTime: &now, Sequences: sequences})
	})
	return told, err
}
