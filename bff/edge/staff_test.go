package edge_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/bff/edge"
	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/tenant"
)

// console is what staff reach: it notes who came in.
type console struct {
	agentv1connect.UnimplementedRoleServiceHandler
	agentv1connect.UnimplementedAuthServiceHandler
	who atomic.Pointer[actor.Actor]
}

func (c *console) ListRoles(ctx context.Context, _ *agentv1.ListRolesRequest) (*agentv1.ListRolesResponse, error) {
	who := actor.Must(ctx)
	c.who.Store(&who)
	return &agentv1.ListRolesResponse{}, nil
}

func (c *console) LogIn(context.Context, *agentv1.LogInRequest) (*agentv1.LogInResponse, error) {
	return &agentv1.LogInResponse{}, nil
}

// staffRig is a rig whose session is one of staff.
type staffRig struct {
	*rig
	console *console
	staff   string
	// denied are the calls that the edge told of, and what it heard back.
	denied  []string
	noAudit error
}

// staffSessions knows one session of staff, with the permissions of the stand-in.
type staffSessions struct {
	identityv1connect.UnimplementedSessionServiceHandler
	rig     *staffRig
	standIn *identityStandIn
}

func (s *staffSessions) AuthenticateSession(context.Context, *identityv1.AuthenticateSessionRequest) (*identityv1.AuthenticateSessionResponse, error) {
	return &identityv1.AuthenticateSessionResponse{TenantId: "demo", Session: &identityv1.Session{
		Id: id.Format(id.Session, id.New()), StaffId: s.rig.staff, DeviceId: s.rig.device, Permissions: s.standIn.permissions,
		ExpireTime: timestamppb.New(noon.Add(10 * time.Minute)),
	}}, nil
}

func newStaffRig(t *testing.T, networks []string, permissions ...typev1.Permission) *staffRig {
	t.Helper()
	base, standIn := newRig(t, edge.Config{}, permissions...)
	r := &staffRig{rig: base, console: &console{}, staff: id.Format(id.Staff, id.New())}
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), r.clock, actor.NewSigner(make([]byte, 32), actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	lender := &tenant.Tenant{ID: "demo", Currency: "UAH", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"}}
	for _, network := range networks {
		lender.StaffNetworks = append(lender.StaffNetworks, netip.MustParsePrefix(network))
	}
	lenders, err := tenant.NewDirectory(lender)
	if err != nil {
		t.Fatal(err)
	}
	e, err := edge.New(edge.Config{}, edge.Deps{
		Log: slog.New(slog.DiscardHandler), Clock: r.clock, Door: door, Redis: r.client, Tenants: lenders, Metrics: prometheus.NewRegistry(),
		Devices:  identityv1connect.NewDeviceServiceInproc(standIn, door.Call),
		Sessions: identityv1connect.NewSessionServiceInproc(&staffSessions{rig: r, standIn: standIn}, door.Call),
		Denied: func(ctx context.Context, procedure string, refusal error) error {
			r.denied = append(r.denied, actor.Must(ctx).String()+" "+procedure+" "+rpcerr.Name(rpcerr.ReasonOf(refusal)))
			return r.noAudit
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Mount(agentv1connect.RoleServiceRoutes(r.console))
	e.Mount(agentv1connect.AuthServiceRoutes(r.console))
	e.Mount(mobilev1connect.HomeServiceRoutes(r.screens))
	r.server = httptest.NewServer(e.Handler())
	t.Cleanup(r.server.Close)
	return r
}

// listRoles asks for the roles in the session of staff.
func (r *staffRig) listRoles(t *testing.T) answer {
	t.Helper()
	return r.send(t, r.sign(t, r.loggedIn(r.request(t, agentv1connect.RoleServiceListRolesProcedure, &agentv1.ListRolesRequest{}))))
}

func TestStaffPassAsThemselves(t *testing.T) {
	t.Parallel()
	r := newStaffRig(t, nil, typev1.Permission_PERMISSION_STAFF_READ)
	if got := r.listRoles(t); got.status != 200 {
		t.Fatalf("answered %d %s", got.status, got.reason)
	}
	if who := r.console.who.Load(); who.Kind != actor.KindStaff || who.String() != "staff:"+r.staff || who.PersonID != "" {
		t.Errorf("came in as %+v", who)
	}
	// A screen of customers is none of theirs.
	if got := r.send(t, r.sign(t, r.home(t))); got.status != 403 || got.reason != "PERMISSION_DENIED" || r.screens.calls.Load() != 0 {
		t.Errorf("answered %d %s", got.status, got.reason)
	}
}

func TestACustomerDoesNotEnterTheConsole(t *testing.T) {
	t.Parallel()
	r, _ := newRig(t, edge.Config{})
	r.edge.Mount(agentv1connect.AuthServiceRoutes(&console{}))
	for _, procedure := range []string{agentv1connect.AuthServiceGetMeProcedure, agentv1connect.AuthServiceLogInProcedure} {
		got := r.send(t, r.sign(t, r.loggedIn(r.request(t, procedure, &agentv1.GetMeRequest{}))))
		if got.status != 403 || got.reason != "PERMISSION_DENIED" {
			t.Errorf("%s is answered by %d %s", procedure, got.status, got.reason)
		}
	}
}

// A03 and A10 of the attack matrix: what staff may not do is refused, and written down.
func TestWhatStaffMayNotDoIsToldOf(t *testing.T) {
	t.Parallel()
	for name, permission := range map[string]typev1.Permission{
		"another permission":              typev1.Permission_PERMISSION_CHAT_ANSWER,
		"a second factor that is missing": typev1.Permission_PERMISSION_STAFF_LOGIN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newStaffRig(t, nil, permission)
			if got := r.listRoles(t); got.status != 403 || got.reason != "PERMISSION_DENIED" {
				t.Errorf("answered %d %s", got.status, got.reason)
			}
			want := "staff:" + r.staff + " " + agentv1connect.RoleServiceListRolesProcedure + " PERMISSION_DENIED"
			if len(r.denied) != 1 || r.denied[0] != want {
				t.Errorf("told of %v, want %s", r.denied, want)
			}
			r.noAudit = errors.New("no record can be written")
			if got := r.listRoles(t); got.status != 500 || got.reason != "INTERNAL" {
				t.Errorf("answered %d %s although nothing was written down", got.status, got.reason)
			}
		})
	}
}

func TestTheConsoleIsReachedFromTheStaffNetworks(t *testing.T) {
	t.Parallel()
	login := &agentv1.LogInRequest{RequestId: "7f2c1b1e-1111-4111-8111-111111111111", Email: "boss@demo.example", Password: "correct horse battery"}
	for name, c := range map[string]struct {
		networks []string
		status   int
	}{
		"anywhere when none are named": {nil, 200},
		"from one of them":             {[]string{"192.0.2.0/24", "127.0.0.0/8", "::1/128"}, 200},
		"not from elsewhere":           {[]string{"192.0.2.0/24"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newStaffRig(t, c.networks, typev1.Permission_PERMISSION_STAFF_READ)
			if got := r.listRoles(t); got.status != c.status {
				t.Errorf("answered %d %s", got.status, got.reason)
			}
			// Not even a password is tried from elsewhere.
			if got := r.send(t, r.sign(t, r.request(t, agentv1connect.AuthServiceLogInProcedure, login))); got.status != c.status {
				t.Errorf("the login is answered by %d %s", got.status, got.reason)
			}
		})
	}
}
