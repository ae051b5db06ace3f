package identity_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
)

const (
	roleAbsent    = typev1.ErrorReason_ERROR_REASON_ROLE_NOT_FOUND
	roleProtected = typev1.ErrorReason_ERROR_REASON_ROLE_PROTECTED
	staffRole     = identityv1.Role_AUDIENCE_STAFF
)

func TestALenderBeginsWithNineRoles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	res, err := b.roles.ListRoles(boss.as(t), &identityv1.ListRolesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	audiences := map[string]identityv1.Role_Audience{}
	for _, role := range res.GetRoles() {
		audiences[role.GetName()] = role.GetAudience()
		if len(role.GetPermissions()) == 0 || role.GetTitle() == "" {
			t.Errorf("%s allows nothing or has no title", role.GetName())
		}
	}
	want := map[string]identityv1.Role_Audience{
		"client": identityv1.Role_AUDIENCE_CLIENT, "shop": identityv1.Role_AUDIENCE_PARTNER, "creditor": staffRole, "underwriter": staffRole,
		"team_lead": staffRole, "collection_operator": staffRole, "support_agent": staffRole, "admin": staffRole, "superadmin": staffRole,
	}
	if diff := cmp.Diff(want, audiences); diff != "" {
		t.Error(diff)
	}
	// One that was deleted stays deleted, whatever comes after.
	shop := b.role(t, boss.as(t), "shop")
	if _, err := b.roles.DeleteRole(boss.as(t), &identityv1.DeleteRoleRequest{RequestId: newID(), Name: "shop", Version: shop.GetVersion()}); err != nil {
		t.Fatal(err)
	}
	b.login(t, phoneA)
	b.invite(t, boss.as(t), "agent@demo.example", "support_agent")
	if b.role(t, boss.as(t), "shop") != nil {
		t.Error("the deleted role came back")
	}
}

func TestARoleIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	create := &identityv1.CreateRoleRequest{
		RequestId: newID(), Name: "night_shift", Title: "Night shift", Audience: staffRole, Permissions: []typev1.Permission{chatAnswer, customerRead},
	}
	made, err := b.roles.CreateRole(boss.as(t), create)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.roles.CreateRole(boss.as(t), proto.CloneOf(create))
	if diff := cmp.Diff(made, again, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("a repeat: %v %s", err, diff)
	}
	if diff := cmp.Diff([]typev1.Permission{customerRead, chatAnswer}, made.GetRole().GetPermissions()); diff != "" {
		t.Error(diff)
	}
	create.RequestId = newID()
	_, err = b.roles.CreateRole(boss.as(t), create)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_ROLE_EXISTS)

	agent := b.join(t, boss.as(t), "agent@demo.example", "night_shift")
	update := &identityv1.UpdateRoleRequest{RequestId: newID(), Name: "night_shift", Version: 0, Title: "Nights", Permissions: []typev1.Permission{auditRead}}
	changed, err := b.roles.UpdateRole(boss.as(t), update)
	if err != nil || changed.GetRole().GetTitle() != "Nights" || changed.GetRole().GetVersion() != 1 {
		t.Fatalf("got %v, %v", changed, err)
	}
	if got := actor.Must(agent.as(t)).Permissions; !cmp.Equal(got, []typev1.Permission{auditRead}) {
		t.Errorf("an open session may %v", got)
	}
	update.RequestId = newID()
	_, err = b.roles.UpdateRole(boss.as(t), update)
	refused(t, err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_ROLE_VERSION_STALE)
	update.Name = "nothing_such"
	_, err = b.roles.UpdateRole(boss.as(t), update)
	refused(t, err, connect.CodeNotFound, roleAbsent)

	remove := func(version int64) error {
		_, err := b.roles.DeleteRole(boss.as(t), &identityv1.DeleteRoleRequest{RequestId: newID(), Name: "night_shift", Version: version})
		return err
	}
	refused(t, remove(0), connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_ROLE_VERSION_STALE)
	refused(t, remove(1), connect.CodeFailedPrecondition, typev1.ErrorReason_ERROR_REASON_ROLE_IN_USE)
	if _, err := b.staff.SetStaffRoles(boss.as(t), &identityv1.SetStaffRolesRequest{
		RequestId: newID(), StaffId: agent.staff.GetId(), Version: agent.staff.GetVersion(),
	}); err != nil {
		t.Fatal(err)
	}
	if err := remove(1); err != nil {
		t.Error(err)
	}
	refused(t, remove(1), connect.CodeNotFound, roleAbsent)
}

