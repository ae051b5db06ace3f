package listen_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/cmd/lendgate/listen"
	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/bus"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// disbursed is an event of a demo person's loan, seconds after noon.
func disbursed(loan, person string, seconds int) *eventv1.Event {
	return &eventv1.Event{
		Id: "evt_" + loan, TenantId: "demo", PersonId: person, SubjectId: loan,
		OccurTime: timestamppb.New(noon.Add(time.Duration(seconds) * time.Second)),
		Fact: &eventv1.Event_LoanDisbursed{LoanDisbursed: &eventv1.LoanDisbursed{
			LoanId: loan, PaymentId: "pout_1", Principal: &typev1.Money{MinorUnits: 20_000_05, CurrencyCode: "UAH"},
			ValueDate: &typev1.Date{Year: 2026, Month: 11, Day: 21},
		}},
	}
}

func rejected(seconds int) *eventv1.Event {
	return &eventv1.Event{
		Id: "evt_r", TenantId: "demo", PersonId: "per_2", SubjectId: "app_1", OccurTime: timestamppb.New(noon.Add(time.Duration(seconds) * time.Second)),
		Fact: &eventv1.Event_ApplicationRejected{ApplicationRejected: &eventv1.ApplicationRejected{
			ApplicationId: "app_1", ReasonCodes: []string{"INCOME_LOW", "TOO_YOUNG"},
		}},
	}
}

// newBus starts a broker and answers with its addresses and a client that tells events as a service does.
func newBus(t *testing.T) (brokers []string, tell func(service string, events ...*eventv1.Event)) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, bus.Topic("loans"), bus.Topic("payments"), "somebody.elses"),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return cluster.ListenAddrs(), func(service string, events ...*eventv1.Event) {
		t.Helper()
		for _, event := range events {
			raw, err := proto.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: bus.Topic(service), Value: raw}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// start runs the verb. next waits for its next line; the verb has to end without an error when the test does.
func start(t *testing.T, o listen.Options) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := listen.Run(ctx, o, time.Now(), write) //nolint:forbidigo // The broker keeps its own time.
		ended <- err
		_ = write.CloseWithError(err) // A pipe's end never fails to close.
	}()
	t.Cleanup(func() {
		cancel()
		read.Close()
		if err := <-ended; err != nil {
			t.Errorf("Ctrl-C ends it with %v", err)
		}
	})
	lines := bufio.NewScanner(read)
	return func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("it ended: %v", lines.Err())
		}
		return lines.Text()
	}
}

func TestListenPrintsALineAnEvent(t *testing.T) {
	t.Parallel()
	brokers, tell := newBus(t)
	tell("loans", disbursed("loan_1", "per_1", 2))
	tell("payments", rejected(1))
	next := start(t, listen.Options{Brokers: brokers, Since: time.Hour})
	if line := next(); !strings.Contains(line, "Ctrl-C") {
		t.Errorf("it does not say how to end it: %q", line)
	}
	got := []string{next(), next()}
	want := []string{
		"2026-11-21T12:00:01.000Z  payments  ApplicationRejected   app_1  reason_codes INCOME_LOW+TOO_YOUNG",
		"2026-11-21T12:00:02.000Z  loans     LoanDisbursed         loan_1  payment_id pout_1, principal 20000.05 UAH, value_date 2026-11-21",
	}
	// Two topics may come in two fetches, in either order.
	if diff := cmp.Diff(want, got); diff != "" && cmp.Diff([]string{want[1], want[0]}, got) != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	tell("loans", disbursed("loan_2", "per_1", 3))
	if line := next(); !strings.Contains(line, "loan_2") {
		t.Errorf("what happens meanwhile is told as %q", line)
	}
}

func TestListenShowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	brokers, tell := newBus(t)
	tell("loans", disbursed("loan_1", "per_1", 1), rejected(2), disbursed("loan_2", "per_2", 3))
	tests := []struct {
		name     string
		o        listen.Options
		subjects []string
	}{
		{"one type", listen.Options{Types: []string{"loandisbursed"}}, []string{"loan_1", "loan_2"}},
		{"one type as the bus writes it", listen.Options{Types: []string{"application_rejected"}}, []string{"app_1"}},
		{"one person", listen.Options{Person: "per_2"}, []string{"app_1", "loan_2"}},
		{"one person and type", listen.Options{Person: "per_2", Types: []string{"LoanDisbursed"}}, []string{"loan_2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.o.Brokers, test.o.Since, test.o.JSON = brokers, time.Hour, true
			next := start(t, test.o)
			for _, want := range test.subjects {
				var line struct{ Subject string }
				if err := json.Unmarshal([]byte(next()), &line); err != nil || line.Subject != want {
					t.Errorf("the line is of %s, want %s (%v)", line.Subject, want, err)
				}
			}
		})
	}
}

func TestListenPrintsData(t *testing.T) {
	t.Parallel()
	brokers, tell := newBus(t)
	tell("loans", disbursed("loan_1", "per_1", 1))
	// The platform of a data folder says where its bus is.
	dir := t.TempDir()
	note, err := json.Marshal(map[string]any{"brokers": brokers})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "platform.json"), note, 0o600); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal([]byte(start(t, listen.Options{DataDir: dir, Since: time.Hour, JSON: true})()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time": "2026-11-21T12:00:01.000Z", "service": "loans", "type": "LoanDisbursed", "subject": "loan_1", "tenant": "demo", "person": "per_1",
		"id": "evt_loan_1", "fact": map[string]any{
			"loan_id": "loan_1", "payment_id": "pout_1", "principal": map[string]any{"minor_units": "2000005", "currency_code": "UAH"},
			"value_date": map[string]any{"year": 2026.0, "month": 11.0, "day": 21.0},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestListenRefusesWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	err := listen.Run(t.Context(), listen.Options{Types: []string{"LoanVanished"}}, noon, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "LoanVanished") || !strings.Contains(err.Error(), "LoanDisbursed") {
		t.Errorf("an unknown type is answered with %v", err)
	}
	if err := listen.Run(t.Context(), listen.Options{DataDir: t.TempDir()}, noon, io.Discard); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("no platform is answered with %v", err)
	}
}
