package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// SetStaffRoles replaces the roles of a colleague.
func (s *Service) SetStaffRoles(ctx context.Context, req *identityv1.SetStaffRolesRequest) (*identityv1.SetStaffRolesResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceSetStaffRolesProcedure, req, &identityv1.SetStaffRolesResponse{},
		func(tx pgx.Tx) (*identityv1.SetStaffRolesResponse, error) {
			row, has, err := s.colleague(ctx, tx, req.GetStaffId())
			if err != nil {
				return nil, err
			}
			if row.Version != req.GetVersion() {
				return nil, rpcerr.New(connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_STAFF_VERSION_STALE, "the account has changed; read it again")
			}
			if err := s.mayGive(ctx, tx, req.GetRoles()); err != nil {
				return nil, err
			}
			if !slices.Contains(req.GetRoles(), superadminRole) {
				if err := s.mayLose(ctx, tx, row, has); err != nil {
					return nil, err
				}
			}
			if err := s.replaceRoles(ctx, tx, row.ID, has.roles, req.GetRoles()); err != nil {
				return nil, err
			}
			staff, err := s.written(ctx, tx, row)
			return &identityv1.SetStaffRolesResponse{Staff: staff}, err
		})
}

// SuspendStaff keeps a colleague out at once: their sessions end in the same transaction.
func (s *Service) SuspendStaff(ctx context.Context, req *identityv1.SuspendStaffRequest) (*identityv1.SuspendStaffResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceSuspendStaffProcedure, req, &identityv1.SuspendStaffResponse{},
		func(tx pgx.Tx) (*identityv1.SuspendStaffResponse, error) {
			row, has, err := s.colleague(ctx, tx, req.GetStaffId())
			if err != nil {
				return nil, err
			}
			if row.State == staffSuspended {
				staff, err := s.staffInTx(ctx, tx, row)
				return &identityv1.SuspendStaffResponse{Staff: staff}, err
			}
			if err := s.mayLose(ctx, tx, row, has); err != nil {
				return nil, err
			}
			row.State, row.InvitationVersion, row.InvitationExpireTime = staffSuspended, nil, nil
			if _, err := s.endSessionsOf(ctx, tx, row.ID, endSuspended, nil, nil); err != nil {
				return nil, err
			}
			staff, err := s.written(ctx, tx, row)
			return &identityv1.SuspendStaffResponse{Staff: staff}, err
		})
}

// ResumeStaff lets a suspended colleague in again; one who never set a password needs a new invitation for that.
func (s *Service) ResumeStaff(ctx context.Context, req *identityv1.ResumeStaffRequest) (*identityv1.ResumeStaffResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceResumeStaffProcedure, req, &identityv1.ResumeStaffResponse{},
		func(tx pgx.Tx) (*identityv1.ResumeStaffResponse, error) {
			row, _, err := s.colleague(ctx, tx, req.GetStaffId())
			if err != nil {
				return nil, err
			}
			if row.State != staffSuspended {
				staff, err := s.staffInTx(ctx, tx, row)
				return &identityv1.ResumeStaffResponse{Staff: staff}, err
			}
			row.State = staffActive
			if row.PasswordHash == nil {
				row.State = staffInvited
			}
			staff, err := s.written(ctx, tx, row)
			return &identityv1.ResumeStaffResponse{Staff: staff}, err
		})
}

// ResetSecondFactor forgets the second factor of a colleague. The newest time step stays: no code that was used before is good again.
func (s *Service) ResetSecondFactor(ctx context.Context, req *identityv1.ResetSecondFactorRequest) (*identityv1.ResetSecondFactorResponse, error) {
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceResetSecondFactorProcedure, req, &identityv1.ResetSecondFactorResponse{},
		func(tx pgx.Tx) (*identityv1.ResetSecondFactorResponse, error) {
			row, _, err := s.colleague(ctx, tx, req.GetStaffId())
			if err != nil {
				return nil, err
			}
			row.TotpVersion, row.TotpConfirmTime = nil, nil
			err = s.queries.DeleteRecoveryCodes(ctx, tx, identitydb.DeleteRecoveryCodesParams{TenantID: row.TenantID, StaffID: row.ID})
			if err != nil {
				return nil, fmt.Errorf("drop recovery codes: %w", err)
			}
			if _, err := s.endSessionsOf(ctx, tx, row.ID, endCredentials, nil, nil); err != nil {
				return nil, err
			}
			staff, err := s.written(ctx, tx, row)
			return &identityv1.ResetSecondFactorResponse{Staff: staff}, err
		})
}