// A07 of the attack matrix, for roles.
func TestNobodyGrantsMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	editor := b.with(t, boss, "editing", staffRead, roleWrite, chatAnswer).as(t)
	create := func(permissions ...typev1.Permission) error {
		_, err := b.roles.CreateRole(editor, &identityv1.CreateRoleRequest{
			RequestId: newID(), Name: "made", Title: "Made", Audience: staffRole, Permissions: permissions,
		})
		return err
	}
	refused(t, create(chatAnswer, auditRead), connect.CodePermissionDenied, tooMuch)
	if err := create(chatAnswer); err != nil {
		t.Error(err)
	}
	own := b.role(t, editor, "editing")
	for name, c := range map[string]struct {
		role        string
		permissions []typev1.Permission
	}{
		"gives itself more":                       {"editing", append(own.GetPermissions(), staffWrite)},
		"takes from a role what it does not hold": {"underwriter", []typev1.Permission{chatAnswer}},
	} {
		_, err := b.roles.UpdateRole(editor, &identityv1.UpdateRoleRequest{RequestId: newID(), Name: c.role, Title: "x", Permissions: c.permissions})
		t.Run(name, func(t *testing.T) { refused(t, err, connect.CodePermissionDenied, tooMuch) })
	}
	_, err := b.roles.DeleteRole(editor, &identityv1.DeleteRoleRequest{RequestId: newID(), Name: "underwriter"})
	refused(t, err, connect.CodePermissionDenied, tooMuch)
	// What the edge remembers is not what counts: the editor's role has changed a moment ago.
	if _, err := b.roles.UpdateRole(boss.as(t), &identityv1.UpdateRoleRequest{
		RequestId: newID(), Name: "editing", Title: "Editing", Permissions: []typev1.Permission{staffRead, roleWrite},
	}); err != nil {
		t.Fatal(err)
	}
	_, err = b.roles.DeleteRole(editor, &identityv1.DeleteRoleRequest{RequestId: newID(), Name: "made"})
	refused(t, err, connect.CodePermissionDenied, tooMuch)
}

func TestARoleHoldsWhatItsAudienceMay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	for audience, wrong := range map[identityv1.Role_Audience][]typev1.Permission{
		identityv1.Role_AUDIENCE_CLIENT:  {staffRead, typev1.Permission_PERMISSION_IDENTITY_OPERATE, typev1.Permission_PERMISSION_CATALOG_READ},
		identityv1.Role_AUDIENCE_PARTNER: {staffRead, typev1.Permission_PERMISSION_LOAN_READ},
		staffRole: {
			typev1.Permission_PERMISSION_OPEN, typev1.Permission_PERMISSION_SESSION, typev1.Permission_PERMISSION_STAFF_LOGIN,
			typev1.Permission_PERMISSION_PAYMENT_WRITE, typev1.Permission_PERMISSION_MONEY_OPERATE, typev1.Permission_PERMISSION_IDENTITY_OPERATE,
		},
	} {
		for _, permission := range wrong {
			_, err := b.roles.CreateRole(boss.as(t), &identityv1.CreateRoleRequest{
				RequestId: newID(), Name: "made", Title: "Made", Audience: audience, Permissions: []typev1.Permission{permission},
			})
			refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_ROLE_PERMISSION_INVALID)
		}
	}
	// Even rows that somebody wrote by hand allow no more than that.
	customer := b.login(t, phoneA)
	b.admin(t, "UPDATE identity.roles SET permissions = permissions || '{STAFF_WRITE,PAYMENT_WRITE,MONEY_OPERATE}' RETURNING 1")
	found, err := b.authenticate(t.Context(), customer.GetTokens().GetAccessToken())
	if err != nil || len(found.GetSession().GetPermissions()) != len(actor.BorrowerPermissions()) {
		t.Errorf("a customer may %v, %v", found.GetSession().GetPermissions(), err)
	}
	if got := actor.Must(b.join(t, boss.as(t), "agent@demo.example", "support_agent").as(t)).Permissions; len(got) != 4 {
		t.Errorf("a support agent may %v", got)
	}
}

func TestThePlatformsOwnRolesStay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	for _, name := range []string{"client", "superadmin"} {
		_, err := b.roles.DeleteRole(boss.as(t), &identityv1.DeleteRoleRequest{RequestId: newID(), Name: name})
		refused(t, err, connect.CodeFailedPrecondition, roleProtected)
	}
	_, err := b.roles.UpdateRole(boss.as(t), &identityv1.UpdateRoleRequest{RequestId: newID(), Name: "superadmin", Title: "x"})
	refused(t, err, connect.CodeFailedPrecondition, roleProtected)
	client := b.role(t, boss.as(t), "client")
	if _, err := b.roles.UpdateRole(boss.as(t), &identityv1.UpdateRoleRequest{
		RequestId: newID(), Name: "client", Title: "Customer", Permissions: client.GetPermissions()[:3],
	}); err != nil {
		t.Error(err)
	}
}
