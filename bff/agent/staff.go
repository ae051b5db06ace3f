package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
)

// Staff manages colleagues.
type Staff struct {
	Staff    identityv1connect.StaffServiceClient
	Sessions identityv1connect.StaffSessionServiceClient
	Records  Records
}

// InviteStaff makes an account and the token for its owner.
func (s *Staff) InviteStaff(ctx context.Context, req *agentv1.InviteStaffRequest) (*agentv1.InviteStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceInviteStaffProcedure, req, func() (*agentv1.InviteStaffResponse, error) {
		res, err := s.Staff.InviteStaff(ctx, &identityv1.InviteStaffRequest{
			RequestId: req.GetRequestId(), Email: req.GetEmail(), DisplayName: req.GetDisplayName(), Roles: req.GetRoles(),
		})
		return &agentv1.InviteStaffResponse{Staff: res.GetStaff(), InvitationToken: res.GetInvitationToken(), ExpireTime: res.GetExpireTime()}, err
	})
}

// ReinviteStaff makes a new token.
func (s *Staff) ReinviteStaff(ctx context.Context, req *agentv1.ReinviteStaffRequest) (*agentv1.ReinviteStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceReinviteStaffProcedure, req, func() (*agentv1.ReinviteStaffResponse, error) {
		res, err := s.Staff.ReinviteStaff(ctx, &identityv1.ReinviteStaffRequest{RequestId: req.GetRequestId(), StaffId: req.GetStaffId()})
		return &agentv1.ReinviteStaffResponse{Staff: res.GetStaff(), InvitationToken: res.GetInvitationToken(), ExpireTime: res.GetExpireTime()}, err
	})
}

// ListStaff answers with a page of the lender's staff.
func (s *Staff) ListStaff(ctx context.Context, req *agentv1.ListStaffRequest) (*agentv1.ListStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceListStaffProcedure, req, func() (*agentv1.ListStaffResponse, error) {
		res, err := s.Staff.ListStaff(ctx, &identityv1.ListStaffRequest{Page: req.GetPage()})
		return &agentv1.ListStaffResponse{Staff: res.GetStaff(), Page: res.GetPage()}, err
	})
}

// GetStaff answers with an account and its live sessions.
func (s *Staff) GetStaff(ctx context.Context, req *agentv1.GetStaffRequest) (*agentv1.GetStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceGetStaffProcedure, req, func() (*agentv1.GetStaffResponse, error) {
		res, err := s.Staff.GetStaff(ctx, &identityv1.GetStaffRequest{StaffId: req.GetStaffId()})
		if err != nil {
			return nil, err
		}
		list, err := s.Sessions.ListStaffSessions(ctx, &identityv1.ListStaffSessionsRequest{StaffId: req.GetStaffId()})
		return &agentv1.GetStaffResponse{Staff: res.GetStaff(), Sessions: list.GetSessions()}, err
	})
}

// SetStaffRoles replaces the roles of a colleague.
func (s *Staff) SetStaffRoles(ctx context.Context, req *agentv1.SetStaffRolesRequest) (*agentv1.SetStaffRolesResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceSetStaffRolesProcedure, req, func() (*agentv1.SetStaffRolesResponse, error) {
		res, err := s.Staff.SetStaffRoles(ctx, &identityv1.SetStaffRolesRequest{
			RequestId: req.GetRequestId(), StaffId: req.GetStaffId(), Version: req.GetVersion(), Roles: req.GetRoles(),
		})
		return &agentv1.SetStaffRolesResponse{Staff: res.GetStaff()}, err
	})
}

// SuspendStaff keeps a colleague out.
func (s *Staff) SuspendStaff(ctx context.Context, req *agentv1.SuspendStaffRequest) (*agentv1.SuspendStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceSuspendStaffProcedure, req, func() (*agentv1.SuspendStaffResponse, error) {
		res, err := s.Staff.SuspendStaff(ctx, &identityv1.SuspendStaffRequest{RequestId: req.GetRequestId(), StaffId: req.GetStaffId()})
		return &agentv1.SuspendStaffResponse{Staff: res.GetStaff()}, err
	})
}

// ResumeStaff lets a colleague in again.
func (s *Staff) ResumeStaff(ctx context.Context, req *agentv1.ResumeStaffRequest) (*agentv1.ResumeStaffResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceResumeStaffProcedure, req, func() (*agentv1.ResumeStaffResponse, error) {
		res, err := s.Staff.ResumeStaff(ctx, &identityv1.ResumeStaffRequest{RequestId: req.GetRequestId(), StaffId: req.GetStaffId()})
		return &agentv1.ResumeStaffResponse{Staff: res.GetStaff()}, err
	})
}

// ResetSecondFactor forgets the second factor of a colleague.
func (s *Staff) ResetSecondFactor(ctx context.Context, req *agentv1.ResetSecondFactorRequest) (*agentv1.ResetSecondFactorResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceResetSecondFactorProcedure, req, func() (*agentv1.ResetSecondFactorResponse, error) {
		res, err := s.Staff.ResetSecondFactor(ctx, &identityv1.ResetSecondFactorRequest{RequestId: req.GetRequestId(), StaffId: req.GetStaffId()})
		return &agentv1.ResetSecondFactorResponse{Staff: res.GetStaff()}, err
	})
}

// ListOwnSessions answers with the caller's own live sessions.
func (s *Staff) ListOwnSessions(ctx context.Context, req *agentv1.ListOwnSessionsRequest) (*agentv1.ListOwnSessionsResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceListOwnSessionsProcedure, req, func() (*agentv1.ListOwnSessionsResponse, error) {
		res, err := s.Sessions.ListStaffSessions(ctx, &identityv1.ListStaffSessionsRequest{})
		return &agentv1.ListOwnSessionsResponse{Sessions: res.GetSessions()}, err
	})
}

// EndSessions signs the caller or a colleague out.
func (s *Staff) EndSessions(ctx context.Context, req *agentv1.EndSessionsRequest) (*agentv1.EndSessionsResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.StaffServiceEndSessionsProcedure, req, func() (*agentv1.EndSessionsResponse, error) {
		res, err := s.Sessions.EndStaffSessions(ctx, &identityv1.EndStaffSessionsRequest{
			RequestId: req.GetRequestId(), StaffId: req.GetStaffId(), SessionId: req.GetSessionId(),
		})
		return &agentv1.EndSessionsResponse{Ended: res.GetEnded()}, err
	})
}
