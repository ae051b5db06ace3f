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

// Handler takes in one event. It is called at least once for each, in order for one subject, with an actor of the consuming service.
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
		kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.AllowAutoTopicCreation(),
		// A consumer that was killed holds its part up no longer than this.
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(time.Second),
	}
}

// Run takes events in until ctx ends.
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

// take handles one record until it succeeds, or puts it aside.
func (c *Consumer) take(ctx context.Context, record *kgo.Record) {
	event := &eventv1.Event{}
	if err := proto.Unmarshal(record.Value, event); err != nil {
		c.Log.ErrorContext(ctx, "not an event, dropped", "consumer", c.Service, "topic", record.Topic, "offset", record.Offset)
		return
	}
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
		timer := time.NewTimer(pause + rand.N(pause))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, tryPauseMax)
	}
}

func (c *Consumer) bury(ctx context.Context, event *eventv1.Event, cause error) {
	var err error
	if c.Bury != nil {
		err = c.Bury(ctx, event, cause)
	}
	c.Log.ErrorContext(ctx, "event put aside", "consumer", c.Service, "event_id", event.GetId(), "kept", c.Bury != nil && err == nil)
}

// Inbox makes a handler that runs take in one transaction with a note of the event, so that a second delivery does nothing.
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

// Graveyard keeps events that could not be taken in, in the consumer's own schema.
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

func eventUUID(event *eventv1.Event) (uuid.UUID, error) {
	eventID, err := id.Parse(id.Event, event.GetId())
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("event id: %w", err)
	}
	return eventID, nil
}
