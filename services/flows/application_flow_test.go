package flows

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/lendgate/lendgate/gen/go/lendgate/event/v1"
	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// fakeEngine stands in for the engine: it holds at most one process and says what it is told to.
type fakeEngine struct {
	client.Client // Everything else is not called.

	mu sync.Mutex
	// standing is the process; nil when there is none.
	standing *Standing
	// err is what every call fails with.
	err error
	// outcome is the answer to an update: an Answer or an error.
	answer Answer
	refuse error

	started []client.StartWorkflowOptions
	subject Subject
	signals []string
	updates []client.UpdateWorkflowOptions
}

func (e *fakeEngine) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	e.started, e.subject = append(e.started, options), args[0].(Subject)
	if e.standing == nil {
		e.standing = &Standing{PersonID: e.subject.PersonID, Step: flowsv1.ApplicationFlow_STEP_IDENTITY, BeginTime: testBegin()}
	}
	return nil, nil
}

func (e *fakeEngine) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.err != nil:
		return nil, e.err
	case e.standing == nil:
		return nil, serviceerror.NewNotFound("workflow not found")
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(*e.standing)
	return client.NewValue(payloads), err
}

func (e *fakeEngine) SignalWorkflow(_ context.Context, workflowID, _, name string, _ any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if e.standing == nil {
		return serviceerror.NewNotFound("workflow not found")
	}
	e.signals = append(e.signals, workflowID+" "+name)
	return nil
}

func (e *fakeEngine) UpdateWorkflow(_ context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if e.standing == nil || e.standing.Step == flowsv1.ApplicationFlow_STEP_ENDED {
		return nil, serviceerror.NewNotFound("workflow execution already completed")
	}
	e.updates = append(e.updates, options)
	answer := e.answer
	if answer.Request == nil {
		switch argument := options.Args[0].(type) {
		case Choice:
			answer.Request = argument.Caller.Request
		case Signature:
			answer.Request = argument.Caller.Request
		case Withdrawal:
			answer.Request = argument.Caller.Request
		}
	}
	return fakeUpdate{answer: answer, err: e.refuse}, nil
}

type fakeUpdate struct {
	client.WorkflowUpdateHandle
	answer Answer
	err    error
}

func (u fakeUpdate) Get(_ context.Context, value any) error {
	if u.err == nil {
		*value.(*Answer) = u.answer
	}
	return u.err
}

// desk is the service in front of a fake engine.
type desk struct {
	world  *world
	engine *fakeEngine
	deps   Deps
	client flowsv1connect.ApplicationFlowServiceClient
	ctx    context.Context
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	w, engine := newWorld(clock.NewFake(testBegin())), &fakeEngine{}
	deps := w.deps(t)
	deps.Temporal = engine
	return &desk{world: w, engine: engine, deps: deps, client: flowClient(t, deps), ctx: asPerson(t.Context(), w.person.GetId())}
}

func (d *desk) at(step flowsv1.ApplicationFlow_Step) *desk {
	d.engine.standing = &Standing{PersonID: d.world.person.GetId(), Step: step, BeginTime: testBegin()}
	return d
}

// verbs calls every RPC of the service and answers with what each was refused with.
func (d *desk) verbs(ctx context.Context) map[string]rpcerr.Reason {
	application := d.world.application.GetId()
	_, start := d.client.StartApplicationFlow(ctx, &flowsv1.StartApplicationFlowRequest{RequestId: requestID(), ApplicationId: application})
	_, get := d.client.GetApplicationFlow(ctx, &flowsv1.GetApplicationFlowRequest{ApplicationId: application})
	_, resume := d.client.ResumeIdentity(ctx, &flowsv1.ResumeIdentityRequest{RequestId: requestID(), ApplicationId: application})
	_, choose := d.client.ChooseOffer(ctx, &flowsv1.ChooseOfferRequest{
		RequestId: requestID(), ApplicationId: application, OfferId: id.Format(id.Offer, id.New()),
	})
	_, sign := d.client.SignAgreement(ctx, &flowsv1.SignAgreementRequest{
		RequestId: requestID(), ApplicationId: application, AgreementId: id.Format(id.Agreement, id.New()), DocumentSha256: make([]byte, 32),
		ChallengeId: id.Format(id.Challenge, id.New()), Code: rightCode,
	})
	_, cancel := d.client.CancelApplicationFlow(ctx, &flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: application})
	return map[string]rpcerr.Reason{
		"start": rpcerr.PeerReason(start), "get": rpcerr.PeerReason(get), "resume": rpcerr.PeerReason(resume),
		"choose": rpcerr.PeerReason(choose), "sign": rpcerr.PeerReason(sign), "cancel": rpcerr.PeerReason(cancel),
	}
}

