package flows

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	temporallog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/localtemporal"
	"github.com/lendgate/lendgate/internal/pgtest"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// These let the tests below run against an engine of yours, that nobody else's worker works for; have one compiled, which takes minutes the
// first time; and keep the histories that they make.
const (
	addressVariable = "LENDGATE_TEST_TEMPORAL_ADDRESS"
	compileVariable = "LENDGATE_TEST_TEMPORALD"
	recordVariable  = "LENDGATE_TEST_RECORD_HISTORIES"
)

// engineAddress is where a Temporal frontend answers for this test: one of yours, or a server of the test's own on a throwaway PostgreSQL.
// Tests with an engine run one after the other, since two servers on one database would be one cluster.
func engineAddress(t *testing.T) string {
	t.Helper()
	if address := os.Getenv(addressVariable); address != "" {
		return address
	}
	if testing.Short() {
		t.Skip("starts a Temporal server; left out by -short")
	}
	options := localtemporal.BuildOptions{BinDir: filepath.Join("..", "..", ".lendgate", "bin")} // Where `lendgate up` keeps it.
	_, compiled, err := localtemporal.Compiled(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if !compiled && os.Getenv(compileVariable) == "" {
		t.Skipf("cmd/temporald is not compiled yet, which takes minutes: set %s=1, or run `lendgate up` once", compileVariable)
	}
	binary, err := localtemporal.Build(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	server, err := localtemporal.Start(t.Context(), localtemporal.Options{
		Binary: binary, DatabaseURL: pgtest.Database(t, "engine", nil), LogFile: filepath.Join(t.TempDir(), "temporal.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop Temporal: %v", err)
		}
	})
	return server.Address()
}

// TestHistoriesReplay runs the present code over the histories of processes that older code ran. It fails when the code would now do
// something else than it did then, which would stop processes that are under way.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	data, failures, err := converters(testKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: data, FailureConverter: failures})
			if err != nil {
				t.Fatal(err)
			}
			replayer.RegisterWorkflow(Application)
			history, workflowID := readHistory(t, file)
			err = replayer.ReplayWorkflowHistoryWithOptions(temporallog.NewStructuredLogger(discard()), history,
				worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflowID, RunID: "replayed"}})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// readHistory reads a history of testdata. Its first event names the process that its payloads are bound to.
func readHistory(t *testing.T, file string) (*historypb.History, string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	history := &historypb.History{}
	if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, history); err != nil {
		t.Fatal(err)
	}
	return history, history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
}

// running is a world with the service in front of a real engine.
type running struct {
	t      *testing.T
	world  *world
	deps   Deps
	client flowsv1connect.ApplicationFlowServiceClient
	ctx    context.Context
}

func newRunning(t *testing.T) *running {
	t.Helper()
	engine, err := Dial(Engine{Address: engineAddress(t), PayloadKey: testKey(), Log: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	w := newWorld(clock.System{})
	deps := w.deps(t)
	deps.Temporal = engine
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return &running{t: t, world: w, deps: deps, client: flowClient(t, deps), ctx: asPerson(ctx, w.person.GetId())}
}

// flowClient calls the service through the door.
func flowClient(t *testing.T, deps Deps) flowsv1connect.ApplicationFlowServiceClient {
	t.Helper()
	door, err := inproc.NewDoor(deps.Log, deps.Clock, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	return flowsv1connect.NewApplicationFlowServiceInproc(New(deps), door.Call)
}

func asPerson(ctx context.Context, person string) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: testTenant, Kind: actor.KindPerson, PersonID: person, DeviceID: "dev_demo", Permissions: actor.BorrowerPermissions(),
	})
}

// work starts a worker and answers with what ends it.
func (r *running) work() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { NewWorker(r.deps).Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	r.t.Cleanup(stop)
	return stop
}

func requestID() string { return id.New().String() }

func (r *running) start() {
	r.t.Helper()
	_, err := r.client.StartApplicationFlow(r.ctx, &flowsv1.StartApplicationFlowRequest{RequestId: requestID(), ApplicationId: r.world.application.GetId()})
	if err != nil {
		r.t.Fatal(err)
	}
}

// await asks until the process stands at a step. The engine itself makes every question wait for its turn, so this does not spin.
func (r *running) await(step flowsv1.ApplicationFlow_Step) *flowsv1.ApplicationFlow {
	r.t.Helper()
	for {
		res, err := r.client.GetApplicationFlow(r.ctx, &flowsv1.GetApplicationFlowRequest{ApplicationId: r.world.application.GetId()})
		if err != nil {
			r.t.Fatal(err)
		}
		if res.GetFlow().GetStep() == step {
			return res.GetFlow()
		}
	}
}

func (r *running) signRequest(code string) *flowsv1.SignAgreementRequest {
	return &flowsv1.SignAgreementRequest{
		RequestId: requestID(), ApplicationId: r.world.application.GetId(), AgreementId: r.world.application.GetAgreementId(),
		DocumentSha256: make([]byte, 32), ChallengeId: id.Format(id.Challenge, id.New()), Code: code,
	}
}

