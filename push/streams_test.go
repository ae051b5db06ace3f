package push_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	realtimev1 "github.com/lendgate/lendgate/gen/go/lendgate/realtime/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/push/hint"
)

// fact makes an event about a person; the caller fills in what happened.
func fact(person string) *eventv1.Event {
	return &eventv1.Event{
		Id: id.Format(id.Event, id.New()), TenantId: servicetest.Tenant, PersonId: person, SubjectId: "app_demo",
		OccurTime: timestamppb.New(servicetest.Now), Fact: &eventv1.Event_LoanClosed{LoanClosed: &eventv1.LoanClosed{LoanId: "loan_demo"}},
	}
}

func (h *harness) handle(t *testing.T, event *eventv1.Event) {
	t.Helper()
	if err := h.service.HandleEvent(t.Context(), event); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) position(t *testing.T, ctx context.Context) *pushv1.StreamPosition {
	t.Helper()
	res, err := h.streams.GetStreamPosition(ctx, &pushv1.GetStreamPositionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetPosition()
}

func (h *harness) publications(t *testing.T, ctx context.Context, after uint64, limit int32) *pushv1.ListPublicationsResponse {
	t.Helper()
	res, err := h.streams.ListPublications(ctx, &pushv1.ListPublicationsRequest{AfterOffset: after, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	mine := servicetest.AsPerson(t.Context(), person)

	empty := h.position(t, mine)
	if empty.GetOffset() != 0 || len(empty.GetEpoch()) < 16 {
		t.Errorf("an empty stream is at %v", empty)
	}
	for range 5 {
		h.handle(t, fact(person))
	}
	top := h.position(t, mine)
	if top.GetOffset() != 5 || top.GetEpoch() != empty.GetEpoch() {
		t.Errorf("position %v, epoch at first %s", top, empty.GetEpoch())
	}
	t.Run("is read from any offset, in order", func(t *testing.T) {
		t.Parallel()
		for after := range uint64(6) {
			res := h.publications(t, mine, after, 2)
			for i, p := range res.GetPublications() {
				if p.GetOffset() != after+uint64(i)+1 {
					t.Errorf("after %d: offset %d at %d", after, p.GetOffset(), i)
				}
			}
			if want := min(2, 5-int(after)); len(res.GetPublications()) != want || !proto.Equal(res.GetPosition(), top) {
				t.Errorf("after %d: %d publications, position %v", after, len(res.GetPublications()), res.GetPosition())
			}
		}
	})
	t.Run("refuses an offset that it has not reached", func(t *testing.T) {
		t.Parallel()
		_, err := h.streams.ListPublications(mine, &pushv1.ListPublicationsRequest{AfterOffset: 6})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_STREAM_POSITION_INVALID)
	})
	t.Run("is read by the edge for its person", func(t *testing.T) {
		t.Parallel()
		if got := h.position(t, actor.ForPerson(t.Context(), servicetest.Tenant, "edge", person)); !proto.Equal(got, top) {
			t.Errorf("position %v", got)
		}
	})
}

func TestStreamIsNobodyElses(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	person := h.person("en")
	h.handle(t, fact(person))
	top := h.position(t, servicetest.AsPerson(t.Context(), person))
	t.Run("not another person's, nor the same id's elsewhere", func(t *testing.T) {
		t.Parallel()
		for _, ctx := range []context.Context{
			servicetest.AsPerson(t.Context(), h.person("en")), servicetest.AsStranger(t.Context(), person),
		} {
			res := h.publications(t, ctx, 0, 0)
			if len(res.GetPublications()) != 0 || res.GetPosition().GetOffset() != 0 || res.GetPosition().GetEpoch() == top.GetEpoch() {
				t.Errorf("read %v", res)
			}
		}
	})
	t.Run("not a caller's who is and acts for nobody", func(t *testing.T) {
		t.Parallel()
		_, err := h.streams.GetStreamPosition(servicetest.Anonymous(t.Context()), &pushv1.GetStreamPositionRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED)
		edge := servicetest.AsService(t.Context(), "edge")
		_, err = h.streams.GetStreamPosition(edge, &pushv1.GetStreamPositionRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
		_, err = h.streams.ListPublications(edge, &pushv1.ListPublicationsRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
}

func TestFirstLooksAgreeOnTheEpoch(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	mine := servicetest.AsPerson(t.Context(), h.person("en"))
	var mu sync.Mutex
	epochs := map[string]bool{}
	var looks sync.WaitGroup
	for range 10 {
		looks.Go(func() {
			epoch := h.position(t, mine).GetEpoch()
			mu.Lock()
			defer mu.Unlock()
			epochs[epoch] = true
		})
	}
	looks.Wait()
	if len(epochs) != 1 {
		t.Errorf("epochs %v", epochs)
	}
}

// TestExactlyOnce lets 20 consumers take in the same events, shuffled, each of them several times.
func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	people := []string{h.person("en"), h.person("uk")}
	events := make([]*eventv1.Event, 60)
	for i := range events {
		events[i] = fact(people[i%len(people)])
	}
	var consumers sync.WaitGroup
	for consumer := range 20 {
		consumers.Go(func() {
			for i := range 2 * len(events) {
				if err := h.service.HandleEvent(t.Context(), events[(consumer*7+i)%len(events)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	consumers.Wait()
	for i, person := range people {
		ctx := servicetest.AsPerson(t.Context(), person)
		seen := map[string]bool{}
		for j, p := range h.publications(t, ctx, 0, 1000).GetPublications() {
			event := &realtimev1.StatusEvent{}
			if err := proto.Unmarshal(p.GetPayload(), event); err != nil {
				t.Fatal(err)
			}
			if p.GetOffset() != uint64(j+1) || seen[event.GetEventId()] {
				t.Errorf("person %d: offset %d at %d, event seen before: %t", i, p.GetOffset(), j, seen[event.GetEventId()])
			}
			seen[event.GetEventId()] = true
		}
		if len(seen) != 30 || h.position(t, ctx).GetOffset() != 30 {
			t.Errorf("person %d: %d publications, position %v", i, len(seen), h.position(t, ctx))
		}
		if n := h.count(t, "SELECT count(*) FROM push.notifications WHERE person_id = $1", personUUID(t, person)); n != 30 {
			t.Errorf("person %d: %d notifications", i, n)
		}
	}
	if n := h.count(t, "SELECT count(*) FROM push.river_job"); n != 60 {
		t.Errorf("%d jobs", n)
	}
}

// newsCase is a fact and what it means to its person; want is nil when it is no news, template empty when nobody is called to the phone.
type newsCase struct {
	name     string
	event    *eventv1.Event
	want     *realtimev1.StatusEvent
	template string
}

// newsCases are all facts that are news, and some that are not. The ids are readable rather than real.
func newsCases() []newsCase {
	const app, loan = "app_1", "loan_1"
	amount := &typev1.Money{CurrencyCode: "UAH", MinorUnits: 150_000}
	type status = realtimev1.StatusEvent
	return append(loanNewsCases(), []newsCase{
		{
			"an application", &eventv1.Event{Fact: &eventv1.Event_ApplicationCreated{ApplicationCreated: &eventv1.ApplicationCreated{
				ApplicationId: app, Principal: amount,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_APPLICATION_SUBMITTED, ApplicationId: app, Amount: amount}, "application-submitted",
		},
		{
			"offers", &eventv1.Event{Fact: &eventv1.Event_LoanOffered{LoanOffered: &eventv1.LoanOffered{
				ApplicationId: app, Offers: 2,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_APPLICATION_OFFERED, ApplicationId: app}, "application-offered",
		},
		{
			"a rejection", &eventv1.Event{Fact: &eventv1.Event_ApplicationRejected{ApplicationRejected: &eventv1.ApplicationRejected{
				ApplicationId: app,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_APPLICATION_REJECTED, ApplicationId: app}, "application-rejected",
		},
		{
			"an agreement to sign", &eventv1.Event{Fact: &eventv1.Event_OfferAccepted{OfferAccepted: &eventv1.OfferAccepted{
				ApplicationId: app, AgreementId: "agr_1",
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_AGREEMENT_READY, ApplicationId: app}, "agreement-ready",
		},
		{
			"a signature", &eventv1.Event{Fact: &eventv1.Event_AgreementSigned{AgreementSigned: &eventv1.AgreementSigned{
				ApplicationId: app, LoanId: loan,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_AGREEMENT_SIGNED, ApplicationId: app, LoanId: loan}, "agreement-signed",
		},
		{
			"an end without a loan", &eventv1.Event{Fact: &eventv1.Event_ApplicationEnded{ApplicationEnded: &eventv1.ApplicationEnded{
				ApplicationId: app, State: "WITHDRAWN",
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_APPLICATION_ENDED, ApplicationId: app}, "",
		},
		{"a login, which is no news", &eventv1.Event{Fact: &eventv1.Event_PersonCreated{PersonCreated: &eventv1.PersonCreated{}}}, nil, ""},
		{"a fact that is new to us", &eventv1.Event{}, nil, ""},
	}...)
}

// loanNewsCases are the facts about a loan's money.
func loanNewsCases() []newsCase {
	const loan, payout, collection = "loan_1", "pout_1", "coll_1"
	amount := &typev1.Money{CurrencyCode: "UAH", MinorUnits: 150_000}
	type status = realtimev1.StatusEvent
	return []newsCase{
		{
			"money that arrived", &eventv1.Event{Fact: &eventv1.Event_LoanDisbursed{LoanDisbursed: &eventv1.LoanDisbursed{
				LoanId: loan, PaymentId: payout, Principal: amount,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_LOAN_DISBURSED, LoanId: loan, PaymentId: payout, Amount: amount}, "loan-disbursed",
		},
		{
			"a payment", &eventv1.Event{Fact: &eventv1.Event_LoanRepaid{LoanRepaid: &eventv1.LoanRepaid{
				LoanId: loan, PaymentId: collection, Amount: amount,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_LOAN_REPAID, LoanId: loan, PaymentId: collection, Amount: amount}, "loan-repaid",
		},
		{
			"everything paid", &eventv1.Event{Fact: &eventv1.Event_LoanClosed{LoanClosed: &eventv1.LoanClosed{
				LoanId: loan,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_LOAN_CLOSED, LoanId: loan}, "loan-closed",
		},
		{
			"a payment that failed", &eventv1.Event{Fact: &eventv1.Event_CollectionFailed{CollectionFailed: &eventv1.CollectionFailed{
				CollectionId: collection, LoanId: loan, Amount: amount, State: "FAILED",
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_PAYMENT_FAILED, LoanId: loan, PaymentId: collection, Amount: amount}, "payment-failed",
		},
		{
			"a payment form that was left open", &eventv1.Event{Fact: &eventv1.Event_CollectionFailed{CollectionFailed: &eventv1.CollectionFailed{
				CollectionId: collection, LoanId: loan, State: "EXPIRED",
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_PAYMENT_FAILED, LoanId: loan, PaymentId: collection}, "",
		},
		{
			"a payout that was refused", &eventv1.Event{Fact: &eventv1.Event_PayoutRejected{PayoutRejected: &eventv1.PayoutRejected{
				PayoutId: payout, LoanId: loan,
			}}},
			&status{Kind: realtimev1.StatusEvent_KIND_PAYMENT_FAILED, LoanId: loan, PaymentId: payout}, "payment-failed",
		},
	}
}

func TestNews(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, test := range newsCases() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			person := h.person("en")
			event := fact(person)
			event.Fact = test.event.GetFact()
			h.handle(t, event)
			var got *realtimev1.StatusEvent
			for _, p := range h.publications(t, servicetest.AsPerson(t.Context(), person), 0, 0).GetPublications() {
				got = &realtimev1.StatusEvent{}
				if err := proto.Unmarshal(p.GetPayload(), got); err != nil {
					t.Fatal(err)
				}
			}
			if test.want != nil {
				test.want.EventId, test.want.OccurTime = event.GetId(), event.GetOccurTime()
			}
			if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("status event (-want +got):\n%s", diff)
			}
			const count = "SELECT count(*) FROM push.notifications WHERE person_id = $1"
			n := h.count(t, count+" AND template = $2", personUUID(t, person), test.template)
			if all := h.count(t, count, personUUID(t, person)); n != all || (n == 1) != (test.template != "") {
				t.Errorf("%d notifications, %d of %q", all, n, test.template)
			}
		})
	}
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	nobody, noPerson, noID := fact(""), fact("loan_1"), fact(h.person("en"))
	noID.Id = "evt_1"
	h.handle(t, nobody) // About no person: no news, and no error.
	for name, event := range map[string]*eventv1.Event{"of no person's id": noPerson, "of no event's id": noID} {
		if err := h.service.HandleEvent(t.Context(), event); err == nil {
			t.Errorf("an event %s was taken in", name)
		}
	}
	if n := h.count(t, "SELECT (SELECT count(*) FROM push.publications) + (SELECT count(*) FROM push.inbox_events)"); n != 1 {
		t.Errorf("%d rows", n) // The note of the first.
	}
}

func TestHintsFollowTheCommit(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.run(t)
	hints, err := hint.NewSubscriber(h.redis, h.Log, func(w hint.Wakeup) string {
		return fmt.Sprintf("%s %s %d", w.Tenant, w.Stream, w.Offset)
	}).Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	person := h.person("en")
	event := fact(person)
	h.handle(t, event)
	h.handle(t, event) // No second hint: nothing grew.
	h.handle(t, fact(person))
	for offset := range 2 {
		if got, want := <-hints, fmt.Sprintf("demo status:%s %d", person, offset+1); got != want {
			t.Errorf("hint %q, want %q", got, want)
		}
	}
}
