package push_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/integrations/kit/simkit"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/push"
)

func TestDeliverSMS(t *testing.T) {
	t.Parallel()
	t.Run("a code to a phone, in the language asked for", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		notification := h.sendCode(t, phone)
		if again := h.deliver(t, notification); again != 0 {
			t.Errorf("again after %s", again)
		}
		inbox := h.sms.Messages(phone)
		if len(inbox) != 1 || inbox[0].Text != code+" is your login code. Never share it with anyone." {
			t.Fatalf("inbox %+v", inbox)
		}
		want := row{State: "SENT", Channel: "SMS", Locale: "en", Provider: "turbosms", ProviderID: inbox[0].ID, Attempts: 1, Parts: 1}
		if diff := cmp.Diff(want, h.row(t, notification)); diff != "" {
			t.Errorf("row (-want +got):\n%s", diff)
		}
		if h.deliver(t, notification); len(h.sms.Messages("")) != 1 || h.persons.asked != 0 {
			t.Error("a sent message was sent again, or identity was asked for nothing")
		}
	})
	t.Run("a code to a person's phone, in the person's language", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		h.deliver(t, h.send(t, &pushv1.SendNotificationRequest{
			PersonId: h.person("uk"), Template: "signature-code", Parameters: map[string]string{"code": code},
		}))
		if inbox := h.sms.Messages(phone); len(inbox) != 1 || inbox[0].Text != code+" — код для підпису. Нікому його не кажіть." {
			t.Errorf("inbox %+v", inbox)
		}
	})
}

func TestDeliverSMSFailures(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tests := []struct {
		name, phone, state, failure string
	}{
		{"a stop list ends it", "+380000000404", "FAILED", "turbosms:refused:404"},
		{"what cannot be sent now waits", "+380000000503", "QUEUED", "turbosms:retryable:503"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			notification := h.sendCode(t, test.phone)
			again := h.deliver(t, notification)
			got := h.row(t, notification)
			if got.State != test.state || got.Failure != test.failure || got.Attempts != 1 {
				t.Errorf("row %+v", got)
			}
			if waits := test.state == "QUEUED"; waits != (again > 0) || got.Sealed != waits {
				t.Errorf("again after %s, sealed %t", again, got.Sealed)
			}
		})
	}
}

func TestRetryThenSuccess(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault simkit.Fault
		sent  int // Texts that the phone got.
	}{
		{"too many requests", simkit.Fault{Kind: simkit.KindError, Status: 429, Times: 2}, 1},
		{"an empty balance", simkit.Fault{Kind: simkit.KindError, Code: "203", Times: 2}, 1},
		{"cut connections", simkit.Fault{Kind: simkit.KindReset, Times: 2}, 1},
		// The answer was lost and not the message: the provider recognises the repeat.
		{"a lost answer", simkit.Fault{Kind: simkit.KindDoThenFail, Times: 2}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			test.fault.Operation = "message/send"
			h.sms.Desk().Inject(test.fault)
			notification := h.sendCode(t, phone)
			for range 2 {
				if again := h.deliver(t, notification); again == 0 {
					t.Fatal("it gave up")
				}
			}
			if again := h.deliver(t, notification); again != 0 {
				t.Errorf("again after %s", again)
			}
			got := h.row(t, notification)
			if got.State != "SENT" || got.Attempts != 3 || got.Failure != "" || len(h.sms.Messages(phone)) != test.sent {
				t.Errorf("row %+v, %d texts", got, len(h.sms.Messages(phone)))
			}
		})
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	t.Run("after as many attempts as allowed", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		notification := h.sendCode(t, "+380000000503")
		for attempt := range push.MaxAttempts {
			if again := h.deliver(t, notification); (again == 0) != (attempt == push.MaxAttempts-1) {
				t.Fatalf("attempt %d: again after %s", attempt+1, again)
			}
		}
		if got := h.row(t, notification); got.State != "DEAD" || got.Attempts != push.MaxAttempts || got.Sealed {
			t.Errorf("row %+v", got)
		}
	})
	t.Run("when nobody wants it any more", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		notification := h.sendCode(t, phone)
		h.Clock.Advance(10 * time.Minute)
		h.deliver(t, notification)
		got := h.row(t, notification)
		if got.State != "DEAD" || got.Failure != "push:refused:EXPIRED" || got.Sealed || len(h.sms.Messages("")) != 0 {
			t.Errorf("row %+v", got)
		}
	})
}

func TestDeliverAsksIdentity(t *testing.T) {
	t.Parallel()
	login := map[string]string{"code": code}
	t.Run("and waits while it is away", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		h.persons.set(errors.New("identity is away"))
		notification := h.send(t, &pushv1.SendNotificationRequest{PersonId: h.person("en"), Template: "login-code", Parameters: login})
		if _, err := h.service.Deliver(servicetest.AsService(t.Context(), "push"), notification); err == nil {
			t.Error("no error")
		}
		if got := h.row(t, notification); got.State != "QUEUED" || got.Attempts != 0 {
			t.Errorf("row %+v", got)
		}
		h.persons.set(nil)
		h.deliver(t, notification)
		if got := h.row(t, notification); got.State != "SENT" {
			t.Errorf("row %+v", got)
		}
	})
	t.Run("and ends what goes to nobody", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		erased, phoneless := h.person("en"), h.person("en")
		h.persons.known[erased].State = identityv1.Person_STATE_ERASED
		h.persons.known[phoneless].Phone = ""
		for person, want := range map[string]string{
			servicetest.NewPerson(): "push:refused:PERSON_NOT_FOUND", erased: "push:refused:PERSON_ERASED", phoneless: "push:refused:NO_PHONE",
		} {
			notification := h.send(t, &pushv1.SendNotificationRequest{PersonId: person, Template: "login-code", Parameters: login})
			h.deliver(t, notification)
			if got := h.row(t, notification); got.State != "FAILED" || got.Failure != want || got.Sealed {
				t.Errorf("row %+v, want %s", got, want)
			}
		}
	})
}

