package payments_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/integrations/tbank/sim"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/payments"
)

// until works the jobs of a service until done says so, looking after each job.
func (h *house) until(t *testing.T, done func() bool) {
	t.Helper()
	jobs, err := payments.NewJobs(h.service)
	if err != nil {
		t.Fatal(err)
	}
	told, stop := jobs.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed, river.EventKindJobFailed)
	defer stop()
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := jobs.StopAndCancel(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	for !done() {
		select {
		case <-told:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// admin runs a statement behind row-level security.
func (h *house) admin(t *testing.T, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), h.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// The jobs do by themselves what the other tests do step by step.
func TestJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	payout := h.createPayout(t, h.order(t, sim.Card3DS))
	c, _ := h.open(t)
	fill(t, c.GetPaymentUrl(), "pan", sim.CardGood)
	for _, body := range h.posted() {
		if _, err := h.pay.ReceiveWebhook(servicetest.Anonymous(t.Context()), &paymentsv1.ReceiveWebhookRequest{Provider: "tbank", Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	h.until(t, func() bool {
		return h.payout(t, payout.GetId()).GetState() == paymentsv1.Payout_STATE_PAID &&
			h.collection(t, c.GetId()).GetState() == paymentsv1.Collection_STATE_PAID
	})
	h.checkBooks(t)
}

func TestJobsAfterADisaster(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, statement string }{
		{
			"the process was killed in the middle of a job",
			"UPDATE payments.river_job SET state = 'running', attempt = 1, attempted_by = '{dead}', attempted_at = now() - interval '1 hour'",
		},
		{"the jobs are gone", "DELETE FROM payments.river_job"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			payout := h.createPayout(t, h.order(t, sim.CardGood))
			h.admin(t, test.statement)
			h.until(t, func() bool { return h.payout(t, payout.GetId()).GetState() == paymentsv1.Payout_STATE_PAID })
			if n := h.executed(payout.GetId()); n != 1 {
				t.Errorf("paid %d times", n)
			}
		})
	}
}
