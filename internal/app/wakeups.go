package app

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/edge"
	"github.com/lendgate/lendgate/bff/realtime"
	"github.com/lendgate/lendgate/push/hint"
)

// wakeups tells the websocket's side which streams have grown, by way of Redis, and the edge whose answers are no longer fresh: what grows a
// person's stream is what has happened to them.
func (p *process) wakeups(client redis.UniversalClient, e *edge.Edge) realtime.Wakeups {
	return hint.NewSubscriber(client, p.log, func(w hint.Wakeup) realtime.Wakeup {
		if person, ok := strings.CutPrefix(w.Stream, statusPrefix); ok {
			e.Changed(w.Tenant, person)
		}
		return realtime.Wakeup{Tenant: w.Tenant, Stream: w.Stream, Offset: w.Offset}
	})
}
