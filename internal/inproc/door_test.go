package inproc_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/link"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// loanStandIn answers as it is told.
type loanStandIn struct {
	loansv1connect.UnimplementedLoanServiceHandler
	answer func(ctx context.Context) error
}

func (s *loanStandIn) GetLoan(ctx context.Context, req *loansv1.GetLoanRequest) (*loansv1.GetLoanResponse, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return &loansv1.GetLoanResponse{Loan: &loansv1.Loan{Id: req.GetLoanId()}}, nil
}

// ways are the ways to a service: in this process, and to another of ours by Connect, by gRPC and over a link.
func ways(t *testing.T, handler *loanStandIn) (map[string]loansv1connect.LoanServiceClient, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	door, err := inproc.NewDoor(slog.New(slog.NewTextHandler(log, nil)), clock.System{}, actor.NewSigner([]byte(strings.Repeat("k", 32)), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(loansv1connect.NewLoanServiceHandler(handler, connect.WithInterceptors(door.Interceptor())))
	server := httptest.NewUnstartedServer(door.Guard(mux))
	server.EnableHTTP2 = true // For gRPC.
	server.StartTLS()
	t.Cleanup(server.Close)
	links := link.NewServer(link.ServerConfig{Door: door, Log: slog.New(slog.DiscardHandler)})
	links.Mount(loansv1connect.LoanServiceCalls(handler))
	linked := httptest.NewServer(links.Handler(http.NotFoundHandler()))
	t.Cleanup(linked.Close)
	address, err := link.ParseAddress(linked.URL)
	if err != nil {
		t.Fatal(err)
	}
	peer := link.NewPeer(link.PeerConfig{Address: address, Door: door, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(peer.Close)
	return map[string]loansv1connect.LoanServiceClient{
		"over a link": loansv1connect.NewLoanServiceInproc(handler, peer.Call),
		"in process":  loansv1connect.NewLoanServiceInproc(handler, door.Call),
		"by Connect": loansv1connect.NewLoanServiceClient(
			&http.Client{Transport: door.Transport(server.Client().Transport)}, server.URL, connect.WithInterceptors(door.ClientInterceptor())),
		"by gRPC": loansv1connect.NewLoanServiceClient(
			&http.Client{Transport: door.Transport(server.Client().Transport)}, server.URL, connect.WithGRPC(), connect.WithInterceptors(door.ClientInterceptor())),
	}, log
}

func person() actor.Actor {
	return actor.Actor{TenantID: "demo", Kind: actor.KindPerson, PersonID: id.Format(id.Person, id.New()), Permissions: actor.BorrowerPermissions()}
}

// TestTheDoorIsTheSameBothWays sends the same calls in this process and over the network: the answers have the same codes and reasons.
func TestTheDoorIsTheSameBothWays(t *testing.T) {
	t.Parallel()
	good := &loansv1.GetLoanRequest{LoanId: id.Format(id.Loan, id.New())}
	nobody := actor.Actor{TenantID: "demo", Kind: actor.KindAnonymous}
	poor := person()
	poor.Permissions = nil
	tests := []struct {
		name   string
		who    actor.Actor
		req    *loansv1.GetLoanRequest
		answer error
		code   connect.Code
		reason typev1.ErrorReason
	}{
		{"a good call", person(), good, nil, 0, 0},
		{"no session", nobody, good, nil, connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_REQUIRED},
		{"no permission", poor, good, nil, connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED},
		{"a broken rule", person(), &loansv1.GetLoanRequest{LoanId: "loan_x"}, nil, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		{"a refusal", person(), good, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND, "no"), connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_LOAN_NOT_FOUND},
		{"a fault of ours", person(), good, errors.New("secret cause"), connect.CodeInternal, typev1.ErrorReason_ERROR_REASON_INTERNAL},
		{
			"a peer's refusal that nobody translated", person(), good,
			rpcerr.MarkPeer("/x", rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, "no")), connect.CodeInternal, typev1.ErrorReason_ERROR_REASON_INTERNAL,
		},
		{
			"a peer that is away", person(), good, rpcerr.MarkPeer("/x", connect.NewError(connect.CodeUnavailable, errors.New("refused"))),
			connect.CodeUnavailable, typev1.ErrorReason_ERROR_REASON_UNAVAILABLE,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clients, log := ways(t, &loanStandIn{answer: func(context.Context) error { return test.answer }})
			for way, client := range clients {
				_, err := client.GetLoan(actor.With(t.Context(), test.who), test.req)
				if test.code == 0 {
					if err != nil {
						t.Errorf("%s: %v", way, err)
					}
					continue
				}
				peer, ok := rpcerr.AsPeer(err)
				if !ok || peer.Err.Code() != test.code || peer.Reason() != test.reason {
					t.Errorf("%s: error %v, want %v %v", way, err, test.code, test.reason)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: the caller saw the cause: %v", way, err)
				}
			}
			if test.code == connect.CodeInternal && !strings.Contains(log.String(), "reference=ref_") {
				t.Errorf("the log has no line about it: %s", log)
			}
		})
	}
}

func TestAPanicIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	clients, _ := ways(t, &loanStandIn{answer: func(context.Context) error { panic("secret cause") }})
	for way, client := range clients {
		_, err := client.GetLoan(actor.With(t.Context(), person()), &loansv1.GetLoanRequest{LoanId: id.Format(id.Loan, id.New())})
		if rpcerr.PeerReason(err) != typev1.ErrorReason_ERROR_REASON_INTERNAL || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", way, err)
		}
	}
}

