package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/bus"
)

// Options say what to listen to.
type Options struct {
	// Brokers are those of the bus. Empty: those of the platform that runs from DataDir.
	Brokers []string
	DataDir string
	// Since is how far back to begin; 0 means with what happens from now on.
	Since time.Duration
	// Types are the facts to show, such as "LoanDisbursed"; empty means all.
	Types []string
	// Person is whose events to show, "per_…"; empty means everybody's.
	Person string
	// JSON prints data instead of text, a line an event.
	JSON bool
}

// Run prints events until ctx ends, which is no error. now is the moment that Since counts from.
func Run(ctx context.Context, o Options, now time.Time, out io.Writer) error {
	types, err := knownTypes(o.Types)
	if err != nil {
		return err
	}
	if len(o.Brokers) == 0 {
		platform, err := app.FindPlatform(o.DataDir)
		if err != nil {
			return err
		}
		o.Brokers = platform.Brokers
	}
	begin := kgo.NewOffset().AtEnd()
	if o.Since > 0 {
		begin = kgo.NewOffset().AfterMilli(now.Add(-o.Since).UnixMilli())
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("lendgate listen"), kgo.ConsumeRegex(),
		kgo.ConsumeTopics("^"+strings.ReplaceAll(bus.Topic(".*"), ".events", `\.events`)+"$"), kgo.ConsumeResetOffset(begin),
		kgo.FetchMaxWait(250*time.Millisecond))
	if err != nil {
		return fmt.Errorf("event bus: %w", err)
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("event bus at %s: %w", strings.Join(o.Brokers, ","), err)
	}
	if !o.JSON {
		fmt.Fprintln(out, "Listening, a line an event. Ctrl-C ends.")
	}
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("event bus: %w", err)
		}
		for _, h := range chosen(fetches, types, o.Person) {
			if err := h.write(out, o.JSON); err != nil {
				return err
			}
		}
	}
}

// heard is one event with the service that told it.
type heard struct {
	service string
	event   *eventv1.Event
}

// chosen are the events of a fetch that are asked for, oldest first.
func chosen(fetches kgo.Fetches, types []string, person string) []heard {
	var list []heard
	fetches.EachRecord(func(record *kgo.Record) {
		event := &eventv1.Event{}
		if err := proto.Unmarshal(record.Value, event); err != nil {
			return // Not ours: the bus may carry more than facts.
		}
		if (len(types) == 0 || slices.Contains(types, typeOf(event))) && (person == "" || event.GetPersonId() == person) {
			list = append(list, heard{service: serviceOf(record.Topic), event: event})
		}
	})
	slices.SortStableFunc(list, func(a, b heard) int { return a.event.GetOccurTime().AsTime().Compare(b.event.GetOccurTime().AsTime()) })
	return list
}

// serviceOf is the service that tells on a topic.
func serviceOf(topic string) string {
	before, after, _ := strings.Cut(bus.Topic("|"), "|")
	return strings.TrimSuffix(strings.TrimPrefix(topic, before), after)
}

// knownTypes reads names of facts as people write them. One that does not exist would listen to silence, so it is an error.
func knownTypes(names []string) ([]string, error) {
	var known []string
	fields := (&eventv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("fact").Fields()
	for i := range fields.Len() {
		known = append(known, string(fields.Get(i).Message().Name()))
	}
	var types []string
	var faults []error
	for _, name := range names {
		i := slices.IndexFunc(known, func(each string) bool { return strings.EqualFold(each, strings.ReplaceAll(name, "_", "")) })
		if i < 0 {
			faults = append(faults, fmt.Errorf("there is no event %q, only %s", name, strings.Join(known, ", ")))
			continue
		}
		types = append(types, known[i])
	}
	return types, errors.Join(faults...)
}
