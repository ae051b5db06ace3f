package identity_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/servicetest"
)

const (
	staffAbsent  = typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND
	tooMuch      = typev1.ErrorReason_ERROR_REASON_ROLE_GRANT_EXCEEDED
	ownAccount   = typev1.ErrorReason_ERROR_REASON_STAFF_SELF_CHANGE
	lastBoss     = typev1.ErrorReason_ERROR_REASON_LAST_SUPERADMIN
	staffRead    = typev1.Permission_PERMISSION_STAFF_READ
	staffWrite   = typev1.Permission_PERMISSION_STAFF_WRITE
	roleWrite    = typev1.Permission_PERMISSION_ROLE_WRITE
	auditRead    = typev1.Permission_PERMISSION_AUDIT_READ
	chatAnswer   = typev1.Permission_PERMISSION_CHAT_ANSWER
	customerRead = typev1.Permission_PERMISSION_CUSTOMER_READ
)

func TestListAndGetStaff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	for i := range 3 {
		b.invite(t, boss.as(t), fmt.Sprintf("agent%d@demo.example", i), "support_agent")
	}
	var all []string
	page := &typev1.PageRequest{PageSize: 3}
	for {
		res, err := b.staff.ListStaff(boss.as(t), &identityv1.ListStaffRequest{Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, staff := range res.GetStaff() {
			all = append(all, staff.GetEmail())
		}
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
	}
	want := []string{"agent2@demo.example", "agent1@demo.example", "agent0@demo.example", "boss@demo.example"}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	_, err := b.staff.ListStaff(boss.as(t), &identityv1.ListStaffRequest{Page: &typev1.PageRequest{PageToken: "x"}})
	refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)

	got, err := b.staff.GetStaff(boss.as(t), &identityv1.GetStaffRequest{StaffId: boss.staff.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(boss.staff, got.GetStaff(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	_, err = b.staff.GetStaff(boss.as(t), &identityv1.GetStaffRequest{StaffId: id.Format(id.Staff, id.New())})
	refused(t, err, connect.CodeNotFound, staffAbsent)
	stranger := asStaff(t.Context(), boss.session)
	who := actor.Must(stranger)
	who.TenantID = servicetest.OtherTenant
	_, err = b.staff.GetStaff(actor.With(stranger, who), &identityv1.GetStaffRequest{StaffId: boss.staff.GetId()})
	refused(t, err, connect.CodeNotFound, staffAbsent)
}

// A03 of the attack matrix: what a role loses is gone with the next call, and so is everything with the role.
func TestRolesOfAColleagueWorkAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	agent := b.join(t, boss.as(t), "agent@demo.example", "support_agent")
	if _, err := b.staff.ListStaff(agent.as(t), &identityv1.ListStaffRequest{}); err == nil {
		t.Fatal("a support agent lists staff")
	}
	set := func(version int64, roles ...string) (*identityv1.SetStaffRolesResponse, error) {
		return b.staff.SetStaffRoles(boss.as(t), &identityv1.SetStaffRolesRequest{
			RequestId: newID(), StaffId: agent.staff.GetId(), Version: version, Roles: roles,
		})
	}
	res, err := set(agent.staff.GetVersion(), "team_lead", "underwriter")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"team_lead", "underwriter"}, res.GetStaff().GetRoles()); diff != "" {
		t.Error(diff)
	}
	if _, err := b.staff.ListStaff(agent.as(t), &identityv1.ListStaffRequest{}); err != nil {
		t.Error(err)
	}
	_, err = set(agent.staff.GetVersion(), "support_agent")
	refused(t, err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_STAFF_VERSION_STALE)
	for _, name := range []string{"nothing_such", "client", "shop"} {
		_, err = set(res.GetStaff().GetVersion(), name)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_ROLE_NOT_FOUND)
	}
	if _, err = set(res.GetStaff().GetVersion()); err != nil {
		t.Fatal(err)
	}
	_, err = b.staff.ListStaff(agent.as(t), &identityv1.ListStaffRequest{})
	refused(t, err, connect.CodePermissionDenied, denied)
}

