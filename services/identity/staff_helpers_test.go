package identity_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"slices"
	"testing"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity/totp"
)

const goodPassword = "correct horse battery"

// member is one of the staff, logged in on a browser of their own.
type member struct {
	staff    *identityv1.Staff
	email    string
	device   string
	session  *identityv1.Session
	tokens   *identityv1.SessionTokens
	secret   string
	recovery []string
	bench    *bench
}

// operator is the operator's own machine.
func operator(ctx context.Context) context.Context { return servicetest.AsService(ctx, "operator") }

// asStaff is a context as the edge makes it for a request of a session of staff.
func asStaff(ctx context.Context, session *identityv1.Session) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: servicetest.Tenant, Kind: actor.KindStaff, StaffID: session.GetStaffId(), DeviceID: session.GetDeviceId(),
		SessionID: session.GetId(), Permissions: session.GetPermissions(), RequestID: "req-test",
	})
}

// as is a context of the member's session with what it may do now, as the edge would learn it.
func (m *member) as(t *testing.T) context.Context {
	t.Helper()
	found, err := m.bench.authenticate(t.Context(), m.tokens.GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	return asStaff(t.Context(), found.GetSession())
}

// key is the secret of the member's authenticator app.
func (m *member) key() []byte {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(m.secret)
	if err != nil {
		panic(err) // The test's own secret.
	}
	return key
}

// code is what the member's app shows now. The clock goes on by a step first, so that it is a new one.
func (m *member) code() string {
	m.bench.Clock.Advance(totp.Period)
	return totp.At(m.key(), m.bench.Clock.Now())
}

// invite makes an account that has accepted its invitation.
func (b *bench) invite(t *testing.T, ctx context.Context, email string, roles ...string) *identityv1.Staff {
	t.Helper()
	invited, err := b.staff.InviteStaff(ctx, &identityv1.InviteStaffRequest{RequestId: newID(), Email: email, DisplayName: "Demo Colleague", Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := b.logins.AcceptInvitation(servicetest.Anonymous(t.Context()), &identityv1.AcceptInvitationRequest{
		RequestId: newID(), InvitationToken: invited.GetInvitationToken(), Password: goodPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	return accepted.GetStaff()
}

func (b *bench) logIn(t *testing.T, device, email, password string) (*identityv1.LogInStaffResponse, error) {
	t.Helper()
	return b.logins.LogInStaff(onDevice(t.Context(), device), &identityv1.LogInStaffRequest{
		RequestId: newID(), Email: email, Password: password, DeviceId: device,
	})
}

// mustLogIn gives the right password.
func (b *bench) mustLogIn(t *testing.T, device, email string) *identityv1.LogInStaffResponse {
	t.Helper()
	res, err := b.logIn(t, device, email, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (b *bench) verify(ctx context.Context, code string) (*identityv1.VerifySecondFactorResponse, error) {
	return b.logins.VerifySecondFactor(ctx, &identityv1.VerifySecondFactorRequest{RequestId: newID(), Code: code})
}

// join makes an account with roles and logs it in with both factors, for the first time.
func (b *bench) join(t *testing.T, ctx context.Context, email string, roles ...string) *member {
	t.Helper()
	m := &member{staff: b.invite(t, ctx, email, roles...), email: email, device: b.enroll(t).GetId(), bench: b}
	waiting := asStaff(t.Context(), b.mustLogIn(t, m.device, email).GetSession())
	begun, err := b.logins.BeginSecondFactor(waiting, &identityv1.BeginSecondFactorRequest{RequestId: newID()})
	if err != nil {
		t.Fatal(err)
	}
	m.secret = begun.GetSecret()
	m.passes(t, waiting)
	return m
}

// passes gives the code of the app and keeps what is opened by it.
func (m *member) passes(t *testing.T, waiting context.Context) {
	t.Helper()
	res, err := m.bench.verify(waiting, m.code())
	if err != nil {
		t.Fatal(err)
	}
	m.session, m.tokens, m.staff = res.GetSession(), res.GetTokens(), res.GetStaff()
	if len(res.GetRecoveryCodes()) > 0 {
		m.recovery = res.GetRecoveryCodes()
	}
}

// superadmin is the lender's first one.
func (b *bench) superadmin(t *testing.T) *member {
	t.Helper()
	return b.join(t, operator(t.Context()), "boss@demo.example", "superadmin")
}

// with makes a role of just these permissions and one of the staff who has it.
func (b *bench) with(t *testing.T, boss *member, name string, permissions ...typev1.Permission) *member {
	t.Helper()
	_, err := b.roles.CreateRole(boss.as(t), &identityv1.CreateRoleRequest{
		RequestId: newID(), Name: name, Title: name, Audience: identityv1.Role_AUDIENCE_STAFF, Permissions: permissions,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.join(t, boss.as(t), fmt.Sprintf("%s@demo.example", name), name)
}

// record writes an audit record of a lender.
func (b *bench) record(t *testing.T, lender, procedure string) int64 {
	t.Helper()
	res, err := b.audit.RecordCall(actor.AsService(t.Context(), lender, "edge"), &identityv1.RecordCallRequest{
		RequestId: newID(), Actor: "staff:" + id.Format(id.Staff, id.New()), Procedure: procedure, Subjects: []string{"admin", servicetest.NewPerson()},
		Outcome: "ok", EdgeRequestId: "req-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetSequence()
}

// role reads a role.
func (b *bench) role(t *testing.T, reader context.Context, name string) *identityv1.Role {
	t.Helper()
	res, err := b.roles.ListRoles(reader, &identityv1.ListRolesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(res.GetRoles(), func(r *identityv1.Role) bool { return r.GetName() == name })
	if i < 0 {
		return nil
	}
	return res.GetRoles()[i]
}
