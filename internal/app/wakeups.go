package app

import (
	"github.com/redis/go-redis/v9"

	"github.com/lendgate/lendgate/bff/realtime"
	"github.com/lendgate/lendgate/push/hint"
)

// wakeups tells the websocket's side which streams have grown, by way of Redis.
func (p *process) wakeups(client redis.UniversalClient) realtime.Wakeups {
	return hint.NewSubscriber(client, p.log, func(w hint.Wakeup) realtime.Wakeup {
		return realtime.Wakeup{Tenant: w.Tenant, Stream: w.Stream, Offset: w.Offset}
	})
}
