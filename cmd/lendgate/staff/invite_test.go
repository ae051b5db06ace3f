package staff_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/cmd/lendgate/staff"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

const (
	account = "stf_00000000000000000000000002"
	token   = account + ".secret"
)

// identity stands in for the service behind its own door: it knows one account, and notes what it is asked and what is recorded.
type identity struct {
	identityv1connect.UnimplementedStaffServiceHandler
	identityv1connect.UnimplementedAuditServiceHandler
	invited *identityv1.InviteStaffRequest
	caller  actor.Actor
	records []*identityv1.RecordCallRequest
	noAudit error
}

// InviteStaff makes the account. One address is taken.
func (s *identity) InviteStaff(ctx context.Context, req *identityv1.InviteStaffRequest) (*identityv1.InviteStaffResponse, error) {
	s.invited, s.caller = req, actor.Must(ctx)
	if req.GetEmail() == "taken@lender.example" {
		return nil, rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_STAFF_EXISTS, "the address has an account")
	}
	return &identityv1.InviteStaffResponse{
		Staff:           &identityv1.Staff{Id: account, Email: req.GetEmail(), DisplayName: req.GetDisplayName(), Roles: req.GetRoles()},
		InvitationToken: token, ExpireTime: timestamppb.New(time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)),
	}, nil
}

// ReinviteStaff makes a new token.
func (s *identity) ReinviteStaff(_ context.Context, req *identityv1.ReinviteStaffRequest) (*identityv1.ReinviteStaffResponse, error) {
	return &identityv1.ReinviteStaffResponse{
		Staff:           &identityv1.Staff{Id: req.GetStaffId(), Email: "boss@lender.example", DisplayName: "Demo Boss", Roles: []string{"superadmin"}},
		InvitationToken: token, ExpireTime: timestamppb.New(time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)),
	}, nil
}

// RecordCall notes a record.
func (s *identity) RecordCall(_ context.Context, req *identityv1.RecordCallRequest) (*identityv1.RecordCallResponse, error) {
	if s.noAudit != nil {
		return nil, s.noAudit
	}
	s.records = append(s.records, req)
	return &identityv1.RecordCallResponse{Sequence: int64(len(s.records))}, nil
}

// installation is a data folder with a master key and a running identity behind the door that its other services have, too.
func installation(t *testing.T) (*identity, app.Config) {
	t.Helper()
	master := []byte("test master key of no installation, 32 bytes or more")
	key, err := hkdf.Key(sha256.New, master, nil, "lendgate actor tokens", sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	door, err := inproc.NewDoor(slog.New(slog.DiscardHandler), clock.System{}, actor.NewSigner(key, actor.CallLifetime))
	if err != nil {
		t.Fatal(err)
	}
	service, mux := &identity{}, http.NewServeMux()
	mux.Handle(identityv1connect.NewStaffServiceHandler(service, connect.WithInterceptors(door.Interceptor())))
	mux.Handle(identityv1connect.NewAuditServiceHandler(service, connect.WithInterceptors(door.Interceptor())))
	server := httptest.NewUnstartedServer(door.Guard(mux))
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetUnencryptedHTTP2(true) // As services listen for our own processes.
	server.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	note, err := json.Marshal(app.Platform{Services: map[string]string{"identity": server.URL, "loans": server.URL, "payments": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"platform.json": string(note), "master.key": base64.StdEncoding.EncodeToString(master)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return service, app.Config{DataDir: dir}
}

func boss() staff.Invitee {
	return staff.Invitee{Email: "boss@lender.example", Name: "Demo Boss", Roles: []string{"superadmin"}}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	t.Run("prints the token and what to do with it, and leaves a record without either", func(t *testing.T) {
		t.Parallel()
		service, config := installation(t)
		var out strings.Builder
		if err := staff.Invite(t.Context(), config, boss(), &out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"Demo Boss <boss@lender.example> is invited to demo. Roles: superadmin", account, token, "2026-03-05 10:00 UTC", "AcceptInvitation",
			"lendgate staff reinvite --tenant=demo " + account,
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not said:\n%s", want, out.String())
			}
		}
		if strings.Count(out.String(), token) != 1 {
			t.Errorf("the token is not printed once:\n%s", out.String())
		}
		if service.caller.String() != "service:operator" || service.caller.TenantID != app.DemoTenant {
			t.Errorf("invited by %+v", service.caller)
		}
		if len(service.records) != 1 {
			t.Fatalf("%d records", len(service.records))
		}
		record := service.records[0]
		if record.GetProcedure() != identityv1connect.StaffServiceInviteStaffProcedure || record.GetActor() != "service:operator" || record.GetOutcome() != "ok" {
			t.Errorf("recorded %v", record)
		}
		if diff := cmp.Diff([]string{account, "superadmin"}, record.GetSubjects()); diff != "" {
			t.Errorf("about (-want +got):\n%s", diff)
		}
		if text := record.String(); strings.Contains(text, "@") || strings.Contains(text, "Boss") || strings.Contains(text, "secret") {
			t.Errorf("the record holds what is personal or secret: %s", text)
		}
	})
	t.Run("records a refusal, too", func(t *testing.T) {
		t.Parallel()
		service, config := installation(t)
		taken := boss()
		taken.Email = "taken@lender.example"
		err := staff.Invite(t.Context(), config, taken, &strings.Builder{})
		if rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_STAFF_EXISTS {
			t.Errorf("answered %v", err)
		}
		if len(service.records) != 1 || service.records[0].GetOutcome() != "already_exists" || service.records[0].GetReason() != "STAFF_EXISTS" {
			t.Errorf("recorded %v", service.records)
		}
	})
	t.Run("says which flag is wrong", func(t *testing.T) {
		t.Parallel()
		service, config := installation(t)
		wrong := boss()
		wrong.Email = "boss"
		if err := staff.Invite(t.Context(), config, wrong, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "email: ") {
			t.Errorf("answered %v", err)
		}
		if service.invited != nil {
			t.Errorf("invited %v", service.invited)
		}
	})
	t.Run("shows no token that is not on record", func(t *testing.T) {
		t.Parallel()
		service, config := installation(t)
		service.noAudit = rpcerr.Unavailable("no database")
		var out strings.Builder
		err := staff.Invite(t.Context(), config, boss(), &out)
		if err == nil || !strings.Contains(err.Error(), "staff reinvite --tenant=demo "+account) || out.Len() > 0 {
			t.Errorf("answered %v and said %q", err, out.String())
		}
	})
	t.Run("knows the lenders of the configuration", func(t *testing.T) {
		t.Parallel()
		service, config := installation(t)
		stranger := boss()
		stranger.Tenant = "nobody"
		if err := staff.Invite(t.Context(), config, stranger, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
			t.Errorf("answered %v", err)
		}
		if service.invited != nil {
			t.Errorf("invited %v", service.invited)
		}
	})
}

func TestReinvite(t *testing.T) {
	t.Parallel()
	service, config := installation(t)
	var out strings.Builder
	if err := staff.Reinvite(t.Context(), config, app.DemoTenant, account, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), token) {
		t.Errorf("the token is not printed:\n%s", out.String())
	}
	if len(service.records) != 1 || service.records[0].GetProcedure() != identityv1connect.StaffServiceReinviteStaffProcedure {
		t.Errorf("recorded %v", service.records)
	}
}
