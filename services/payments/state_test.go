package payments_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/services/payments"
)

var payoutStates = []kit.PayoutState{kit.PayoutUnknown, kit.PayoutCreated, kit.PayoutSent, kit.PayoutPaid, kit.PayoutRejected}

func TestNextPayoutStep(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		state    kit.PayoutState
		prepared bool
		age      time.Duration
		want     payments.PayoutStep
	}{
		{"a new payout is prepared", kit.PayoutCreated, false, 0, payments.StepPrepare},
		{"a prepared one is executed", kit.PayoutCreated, true, 0, payments.StepExecute},
		{"a sent one is asked about", kit.PayoutSent, true, 0, payments.StepAsk},
		{"an unknown one is only asked about", kit.PayoutUnknown, true, 0, payments.StepAsk},
		{"an unknown one is asked about for ever", kit.PayoutUnknown, true, 1000 * time.Hour, payments.StepAsk},
		{"one that was certainly not executed is given up in the end", kit.PayoutCreated, true, payments.PayoutGiveUp + 1, payments.StepGiveUp},
		{"a paid one is done", kit.PayoutPaid, true, 0, payments.StepDone},
		{"a rejected one is done", kit.PayoutRejected, false, 1000 * time.Hour, payments.StepDone},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := payments.NextPayoutStep(test.state, test.prepared, test.age); got != test.want {
				t.Errorf("step %d, want %d", got, test.want)
			}
		})
	}
}

func TestAfterExecute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outcome kit.Outcome
		told    kit.PayoutState
		want    kit.PayoutState
	}{
		{"paid at once", kit.OutcomeDone, kit.PayoutPaid, kit.PayoutPaid},
		{"on its way", kit.OutcomeDone, kit.PayoutSent, kit.PayoutSent},
		{"done and not done", kit.OutcomeDone, kit.PayoutCreated, kit.PayoutUnknown},
		{"a word that we do not know", kit.OutcomeDone, kit.PayoutUnknown, kit.PayoutUnknown},
		{"refused", kit.OutcomeRefused, "", kit.PayoutRejected},
		{"certainly not reached", kit.OutcomeRetryable, "", kit.PayoutCreated},
		{"lost answer", kit.OutcomeUnknown, "", kit.PayoutUnknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := payments.AfterExecute(test.outcome, test.told); got != test.want {
				t.Errorf("state %s, want %s", got, test.want)
			}
		})
	}
}

// Whatever a provider tells, and in whatever order: a final state stays, and money that may have left is never taken for money that has not,
// but for the provider's own word in a quiet moment.
func TestPayoutLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(payoutStates).Draw(t, "from")
		told := rapid.SampledFrom(payoutStates).Draw(t, "told")
		quiet := rapid.Bool().Draw(t, "quiet")
		to := payments.MovePayout(from, told, quiet)
		switch {
		case from.Final() && to != from:
			t.Fatalf("%s became %s", from, to)
		case to == kit.PayoutCreated && from != kit.PayoutCreated && (from != kit.PayoutUnknown || !quiet):
			t.Fatalf("%s went back to CREATED, quiet %t", from, quiet)
		case to == kit.PayoutUnknown && from != kit.PayoutUnknown:
			t.Fatalf("%s was forgotten", from)
		case to != from && to != told:
			t.Fatalf("%s told %s became %s", from, told, to)
		}
	})
}

func TestMoveCollection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		from    string
		told    kit.PaymentState
		hasPage bool
		want    string
	}{
		{"a page that nobody can see does not await", "UNKNOWN", kit.PaymentCreated, false, "UNKNOWN"},
		{"an open form awaits", "CREATED", kit.PaymentFormShown, true, "AWAITING"},
		{"authorised money is not ours yet", "AWAITING", kit.PaymentAuthorised, true, "PROCESSING"},
		{"captured money is", "AWAITING", kit.PaymentCaptured, true, "PAID"},
		{"captured without a page is paid, too", "UNKNOWN", kit.PaymentCaptured, false, "PAID"},
		{"late news of the form change nothing", "PROCESSING", kit.PaymentFormShown, true, "PROCESSING"},
		{"late news of the hold change nothing", "PAID", kit.PaymentAuthorised, true, "PAID"},
		{"a decline after payment changes nothing", "PAID", kit.PaymentFailed, true, "PAID"},
		{"a payment after a decline needs people", "FAILED", kit.PaymentCaptured, true, "FAILED"},
		{"declined", "PROCESSING", kit.PaymentFailed, true, "FAILED"},
		{"nobody came", "AWAITING", kit.PaymentExpired, true, "EXPIRED"},
		{"a refund of a part needs people", "AWAITING", kit.PaymentPartiallyRefunded, true, "AWAITING"},
		{"an unknown word decides nothing", "AWAITING", kit.PaymentUnknown, true, "AWAITING"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := payments.MoveCollection(test.from, test.told, test.hasPage); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestPollPause(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Second, 0: time.Second, 8 * time.Second: time.Second, 80 * time.Second: 10 * time.Second, 48 * time.Hour: 10 * time.Minute,
	} {
		if got := payments.PollPause(age, time.Second); got != want {
			t.Errorf("after %s wait %s, want %s", age, got, want)
		}
	}
}
