package hint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Channel is the Redis channel of hints.
const Channel = "lendgate:streams"

const (
	// backlog is how many hints wait for Redis; more are dropped.
	backlog = 1024
	// publishTimeout bounds one publication, so that a dead Redis drops hints instead of piling them up.
	publishTimeout = 500 * time.Millisecond
	// idle is how long a subscriber hears nothing before it asks whether Redis is there.
	idle = 15 * time.Second
)

// Wakeup says that a stream has grown to at least Offset; Offset 0 means "look for yourself". It holds no content: a reader that wakes asks
// for what follows its own position, so a hint that is lost, doubled or late costs time and nothing else.
type Wakeup struct {
	// Tenant is the lender's code.
	Tenant string `json:"tenant"`
	// Stream is the stream's name, such as "status:per_…".
	Stream string `json:"stream"`
	// Offset is the new top.
	Offset uint64 `json:"offset"`
}

// StatusStream is the name of a person's status stream; person is the wire id.
func StatusStream(person string) string { return "status:" + person }

// Publisher sends hints in the background.
type Publisher struct {
	redis redis.UniversalClient
	log   *slog.Logger
	queue chan Wakeup
}

// NewPublisher makes a publisher. Without a client it drops everything.
func NewPublisher(client redis.UniversalClient, log *slog.Logger) *Publisher {
	return &Publisher{redis: client, log: log, queue: make(chan Wakeup, backlog)}
}

// Announce queues a hint. It returns at once; a hint that finds the queue full is dropped.
func (p *Publisher) Announce(w Wakeup) {
	select {
	case p.queue <- w:
	default:
	}
}

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) {
	down := false // So that an outage is logged once, not for every hint.
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-p.queue:
			err := p.publish(ctx, w)
			if err != nil && !down && ctx.Err() == nil {
				p.log.WarnContext(ctx, "hints are not published; streams are still read by position", "error", err.Error())
			}
			down = err != nil
		}
	}
}

// publish sends one hint; without Redis it is a hint to nobody.
func (p *Publisher) publish(ctx context.Context, w Wakeup) error {
	if p.redis == nil {
		return nil
	}
	body, err := json.Marshal(w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return p.redis.Publish(ctx, Channel, body).Err()
}

// Subscriber receives hints as values of the type that its user has for them: the realtime edge has its own and does not import this
// package, nor the other way round.
type Subscriber[W any] struct {
	redis   redis.UniversalClient
	log     *slog.Logger
	convert func(Wakeup) W
}

// NewSubscriber makes a subscriber.
func NewSubscriber[W any](client redis.UniversalClient, log *slog.Logger, convert func(Wakeup) W) *Subscriber[W] {
	return &Subscriber[W]{redis: client, log: log, convert: convert}
}

// Subscribe delivers hints until ctx ends or Redis fails; then the channel is closed. It returns when Redis has confirmed.
func (s *Subscriber[W]) Subscribe(ctx context.Context) (<-chan W, error) {
	pubsub := s.redis.Subscribe(ctx, Channel)
	if _, err := pubsub.ReceiveTimeout(ctx, idle); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to hints: %w", err), pubsub.Close())
	}
	out := make(chan W)
	go func() {
		defer close(out)
		defer pubsub.Close() //nolint:errcheck // Nothing is lost with a connection that only listens.
		// Closing is what ends a read that is under way.
		defer context.AfterFunc(ctx, func() { _ = pubsub.Close() })()
		s.pump(ctx, pubsub, out)
	}()
	return out, nil
}

// pump hands hints on. A connection that stays silent after a ping is a dead one.
func (s *Subscriber[W]) pump(ctx context.Context, pubsub *redis.PubSub, out chan<- W) {
	pinged := false
	for {
		received, err := pubsub.ReceiveTimeout(ctx, idle)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() && !pinged && ctx.Err() == nil {
			pinged = true
			if pubsub.Ping(ctx) == nil {
				continue
			}
		}
		if err != nil {
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "hints stopped", "error", err.Error())
			}
			return
		}
		pinged = false
		message, ok := received.(*redis.Message)
		if !ok {
			continue
		}
		var w Wakeup
		if err := json.Unmarshal([]byte(message.Payload), &w); err != nil {
			continue // Not ours, or of another version: a hint may be lost.
		}
		select {
		case out <- s.convert(w):
		case <-ctx.Done():
			return
		}
	}
}