func TestCallsWithoutAnActorTokenAreRefused(t *testing.T) {
	t.Parallel()
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, actor.NewSigner([]byte(strings.Repeat("k", 32)), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	other := actor.NewSigner([]byte(strings.Repeat("x", 32)), actor.CallLifetime)
	forged := base64.RawURLEncoding.EncodeToString(other.AppendCallToken(
		nil, person(), loansv1connect.LoanServiceGetLoanProcedure, actor.Digest{}, clock.System{}.Now()))
	mux := http.NewServeMux()
	mux.Handle(loansv1connect.NewLoanServiceHandler(&loanStandIn{}, connect.WithInterceptors(door.Interceptor())))
	server := httptest.NewServer(door.Guard(mux))
	t.Cleanup(server.Close)
	for name, token := range map[string]string{"none": "", "of another key": forged, "no token": "x.y"} {
		client := loansv1connect.NewLoanServiceClient(server.Client(), server.URL, connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
			return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
				req.Header().Set(actor.Header, token)
				return next(ctx, req)
			}
		})))
		_, err := client.GetLoan(t.Context(), &loansv1.GetLoanRequest{LoanId: id.Format(id.Loan, id.New())})
		if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_CALLER_UNKNOWN {
			t.Errorf("token %s: %v", name, err)
		}
	}
}

func TestInstrumentNotesCalls(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	registry := prometheus.NewRegistry()
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, actor.NewSigner([]byte(strings.Repeat("k", 32)), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	door.Instrument(trace.NewTracerProvider(trace.WithSpanProcessor(spans)), registry)
	client := loansv1connect.NewLoanServiceInproc(&loanStandIn{answer: func(context.Context) error { return nil }}, door.Call)
	if _, err := client.GetLoan(actor.With(t.Context(), person()), &loansv1.GetLoanRequest{LoanId: id.Format(id.Loan, id.New())}); err != nil {
		t.Fatal(err)
	}
	if ended := spans.Ended(); len(ended) != 1 || ended[0].Name() != "lendgate.loans.v1.LoanService/GetLoan" {
		t.Errorf("spans %v", ended)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "lendgate_rpc_calls_total" && family.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Errorf("the call was not counted: %v", families)
}
