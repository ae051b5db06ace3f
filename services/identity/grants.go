package identity

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The roles that the platform itself counts on.
const (
	// clientRole is the role of everybody who logs in by phone.
	clientRole = "client"
	// superadminRole allows everything that staff may do, also what a later release adds: somebody can always give the rest.
	superadminRole = "superadmin"
)

func protected(role string) bool { return role == clientRole || role == superadminRole }

// firstRole is a role that a lender begins with.
type firstRole struct {
	name, title string
	audience    identityv1.Role_Audience
	permissions []typev1.Permission
}

// firstRoles are the roles that a lender begins with. Afterwards they are the lender's own to change.
func firstRoles() []firstRole {
	const (
		customers    = typev1.Permission_PERMISSION_CUSTOMER_READ
		portfolio    = typev1.Permission_PERMISSION_PORTFOLIO_READ
		review       = typev1.Permission_PERMISSION_APPLICATION_REVIEW
		collect      = typev1.Permission_PERMISSION_COLLECTION_WORK
		chat         = typev1.Permission_PERMISSION_CHAT_ANSWER
		scoringRead  = typev1.Permission_PERMISSION_SCORING_READ
		ledgerRead   = typev1.Permission_PERMISSION_LEDGER_READ
		staffRead    = typev1.Permission_PERMISSION_STAFF_READ
		staffWrite   = typev1.Permission_PERMISSION_STAFF_WRITE
		roleWrite    = typev1.Permission_PERMISSION_ROLE_WRITE
		auditRead    = typev1.Permission_PERMISSION_AUDIT_READ
		productWrite = typev1.Permission_PERMISSION_PRODUCT_WRITE
		partnerKeys  = typev1.Permission_PERMISSION_PARTNER_KEY_WRITE
		staff        = identityv1.Role_AUDIENCE_STAFF
	)
	lead := []typev1.Permission{scoringRead, staffRead, customers, portfolio, review, collect, chat}
	return []firstRole{
		{clientRole, "Client", identityv1.Role_AUDIENCE_CLIENT, actor.BorrowerPermissions()},
		{"shop", "Shop", identityv1.Role_AUDIENCE_PARTNER, actor.PartnerPermissions()},
		{"creditor", "Creditor", staff, []typev1.Permission{ledgerRead, scoringRead, portfolio}},
		{"underwriter", "Underwriter", staff, []typev1.Permission{scoringRead, customers, portfolio, review}},
		{"collection_operator", "Collection operator", staff, []typev1.Permission{customers, portfolio, collect}},
		{"support_agent", "Support agent", staff, []typev1.Permission{customers, portfolio, chat}},
		{"team_lead", "Team lead", staff, lead},
		{"admin", "Admin", staff, append([]typev1.Permission{ledgerRead, productWrite, staffWrite, roleWrite, auditRead, partnerKeys}, lead...)},
		{superadminRole, "Superadmin", staff, actor.StaffPermissions()},
	}
}

// ensureRoles makes the first roles of a lender that has none. The superadmin's, which nobody can delete, says whether it was done: a role
// that the lender has deleted does not come back.
func (s *Service) ensureRoles(ctx context.Context, tx pgx.Tx) error {
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	for _, role := range slices.Backward(firstRoles()) { // The superadmin's first.
		made, err := s.queries.InsertRole(ctx, tx, identitydb.InsertRoleParams{
			TenantID: who.TenantID, Name: role.name, Title: role.title, Audience: audienceName(role.audience),
			Permissions: permissionNames(sorted(role.permissions)), Actor: who.String(), Now: now,
		})
		if err != nil {
			return fmt.Errorf("make the first roles: %w", err)
		}
		if role.name == superadminRole && made == 0 {
			return nil
		}
	}
	return nil
}

// lockStaffing holds everybody else who changes accounts or roles of the lender until the transaction ends, so that what one of them has
// read stays true: who holds what, and who is the last superadmin. Changes of staff are rare.
func (s *Service) lockStaffing(ctx context.Context, tx pgx.Tx) error {
	if err := s.ensureRoles(ctx, tx); err != nil {
		return err
	}
	_, err := s.lockRole(ctx, tx, superadminRole)
	return err
}

// grants are what an account of staff has.
type grants struct {
	roles       []string
	permissions []typev1.Permission
}

// grantsOf reads what one account has.
func (s *Service) grantsOf(ctx context.Context, tx pgx.Tx, staff uuid.UUID) (grants, error) {
	all, err := s.grantsOfAll(ctx, tx, []uuid.UUID{staff})
	return all[staff], err
}

// grantsOfAll reads what accounts have: the names of their roles, and the union of what these allow in order of the numbers.
func (s *Service) grantsOfAll(ctx context.Context, tx pgx.Tx, staff []uuid.UUID) (map[uuid.UUID]grants, error) {
	rows, err := s.queries.ListStaffRoles(ctx, tx, identitydb.ListStaffRolesParams{TenantID: actor.Must(ctx).TenantID, StaffIds: staff})
	if err != nil {
		return nil, fmt.Errorf("read the roles of staff: %w", err)
	}
	all := make(map[uuid.UUID]grants, len(staff))
	for _, row := range rows {
		g := all[row.StaffID]
		g.roles = append(g.roles, row.Name)
		g.permissions = sorted(append(g.permissions, roleAllows(row.Name, row.Permissions)...))
		all[row.StaffID] = g
	}
	return all, nil
}

// roleAllows is what a role of staff allows.
func roleAllows(name string, permissions []string) []typev1.Permission {
	if name == superadminRole {
		return actor.StaffPermissions()
	}
	return permitted(parsePermissions(permissions), actor.StaffMayHold)
}

// held is what the caller of a change may give, as it is now and not as the edge remembers it. The operator's own machine, where the first
// superadmin is invited from, may give everything.
func (s *Service) held(ctx context.Context, tx pgx.Tx) ([]typev1.Permission, error) {
	who := actor.Must(ctx)
	if staff, ok := who.Staff(); ok {
		g, err := s.grantsOf(ctx, tx, staff)
		return g.permissions, err
	}
	if who.Kind == actor.KindService {
		return actor.StaffPermissions(), nil
	}
	return nil, nil
}

// mayTouch refuses a change that is about more than the caller holds (A07 of the attack matrix).
func (s *Service) mayTouch(ctx context.Context, tx pgx.Tx, permissions []typev1.Permission) error {
	held, err := s.held(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range permissions {
		if !slices.Contains(held, p) {
			return rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_ROLE_GRANT_EXCEEDED,
				"nobody gives, takes away or touches more than they hold", rpcerr.Meta("permission", permissionName(p)))
		}
	}
	return nil
}

// permitted are those of permissions that may be there at all.
func permitted(permissions []typev1.Permission, may func(typev1.Permission) bool) []typev1.Permission {
	return slices.DeleteFunc(permissions, func(p typev1.Permission) bool { return !may(p) })
}

// sorted is the set of permissions in order of their numbers.
func sorted(permissions []typev1.Permission) []typev1.Permission {
	out := slices.Clone(permissions)
	slices.Sort(out)
	return slices.Compact(out)
}
