package link

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// TestManyCallsAtOnce has ten thousand calls under way at the same moment, all on one connection, and each gets its own answer.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	const calls = 10_000
	var waiting atomic.Int64
	all := make(chan struct{})
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		if waiting.Add(1) == calls {
			close(all)
		}
		select {
		case <-all:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}, settings{callerCalls: calls, allCalls: calls})
	ctx := asPerson(soon(t))
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			want := newLoan()
			res, err := r.loans.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: want})
			if err != nil || res.GetLoan().GetId() != want {
				t.Errorf("asked for %s, got %v, %v", want, res, err)
			}
		})
	}
	group.Wait()
	if n := len(r.server.sessions); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTooManyCallsAreRefusedAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]settings{"by the caller": {callerCalls: 2}, "by the server": {allCalls: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, goOn := make(chan struct{}), make(chan struct{})
			r := newRig(t, &loanStandIn{answer: func(context.Context, string) error { began <- struct{}{}; <-goOn; return nil }}, s)
			errs := make(chan error)
			for range 2 {
				go func() { errs <- r.call(soon(t)) }()
				receive(t, began, "the handler begins")
			}
			err := r.call(soon(t))
			expectReason(t, err, typev1.ErrorReason_ERROR_REASON_OVERLOADED)
			close(goOn)
			for range 2 {
				if err := receive(t, errs, "the answer"); err != nil {
					t.Error(err)
				}
			}
			go func() { <-began }()
			if err := r.call(soon(t)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestACancellationTravels(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan error)
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}, settings{})
	ctx, cancel := context.WithCancel(soon(t))
	errs := make(chan error)
	go func() { errs <- r.call(ctx) }()
	receive(t, began, "the handler begins")
	cancel()
	expectReason(t, receive(t, errs, "the caller goes on"), typev1.ErrorReason_ERROR_REASON_CANCELED)
	if err := receive(t, ended, "the handler hears"); !errors.Is(err, context.Canceled) {
		t.Errorf("the handler hears %v", err)
	}
}

func TestADeadlineTravels(t *testing.T) {
	t.Parallel()
	left := make(chan time.Duration, 2)
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		if time.Until(deadline) < time.Second {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}, settings{})
	for _, want := range []time.Duration{20 * time.Second, 100 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), want)
		err := r.call(ctx)
		cancel()
		if got := receive(t, left, "the handler"); got > want || got < want-10*time.Second {
			t.Errorf("the handler has %v of %v", got, want)
		}
		if want < time.Second {
			expectReason(t, err, typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED)
		} else if err != nil {
			t.Error(err)
		}
	}
	over, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	expectReason(t, r.call(over), typev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED)
}

func TestErrorsTravelWhole(t *testing.T) {
	t.Parallel()
	said := rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_DISBURSABLE, "no: \"é\"", rpcerr.Meta("state", "CLOSED"),
		rpcerr.Field("loan_id", "is closed"), rpcerr.RetryAfter(3*time.Second))
	r := newRig(t, &loanStandIn{answer: func(context.Context, string) error { return said }}, settings{})
	peer, ok := rpcerr.AsPeer(r.call(soon(t)))
	if !ok || peer.Err.Code() != said.Code() || peer.Err.Message() != said.Message() || peer.Procedure != loansv1connect.LoanServiceGetLoanProcedure {
		t.Fatalf("got %v", peer)
	}
	raw := func(err *connect.Error) (all []string) {
		for _, detail := range err.Details() {
			all = append(all, detail.Type(), string(detail.Bytes()))
		}
		return all
	}
	if diff := cmp.Diff(raw(said), raw(peer.Err)); diff != "" {
		t.Errorf("details (-said +heard)\n%s", diff)
	}
	if rpcerr.RetryAfterOf(peer.Err) != 3*time.Second || rpcerr.MetadataOf(peer.Err)["state"] != "CLOSED" {
		t.Errorf("details cannot be read: %v", peer.Err)
	}
}

