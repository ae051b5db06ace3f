package push_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/push"
)

func TestSendNotification(t *testing.T) {
	t.Parallel()
	h := newHarness(t)

	t.Run("queues a code and answers without it", func(t *testing.T) {
		t.Parallel()
		res, err := h.notifications.SendNotification(asIdentity(t), &pushv1.SendNotificationRequest{
			RequestId: uuid.NewString(), Phone: phone, Template: "login-code", Parameters: map[string]string{"code": code}, Locale: "en-GB",
		})
		if err != nil {
			t.Fatal(err)
		}
		want := &pushv1.SendNotificationResponse{Notifications: []*pushv1.Notification{{
			Template: "login-code", Channel: pushv1.Channel_CHANNEL_SMS, Locale: "en", State: pushv1.Notification_STATE_QUEUED,
			CreateTime: timestamppb.New(servicetest.Now),
		}}}
		if diff := cmp.Diff(want, res, protocmp.Transform(), protocmp.IgnoreFields(&pushv1.Notification{}, "id")); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	})

	t.Run("a repeat queues nothing new, another content is refused", func(t *testing.T) {
		t.Parallel()
		req := &pushv1.SendNotificationRequest{
			RequestId: uuid.NewString(), Phone: "+380000000002", Template: "login-code", Parameters: map[string]string{"code": code},
		}
		first, err := h.notifications.SendNotification(asIdentity(t), req)
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.notifications.SendNotification(asIdentity(t), req)
		if diff := cmp.Diff(first, again, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v, answer (-first +again):\n%s", err, diff)
		}
		jobs := h.count(t, "SELECT count(*) FROM push.river_job WHERE args->>'notification_id' = $1",
			mustID(t, first.GetNotifications()[0].GetId()).String())
		if jobs != 1 {
			t.Errorf("%d jobs", jobs)
		}
		req.Parameters["code"] = "000000"
		_, err = h.notifications.SendNotification(asIdentity(t), req)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
}

func TestSendNotificationChoosesChannels(t *testing.T) {
	t.Parallel()
	h := newHarness(t)

	t.Run("over each channel asked for that can reach", func(t *testing.T) {
		t.Parallel()
		person := h.person("en")
		req := &pushv1.SendNotificationRequest{
			PersonId: person, Template: "payment-failed", Parameters: map[string]string{"loan_id": "loan_demo"},
			Channels: []pushv1.Channel{pushv1.Channel_CHANNEL_EMAIL, pushv1.Channel_CHANNEL_PUSH, pushv1.Channel_CHANNEL_SMS},
		}
		if got := h.row(t, h.send(t, req)).Channel; got != "SMS" { // No device yet.
			t.Errorf("channel %s", got)
		}
		h.device(t, person, "phone-each-channel")
		req.RequestId = uuid.NewString()
		res, err := h.notifications.SendNotification(asIdentity(t), req)
		if err != nil || len(res.GetNotifications()) != 2 {
			t.Errorf("%v, %v", res, err)
		}
	})

	t.Run("over the fallback when nothing is asked for and push cannot reach", func(t *testing.T) {
		t.Parallel()
		if got := h.row(t, h.sendPush(t, h.person("en"), "payment-failed")).Channel; got != "SMS" {
			t.Errorf("channel %s", got)
		}
	})
}

func TestSendNotificationRefuses(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	loan, login := map[string]string{"loan_id": "loan_demo"}, map[string]string{"code": code}
	const (
		unknown     = typev1.ErrorReason_ERROR_REASON_TEMPLATE_NOT_FOUND
		missing     = typev1.ErrorReason_ERROR_REASON_TEMPLATE_PARAMETER_MISSING
		unavailable = typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE
		invalid     = typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
	)
	tests := []struct {
		name string
		req  *pushv1.SendNotificationRequest
		want typev1.ErrorReason
	}{
		{"an unknown template", &pushv1.SendNotificationRequest{Phone: phone, Template: "no-such"}, unknown},
		{"a missing parameter", &pushv1.SendNotificationRequest{Phone: phone, Template: "login-code"}, missing},
		{"push without a device", &pushv1.SendNotificationRequest{PersonId: person, Template: "loan-repaid", Parameters: loan}, unavailable},
		{"push to a phone that is nobody's", &pushv1.SendNotificationRequest{Phone: phone, Template: "loan-repaid", Parameters: loan}, unavailable},
		{"a channel that the template has no text for", &pushv1.SendNotificationRequest{
			PersonId: person, Template: "loan-repaid", Parameters: loan, Channels: []pushv1.Channel{pushv1.Channel_CHANNEL_SMS},
		}, unavailable},
		{"e-mail", &pushv1.SendNotificationRequest{
			PersonId: person, Template: "loan-repaid", Parameters: loan, Channels: []pushv1.Channel{pushv1.Channel_CHANNEL_EMAIL},
		}, unavailable},
		{"nobody", &pushv1.SendNotificationRequest{Template: "login-code", Parameters: login}, unavailable},
		{"what is no person's id", &pushv1.SendNotificationRequest{PersonId: "loan_1", Template: "login-code", Parameters: login}, invalid},
		{"what is no phone", &pushv1.SendNotificationRequest{Phone: "0501", Template: "login-code"}, invalid},
	}
	t.Run("refuses", func(t *testing.T) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.req.RequestId = uuid.NewString()
				_, err := h.notifications.SendNotification(asIdentity(t), test.req)
				wantReason(t, err, test.want)
			})
		}
		t.Run("people, who send nothing", func(t *testing.T) {
			t.Parallel()
			req := &pushv1.SendNotificationRequest{RequestId: uuid.NewString(), Phone: phone, Template: "login-code", Parameters: login}
			_, err := h.notifications.SendNotification(servicetest.AsPerson(t.Context(), person), req)
			wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
		})
	})
	if n := h.count(t, "SELECT count(*) FROM push.notifications"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestWithoutProviders(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(d *push.Deps) { d.SMS, d.FCM, d.Redis = nil, nil, nil })
	_, err := h.notifications.SendNotification(asIdentity(t), &pushv1.SendNotificationRequest{
		RequestId: uuid.NewString(), Phone: phone, Template: "login-code", Parameters: map[string]string{"code": code},
	})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_CHANNEL_UNAVAILABLE)
	_, err = h.notifications.ReceiveReceipt(servicetest.Anonymous(t.Context()), &pushv1.ReceiveReceiptRequest{Provider: "turbosms"})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PROVIDER_UNKNOWN)
}

