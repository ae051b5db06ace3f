package link

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// hasty is the timing of tests.
var hasty = Timing{Tick: 20 * time.Millisecond, Write: 100 * time.Millisecond, Dial: 5 * time.Second}

// patient is how long a test waits for what must happen.
const patient = 30 * time.Second

// loanStandIn answers as it is told.
type loanStandIn struct {
	loansv1connect.UnimplementedLoanServiceHandler
	answer func(ctx context.Context, loan string) error
	// note makes answers long.
	note string
}

func (s *loanStandIn) GetLoan(ctx context.Context, req *loansv1.GetLoanRequest) (*loansv1.GetLoanResponse, error) {
	if s.answer != nil {
		if err := s.answer(ctx, req.GetLoanId()); err != nil {
			return nil, err
		}
	}
	return &loansv1.GetLoanResponse{Loan: &loansv1.Loan{Id: req.GetLoanId(), ApplicationId: s.note}}, nil
}

func newDoor(t testing.TB) *inproc.Door {
	t.Helper()
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, actor.NewSigner([]byte(strings.Repeat("k", 32)), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	return door
}

// rig is a server with a stand-in, and a peer that calls it.
type rig struct {
	door   *inproc.Door
	server *Server
	http   *httptest.Server
	peer   *Peer
	loans  loansv1connect.LoanServiceClient
}

// settings are what a rig differs in.
type settings struct {
	timing                Timing
	callerCalls, allCalls int
}

func newRig(t testing.TB, handler *loanStandIn, s settings) *rig {
	t.Helper()
	r := &rig{door: newDoor(t)}
	r.server = newServer(r.door, handler, s)
	r.http = httptest.NewServer(r.server.Handler(http.NotFoundHandler()))
	t.Cleanup(r.http.Close)
	r.dial(t, r.http.URL, s)
	return r
}

func newServer(door *inproc.Door, handler *loanStandIn, s settings) *Server {
	server := NewServer(ServerConfig{Door: door, Log: slog.New(slog.DiscardHandler), Timing: s.timing, MaxCalls: s.allCalls})
	server.Mount(loansv1connect.LoanServiceCalls(handler))
	return server
}

// dial makes the peer at an address.
func (r *rig) dial(t testing.TB, url string, s settings) {
	t.Helper()
	address, err := ParseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	r.peer = NewPeer(PeerConfig{Address: address, Door: r.door, Log: slog.New(slog.DiscardHandler), Timing: s.timing, MaxCalls: s.callerCalls})
	t.Cleanup(r.peer.Close)
	// What is not over the link does not reach this handler.
	r.loans = loansv1connect.NewLoanServiceInproc(loansv1connect.UnimplementedLoanServiceHandler{}, r.peer.Call)
}

// call asks for a loan, as a person with everything that a person may hold.
func (r *rig) call(ctx context.Context) error {
	_, err := r.loans.GetLoan(asPerson(ctx), &loansv1.GetLoanRequest{LoanId: newLoan()})
	return err
}

func newLoan() string { return id.Format(id.Loan, id.New()) }

func asPerson(ctx context.Context) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: "demo", Kind: actor.KindPerson, PersonID: id.Format(id.Person, id.New()), Permissions: actor.BorrowerPermissions(),
	})
}

// soon is a context that ends when a test has waited enough.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	t.Cleanup(cancel)
	return ctx
}

// receive waits for a signal.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-soon(t).Done():
		t.Fatalf("%s: it never happens", what)
		panic("unreachable")
	}
}

func expectReason(t testing.TB, err error, want typev1.ErrorReason) {
	t.Helper()
	if got := rpcerr.PeerReason(err); got != want {
		t.Errorf("error %v has reason %v, want %v", err, got, want)
	}
}
