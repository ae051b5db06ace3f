package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
)

// Roles edits the lender's roles.
type Roles struct {
	Roles   identityv1connect.RoleServiceClient
	Records Records
}

// ListRoles answers with all roles.
func (s *Roles) ListRoles(ctx context.Context, req *agentv1.ListRolesRequest) (*agentv1.ListRolesResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.RoleServiceListRolesProcedure, req, func() (*agentv1.ListRolesResponse, error) {
		res, err := s.Roles.ListRoles(ctx, &identityv1.ListRolesRequest{})
		return &agentv1.ListRolesResponse{Roles: res.GetRoles()}, err
	})
}

// CreateRole makes a role.
func (s *Roles) CreateRole(ctx context.Context, req *agentv1.CreateRoleRequest) (*agentv1.CreateRoleResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.RoleServiceCreateRoleProcedure, req, func() (*agentv1.CreateRoleResponse, error) {
		res, err := s.Roles.CreateRole(ctx, &identityv1.CreateRoleRequest{
			RequestId: req.GetRequestId(), Name: req.GetName(), Title: req.GetTitle(), Audience: req.GetAudience(), Permissions: req.GetPermissions(),
		})
		return &agentv1.CreateRoleResponse{Role: res.GetRole()}, err
	})
}

// UpdateRole replaces what a role is called and allows.
func (s *Roles) UpdateRole(ctx context.Context, req *agentv1.UpdateRoleRequest) (*agentv1.UpdateRoleResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.RoleServiceUpdateRoleProcedure, req, func() (*agentv1.UpdateRoleResponse, error) {
		res, err := s.Roles.UpdateRole(ctx, &identityv1.UpdateRoleRequest{
			RequestId: req.GetRequestId(), Name: req.GetName(), Version: req.GetVersion(), Title: req.GetTitle(), Permissions: req.GetPermissions(),
		})
		return &agentv1.UpdateRoleResponse{Role: res.GetRole()}, err
	})
}

// DeleteRole deletes a role that nobody has.
func (s *Roles) DeleteRole(ctx context.Context, req *agentv1.DeleteRoleRequest) (*agentv1.DeleteRoleResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.RoleServiceDeleteRoleProcedure, req, func() (*agentv1.DeleteRoleResponse, error) {
		_, err := s.Roles.DeleteRole(ctx, &identityv1.DeleteRoleRequest{RequestId: req.GetRequestId(), Name: req.GetName(), Version: req.GetVersion()})
		return &agentv1.DeleteRoleResponse{}, err
	})
}