func TestDeliverPush(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-push-1")
	h.device(t, person, "phone-push-2")
	notification := h.sendPush(t, person, "loan-disbursed")
	h.deliver(t, notification)
	for _, token := range []string{"phone-push-1", "phone-push-2"} {
		inbox := h.fcm.Messages(token)
		if len(inbox) != 1 {
			t.Fatalf("%d messages", len(inbox))
		}
		got := inbox[0]
		if got.Title != "Transfer completed" || got.Priority != "high" || got.TTL != "86400s" || len(got.CollapseKey) != 30 {
			t.Errorf("message %+v", got)
		}
		if diff := cmp.Diff(map[string]string{"v": "1", "type": "loan-disbursed", "id": "loan_demo"}, got.Data); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	}
	name := h.fcm.Messages("phone-push-1")[0].Name
	if got := h.row(t, notification); got.State != "SENT" || got.Provider != "fcm" || got.ProviderID != name || got.Sealed {
		t.Errorf("row %+v", got)
	}
}

func TestDeliverPushFailures(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tests := []struct {
		name, token, state, failure string
		live                        int
	}{
		{"a dead token is forgotten", "dead-token", "FAILED", "push:refused:NO_LIVE_TOKEN", 0},
		{"an invalid argument forgets nothing", "invalid-token", "FAILED", "fcm:refused:INVALID_ARGUMENT", 1},
		{"another project's token forgets nothing", "mismatch-token", "FAILED", "fcm:refused:SENDER_ID_MISMATCH", 1},
		{"an outage is waited out", "unavailable-token", "QUEUED", "fcm:retryable:UNAVAILABLE", 1},
		{"an unknown outcome is tried again", "internal-token", "QUEUED", "fcm:unknown:INTERNAL", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			person := h.person("en")
			h.device(t, person, test.token)
			notification := h.sendPush(t, person, "loan-repaid")
			h.deliver(t, notification)
			if got := h.row(t, notification); got.State != test.state || got.Failure != test.failure {
				t.Errorf("row %+v", got)
			}
			live := h.count(t, "SELECT count(*) FROM push.push_tokens WHERE person_id = $1 AND state = 'LIVE'", personUUID(t, person))
			if live != test.live {
				t.Errorf("%d live tokens", live)
			}
		})
	}
}

func TestQuotaIsRespected(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "quota-token")
	if again := h.deliver(t, h.sendPush(t, person, "loan-repaid")); again < time.Minute { // Retry-After: 60
		t.Errorf("again after %s", again)
	}
}

func TestSeveralDevices(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.device(t, person, "phone-several")
	h.device(t, person, "dead-several")
	h.device(t, person, "unavailable-several")
	notification := h.sendPush(t, person, "loan-repaid")
	for range push.MaxAttempts - 1 {
		if again := h.deliver(t, notification); again == 0 {
			t.Fatal("it gave up on a device")
		}
	}
	h.deliver(t, notification)
	if got := h.row(t, notification); got.State != "SENT" {
		t.Errorf("row %+v", got)
	}
	if n := len(h.fcm.Messages("phone-several")); n != 1 {
		t.Errorf("the phone that got it got it %d times", n)
	}
	if n := len(h.fcm.Desk().Calls("messages:send")); n != 1+1+push.MaxAttempts {
		t.Errorf("%d calls", n)
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	fallback := func(t *testing.T, tmpl string) (*harness, int) {
		t.Helper()
		h := newHarness(t)
		person := h.person("uk")
		h.device(t, person, "dead-fallback")
		notification := h.sendPush(t, person, tmpl)
		h.deliver(t, notification)
		h.deliver(t, notification) // As a job that is run twice.
		if got := h.row(t, notification); got.State != "FAILED" || got.Failure != "push:refused:NO_LIVE_TOKEN" {
			t.Errorf("row %+v", got)
		}
		return h, h.count(t, "SELECT count(*) FROM push.notifications n JOIN push.river_job j ON j.args->>'notification_id' = n.id::text "+
			"WHERE n.channel = 'SMS' AND n.state = 'QUEUED' AND n.template = $1", tmpl)
	}
	t.Run("a template that is worth a text message gets one", func(t *testing.T) {
		t.Parallel()
		if _, n := fallback(t, "payment-failed"); n != 1 {
			t.Errorf("%d text messages", n)
		}
	})
	t.Run("another does not", func(t *testing.T) {
		t.Parallel()
		if _, n := fallback(t, "loan-repaid"); n != 0 {
			t.Errorf("%d text messages", n)
		}
	})
}
