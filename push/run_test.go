package push_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/internal/migrate"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/push"
)

// run runs the service until the test ends.
func (h *harness) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// eventually waits for what a worker brings about.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func (h *harness) inState(t *testing.T, notification uuid.UUID, state string) func() bool {
	return func() bool { return h.row(t, notification).State == state }
}

func TestRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.service.SetPause(func(int, time.Duration) time.Duration { return time.Millisecond })
	person := h.person("uk")
	h.device(t, person, "phone-run")
	before := h.sendCode(t, phone) // Queued while nobody works: as after a crash.
	h.run(t)
	h.handle(t, fact(person))
	eventually(t, "a code from before the start", h.inState(t, before, "SENT"))
	eventually(t, "the push of an event", func() bool { return len(h.fcm.Messages("phone-run")) == 1 })
	dying := h.sendCode(t, "+380000000503")
	eventually(t, "a dead letter after all attempts", h.inState(t, dying, "DEAD"))
	if got := h.row(t, dying); got.Attempts != push.MaxAttempts {
		t.Errorf("row %+v", got)
	}
}

// TestKilledWorker: a process that was killed leaves a job that looks as if somebody worked on it.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	notification := h.sendCode(t, phone)
	n := h.count(t, `WITH killed AS (
		UPDATE push.river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '2 minutes', attempted_by = '{gone}'
		WHERE args->>'notification_id' = $1 RETURNING 1) SELECT count(*) FROM killed`, notification.String())
	if n != 1 {
		t.Fatalf("%d jobs", n)
	}
	h.run(t)
	eventually(t, "an orphaned job", h.inState(t, notification, "SENT"))
}

// TestKilledBetweenSendAndNote takes the database away after the provider said yes and before that is noted. The message is sent again, and
// the provider or the phone can tell that it is the same.
func TestKilledBetweenSendAndNote(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-killed")
	text, shown := h.sendCode(t, phone), h.sendPush(t, person, "loan-repaid")
	for _, notification := range []uuid.UUID{text, shown} {
		dying := h.open(t)
		h.afterProvider.Store(new(dying.DB.Close))
		if _, err := dying.service.Deliver(servicetest.AsService(t.Context(), "push"), notification); err == nil {
			t.Error("it was noted")
		}
		h.afterProvider.Store(nil)
		if got := h.row(t, notification); got.State != "QUEUED" || got.Attempts != 1 || !got.Sealed {
			t.Errorf("row %+v", got)
		}
		h.deliver(t, notification)
		if got := h.row(t, notification); got.State != "SENT" || got.Attempts != 2 {
			t.Errorf("row %+v", got)
		}
	}
	if texts := h.sms.Messages(phone); len(texts) != 1 {
		t.Errorf("the phone got %d texts", len(texts))
	}
	pushes := h.fcm.Messages("phone-killed")
	if len(pushes) != 2 || pushes[0].CollapseKey == "" || pushes[0].CollapseKey != pushes[1].CollapseKey {
		t.Errorf("pushes %+v", pushes)
	}
}

// open is the service as another process has it: with a database connection of its own.
func (h *harness) open(t *testing.T) *harness {
	t.Helper()
	url, err := migrate.URL(h.AdminURL, "push", servicetest.MasterKey())
	if err != nil {
		t.Fatal(err)
	}
	other := &harness{Kit: new(*h.Kit)}
	if other.DB, err = pgdb.Open(t.Context(), url, 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.DB.Close)
	deps := h.deps
	deps.Keeper.DB = other.DB
	other.service = h.newService(t, deps)
	return other
}

// spy tells the test after every answer of a provider.
type spy struct {
	next http.RoundTripper
	h    *harness
}

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	if after := s.h.afterProvider.Load(); after != nil && !strings.HasSuffix(r.URL.Path, "/token") {
		(*after)()
	}
	return res, err
}

// TestStaleWorker: a job that two workers run at once is counted twice and heard once.
func TestStaleWorker(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	notification := h.sendCode(t, phone)
	inner := time.Duration(-1)
	// The second worker comes while the first has the provider's answer in hand.
	again := func() {
		h.afterProvider.Store(nil)
		inner = h.deliver(t, notification)
	}
	h.afterProvider.Store(&again)
	h.deliver(t, notification)
	if got := h.row(t, notification); got.State != "SENT" || len(h.sms.Messages(phone)) != 1 || inner != 0 {
		t.Errorf("row %+v, %d texts, inner %s", got, len(h.sms.Messages(phone)), inner)
	}
}

// TestNothingLiesInClear looks for codes, phones, tokens and texts in every column of every table, as text and as bytes.
func TestNothingLiesInClear(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-in-clear")
	delivered, waiting, failed := h.sendCode(t, phone), h.sendCode(t, "+380000000503"), h.sendCode(t, "+380000000404")
	for _, notification := range []uuid.UUID{delivered, waiting, failed, h.sendPush(t, person, "loan-repaid")} {
		h.deliver(t, notification)
	}
	h.handle(t, fact(person))
	h.smsClock.Advance(time.Second)
	if _, err := h.notifications.ListNotifications(servicetest.AsPerson(t.Context(), person), &pushv1.ListNotificationsRequest{}); err != nil {
		t.Fatal(err)
	}
	words := []string{code, "380000000", "phone-in-clear", "Payment received", "login code"}
	for _, table := range h.tables(t) {
		rows, err := h.admin.Query(t.Context(), fmt.Sprintf("SELECT t::text FROM push.%s AS t", pgx.Identifier{table}.Sanitize()))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			for _, word := range words {
				if strings.Contains(line, word) || strings.Contains(line, hex.EncodeToString([]byte(word))) {
					t.Errorf("%s holds %q in clear", table, word)
				}
			}
		}
	}
}

// TestTenantsAreApart: without the tenant's name in the transaction the service's own role sees no row of it, in any table with a tenant.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-apart")
	h.deliver(t, h.sendPush(t, person, "loan-repaid"))
	h.handle(t, fact(person))
	if err := h.receive(t, report("apart", "m", "SENT")); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"notifications", "push_tokens", "push_deliveries", "receipts", "streams", "publications"} {
		for ctx, want := range map[context.Context]bool{
			servicetest.AsService(t.Context(), "push"):  true,
			servicetest.AsStranger(t.Context(), person): false,
		} {
			err := h.DB.Read(ctx, func(tx pgx.Tx) error {
				var seen bool
				err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+table+")").Scan(&seen)
				if seen != want {
					t.Errorf("%s: seen %t, want %t", table, seen, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// TestHistoryStays: what is written once can be neither changed nor removed by the service's own role, and no state goes back.
func TestHistoryStays(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-history")
	h.deliver(t, h.sendPush(t, person, "loan-repaid"))
	h.handle(t, fact(person))
	for _, statement := range []string{
		"UPDATE publications SET offset_no = 7", "DELETE FROM publications", "UPDATE streams SET epoch = 'other'", "DELETE FROM streams",
		"UPDATE receipts SET state = 'READ'", "DELETE FROM receipts", "DELETE FROM push_deliveries", "DELETE FROM notifications",
		"UPDATE notifications SET state = 'QUEUED', parameters_sealed = '' WHERE state = 'SENT'",
		"UPDATE notifications SET state = 'DEAD' WHERE state = 'SENT'",
	} {
		ctx := servicetest.AsService(t.Context(), "push")
		err := h.DB.InTx(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, statement)
			return err
		})
		if err == nil {
			t.Errorf("allowed: %s", statement)
		}
	}
}

func (h *harness) tables(t *testing.T) []string {
	t.Helper()
	rows, err := h.admin.Query(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'push' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 11 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	return tables
}
