package agent

import (
	"context"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Auth logs staff in and lets them look after their own credentials.
type Auth struct {
	Devices       identityv1connect.DeviceServiceClient
	Sessions      identityv1connect.SessionServiceClient
	StaffSessions identityv1connect.StaffSessionServiceClient
	Records       Records
	// AppVersion reads the version that the console told in its headers.
	AppVersion func(ctx context.Context) string
}

// EnrollDevice registers the browser's key. It is nobody's yet, so it leaves no record.
func (s *Auth) EnrollDevice(ctx context.Context, req *agentv1.EnrollDeviceRequest) (*agentv1.EnrollDeviceResponse, error) {
	res, err := s.Devices.EnrollDevice(ctx, &identityv1.EnrollDeviceRequest{
		RequestId: req.GetRequestId(), PublicKey: req.GetPublicKey(), Platform: identityv1.Platform_PLATFORM_WEB, Model: req.GetModel(),
		AppVersion: s.AppVersion(ctx),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &agentv1.EnrollDeviceResponse{Device: res.GetDevice()}, nil
}

// RefreshSession exchanges the refresh token. A browser does it by itself every few minutes, so it leaves no record.
func (s *Auth) RefreshSession(ctx context.Context, req *agentv1.RefreshSessionRequest) (*agentv1.RefreshSessionResponse, error) {
	res, err := s.Sessions.RefreshSession(ctx, &identityv1.RefreshSessionRequest{
		RequestId: req.GetRequestId(), RefreshToken: req.GetRefreshToken(), DeviceId: actor.Must(ctx).DeviceID,
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &agentv1.RefreshSessionResponse{Session: res.GetSession(), Tokens: res.GetTokens()}, nil
}

// AcceptInvitation sets the password of a new account.
func (s *Auth) AcceptInvitation(ctx context.Context, req *agentv1.AcceptInvitationRequest) (*agentv1.AcceptInvitationResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceAcceptInvitationProcedure, req, func() (*agentv1.AcceptInvitationResponse, error) {
		res, err := s.StaffSessions.AcceptInvitation(ctx, &identityv1.AcceptInvitationRequest{
			RequestId: req.GetRequestId(), InvitationToken: req.GetInvitationToken(), Password: req.GetPassword(),
		})
		return &agentv1.AcceptInvitationResponse{Staff: res.GetStaff()}, err
	})
}

// LogIn checks the password. The record names the device; when the password was right, also whose account it is.
func (s *Auth) LogIn(ctx context.Context, req *agentv1.LogInRequest) (*agentv1.LogInResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceLogInProcedure, req, func() (*agentv1.LogInResponse, error) {
		res, err := s.StaffSessions.LogInStaff(ctx, &identityv1.LogInStaffRequest{
			RequestId: req.GetRequestId(), Email: req.GetEmail(), Password: req.GetPassword(), DeviceId: actor.Must(ctx).DeviceID,
		})
		return &agentv1.LogInResponse{Session: res.GetSession(), Tokens: res.GetTokens(), SecondFactorMissing: res.GetSecondFactorMissing()}, err
	})
}

// BeginSecondFactor makes a secret for an authenticator app.
func (s *Auth) BeginSecondFactor(ctx context.Context, req *agentv1.BeginSecondFactorRequest) (*agentv1.BeginSecondFactorResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceBeginSecondFactorProcedure, req, func() (*agentv1.BeginSecondFactorResponse, error) {
		res, err := s.StaffSessions.BeginSecondFactor(ctx, &identityv1.BeginSecondFactorRequest{RequestId: req.GetRequestId()})
		return &agentv1.BeginSecondFactorResponse{Secret: res.GetSecret(), Uri: res.GetUri()}, err
	})
}

// VerifySecondFactor exchanges the session for one that may work.
func (s *Auth) VerifySecondFactor(ctx context.Context, req *agentv1.VerifySecondFactorRequest) (*agentv1.VerifySecondFactorResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceVerifySecondFactorProcedure, req, func() (*agentv1.VerifySecondFactorResponse, error) {
		res, err := s.StaffSessions.VerifySecondFactor(ctx, &identityv1.VerifySecondFactorRequest{RequestId: req.GetRequestId(), Code: req.GetCode()})
		return &agentv1.VerifySecondFactorResponse{
			Session: res.GetSession(), Tokens: res.GetTokens(), RecoveryCodes: res.GetRecoveryCodes(), Staff: res.GetStaff(),
		}, err
	})
}

// LogOut ends the session of the request.
func (s *Auth) LogOut(ctx context.Context, req *agentv1.LogOutRequest) (*agentv1.LogOutResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceLogOutProcedure, req, func() (*agentv1.LogOutResponse, error) {
		_, err := s.Sessions.EndSession(ctx, &identityv1.EndSessionRequest{RequestId: req.GetRequestId(), SessionId: actor.Must(ctx).SessionID})
		return &agentv1.LogOutResponse{}, err
	})
}

// GetMe answers with the caller's own account.
func (s *Auth) GetMe(ctx context.Context, req *agentv1.GetMeRequest) (*agentv1.GetMeResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceGetMeProcedure, req, func() (*agentv1.GetMeResponse, error) {
		res, err := s.StaffSessions.GetOwnStaff(ctx, &identityv1.GetOwnStaffRequest{})
		return &agentv1.GetMeResponse{Staff: res.GetStaff(), Permissions: res.GetPermissions()}, err
	})
}

// ChangePassword replaces the caller's own password.
func (s *Auth) ChangePassword(ctx context.Context, req *agentv1.ChangePasswordRequest) (*agentv1.ChangePasswordResponse, error) {
	return recorded(ctx, s.Records, agentv1connect.AuthServiceChangePasswordProcedure, req, func() (*agentv1.ChangePasswordResponse, error) {
		_, err := s.StaffSessions.ChangePassword(ctx, &identityv1.ChangePasswordRequest{
			RequestId: req.GetRequestId(), CurrentPassword: req.GetCurrentPassword(), NewPassword: req.GetNewPassword(),
		})
		return &agentv1.ChangePasswordResponse{}, err
	})
}
