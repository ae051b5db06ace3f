package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// The states of an account, as the column state says them.
const (
	staffInvited   = "INVITED"
	staffActive    = "ACTIVE"
	staffSuspended = "SUSPENDED"
)

// staffList names the list of ListStaff for page tokens.
const staffList = "identity.staff"

// emailField is the field of an address's keyed hash.
const emailField = "staff.email"

// ListStaff answers with the lender's staff, newest first.
func (s *Service) ListStaff(ctx context.Context, req *identityv1.ListStaffRequest) (*identityv1.ListStaffResponse, error) {
	who := actor.Must(ctx)
	page, err := s.tokens.Read(who, staffList, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListStaffResponse{}
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		var after *uuid.UUID
		if page.After != uuid.Nil {
			after = &page.After
		}
		rows, err := s.queries.ListStaff(ctx, tx, identitydb.ListStaffParams{TenantID: who.TenantID, After: after, PageSize: page.Limit()})
		if err != nil {
			return fmt.Errorf("list staff: %w", err)
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, staffList, page, rows, func(row identitydb.Staff) uuid.UUID { return row.ID })
		res.Staff = make([]*identityv1.Staff, len(rows))
		for i, row := range rows {
			if res.Staff[i], err = s.staffInTx(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// GetStaff answers with one account.
func (s *Service) GetStaff(ctx context.Context, req *identityv1.GetStaffRequest) (*identityv1.GetStaffResponse, error) {
	staff, _, err := s.readStaff(ctx, req.GetStaffId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetStaffResponse{Staff: staff}, nil
}

// GetOwnStaff answers with the caller's own account and what it may do now.
func (s *Service) GetOwnStaff(ctx context.Context, _ *identityv1.GetOwnStaffRequest) (*identityv1.GetOwnStaffResponse, error) {
	staff, g, err := s.readStaff(ctx, actor.Must(ctx).StaffID)
	if err != nil {
		return nil, err
	}
	return &identityv1.GetOwnStaffResponse{Staff: staff, Permissions: g.permissions}, nil
}

// readStaff reads an account of the caller's lender with what it has.
func (s *Service) readStaff(ctx context.Context, wireID string) (staff *identityv1.Staff, g grants, err error) {
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.staffRow(ctx, tx, wireID)
		if err != nil {
			return err
		}
		if g, err = s.grantsOf(ctx, tx, row.ID); err != nil {
			return err
		}
		staff, err = s.staffInTx(ctx, tx, row)
		return err
	})
	return staff, g, err
}

// staffRow reads an account's row.
func (s *Service) staffRow(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Staff, error) {
	staffID, err := id.Parse(id.Staff, wireID)
	if err != nil {
		return identitydb.Staff{}, staffNotFound()
	}
	row, err := s.queries.GetStaff(ctx, tx, identitydb.GetStaffParams{TenantID: actor.Must(ctx).TenantID, ID: staffID})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, staffNotFound()
	}
	if err != nil {
		return row, fmt.Errorf("read an account of staff: %w", err)
	}
	return row, nil
}

// lockStaff is staffRow that holds the row.
func (s *Service) lockStaff(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Staff, error) {
	staffID, err := id.Parse(id.Staff, wireID)
	if err != nil {
		return identitydb.Staff{}, staffNotFound()
	}
	row, err := s.queries.LockStaff(ctx, tx, identitydb.LockStaffParams{TenantID: actor.Must(ctx).TenantID, ID: staffID})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, staffNotFound()
	}
	if err != nil {
		return row, fmt.Errorf("lock an account of staff: %w", err)
	}
	return row, nil
}

// updateStaff writes a locked row and gives it back as it is then.
func (s *Service) updateStaff(ctx context.Context, tx pgx.Tx, row identitydb.Staff) (identitydb.Staff, error) {
	row.Actor, row.UpdateTime = actor.Must(ctx).String(), s.deps.Clock.Now()
	updated, err := s.queries.UpdateStaff(ctx, tx, identitydb.UpdateStaffParams{
		TenantID: row.TenantID, ID: row.ID, Version: row.Version, State: row.State, PasswordHash: row.PasswordHash,
		InvitationVersion: row.InvitationVersion, InvitationExpireTime: row.InvitationExpireTime, TotpVersion: row.TotpVersion,
		TotpConfirmTime: row.TotpConfirmTime, TotpLastStep: row.TotpLastStep, LastLoginTime: row.LastLoginTime, Actor: row.Actor, Now: row.UpdateTime,
	})
	if err == nil && updated != 1 {
		err = errors.New("the row changed while it was locked")
	}
	if err != nil {
		return row, fmt.Errorf("write an account of staff: %w", err)
	}
	row.Version++
	return row, nil
}

// staffInTx shows an account with what is sealed and with its roles.
func (s *Service) staffInTx(ctx context.Context, tx pgx.Tx, row identitydb.Staff) (*identityv1.Staff, error) {
	box, err := s.deps.Sealer.Open(ctx, tx, row.ID)
	if err != nil {
		return nil, err
	}
	email, err := box.Unseal(staffEmailPlace(row.ID), row.EmailSealed)
	if err != nil {
		return nil, err
	}
	name, err := box.Unseal(staffNamePlace(row.ID), row.DisplayNameSealed)
	if err != nil {
		return nil, err
	}
	g, err := s.grantsOf(ctx, tx, row.ID)
	if err != nil {
		return nil, err
	}
	left, err := s.queries.CountRecoveryCodes(ctx, tx, identitydb.CountRecoveryCodesParams{TenantID: row.TenantID, StaffID: row.ID})
	if err != nil {
		return nil, fmt.Errorf("count recovery codes: %w", err)
	}
	return &identityv1.Staff{
		Id: id.Format(id.Staff, row.ID), Email: string(email), DisplayName: string(name), State: staffStateFrom(row.State), Roles: g.roles,
		SecondFactor: row.TotpConfirmTime != nil, RecoveryCodesLeft: int32(left), Version: row.Version,
		CreateTime: timestamppb.New(row.CreateTime), LastLoginTime: timestampPtr(row.LastLoginTime),
	}, nil
}

// emailIndex is the keyed hash under which an address is found without being readable. Case and outer spaces do not tell addresses apart.
func (s *Service) emailIndex(ctx context.Context, email string) []byte {
	return s.deps.Sealer.Index(actor.Must(ctx).TenantID, emailField, normalEmail(email))
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func staffEmailPlace(staff uuid.UUID) string { return "staff.email_sealed/" + staff.String() }

func staffNamePlace(staff uuid.UUID) string { return "staff.display_name_sealed/" + staff.String() }

func staffStateFrom(name string) identityv1.Staff_State {
	return identityv1.Staff_State(identityv1.Staff_State_value[statePrefix+name])
}

func staffNotFound() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND, "there is no such staff account")
}

func staffStateInvalid(state string) error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_STAFF_STATE_INVALID, "the state of the account forbids it", rpcerr.Meta("state", state))
}
