package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// maxRoles bounds the roles of a lender, as the contract of ListRoles says.
const maxRoles = 100

// ListRoles answers with all roles of the lender.
func (s *Service) ListRoles(ctx context.Context, _ *identityv1.ListRolesRequest) (*identityv1.ListRolesResponse, error) {
	res := &identityv1.ListRolesResponse{}
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.queries.ListRoles(ctx, tx, actor.Must(ctx).TenantID)
		for _, row := range rows {
			res.Roles = append(res.Roles, roleToProto(row))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// CreateRole makes a role that allows no more than its maker may do.
func (s *Service) CreateRole(ctx context.Context, req *identityv1.CreateRoleRequest) (*identityv1.CreateRoleResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.RoleServiceCreateRoleProcedure, req, &identityv1.CreateRoleResponse{},
		func(tx pgx.Tx) (*identityv1.CreateRoleResponse, error) {
			who := actor.Must(ctx)
			if err := s.lockStaffing(ctx, tx); err != nil {
				return nil, err
			}
			if err := s.mayEdit(ctx, tx, req.GetAudience(), req.GetPermissions(), nil); err != nil {
				return nil, err
			}
			count, err := s.queries.CountRoles(ctx, tx, who.TenantID)
			if err != nil {
				return nil, fmt.Errorf("count roles: %w", err)
			}
			if count >= maxRoles {
				return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_ROLE_LIMIT_REACHED, "the lender has as many roles as it may have")
			}
			made, err := s.queries.InsertRole(ctx, tx, identitydb.InsertRoleParams{
				TenantID: who.TenantID, Name: req.GetName(), Title: req.GetTitle(), Audience: audienceName(req.GetAudience()),
				Permissions: permissionNames(sorted(req.GetPermissions())), Actor: who.String(), Now: s.deps.Clock.Now(),
			})
			if err != nil {
				return nil, fmt.Errorf("make a role: %w", err)
			}
			if made == 0 {
				return nil, rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_ROLE_EXISTS, "there is a role of this name")
			}
			row, err := s.lockRole(ctx, tx, req.GetName())
			return &identityv1.CreateRoleResponse{Role: roleToProto(row)}, err
		})
}

// UpdateRole replaces what a role is called and allows. Sessions that are open feel it with their next call: permissions are read each time.
func (s *Service) UpdateRole(ctx context.Context, req *identityv1.UpdateRoleRequest) (*identityv1.UpdateRoleResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.RoleServiceUpdateRoleProcedure, req, &identityv1.UpdateRoleResponse{},
		func(tx pgx.Tx) (*identityv1.UpdateRoleResponse, error) {
			who := actor.Must(ctx)
			if err := s.lockStaffing(ctx, tx); err != nil {
				return nil, err
			}
			row, err := s.roleOfVersion(ctx, tx, req.GetName(), req.GetVersion())
			if err != nil {
				return nil, err
			}
			if row.Name == superadminRole {
				return nil, roleProtected()
			}
			if err := s.mayEdit(ctx, tx, audienceFrom(row.Audience), req.GetPermissions(), parsePermissions(row.Permissions)); err != nil {
				return nil, err
			}
			row, err = s.queries.UpdateRole(ctx, tx, identitydb.UpdateRoleParams{
				TenantID: who.TenantID, Name: row.Name, Version: row.Version, Title: req.GetTitle(),
				Permissions: permissionNames(sorted(req.GetPermissions())), Actor: who.String(), Now: s.deps.Clock.Now(),
			})
			if err != nil {
				return nil, fmt.Errorf("change a role: %w", err)
			}
			return &identityv1.UpdateRoleResponse{Role: roleToProto(row)}, nil
		})
}

// DeleteRole deletes a role that nobody has. Staffing is held, so nobody gets it meanwhile.
func (s *Service) DeleteRole(ctx context.Context, req *identityv1.DeleteRoleRequest) (*identityv1.DeleteRoleResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.RoleServiceDeleteRoleProcedure, req, &identityv1.DeleteRoleResponse{},
		func(tx pgx.Tx) (*identityv1.DeleteRoleResponse, error) {
			who := actor.Must(ctx)
			if err := s.lockStaffing(ctx, tx); err != nil {
				return nil, err
			}
			row, err := s.roleOfVersion(ctx, tx, req.GetName(), req.GetVersion())
			if err != nil {
				return nil, err
			}
			if protected(row.Name) {
				return nil, roleProtected()
			}
			if err := s.mayEdit(ctx, tx, audienceFrom(row.Audience), nil, parsePermissions(row.Permissions)); err != nil {
				return nil, err
			}
			holders, err := s.queries.CountRoleHolders(ctx, tx, identitydb.CountRoleHoldersParams{TenantID: who.TenantID, Name: row.Name})
			if err != nil {
				return nil, fmt.Errorf("count the holders of a role: %w", err)
			}
			if holders > 0 {
				return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_ROLE_IN_USE, "somebody has this role; take it away first")
			}
			if _, err := s.queries.DeleteRole(ctx, tx, identitydb.DeleteRoleParams{TenantID: who.TenantID, Name: row.Name, Version: row.Version}); err != nil {
				return nil, fmt.Errorf("delete a role: %w", err)
			}
			return &identityv1.DeleteRoleResponse{}, nil
		})
}

// mayEdit refuses a role that its audience may not have, and an edit whose sum of what is there before and after goes beyond what the editor
// holds. Of roles for customers and partners nobody of staff holds the permissions: who may write roles may write those.
func (s *Service) mayEdit(ctx context.Context, tx pgx.Tx, audience identityv1.Role_Audience, after, before []typev1.Permission) error {
	fits := map[identityv1.Role_Audience]func(typev1.Permission) bool{
		identityv1.Role_AUDIENCE_CLIENT: actor.PersonMayHold, identityv1.Role_AUDIENCE_PARTNER: actor.PartnerMayHold,
		identityv1.Role_AUDIENCE_STAFF: actor.StaffMayHold,
	}[audience]
	for _, p := range after {
		if !fits(p) {
			return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_ROLE_PERMISSION_INVALID, "this role may not allow "+p.String(),
				rpcerr.Meta("permission", permissionName(p)), rpcerr.Field("permissions", "holds one that is not for this audience"))
		}
	}
	if audience != identityv1.Role_AUDIENCE_STAFF {
		return nil
	}
	return s.mayTouch(ctx, tx, slices.Concat(after, before))
}

// roleOfVersion locks a role that is still what its editor read.
func (s *Service) roleOfVersion(ctx context.Context, tx pgx.Tx, name string, version int64) (identitydb.Role, error) {
	row, err := s.lockRole(ctx, tx, name)
	if err != nil {
		return row, err
	}
	if row.Version != version {
		return row, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_ROLE_VERSION_STALE, "the role has changed; read it again")
	}
	return row, nil
}

func (s *Service) lockRole(ctx context.Context, tx pgx.Tx, name string) (identitydb.Role, error) {
	row, err := s.queries.LockRole(ctx, tx, identitydb.LockRoleParams{TenantID: actor.Must(ctx).TenantID, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, roleNotFound(name)
	}
	if err != nil {
		return row, fmt.Errorf("lock a role: %w", err)
	}
	return row, nil
}

func roleNotFound(name string) error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_ROLE_NOT_FOUND, "there is no such role", rpcerr.Meta("role", name))
}

func roleProtected() error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_ROLE_PROTECTED, "the platform counts on this role")
}
