package bus

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/pgdb"
)

const (
	// maxTries is how often an event is tried before it is put aside.
	maxTries = 10
	// tryPause is the wait before the second try; it doubles to tryPauseMax.
	tryPause    = 100 * time.Millisecond
	tryPauseMax = 10 * time.Second
)

// Handler takes in one event. It is called at least once for each, in order for one subject, with an actor of the consuming service. An
// error asks for another try.
type Handler func(ctx context.Context, event *eventv1.Event) error

// Consumer takes in the events of some services.
type Consumer struct {
	// Service is who consumes; it names the consumer group.
	Service string
	// Kafka is a client in the group lendgate.<Service> with auto-commit off (see ConsumerOptions).
	Kafka  *kgo.Client
	Handle Handler
	// Bury keeps an event that could not be taken in. Nil drops it with an error in the log.
	Bury func(ctx context.Context, event *eventv1.Event, cause error) error
	Log  *slog.Logger
}

// ConsumerOptions are the client options for a consumer of service that hears of the given services.
func ConsumerOptions(service string, from ...string) []kgo.Opt {
	topics := make([]string, len(from))
	for i, name := range from {
		topics[i] = Topic(name)
	}
	return []kgo.Opt{
		kgo.ConsumerGroup("lendgate." + service),
		kgo.ConsumeTopics(topics...),
		// Offsets are committed by Run once events are taken in; on a timer they might be committed before.
		kgo.DisableAutoCommit(),
		// A service that hears another for the first time hears everything that the topic still has.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		// The broker answers as soon as there is an event; the wait only bounds an empty fetch, and with it how long a stop takes.
		kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.AllowAutoTopicCreation(),
		// A consumer that was killed holds its part up no longer than this.
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(time.Second),
	}
}

// Run takes events in until ctx ends. Offsets are committed after the batch, so a process that dies in it hears the batch again: at least
// once, never less. One event that fails holds the events behind it in its batch up, which is the price of order for one subject.
func (c *Consumer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := c.Kafka.PollFetches(ctx)
		fetches.EachError(func(topic string, _ int32, err error) {
			if ctx.Err() == nil {
				c.Log.WarnContext(ctx, "fetch failed, will try again", "consumer", c.Service, "topic", topic, "error", err.Error())
			}
		})
		fetches.EachRecord(func(record *kgo.Record) {
			if ctx.Err() == nil {
				c.take(ctx, record)
			}
		})
		if ctx.Err() != nil {
			return
		}
		if err := c.Kafka.CommitUncommittedOffsets(ctx); err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "commit failed, events will come again", "consumer", c.Service, "error", err.Error())
		}
	}
}

// take handles one record until it succeeds, or puts it aside. Ten tries take half a minute to a minute, which outlasts a restart of the
// database and not an outage; what is put aside is told again by people.
func (c *Consumer) take(ctx context.Context, record *kgo.Record) {
	event := &eventv1.Event{}
	if err := proto.Unmarshal(record.Value, event); err != nil {
		c.Log.ErrorContext(ctx, "not an event, dropped", "consumer", c.Service, "topic", record.Topic, "offset", record.Offset)
		return
	}
	// The trace of the request that made the fact goes on here.
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": event.GetTraceparent()})
	ctx = actor.AsService(ctx, event.GetTenantId(), c.Service)
	pause := tryPause
	for try := 1; ; try++ {
		err := c.Handle(ctx, event)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.Log.WarnContext(ctx, "event not taken in", "consumer", c.Service, "event_id", event.GetId(), "try", try, "error", err.Error())
		if try == maxTries {
			c.bury(ctx, event, err)
			return
		}
		// Jitter, so that consumers which failed together do not come back together.
		timer := time.NewTimer(pause + rand.N(pause))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, tryPauseMax)
	}
}

// bury keeps an event that was given up, or at least says in the log that it is lost to this service; its outbox still has it.
func (c *Consumer) bury(ctx context.Context, event *eventv1.Event, cause error) {
	var err error
	if c.Bury != nil {
		err = c.Bury(ctx, event, cause)
	}
	c.Log.ErrorContext(ctx, "event put aside", "consumer", c.Service, "event_id", event.GetId(), "kept", c.Bury != nil && err == nil)
}

// Inbox makes a handler that runs take in one transaction with a note of the event, so that a second delivery does nothing. The note comes
// first: of two deliveries at once the second waits for the first's row, and finds it or, after a rollback, does the work.
func Inbox(db *pgdb.DB, clk clock.Clock, consumer string, take func(ctx context.Context, tx pgx.Tx, event *eventv1.Event) error) Handler {
	return func(ctx context.Context, event *eventv1.Event) error {
		eventID, err := eventUUID(event)
		if err != nil {
			return err
		}
		return db.InTx(ctx, func(tx pgx.Tx) error {
			rows, err := platformdb.New().InsertInboxEvent(ctx, tx, platformdb.InsertInboxEventParams{
				TenantID: event.GetTenantId(), Consumer: consumer, EventID: eventID, CreateTime: clk.Now(),
			})
			if err != nil || rows == 0 {
				return err
			}
			return take(ctx, tx, event)
		})
	}
}

// Graveyard keeps events that could not be taken in, in the consumer's own schema. The event is kept whole, so that it can be told again
// once the cause is mended.
func Graveyard(db *pgdb.DB, clk clock.Clock, consumer string) func(ctx context.Context, event *eventv1.Event, cause error) error {
	return func(ctx context.Context, event *eventv1.Event, cause error) error {
		eventID, err := eventUUID(event)
		if err != nil {
			return err
		}
		payload, err := proto.Marshal(event)
		if err != nil {
			return err
		}
		return db.InTx(ctx, func(tx pgx.Tx) error {
			return platformdb.New().InsertDeadEvent(ctx, tx, platformdb.InsertDeadEventParams{
				TenantID: event.GetTenantId(), Consumer: consumer, EventID: eventID, Payload: payload, Error: cause.Error(), CreateTime: clk.Now(),
			})
		})
	}
}

// eventUUID reads the id of an event, which a teller of ours always sets.
func eventUUID(event *eventv1.Event) (uuid.UUID, error) {
	eventID, err := id.Parse(id.Event, event.GetId())
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("event id: %w", err)
	}
	return eventID, nil
}