func (d *desk) wantVerbs(t *testing.T, ctx context.Context, want map[string]rpcerr.Reason) {
	t.Helper()
	if diff := cmp.Diff(want, d.verbs(ctx)); diff != "" {
		t.Errorf("refused with (-want +got):\n%s", diff)
	}
}

const (
	noReason        = typev1.ErrorReason_ERROR_REASON_UNSPECIFIED
	flowIsNotFound  = typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND
	flowHasEnded    = typev1.ErrorReason_ERROR_REASON_FLOW_ENDED
	engineIsAway    = typev1.ErrorReason_ERROR_REASON_FLOW_ENGINE_UNAVAILABLE
	notTheCallers   = typev1.ErrorReason_ERROR_REASON_APPLICATION_NOT_FOUND
	permissionLacks = typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED
)

func TestStartBeginsOneProcess(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	req := &flowsv1.StartApplicationFlowRequest{RequestId: requestID(), ApplicationId: d.world.application.GetId()}
	for range 2 {
		res, err := d.client.StartApplicationFlow(d.ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		want := &flowsv1.ApplicationFlow{
			ApplicationId: req.GetApplicationId(), Step: flowsv1.ApplicationFlow_STEP_IDENTITY, StartTime: timestamppb.New(testBegin()),
		}
		if diff := cmp.Diff(want, res.GetFlow(), protocmp.Transform()); diff != "" {
			t.Errorf("flow (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(d.world.subject(), d.engine.subject); diff != "" {
		t.Errorf("subject (-want +got):\n%s", diff)
	}
	if got := d.engine.started[0].ID; got != "application/demo/"+req.GetApplicationId() {
		t.Errorf("named %q", got)
	}
}

func TestEndedApplicationIsAnsweredAsItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // The engine has forgotten the process.
	d.world.application.State = loansv1.Application_STATE_DISBURSED
	res, err := d.client.StartApplicationFlow(d.ctx, &flowsv1.StartApplicationFlowRequest{RequestId: requestID(), ApplicationId: d.world.application.GetId()})
	if err != nil || res.GetFlow().GetOutcome() != flowsv1.ApplicationFlow_OUTCOME_DISBURSED || len(d.engine.started) != 0 {
		t.Errorf("answered %v, %v; started %d", res, err, len(d.engine.started))
	}
	d.wantVerbs(t, d.ctx, map[string]rpcerr.Reason{
		"start": noReason, "get": noReason, "resume": flowHasEnded, "choose": flowHasEnded, "sign": flowHasEnded, "cancel": flowHasEnded,
	})
}

func TestProcessThatHasEndedTakesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_ENDED)
	d.engine.standing.Outcome = flowsv1.ApplicationFlow_OUTCOME_EXPIRED
	d.wantVerbs(t, d.ctx, map[string]rpcerr.Reason{
		"start": noReason, "get": noReason, "resume": flowHasEnded, "choose": flowHasEnded, "sign": flowHasEnded, "cancel": flowHasEnded,
	})
	_, err := d.client.CancelApplicationFlow(d.ctx, &flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: d.world.application.GetId()})
	if peer, ok := rpcerr.AsPeer(err); !ok || rpcerr.MetadataOf(peer.Err)["outcome"] != "EXPIRED" {
		t.Errorf("refused with %v", err)
	}
}

