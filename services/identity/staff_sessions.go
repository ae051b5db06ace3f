package identity

import (
	"context"
	"fmt"

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
)

// ListStaffSessions answers with the live sessions of the caller, or of a colleague.
func (s *Service) ListStaffSessions(ctx context.Context, req *identityv1.ListStaffSessionsRequest) (*identityv1.ListStaffSessionsResponse, error) {
	who := actor.Must(ctx)
	wireID, err := whose(who, req.GetStaffId(), typev1.Permission_PERMISSION_STAFF_READ)
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListStaffSessionsResponse{}
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.staffRow(ctx, tx, wireID)
		if err != nil {
			return err
		}
		sessions, err := s.queries.ListStaffSessions(ctx, tx, identitydb.ListStaffSessionsParams{
			TenantID: who.TenantID, StaffID: row.ID, Since: s.deps.Clock.Now().Add(-s.config.StaffSessionLifetime),
		})
		if err != nil {
			return fmt.Errorf("list sessions of staff: %w", err)
		}
		for _, session := range sessions {
			wire := id.Format(id.Session, session.ID)
			res.Sessions = append(res.Sessions, &identityv1.StaffSession{
				SessionId: wire, DeviceId: id.Format(id.Device, session.DeviceID), Model: session.Model, CreateTime: timestamppb.New(session.CreateTime),
				UpdateTime: timestamppb.New(session.UpdateTime), Current: wire == who.SessionID,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// EndStaffSessions signs the caller out, or a colleague who may do no more than they. The edge asks again after at most 5 s.
func (s *Service) EndStaffSessions(ctx context.Context, req *identityv1.EndStaffSessionsRequest) (*identityv1.EndStaffSessionsResponse, error) {
	who := actor.Must(ctx)
	wireID, err := whose(who, req.GetStaffId(), typev1.Permission_PERMISSION_STAFF_WRITE)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceEndStaffSessionsProcedure, req, &identityv1.EndStaffSessionsResponse{},
		func(tx pgx.Tx) (*identityv1.EndStaffSessionsResponse, error) {
			row, err := s.staffRow(ctx, tx, wireID)
			if wireID != who.StaffID {
				row, _, err = s.colleague(ctx, tx, wireID)
			}
			if err != nil {
				return nil, err
			}
			var only *uuid.UUID
			if req.GetSessionId() != "" {
				session, err := id.Parse(id.Session, req.GetSessionId())
				if err != nil {
					return &identityv1.EndStaffSessionsResponse{}, nil
				}
				only = &session
			}
			ended, err := s.endSessionsOf(ctx, tx, row.ID, endSignedOut, only, nil)
			return &identityv1.EndStaffSessionsResponse{Ended: int32(ended)}, err
		})
}

// whose is the account that a call is about: the caller's own, or one that a permission opens to them. What is not opened is answered as
// absent.
func whose(who actor.Actor, wanted string, opens typev1.Permission) (string, error) {
	switch {
	case who.StaffID != "" && (wanted == "" || wanted == who.StaffID):
		return who.StaffID, nil
	case wanted != "" && who.Holds(opens):
		return wanted, nil
	default:
		return "", staffNotFound()
	}
}

// endSessionsOf ends live sessions of an account: one when it is named, else all, but for one that is kept.
func (s *Service) endSessionsOf(ctx context.Context, tx pgx.Tx, staff uuid.UUID, reason string, only, keep *uuid.UUID) (int64, error) {
	who := actor.Must(ctx)
	ended, err := s.queries.EndStaffSessions(ctx, tx, identitydb.EndStaffSessionsParams{
		TenantID: who.TenantID, StaffID: staff, EndReason: reason, Only: only, Keep: keep, Actor: who.String(), Now: s.deps.Clock.Now(),
	})
	if err != nil {
		return 0, fmt.Errorf("end sessions of staff: %w", err)
	}
	return ended, nil
}