func TestTracesTravel(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	inside := make(chan oteltrace.TraceID, 1)
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		inside <- oteltrace.SpanContextFromContext(ctx).TraceID()
		return nil
	}}, settings{})
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	r.door.Instrument(provider, prometheus.NewRegistry())
	ctx, root := provider.Tracer("test").Start(soon(t), "root")
	if err := r.call(ctx); err != nil {
		t.Fatal(err)
	}
	root.End()
	if got := receive(t, inside, "the handler"); got != root.SpanContext().TraceID() {
		t.Errorf("the handler is in trace %v", got)
	}
	kinds := map[oteltrace.SpanKind]int{}
	for _, span := range spans.Ended() {
		kinds[span.SpanKind()]++
	}
	if diff := cmp.Diff(map[oteltrace.SpanKind]int{oteltrace.SpanKindClient: 1, oteltrace.SpanKindServer: 1, oteltrace.SpanKindInternal: 1}, kinds); diff != "" {
		t.Error(diff)
	}
	// Of a trace that nobody records the ids go on, without spans.
	quiet := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{7}, SpanID: oteltrace.SpanID{8}})
	if err := r.call(oteltrace.ContextWithSpanContext(soon(t), quiet)); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, inside, "the handler"); got != quiet.TraceID() || len(spans.Ended()) != 3 {
		t.Errorf("the handler is in trace %v, with %d spans", got, len(spans.Ended()))
	}
}

func TestAPeerWithoutALinkIsCalledByConnect(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"it refuses": http.StatusUnauthorized, "it knows no such path": http.StatusNotFound, "it answers": http.StatusOK} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			old := httptestServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(status) }))
			r := &rig{door: newDoor(t)}
			r.dial(t, old, settings{})
			want := &loansv1.GetLoanResponse{Loan: &loansv1.Loan{Id: newLoan()}}
			for range 3 {
				got, err := r.peer.Call(asPerson(soon(t)), loansv1connect.LoanServiceGetLoanProcedure, &loansv1.GetLoanRequest{},
					func(context.Context) (proto.Message, error) { return want, nil })
				if err != nil || got != proto.Message(want) {
					t.Fatalf("got %v, %v", got, err)
				}
			}
			if asked.Load() != 1 {
				t.Errorf("it was asked for a link %d times", asked.Load())
			}
		})
	}
}

func TestAUnixSocketIsAnAddress(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{door: newDoor(t)}
	server := &http.Server{Handler: newServer(r.door, &loanStandIn{}, settings{}).Handler(http.NotFoundHandler())}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	r.dial(t, "unix://"+path, settings{})
	if err := r.call(soon(t)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "loans", "https://loans:7000", "http://", "http://loans:7000/path", "unix://host/path", "unix://", "unix:///", "%"} {
		if address, err := ParseAddress(bad); err == nil {
			t.Errorf("%q is %v", bad, address)
		}
	}
	if address, err := ParseAddress("http://loans"); err != nil || address.Address != "loans:80" {
		t.Errorf("%v, %v", address, err)
	}
}

func TestARequestThatIsTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, &loanStandIn{}, settings{})
	_, err := r.loans.GetLoan(asPerson(soon(t)), &loansv1.GetLoanRequest{LoanId: strings.Repeat("x", 9<<20)})
	expectReason(t, err, typev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE)
	if err := r.call(soon(t)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestADrainLosesNoCall(t *testing.T) {
	t.Parallel()
	door := newDoor(t)
	var answered atomic.Int64
	handler := &loanStandIn{answer: func(context.Context, string) error { answered.Add(1); return nil }}
	var now atomic.Pointer[Server]
	now.Store(newServer(door, handler, settings{}))
	url := httptestServer(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		now.Load().Handler(http.NotFoundHandler()).ServeHTTP(w, req)
	}))
	r := &rig{door: door}
	r.dial(t, url, settings{})
	ctx, stop := context.WithCancel(soon(t))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := r.call(t.Context()); err != nil {
					t.Errorf("a call was lost: %v", err)
					return
				}
			}
		})
	}
	for generation := int64(1); generation <= 20; generation++ {
		for answered.Load() < generation*200 && !t.Failed() {
			_ = r.call(t.Context())
		}
		old := now.Swap(newServer(door, handler, settings{})) // As a balancer does when one replica leaves.
		if err := old.Drain(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	group.Wait()
}

func TestADrainAnswersWhatIsUnderWayAndEndsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}), make(chan struct{})
	r := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error {
		began <- struct{}{}
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}, settings{})
	errs, drained := make(chan error), make(chan error)
	go func() { errs <- r.call(soon(t)) }()
	receive(t, began, "the handler begins")
	go func() { drained <- r.server.Drain(soon(t)) }()
	close(goOn)
	if err := receive(t, errs, "the answer"); err != nil {
		t.Error(err)
	}
	if err := receive(t, drained, "the drain"); err != nil {
		t.Error(err)
	}
	if err := r.call(soon(t)); connect.CodeOf(peerError(err)) != connect.CodeUnavailable {
		t.Errorf("a server that drains: %v", err)
	}

	stuck := newRig(t, &loanStandIn{answer: func(ctx context.Context, _ string) error { began <- struct{}{}; <-ctx.Done(); return ctx.Err() }}, settings{})
	go func() { errs <- stuck.call(soon(t)) }()
	receive(t, began, "the handler begins")
	over, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := stuck.server.Drain(over); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drained with %v", err)
	}
	if err := receive(t, errs, "the caller"); connect.CodeOf(peerError(err)) != connect.CodeUnavailable {
		t.Errorf("the caller hears %v", err)
	}
}

func peerError(err error) error {
	if peer, ok := rpcerr.AsPeer(err); ok {
		return peer.Err
	}
	return err
}

func TestAStrangerIsRefused(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	r := newRig(t, &loanStandIn{answer: func(context.Context, string) error { called <- struct{}{}; return nil }}, settings{})
	for name, token := range map[string]string{"no token": "", "none of ours": "AQAA"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+upgradePath, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", Protocol)
		req.Header.Set(actor.Header, token)
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s begins a link: %v, %v", name, res, err)
		}
	}
	const procedure = loansv1connect.LoanServiceGetLoanProcedure
	message, err := proto.Marshal(&loansv1.GetLoanRequest{LoanId: newLoan()})
	if err != nil {
		t.Fatal(err)
	}
	proof := func(procedure string, content []byte) []byte {
		return r.door.AppendProof(asPerson(t.Context()), nil, procedure, content)
	}
	w := r.wire(t)
	for name, test := range map[string]struct {
		procedure string
		proof     []byte
		want      typev1.ErrorReason
	}{
		"no proof":             {procedure, nil, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		"a proof for another":  {procedure, proof("/another", message), typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		"one of other content": {procedure, proof(procedure, append(message, 0)), typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		"no such RPC, unknown": {"/none", nil, typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN},
		"no such RPC, known":   {"/none", proof("/none", message), typev1.ErrorReason_ERROR_REASON_UNKNOWN_RPC},
	} {
		content := append(appendAsked(nil, time.Minute, oteltrace.SpanContext{}, test.procedure, test.proof), message...)
		k, answer := w.ask(t, content)
		if k != kindRefusal {
			t.Errorf("%s: it is answered", name)
			continue
		}
		if got := rpcerr.ReasonOf(parseRefusal(answer)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	select {
	case <-called:
		t.Error("the handler was called")
	default:
	}
	content := append(appendAsked(nil, time.Minute, oteltrace.SpanContext{}, procedure, proof(procedure, []byte{0xff})), 0xff)
	if k, answer := w.ask(t, content); k != kindRefusal || rpcerr.ReasonOf(parseRefusal(answer)) != typev1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST {
		t.Errorf("what is no message: kind %d, %v", k, parseRefusal(answer))
	}
}
