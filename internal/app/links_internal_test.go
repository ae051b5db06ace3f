package app

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/link"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// TestAUnixSocketServesLinksAndConnect serves a stand-in on the socket that a killed process left behind, and asks it in both ways.
func TestAUnixSocketServesLinksAndConnect(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	door, err := inproc.NewDoor(log, clock.System{}, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "loans")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()

	links := link.NewServer(link.ServerConfig{Door: door, Log: log})
	var h handlers
	h.loans.LoanServiceHandler = loansv1connect.UnimplementedLoanServiceHandler{}
	local := func(service string) bool { return service == "loans" }
	handler := links.Handler(door.Guard(h.routes(local, links, connect.WithInterceptors(door.Interceptor()))))
	s, err := listen(t.Context(), "internal", "unix://"+path, false, handler)
	if err != nil {
		t.Fatal(err)
	}
	s.links = links
	go s.serve("", "")
	t.Cleanup(func() { s.http.Close() })
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || s.url() != "unix://"+path {
		t.Errorf("the socket %s: %v, %v", s.url(), info, err)
	}
	if _, err := listen(t.Context(), "internal", "unix://"+path, true, http.NotFoundHandler()); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second process takes it: %v", err)
	}

	peers, err := newPeers(Config{Peers: map[string]string{"loans": s.url()}}, door, log, func(service string) bool { return service != "loans" })
	if err != nil {
		t.Fatal(err)
	}
	to := peers["loans"]
	t.Cleanup(to.link.Close)
	ctx := actor.AsService(t.Context(), DemoTenant, "operator")
	for way, client := range map[string]loansv1connect.LoanServiceClient{
		"over a link": loansv1connect.NewLoanServiceInproc(loansv1connect.UnimplementedLoanServiceHandler{}, to.link.Call),
		"by Connect":  loansv1connect.NewLoanServiceClient(to.http, to.url, connect.WithInterceptors(door.ClientInterceptor())),
	} {
		// What is no loan is refused by the door of the other side.
		if _, err := client.GetLoan(ctx, &loansv1.GetLoanRequest{LoanId: "x"}); rpcerr.PeerReason(err) != typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
			t.Errorf("%s: %v", way, err)
		}
	}
	if err := s.shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
