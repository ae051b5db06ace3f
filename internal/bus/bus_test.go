package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/bus"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/migrate"
	"github.com/lendgate/lendgate/internal/outbox"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// line is a bus between two services: loans tells, push hears.
type line struct {
	teller *servicetest.Kit
	broker []string
}

func newLine(t *testing.T) *line {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, bus.Topic("loans")),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := &line{teller: servicetest.New(t, "loans"), broker: cluster.ListenAddrs()}
	url, err := migrate.URL(l.teller.AdminURL, "relay", servicetest.MasterKey())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	relay := &bus.Relay{
		Service: "loans", Pool: pool, Kafka: l.kafka(t), Signals: l.teller.DB.Committed(), Clock: l.teller.Clock, Log: l.teller.Log,
	}
	run(t, relay.Run, pool.Close)
	return l
}

// run runs a loop until the test ends, and cleans up behind it.
func run(t *testing.T, loop func(ctx context.Context), after func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); loop(ctx) }()
	t.Cleanup(func() { cancel(); <-done; after() })
}

func (l *line) kafka(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(l.broker...))...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// tell writes an event about a subject in its own transaction; a failed one writes none.
func (l *line) tell(t *testing.T, tenant, subject string, fail bool) {
	t.Helper()
	ctx := actor.AsService(t.Context(), tenant, "loans")
	rollback := errors.New("rolled back")
	err := l.teller.DB.InTx(ctx, func(tx pgx.Tx) error {
		event := &eventv1.Event{SubjectId: subject, Fact: &eventv1.Event_LoanClosed{LoanClosed: &eventv1.LoanClosed{LoanId: subject}}}
		if err := outbox.Append(ctx, tx, l.teller.Clock, event); err != nil {
			return err
		}
		if fail {
			return rollback
		}
		return nil
	})
	if err != nil && !errors.Is(err, rollback) {
		t.Fatal(err)
	}
}

// hear starts a consumer with a database of its own.
func (l *line) hear(t *testing.T, k *servicetest.Kit, handle bus.Handler) {
	t.Helper()
	client := l.kafka(t, bus.ConsumerOptions("push", "loans")...)
	consumer := &bus.Consumer{Service: "push", Kafka: client, Handle: handle, Bury: bus.Graveyard(k.DB, k.Clock, "push"), Log: k.Log}
	run(t, consumer.Run, client.Close)
}

// heard collects what a consumer took in.
type heard struct {
	mu     sync.Mutex
	events []*eventv1.Event
	signal chan struct{}
}

func newHeard() *heard { return &heard{signal: make(chan struct{}, 1000)} }

func (h *heard) take(_ context.Context, _ pgx.Tx, event *eventv1.Event) error {
	h.mu.Lock()
	h.events = append(h.events, event)
	h.mu.Unlock()
	h.signal <- struct{}{}
	return nil
}

func (h *heard) await(t *testing.T, count int) []*eventv1.Event {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for range count {
		select {
		case <-h.signal:
		case <-deadline:
			t.Fatalf("heard %d of %d events", len(h.events), count)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events
}

func TestCommittedEventsArriveOnceAndInOrder(t *testing.T) {
	t.Parallel()
	l, k, h := newLine(t), servicetest.New(t, "push"), newHeard()
	l.hear(t, k, bus.Inbox(k.DB, k.Clock, "push", h.take))
	subject := id.Format(id.Loan, id.New())
	for i := range 20 {
		l.tell(t, servicetest.Tenant, subject, i%4 == 3) // Every fourth transaction is rolled back.
	}
	l.tell(t, servicetest.OtherTenant, subject, false)
	events := h.await(t, 16)
	seen, last := map[string]bool{}, ""
	for _, event := range events[:15] {
		if seen[event.GetId()] || event.GetId() <= last || event.GetTenantId() != servicetest.Tenant {
			t.Errorf("event %s of %s after %s", event.GetId(), event.GetTenantId(), last)
		}
		seen[event.GetId()], last = true, event.GetId()
	}
	if events[15].GetTenantId() != servicetest.OtherTenant {
		t.Errorf("the last event is of %s", events[15].GetTenantId())
	}
}

func TestSecondDeliveryDoesNothing(t *testing.T) {
	t.Parallel()
	k, h := servicetest.New(t, "push"), newHeard()
	handle := bus.Inbox(k.DB, k.Clock, "push", h.take)
	event := &eventv1.Event{Id: id.Format(id.Event, id.New()), TenantId: servicetest.Tenant}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := handle(servicetest.AsService(t.Context(), "push"), event); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(h.events) != 1 {
		t.Errorf("taken in %d times", len(h.events))
	}
}

func TestAFailedTakeLeavesNoNote(t *testing.T) {
	t.Parallel()
	k := servicetest.New(t, "push")
	event := &eventv1.Event{Id: id.Format(id.Event, id.New()), TenantId: servicetest.Tenant}
	tries := 0
	handle := bus.Inbox(k.DB, k.Clock, "push", func(context.Context, pgx.Tx, *eventv1.Event) error {
		if tries++; tries < 3 {
			return fmt.Errorf("try %d fails", tries)
		}
		return nil
	})
	for range 5 {
		_ = handle(servicetest.AsService(t.Context(), "push"), event)
	}
	if tries != 3 {
		t.Errorf("tried %d times, 3 are right", tries)
	}
}