// colleague locks the account of somebody else whom the caller may change: one who may do no more than they (no self-promotion, and no
// promotion by way of a superior's account).
func (s *Service) colleague(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Staff, grants, error) {
	if actor.Must(ctx).StaffID == wireID {
		return identitydb.Staff{}, grants{}, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_STAFF_SELF_CHANGE,
			"nobody changes their own account this way")
	}
	if err := s.lockStaffing(ctx, tx); err != nil {
		return identitydb.Staff{}, grants{}, err
	}
	row, err := s.lockStaff(ctx, tx, wireID)
	if err != nil {
		return row, grants{}, err
	}
	has, err := s.grantsOf(ctx, tx, row.ID)
	if err != nil {
		return row, has, err
	}
	return row, has, s.mayTouch(ctx, tx, has.permissions)
}

// written writes a locked row and shows it.
func (s *Service) written(ctx context.Context, tx pgx.Tx, row identitydb.Staff) (*identityv1.Staff, error) {
	row, err := s.updateStaff(ctx, tx, row)
	if err != nil {
		return nil, err
	}
	return s.staffInTx(ctx, tx, row)
}

// mayGive refuses roles that are not there or not for staff, and those that allow more than the caller holds.
func (s *Service) mayGive(ctx context.Context, tx pgx.Tx, names []string) error {
	var permissions []typev1.Permission
	for _, name := range names {
		role, err := s.queries.GetRole(ctx, tx, identitydb.GetRoleParams{TenantID: actor.Must(ctx).TenantID, Name: name})
		if errors.Is(err, pgx.ErrNoRows) || err == nil && audienceFrom(role.Audience) != identityv1.Role_AUDIENCE_STAFF {
			return roleNotFound(name)
		}
		if err != nil {
			return fmt.Errorf("read a role: %w", err)
		}
		permissions = append(permissions, roleAllows(role.Name, role.Permissions)...)
	}
	return s.mayTouch(ctx, tx, permissions)
}

// mayLose refuses to take the last superadmin away. The caller holds lockStaffing, so the count stays true.
func (s *Service) mayLose(ctx context.Context, tx pgx.Tx, row identitydb.Staff, has grants) error {
	if row.State != staffActive || !slices.Contains(has.roles, superadminRole) {
		return nil
	}
	count, err := s.queries.CountActiveHolders(ctx, tx, identitydb.CountActiveHoldersParams{TenantID: row.TenantID, RoleName: superadminRole})
	if err != nil {
		return fmt.Errorf("count superadmins: %w", err)
	}
	if count <= 1 {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_LAST_SUPERADMIN, "this is the last active superadmin")
	}
	return nil
}

// replaceRoles gives and takes what differs.
func (s *Service) replaceRoles(ctx context.Context, tx pgx.Tx, staff uuid.UUID, before, after []string) error {
	who, now := actor.Must(ctx), s.deps.Clock.Now()
	for _, name := range before {
		if slices.Contains(after, name) {
			continue
		}
		err := s.queries.TakeStaffRole(ctx, tx, identitydb.TakeStaffRoleParams{TenantID: who.TenantID, StaffID: staff, RoleName: name})
		if err != nil {
			return fmt.Errorf("take a role: %w", err)
		}
	}
	for _, name := range after {
		err := s.queries.AssignStaffRole(ctx, tx, identitydb.AssignStaffRoleParams{
			TenantID: who.TenantID, StaffID: staff, RoleName: name, Actor: who.String(), Now: now,
		})
		if err != nil {
			return fmt.Errorf("give a role: %w", err)
		}
	}
	return nil
}
