package identity

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// invitationLifetime is how long the token of an invitation is good.
const invitationLifetime = 72 * time.Hour

// InviteStaff makes an account that waits for its owner to set a password.
func (s *Service) InviteStaff(ctx context.Context, req *identityv1.InviteStaffRequest) (*identityv1.InviteStaffResponse, error) {
	res, err := idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceInviteStaffProcedure, req, &identityv1.InviteStaffResponse{},
		func(tx pgx.Tx) (*identityv1.InviteStaffResponse, error) {
			if err := s.lockStaffing(ctx, tx); err != nil {
				return nil, err
			}
			if err := s.mayGive(ctx, tx, req.GetRoles()); err != nil {
				return nil, err
			}
			row, err := s.createStaff(ctx, tx, req.GetEmail(), req.GetDisplayName(), req.GetRoles())
			if err != nil {
				return nil, err
			}
			staff, err := s.staffInTx(ctx, tx, row)
			return &identityv1.InviteStaffResponse{Staff: staff, ExpireTime: timestampPtr(row.InvitationExpireTime)}, err
		})
	if err != nil {
		return nil, err
	}
	res.InvitationToken = s.invitationToken(ctx, res.GetStaff())
	return res, nil
}

// createStaff writes an account with its first invitation and its roles.
func (s *Service) createStaff(ctx context.Context, tx pgx.Tx, email, name string, roles []string) (identitydb.Staff, error) {
	who, now, staffID := actor.Must(ctx), s.deps.Clock.Now(), id.New()
	box, err := s.deps.Sealer.Make(ctx, tx, staffID)
	if err != nil {
		return identitydb.Staff{}, err
	}
	made, err := s.queries.InsertStaff(ctx, tx, identitydb.InsertStaffParams{
		TenantID: who.TenantID, ID: staffID, EmailIndex: s.emailIndex(ctx, email),
		EmailSealed:       box.Seal(staffEmailPlace(staffID), []byte(normalEmail(email))),
		DisplayNameSealed: box.Seal(staffNamePlace(staffID), []byte(name)), InvitationExpireTime: now.Add(invitationLifetime),
		Actor: who.String(), Now: now,
	})
	if err != nil {
		return identitydb.Staff{}, fmt.Errorf("make an account of staff: %w", err)
	}
	if made == 0 {
		return identitydb.Staff{}, rpcerr.New(connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_STAFF_EXISTS, "the address has an account")
	}
	if err := s.replaceRoles(ctx, tx, staffID, nil, roles); err != nil {
		return identitydb.Staff{}, err
	}
	return s.lockStaff(ctx, tx, id.Format(id.Staff, staffID))
}

// ReinviteStaff makes a new token. What opened the account before is worth nothing from here on, but for the second factor.
func (s *Service) ReinviteStaff(ctx context.Context, req *identityv1.ReinviteStaffRequest) (*identityv1.ReinviteStaffResponse, error) {
	res, err := idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffServiceReinviteStaffProcedure, req, &identityv1.ReinviteStaffResponse{},
		func(tx pgx.Tx) (*identityv1.ReinviteStaffResponse, error) {
			row, _, err := s.colleague(ctx, tx, req.GetStaffId())
			if err != nil {
				return nil, err
			}
			if row.State == staffSuspended {
				return nil, staffStateInvalid(row.State)
			}
			version, end := row.Version+1, s.deps.Clock.Now().Add(invitationLifetime) // The version that this very change makes.
			row.State, row.PasswordHash, row.InvitationVersion, row.InvitationExpireTime = staffInvited, nil, &version, &end
			if _, err := s.endSessionsOf(ctx, tx, row.ID, endCredentials, nil, nil); err != nil {
				return nil, err
			}
			staff, err := s.written(ctx, tx, row)
			return &identityv1.ReinviteStaffResponse{Staff: staff, ExpireTime: timestamppb.New(end)}, err
		})
	if err != nil {
		return nil, err
	}
	res.InvitationToken = s.invitationToken(ctx, res.GetStaff())
	return res, nil
}

// AcceptInvitation sets the password. The costly hash is computed for a token that holds and for nothing else; a token that is spent is still
// looked up among earlier requests, so that a repeat is answered.
func (s *Service) AcceptInvitation(ctx context.Context, req *identityv1.AcceptInvitationRequest) (*identityv1.AcceptInvitationResponse, error) {
	wireID, _, _ := strings.Cut(req.GetInvitationToken(), ".")
	hash, err := s.invitedHash(ctx, wireID, req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceAcceptInvitationProcedure, req, &identityv1.AcceptInvitationResponse{},
		func(tx pgx.Tx) (*identityv1.AcceptInvitationResponse, error) {
			row, err := s.lockStaff(ctx, tx, wireID)
			if err != nil && rpcerr.ReasonOf(err) != typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND {
				return nil, err
			}
			if err != nil || hash == nil || !s.opens(row, req.GetInvitationToken()) {
				return nil, invitationInvalid()
			}
			row.State, row.PasswordHash, row.InvitationVersion, row.InvitationExpireTime = staffActive, hash, nil, nil
			staff, err := s.written(ctx, tx, row)
			return &identityv1.AcceptInvitationResponse{Staff: staff}, err
		})
}

// invitedHash computes the hash of the password that an invitation asks for; nil when the token does not open the account.
func (s *Service) invitedHash(ctx context.Context, wireID string, req *identityv1.AcceptInvitationRequest) (*string, error) {
	var email string
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.staffRow(ctx, tx, wireID)
		if err != nil || !s.opens(row, req.GetInvitationToken()) {
			return err
		}
		staff, err := s.staffInTx(ctx, tx, row)
		email = staff.GetEmail()
		return err
	})
	if rpcerr.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_STAFF_NOT_FOUND || err == nil && email == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkPassword(req.GetPassword(), email); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, req.GetPassword())
	return &hash, err
}

// opens tells whether a token is that of the invitation in force.
func (s *Service) opens(row identitydb.Staff, token string) bool {
	return row.InvitationVersion != nil && s.deps.Clock.Now().Before(*row.InvitationExpireTime) &&
		hmac.Equal([]byte(token), []byte(s.tokenOf(row.TenantID, row.ID, *row.InvitationVersion)))
}

// invitationToken is the token of the invitation that an account was just given: the version is that of the answer.
func (s *Service) invitationToken(ctx context.Context, staff *identityv1.Staff) string {
	staffID, _ := id.Parse(id.Staff, staff.GetId()) // It was formatted by us.
	return s.tokenOf(actor.Must(ctx).TenantID, staffID, staff.GetVersion())
}

func (s *Service) tokenOf(tenantID string, staff uuid.UUID, version int64) string {
	secret := s.secrets.ofStaff(tenantID, staff, version, "invitation")
	return id.Format(id.Staff, staff) + "." + base64.RawURLEncoding.EncodeToString(secret)
}

func invitationInvalid() error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_INVITATION_INVALID, "the invitation has ended or was used")
}