// keep writes the history of the process to testdata, when asked to.
func (r *running) keep(name string) {
	r.t.Helper()
	events := r.deps.Temporal.GetWorkflowHistory(r.ctx, r.world.subject().workflowID(), "", false, 0)
	history := &historypb.History{}
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		history.Events = append(history.Events, event)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, secret := range []string{rightCode, "2500000", "attempts_left", r.world.person.GetId()} {
		if bytes.Contains(text, []byte(secret)) {
			r.t.Errorf("the history holds %q in clear", secret)
		}
	}
	if os.Getenv(recordVariable) == "" {
		return
	}
	// Workers and their own queues are named after the machine that they run on.
	text = regexp.MustCompile(`"(identity|name)": "[^"]*(@|:)[^"]*"`).ReplaceAll(append(text, '\n'), []byte(`"$1": "worker"`))
	if err := os.WriteFile(filepath.Join("testdata", name+".json"), text, 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func TestProcessOutlivesItsWorkers(t *testing.T) {
	r := newRunning(t)
	w, application := r.world, r.world.application.GetId()
	w.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_UNKNOWN}
	w.person.MissingFields = []string{"tax_id"}
	stop := r.work()
	r.start()
	r.start() // Again: the same process.
	r.await(flowsv1.ApplicationFlow_STEP_IDENTITY)
	w.change(func() { w.person.MissingFields = nil })
	if _, err := r.client.ResumeIdentity(r.ctx, &flowsv1.ResumeIdentityRequest{RequestId: requestID(), ApplicationId: application}); err != nil {
		t.Fatal(err)
	}
	r.await(flowsv1.ApplicationFlow_STEP_OFFER)
	stop()

	stop = r.work()
	choice := &flowsv1.ChooseOfferRequest{RequestId: requestID(), ApplicationId: application, OfferId: w.offers[0].GetId()}
	for range 2 {
		if res, err := r.client.ChooseOffer(r.ctx, choice); err != nil || res.GetAgreementId() != w.application.GetAgreementId() {
			t.Fatalf("chose %v, %v", res, err)
		}
	}
	other := &flowsv1.ChooseOfferRequest{RequestId: choice.GetRequestId(), ApplicationId: application, OfferId: w.offers[1].GetId()}
	_, err := r.client.ChooseOffer(r.ctx, other)
	r.wantReason(err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = r.client.SignAgreement(r.ctx, r.signRequest("000000"))
	r.wantReason(err, typev1.ErrorReason_ERROR_REASON_CODE_WRONG)
	if peer, _ := rpcerr.AsPeer(err); rpcerr.MetadataOf(peer.Err)["attempts_left"] != "4" {
		t.Errorf("refused without the attempts that are left: %v", err)
	}
	signature := r.signRequest(rightCode)
	if _, err := r.client.SignAgreement(r.ctx, signature); err != nil {
		t.Fatal(err)
	}
	stop()

	r.work()
	r.await(flowsv1.ApplicationFlow_STEP_PAYOUT)
	w.change(func() { w.payoutStates = []paymentsv1.Payout_State{paymentsv1.Payout_STATE_PAID} })
	if err := r.deps.Temporal.SignalWorkflow(r.ctx, w.subject().workflowID(), "", signalPayoutChanged, nil); err != nil {
		t.Fatal(err)
	}
	if flow := r.await(flowsv1.ApplicationFlow_STEP_ENDED); flow.GetOutcome() != flowsv1.ApplicationFlow_OUTCOME_DISBURSED {
		t.Errorf("ended %s", flow.GetOutcome())
	}
	(&trial{t: t, world: w}).effects(disbursed())
	if res, err := r.client.SignAgreement(r.ctx, signature); err != nil || res.GetLoanId() != w.loan.GetId() {
		t.Errorf("the repeated signature is answered with %v, %v", res, err)
	}
	_, err = r.client.CancelApplicationFlow(r.ctx, &flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: application})
	r.wantReason(err, typev1.ErrorReason_ERROR_REASON_FLOW_ENDED)
	r.keep("disbursed")
}

func TestProcessIsWithdrawnInTheEngine(t *testing.T) {
	r := newRunning(t)
	r.work()
	r.start()
	r.await(flowsv1.ApplicationFlow_STEP_OFFER)
	stranger := asPerson(r.ctx, id.Format(id.Person, id.New()))
	request := &flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: r.world.application.GetId()}
	_, err := r.client.CancelApplicationFlow(stranger, request)
	r.wantReason(err, typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND)
	_, err = r.client.GetApplicationFlow(stranger, &flowsv1.GetApplicationFlowRequest{ApplicationId: r.world.application.GetId()})
	r.wantReason(err, typev1.ErrorReason_ERROR_REASON_FLOW_NOT_FOUND)
	for range 2 {
		res, err := r.client.CancelApplicationFlow(r.ctx, request)
		if err != nil || res.GetFlow().GetOutcome() != flowsv1.ApplicationFlow_OUTCOME_WITHDRAWN {
			t.Fatalf("withdrew %v, %v", res, err)
		}
	}
	r.start() // An ended process is answered as it is.
	r.keep("withdrawn")
}

func (r *running) wantReason(err error, want rpcerr.Reason) {
	r.t.Helper()
	if got := rpcerr.PeerReason(err); got != want {
		r.t.Errorf("refused with %s (%v), want %s", got, err, want)
	}
}

func TestEngineThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	engine, err := Dial(Engine{Address: address, PayloadKey: testKey(), Log: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	w := newWorld(clock.System{})
	deps := w.deps(t)
	deps.Temporal = engine
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { NewWorker(deps).Run(ctx) }) // A worker goes on trying, and ends when told to.
	_, err = flowClient(t, deps).GetApplicationFlow(asPerson(ctx, w.person.GetId()), &flowsv1.GetApplicationFlowRequest{ApplicationId: w.application.GetId()})
	if got := rpcerr.PeerReason(err); got != engineIsAway {
		t.Errorf("refused with %s (%v)", got, err)
	}
	_, err = flowClient(t, deps).CancelApplicationFlow(asPerson(ctx, w.person.GetId()),
		&flowsv1.CancelApplicationFlowRequest{RequestId: requestID(), ApplicationId: w.application.GetId()})
	if got := rpcerr.PeerReason(err); got != engineIsAway {
		t.Errorf("refused with %s (%v)", got, err)
	}
	cancel()
	done.Wait()
}
