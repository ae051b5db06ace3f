// Package outbox writes down facts to tell, in the transaction that makes them true.
//
// It promises that a fact is told if and only if its transaction commits, at least once, and in order for one subject. Telling is the
// work of package bus.
package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/platformdb"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
)

// Append records an event. The caller fills in the fact, the subject and the person; tenant, id, time, trace and actor are filled in here.
// The event's id is made here, once, so a consumer knows a second delivery by it. A subject's events are told in the order in which their
// transactions were made one after the other by the lock on the subject's row.
func Append(ctx context.Context, tx pgx.Tx, clk clock.Clock, event *eventv1.Event) error {
	who, now, eventID := actor.Must(ctx), clk.Now(), id.New()
	event.Id = id.Format(id.Event, eventID)
	event.TenantId = who.TenantID
	event.OccurTime = timestamppb.New(now)
	// A consumer's spans hang below this request, though it ended long before.
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	event.Traceparent = carrier.Get("traceparent")
	payload, err := proto.Marshal(event)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	err = platformdb.New().InsertOutboxEvent(ctx, tx, platformdb.InsertOutboxEventParams{
		TenantID: who.TenantID, EventID: eventID, SubjectID: event.GetSubjectId(), Actor: who.String(), Payload: payload, CreateTime: now,
	})
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