func TestWhoMayDrive(t *testing.T) {
	t.Parallel()
	allMissing := map[string]rpcerr.Reason{
		"start": notTheCallers, "get": flowIsNotFound, "resume": flowIsNotFound, "choose": flowIsNotFound, "sign": flowIsNotFound, "cancel": flowIsNotFound,
	}
	t.Run("nobody where there is no process", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		want := map[string]rpcerr.Reason{"choose": flowIsNotFound, "sign": flowIsNotFound, "cancel": flowIsNotFound, "get": flowIsNotFound, "resume": flowIsNotFound}
		d.world.application.Id = id.Format(id.Application, id.New())
		got := d.verbs(asPerson(t.Context(), id.Format(id.Person, id.New())))
		delete(got, "start")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("refused with (-want +got):\n%s", diff)
		}
	})
	t.Run("no other person", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_OFFER)
		d.engine.refuse = newRefusal(flowNotFound()).applicationError() // As the process's validators do.
		d.wantVerbs(t, asPerson(t.Context(), id.Format(id.Person, id.New())), allMissing)
	})
	t.Run("no caller without permission", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_OFFER)
		ctx := actor.AsService(t.Context(), testTenant, "push")
		d.wantVerbs(t, ctx, map[string]rpcerr.Reason{
			"start": permissionLacks, "get": permissionLacks, "resume": permissionLacks, "choose": permissionLacks, "sign": permissionLacks, "cancel": permissionLacks,
		})
	})
}

func TestEngineIsAway(t *testing.T) {
	t.Parallel()
	want := map[string]rpcerr.Reason{
		"start": engineIsAway, "get": engineIsAway, "resume": engineIsAway, "choose": engineIsAway, "sign": engineIsAway, "cancel": engineIsAway,
	}
	for name, err := range map[string]error{
		"and says so": serviceerror.NewUnavailable("shutting down"), "and is not reached": errors.New("connection refused"),
		"or has no worker": serviceerror.NewDeadlineExceeded("query timed out"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.engine.err = err
			d.wantVerbs(t, d.ctx, want)
		})
	}
	t.Run("and the caller's time ends", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.engine.err = client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded)
		ctx, cancel := context.WithDeadline(d.ctx, time.Unix(0, 0))
		defer cancel()
		_, err := d.client.CancelApplicationFlow(ctx, &flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: d.world.application.GetId()})
		if got := rpcerr.PeerReason(err); got != typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
			t.Errorf("refused with %s", got)
		}
	})
}

func TestResumeIdentitySignalsOnlyWhoWaits(t *testing.T) {
	t.Parallel()
	for step, want := range map[flowsv1.ApplicationFlow_Step]int{flowsv1.ApplicationFlow_STEP_IDENTITY: 1, flowsv1.ApplicationFlow_STEP_OFFER: 0} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t).at(step)
			res, err := d.client.ResumeIdentity(d.ctx, &flowsv1.ResumeIdentityRequest{RequestId: requestID(), ApplicationId: d.world.application.GetId()})
			if err != nil || res.GetFlow().GetStep() != step || len(d.engine.signals) != want {
				t.Errorf("answered %v, %v; signals %v", res, err, d.engine.signals)
			}
		})
	}
}

func TestUpdateCarriesTheRequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_OFFER)
	d.engine.answer = Answer{Standing: *d.engine.standing, AgreementID: "agr_demo"}
	req := &flowsv1.ChooseOfferRequest{
		RequestId: requestID(), ApplicationId: d.world.application.GetId(), OfferId: id.Format(id.Offer, id.New()), Locale: "uk",
	}
	res, err := d.client.ChooseOffer(d.ctx, req)
	if err != nil || res.GetAgreementId() != "agr_demo" {
		t.Fatalf("answered %v, %v", res, err)
	}
	sent := d.engine.updates[0]
	choice := sent.Args[0].(Choice)
	if sent.UpdateID != req.GetRequestId() || choice.OfferID != req.GetOfferId() || choice.Locale != "uk" || choice.Caller.DeviceID != "dev_demo" {
		t.Errorf("sent %+v with %+v", sent, choice)
	}
	t.Run("and an answer to another request is not given", func(t *testing.T) {
		d.engine.answer.Request = []byte("another")
		_, err := d.client.ChooseOffer(d.ctx, req)
		if got := rpcerr.PeerReason(err); got != typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
			t.Errorf("refused with %s", got)
		}
	})
}

