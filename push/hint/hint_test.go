package hint_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/push/hint"
)

// wakeup stands for the realtime edge's own type.
type wakeup struct {
	Tenant, Stream string
	Offset         uint64
}

func pair(t *testing.T) (*miniredis.Miniredis, *hint.Publisher, *hint.Subscriber[wakeup]) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	log := slog.New(slog.DiscardHandler)
	convert := func(w hint.Wakeup) wakeup { return wakeup(w) }
	return server, hint.NewPublisher(client, log), hint.NewSubscriber(client, log, convert)
}

func run(t *testing.T, p *hint.Publisher) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func receive(t *testing.T, from <-chan wakeup) (wakeup, bool) {
	t.Helper()
	select {
	case w, open := <-from:
		return w, open
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		return wakeup{}, false
	}
}

func TestHintsArrive(t *testing.T) {
	t.Parallel()
	server, publisher, subscriber := pair(t)
	run(t, publisher)
	hints, err := subscriber.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.Publish(hint.Channel, "not a hint")
	for offset := range uint64(3) {
		publisher.Announce(hint.Wakeup{Tenant: "demo", Stream: hint.StatusStream("per_1"), Offset: offset + 1})
	}
	for offset := range uint64(3) {
		if w, _ := receive(t, hints); w != (wakeup{"demo", "status:per_1", offset + 1}) {
			t.Errorf("hint %+v", w)
		}
	}
}

func TestSubscriptionEnds(t *testing.T) {
	t.Parallel()
	t.Run("with its context", func(t *testing.T) {
		t.Parallel()
		_, _, subscriber := pair(t)
		ctx, cancel := context.WithCancel(t.Context())
		hints, err := subscriber.Subscribe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, open := receive(t, hints); open {
			t.Error("a hint came from nowhere")
		}
	})
	t.Run("with Redis", func(t *testing.T) {
		t.Parallel()
		server, _, subscriber := pair(t)
		hints, err := subscriber.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		if _, open := receive(t, hints); open {
			t.Error("a hint came from nowhere")
		}
		if _, err := subscriber.Subscribe(t.Context()); err == nil {
			t.Error("subscribed to nobody")
		}
	})
}

func TestAnnounceNeverBlocks(t *testing.T) {
	t.Parallel()
	for name, publisher := range map[string]*hint.Publisher{
		"without Redis": hint.NewPublisher(nil, slog.New(slog.DiscardHandler)),
		"with Redis down": hint.NewPublisher(
			redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}), slog.New(slog.DiscardHandler)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, publisher)
			for range 5000 { // More than the queue holds.
				publisher.Announce(hint.Wakeup{Tenant: "demo", Stream: "status:per_1"})
			}
		})
	}
}