// list reads a page of a caller's notifications and the names of their templates.
func (h *harness) list(t *testing.T, ctx context.Context, page *typev1.PageRequest) (names []string, res *pushv1.ListNotificationsResponse) {
	t.Helper()
	res, err := h.notifications.ListNotifications(ctx, &pushv1.ListNotificationsRequest{Page: page})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range res.GetNotifications() {
		names = append(names, n.GetTemplate())
	}
	return names, res
}

// told makes a person with three messages and a code, and another with one.
func (h *harness) told(t *testing.T) (mine context.Context, person, other string) {
	t.Helper()
	person, other = h.person("uk"), h.person("en")
	mine = h.device(t, person, "phone-list-1")
	h.device(t, other, "phone-list-2")
	for _, tmpl := range []string{"application-submitted", "loan-disbursed", "loan-closed"} {
		h.deliver(t, h.sendPush(t, person, tmpl))
	}
	h.deliver(t, h.send(t, &pushv1.SendNotificationRequest{PersonId: person, Template: "login-code", Parameters: map[string]string{"code": code}}))
	h.deliver(t, h.sendPush(t, other, "loan-repaid"))
	return mine, person, other
}

func TestListNotifications(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	mine, person, other := h.told(t)

	t.Run("newest first, with texts, without codes and other people's", func(t *testing.T) {
		names, res := h.list(t, mine, nil)
		if diff := cmp.Diff([]string{"loan-closed", "loan-disbursed", "application-submitted"}, names); diff != "" {
			t.Fatalf("list (-want +got):\n%s", diff)
		}
		want := &pushv1.Notification{
			PersonId: person, Template: "loan-closed", Channel: pushv1.Channel_CHANNEL_PUSH, Locale: "uk", State: pushv1.Notification_STATE_SENT,
			Title: "Усе сплачено",
			Body:  "Дякуємо. Відкрийте застосунок, щоб переглянути деталі.", Provider: "fcm", Attempts: 1,
			CreateTime: timestamppb.New(servicetest.Now), SendTime: timestamppb.New(servicetest.Now),
		}
		if diff := cmp.Diff(want, res.GetNotifications()[0], protocmp.Transform(), protocmp.IgnoreFields(&pushv1.Notification{}, "id")); diff != "" {
			t.Errorf("notification (-want +got):\n%s", diff)
		}
	})
	t.Run("not before there is a text to show", func(t *testing.T) {
		person := h.person("en")
		theirs := h.device(t, person, "phone-list-3")
		waiting := h.sendPush(t, person, "loan-repaid")
		if names, _ := h.list(t, theirs, nil); len(names) != 0 {
			t.Fatalf("a message that was not rendered is listed: %v", names)
		}
		h.deliver(t, waiting)
		if names, res := h.list(t, theirs, nil); len(names) != 1 || res.GetNotifications()[0].GetTitle() == "" {
			t.Errorf("list %v", res)
		}
	})
	t.Run("page by page", func(t *testing.T) {
		first, res := h.list(t, mine, &typev1.PageRequest{PageSize: 2})
		second, last := h.list(t, mine, &typev1.PageRequest{PageSize: 2, PageToken: res.GetPage().GetNextPageToken()})
		if diff := cmp.Diff([]string{"loan-closed", "loan-disbursed", "application-submitted"}, append(first, second...)); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		if last.GetPage().GetNextPageToken() != "" {
			t.Error("a page follows the last")
		}
		_, err := h.notifications.ListNotifications(servicetest.AsPerson(t.Context(), other), &pushv1.ListNotificationsRequest{
			Page: &typev1.PageRequest{PageToken: res.GetPage().GetNextPageToken()},
		})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	})
	t.Run("nothing in another tenant, even under the same id", func(t *testing.T) {
		if names, _ := h.list(t, servicetest.AsStranger(t.Context(), person), nil); len(names) != 0 {
			t.Errorf("list %v", names)
		}
	})
	t.Run("refused to those who are nobody", func(t *testing.T) {
		_, err := h.notifications.ListNotifications(servicetest.Anonymous(t.Context()), &pushv1.ListNotificationsRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED)
		_, err = h.notifications.ListNotifications(servicetest.AsService(t.Context(), "edge"), &pushv1.ListNotificationsRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("without texts once the person's key is gone", func(t *testing.T) {
		h.count(t, "WITH gone AS (DELETE FROM push.subject_keys WHERE subject_id = $1 RETURNING 1) SELECT count(*) FROM gone",
			personUUID(t, person))
		names, res := h.list(t, servicetest.AsPerson(t.Context(), person), nil)
		if len(names) != 3 || res.GetNotifications()[0].GetBody() != "" {
			t.Errorf("list %v", res)
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	bounds := []time.Duration{2, 6, 18, 54, 162, 486, 600, 600}
	for i, bound := range bounds {
		bound *= time.Second
		for range 50 {
			if got := push.Backoff(i+1, 0); got < bound/2 || got > bound {
				t.Fatalf("after attempt %d: %s, bound %s", i+1, got, bound)
			}
			if got := push.Backoff(i+1, 30*time.Minute); got < 30*time.Minute || got > 33*time.Minute {
				t.Fatalf("when asked to wait half an hour: %s", got)
			}
		}
	}
	if got := push.Backoff(1, 1000*time.Hour); got > 2*time.Hour {
		t.Errorf("when asked to wait for weeks: %s", got)
	}
}