// A07 of the attack matrix, for people.
func TestNobodyTouchesMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	lead := b.with(t, boss, "hiring", staffRead, staffWrite, chatAnswer)
	equal := b.with(t, boss, "answering", chatAnswer)
	above := b.with(t, boss, "auditing", auditRead)
	as := lead.as(t)

	_, err := b.staff.InviteStaff(as, &identityv1.InviteStaffRequest{RequestId: newID(), Email: "x@demo.example", DisplayName: "x", Roles: []string{"admin"}})
	refused(t, err, connect.CodePermissionDenied, tooMuch)
	b.invite(t, as, "y@demo.example", "answering")

	_, err = b.staff.SetStaffRoles(as, &identityv1.SetStaffRolesRequest{
		RequestId: newID(), StaffId: equal.staff.GetId(), Version: equal.staff.GetVersion(), Roles: []string{"auditing"},
	})
	refused(t, err, connect.CodePermissionDenied, tooMuch)
	if got := metadata(t, err, "permission"); got != "AUDIT_READ" {
		t.Errorf("the refusal names %q", got)
	}
	for name, call := range map[string]func(staffID string) error{
		"take the roles of": func(staffID string) error {
			_, err := b.staff.SetStaffRoles(as, &identityv1.SetStaffRolesRequest{RequestId: newID(), StaffId: staffID, Version: above.staff.GetVersion()})
			return err
		},
		"suspend": func(staffID string) error {
			_, err := b.staff.SuspendStaff(as, &identityv1.SuspendStaffRequest{RequestId: newID(), StaffId: staffID})
			return err
		},
		"resume": func(staffID string) error {
			_, err := b.staff.ResumeStaff(as, &identityv1.ResumeStaffRequest{RequestId: newID(), StaffId: staffID})
			return err
		},
		"reset the second factor of": func(staffID string) error {
			_, err := b.staff.ResetSecondFactor(as, &identityv1.ResetSecondFactorRequest{RequestId: newID(), StaffId: staffID})
			return err
		},
		"reinvite": func(staffID string) error {
			_, err := b.staff.ReinviteStaff(as, &identityv1.ReinviteStaffRequest{RequestId: newID(), StaffId: staffID})
			return err
		},
		"sign out": func(staffID string) error {
			_, err := b.logins.EndStaffSessions(as, &identityv1.EndStaffSessionsRequest{RequestId: newID(), StaffId: staffID})
			return err
		},
	} {
		t.Run("a colleague does not "+name+" one who may do more", func(t *testing.T) {
			refused(t, call(above.staff.GetId()), connect.CodePermissionDenied, tooMuch)
			refused(t, call(id.Format(id.Staff, id.New())), connect.CodeNotFound, staffAbsent)
			if name != "sign out" {
				refused(t, call(lead.staff.GetId()), connect.CodePermissionDenied, ownAccount)
			}
		})
	}
	if _, err := b.authenticate(t.Context(), above.tokens.GetAccessToken()); err != nil {
		t.Errorf("none of that signed the colleague out: %v", err)
	}
}

func TestTheLastSuperadminStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	_, err := b.staff.SuspendStaff(operator(t.Context()), &identityv1.SuspendStaffRequest{RequestId: newID(), StaffId: boss.staff.GetId()})
	refused(t, err, connect.CodeFailedPrecondition, lastBoss)
	_, err = b.staff.SetStaffRoles(operator(t.Context()), &identityv1.SetStaffRolesRequest{
		RequestId: newID(), StaffId: boss.staff.GetId(), Version: boss.staff.GetVersion(), Roles: []string{"admin"},
	})
	refused(t, err, connect.CodeFailedPrecondition, lastBoss)

	// Two who take each other away at once: one of them stays.
	second := b.join(t, boss.as(t), "second@demo.example", "superadmin")
	var wg sync.WaitGroup
	for _, pair := range [][2]*member{{boss, second}, {second, boss}} {
		as := pair[0].as(t)
		wg.Go(func() {
			_, err := b.staff.SuspendStaff(as, &identityv1.SuspendStaffRequest{RequestId: newID(), StaffId: pair[1].staff.GetId()})
			if peer, ok := rpcerr.AsPeer(err); err != nil && (!ok || peer.Reason() != lastBoss) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if got := b.admin(t, "SELECT count(*) FROM identity.staff WHERE state = 'ACTIVE'")[0]; got != int64(1) {
		t.Errorf("%v superadmins are left", got)
	}
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	agent := b.join(t, boss.as(t), "agent@demo.example", "support_agent")
	req := &identityv1.SuspendStaffRequest{RequestId: newID(), StaffId: agent.staff.GetId()}
	for range 2 {
		res, err := b.staff.SuspendStaff(boss.as(t), proto.CloneOf(req))
		if err != nil || res.GetStaff().GetState() != identityv1.Staff_STATE_SUSPENDED {
			t.Fatalf("got %v, %v", res, err)
		}
	}
	_, err := b.authenticate(t.Context(), agent.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	_, err = b.refresh(t.Context(), newID(), agent.device, agent.tokens.GetRefreshToken())
	refused(t, err, connect.CodeUnauthenticated, invalid)
	_, err = b.staff.ReinviteStaff(boss.as(t), &identityv1.ReinviteStaffRequest{RequestId: newID(), StaffId: agent.staff.GetId()})
	refused(t, err, connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_STAFF_STATE_INVALID)
	for range 2 {
		res, err := b.staff.ResumeStaff(boss.as(t), &identityv1.ResumeStaffRequest{RequestId: newID(), StaffId: agent.staff.GetId()})
		if err != nil || res.GetStaff().GetState() != identityv1.Staff_STATE_ACTIVE {
			t.Fatalf("got %v, %v", res, err)
		}
	}
	agent.passes(t, asStaff(t.Context(), b.mustLogIn(t, agent.device, agent.email).GetSession()))
}

func TestResetSecondFactor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	agent := b.join(t, boss.as(t), "agent@demo.example", "support_agent")
	res, err := b.staff.ResetSecondFactor(boss.as(t), &identityv1.ResetSecondFactorRequest{RequestId: newID(), StaffId: agent.staff.GetId()})
	if err != nil || res.GetStaff().GetSecondFactor() || res.GetStaff().GetRecoveryCodesLeft() != 0 {
		t.Fatalf("got %v, %v", res, err)
	}
	_, err = b.authenticate(t.Context(), agent.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	login := b.mustLogIn(t, agent.device, agent.email)
	if !login.GetSecondFactorMissing() {
		t.Error("a second factor is there still")
	}
	waiting := asStaff(t.Context(), login.GetSession())
	begun, err := b.logins.BeginSecondFactor(waiting, &identityv1.BeginSecondFactorRequest{RequestId: newID()})
	if err != nil || begun.GetSecret() == agent.secret {
		t.Fatalf("got %v, %v", begun, err)
	}
	agent.secret = begun.GetSecret()
	old := agent.recovery
	agent.passes(t, waiting)
	if slices.Equal(old, agent.recovery) {
		t.Error("the recovery codes are the old ones")
	}
}

func TestStaffSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	agent := b.join(t, boss.as(t), "agent@demo.example", "support_agent")
	elsewhere := &member{bench: b, secret: agent.secret, device: b.enroll(t).GetId()}
	elsewhere.passes(t, asStaff(t.Context(), b.mustLogIn(t, elsewhere.device, agent.email).GetSession()))
	b.mustLogIn(t, b.enroll(t).GetId(), agent.email) // One that waits for its second factor is none.

	own, err := b.logins.ListStaffSessions(agent.as(t), &identityv1.ListStaffSessionsRequest{})
	if err != nil || len(own.GetSessions()) != 2 {
		t.Fatalf("got %v, %v", own, err)
	}
	if first := own.GetSessions()[0]; first.GetSessionId() != elsewhere.session.GetId() || first.GetCurrent() || first.GetModel() != "Demo Phone" || !own.GetSessions()[1].GetCurrent() {
		t.Errorf("got %v", own)
	}
	if seen, err := b.logins.ListStaffSessions(boss.as(t), &identityv1.ListStaffSessionsRequest{StaffId: agent.staff.GetId()}); err != nil || len(seen.GetSessions()) != 2 {
		t.Errorf("got %v, %v", seen, err)
	}
	_, err = b.logins.ListStaffSessions(agent.as(t), &identityv1.ListStaffSessionsRequest{StaffId: boss.staff.GetId()})
	refused(t, err, connect.CodeNotFound, staffAbsent)
	_, err = b.logins.EndStaffSessions(agent.as(t), &identityv1.EndStaffSessionsRequest{RequestId: newID(), StaffId: boss.staff.GetId()})
	refused(t, err, connect.CodeNotFound, staffAbsent)
	_, err = b.logins.ListStaffSessions(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), &identityv1.ListStaffSessionsRequest{})
	refused(t, err, connect.CodeNotFound, staffAbsent)

	one := &identityv1.EndStaffSessionsRequest{RequestId: newID(), SessionId: elsewhere.session.GetId()}
	for range 2 {
		if res, err := b.logins.EndStaffSessions(agent.as(t), proto.CloneOf(one)); err != nil || res.GetEnded() != 1 {
			t.Errorf("got %v, %v", res, err)
		}
	}
	_, err = b.authenticate(t.Context(), elsewhere.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	if res, err := b.logins.EndStaffSessions(agent.as(t), &identityv1.EndStaffSessionsRequest{RequestId: newID(), SessionId: boss.session.GetId()}); err != nil || res.GetEnded() != 0 {
		t.Errorf("a session of somebody else: %v, %v", res, err)
	}
	if _, err := b.logins.EndStaffSessions(boss.as(t), &identityv1.EndStaffSessionsRequest{RequestId: newID(), StaffId: agent.staff.GetId()}); err != nil {
		t.Error(err)
	}
	_, err = b.authenticate(t.Context(), agent.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
	// A staff's own log-out is that of customers.
	if _, err := b.sessions.EndSession(boss.as(t), &identityv1.EndSessionRequest{RequestId: newID(), SessionId: boss.session.GetId()}); err != nil {
		t.Error(err)
	}
	_, err = b.authenticate(t.Context(), boss.tokens.GetAccessToken())
	refused(t, err, connect.CodeUnauthenticated, expired)
}

// What staff see of customers, they see by a permission of their own, and they change nothing of theirs.
func TestStaffSeeCustomersByPermissionOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	customer := b.login(t, phoneA).GetSession()
	boss := b.superadmin(t)
	reader := b.with(t, boss, "reading", customerRead).as(t)
	answering := b.with(t, boss, "answering", chatAnswer).as(t)

	found, err := b.persons.FindPerson(reader, &identityv1.FindPersonRequest{Phone: phoneA})
	if err != nil || found.GetPerson().GetId() != customer.GetPersonId() || found.GetPerson().GetPhone() != phoneA {
		t.Errorf("got %v, %v", found, err)
	}
	if res, err := b.persons.GetPerson(reader, &identityv1.GetPersonRequest{PersonId: customer.GetPersonId()}); err != nil || res.GetPerson().GetPhone() != phoneA {
		t.Errorf("got %v, %v", res, err)
	}
	const absent = typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND
	_, err = b.persons.FindPerson(reader, &identityv1.FindPersonRequest{Phone: phoneB})
	refused(t, err, connect.CodeNotFound, absent)
	_, err = b.persons.FindPerson(reader, &identityv1.FindPersonRequest{Phone: "+10000000"})
	refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PHONE_INVALID)
	_, err = b.persons.GetPerson(reader, &identityv1.GetPersonRequest{})
	refused(t, err, connect.CodeNotFound, absent)
	_, err = b.persons.FindPerson(answering, &identityv1.FindPersonRequest{Phone: phoneA})
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.persons.GetPerson(answering, &identityv1.GetPersonRequest{PersonId: customer.GetPersonId()})
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.persons.UpdateProfile(boss.as(t), &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: demoProfile()})
	refused(t, err, connect.CodePermissionDenied, denied)
	_, err = b.devices.RevokeDevice(boss.as(t), &identityv1.RevokeDeviceRequest{RequestId: newID(), DeviceId: customer.GetDeviceId()})
	refused(t, err, connect.CodePermissionDenied, denied)
	if _, err := b.sessions.EndSession(boss.as(t), &identityv1.EndSessionRequest{RequestId: newID(), SessionId: customer.GetId()}); err != nil {
		t.Error(err)
	}
	if got := b.admin(t, "SELECT count(*) FROM identity.sessions WHERE person_id IS NOT NULL AND end_time IS NULL")[0]; got != int64(1) {
		t.Error("staff ended a customer's session by knowing its id")
	}
}