func TestRefusalsPassByContract(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		refuse error
		want   rpcerr.Reason
		code   connect.Code
	}{
		{
			"one of the contract", refusal{Code: connect.CodeFailedPrecondition, Reason: typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED}.applicationError(),
			typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED, connect.CodeFailedPrecondition,
		},
		{
			"one between services", refusal{Code: connect.CodePermissionDenied, Reason: typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED}.applicationError(),
			typev1.ErrorReason_ERROR_REASON_INTERNAL, connect.CodeInternal,
		},
		{
			"one of another request under the same id",
			refusal{Code: connect.CodeFailedPrecondition, Reason: typev1.ErrorReason_ERROR_REASON_OFFER_EXPIRED, Request: []byte("another")}.applicationError(),
			typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED, connect.CodeAlreadyExists,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_OFFER)
			d.engine.refuse = test.refuse
			_, err := d.client.ChooseOffer(d.ctx, &flowsv1.ChooseOfferRequest{
				RequestId: requestID(), ApplicationId: d.world.application.GetId(), OfferId: id.Format(id.Offer, id.New()),
			})
			peer, ok := rpcerr.AsPeer(err)
			if !ok || peer.Reason() != test.want || peer.Err.Code() != test.code {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

func TestEventsMoveProcesses(t *testing.T) {
	t.Parallel()
	about := func(d *desk, fact *eventv1.Event) *eventv1.Event {
		fact.TenantId, fact.PersonId = testTenant, d.world.person.GetId()
		return fact
	}
	t.Run("a created application starts its process", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		event := about(d, &eventv1.Event{Fact: &eventv1.Event_ApplicationCreated{ApplicationCreated: &eventv1.ApplicationCreated{ApplicationId: d.world.application.GetId()}}})
		for range 2 {
			if err := New(d.deps).HandleEvent(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
		if d.engine.subject != d.world.subject() {
			t.Errorf("started %+v", d.engine.subject)
		}
	})
	t.Run("identity and payouts signal the processes that wait", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t).at(flowsv1.ApplicationFlow_STEP_IDENTITY)
		loan := id.Format(id.Loan, id.New())
		d.world.loan = &loansv1.Loan{Id: loan, ApplicationId: d.world.application.GetId()}
		for _, event := range []*eventv1.Event{
			{Fact: &eventv1.Event_ProfileUpdated{ProfileUpdated: &eventv1.ProfileUpdated{}}},
			{Fact: &eventv1.Event_ConsentsGiven{ConsentsGiven: &eventv1.ConsentsGiven{}}},
			{Fact: &eventv1.Event_PayoutPaid{PayoutPaid: &eventv1.PayoutPaid{LoanId: loan}}},
			{Fact: &eventv1.Event_PayoutRejected{PayoutRejected: &eventv1.PayoutRejected{LoanId: loan}}},
			{Fact: &eventv1.Event_PayoutPaid{PayoutPaid: &eventv1.PayoutPaid{LoanId: id.Format(id.Loan, id.New())}}},
			{Fact: &eventv1.Event_LoanClosed{LoanClosed: &eventv1.LoanClosed{LoanId: loan}}},
		} {
			if err := New(d.deps).HandleEvent(t.Context(), about(d, event)); err != nil {
				t.Fatal(err)
			}
		}
		process := d.world.subject().workflowID()
		want := []string{process + " identity-changed", process + " identity-changed", process + " payout-changed", process + " payout-changed"}
		if diff := cmp.Diff(want, d.engine.signals); diff != "" {
			t.Errorf("signals (-want +got):\n%s", diff)
		}
	})
	t.Run("and nobody is told who has no process", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		event := about(d, &eventv1.Event{Fact: &eventv1.Event_ConsentsGiven{ConsentsGiven: &eventv1.ConsentsGiven{}}})
		if err := New(d.deps).HandleEvent(t.Context(), event); err != nil {
			t.Error(err)
		}
	})
}

func TestEventWaitsForTheEngine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.engine.err = serviceerror.NewUnavailable("starting")
	ctx, cancel := context.WithCancel(t.Context())
	event := &eventv1.Event{TenantId: testTenant, Fact: &eventv1.Event_ApplicationCreated{ApplicationCreated: &eventv1.ApplicationCreated{ApplicationId: d.world.application.GetId()}}}
	done := make(chan error, 1)
	go func() { done <- New(d.deps).HandleEvent(ctx, event) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("given up with %v", err)
	}
	d.engine.err = nil
	if err := New(d.deps).HandleEvent(t.Context(), event); err != nil || len(d.engine.started) == 0 {
		t.Errorf("not started: %v", err)
	}
}
