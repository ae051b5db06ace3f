package mobile

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/sessionkey"
)

// Auth enrols devices and logs people in.
type Auth struct {
	Devices  identityv1connect.DeviceServiceClient
	Sessions identityv1connect.SessionServiceClient
	// RealtimeTokens signs the tokens with which websockets connect; the websocket's side verifies with the same key.
	RealtimeTokens *actor.Signer
	// SessionKeys derives the keys that sessions sign with; the edge verifies with the same.
	SessionKeys *sessionkey.Maker
	Clock       clock.Clock
	// AppVersion reads the version that the app told in its headers.
	AppVersion func(ctx context.Context) string
}

// EnrollDevice registers the key that the request was signed with.
func (s *Auth) EnrollDevice(ctx context.Context, req *mobilev1.EnrollDeviceRequest) (*mobilev1.EnrollDeviceResponse, error) {
	res, err := s.Devices.EnrollDevice(ctx, &identityv1.EnrollDeviceRequest{
		RequestId: req.GetRequestId(), PublicKey: req.GetPublicKey(), Platform: req.GetPlatform(), Model: req.GetModel(),
		AppVersion: s.AppVersion(ctx),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.EnrollDeviceResponse{Device: res.GetDevice()}, nil
}

// StartLogin sends a one-time code.
func (s *Auth) StartLogin(ctx context.Context, req *mobilev1.StartLoginRequest) (*mobilev1.StartLoginResponse, error) {
	who := actor.Must(ctx)
	res, err := s.Sessions.StartLogin(ctx, &identityv1.StartLoginRequest{
		RequestId: req.GetRequestId(), Phone: req.GetPhone(), DeviceId: who.DeviceID, Locale: who.Locale,
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.StartLoginResponse{Challenge: res.GetChallenge()}, nil
}

// ConfirmLogin exchanges the code for a session.
func (s *Auth) ConfirmLogin(ctx context.Context, req *mobilev1.ConfirmLoginRequest) (*mobilev1.ConfirmLoginResponse, error) {
	res, err := s.Sessions.ConfirmLogin(ctx, &identityv1.ConfirmLoginRequest{
		RequestId: req.GetRequestId(), ChallengeId: req.GetChallengeId(), Code: req.GetCode(), DeviceId: actor.Must(ctx).DeviceID,
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	key, err := s.sessionKey(ctx, res.GetSession(), res.GetTokens())
	if err != nil {
		return nil, err
	}
	return &mobilev1.ConfirmLoginResponse{
		Session: res.GetSession(), Tokens: res.GetTokens(), FirstLogin: res.GetFirstLogin(), SessionKey: key,
	}, nil
}

// RefreshSession exchanges the refresh token.
func (s *Auth) RefreshSession(ctx context.Context, req *mobilev1.RefreshSessionRequest) (*mobilev1.RefreshSessionResponse, error) {
	res, err := s.Sessions.RefreshSession(ctx, &identityv1.RefreshSessionRequest{
		RequestId: req.GetRequestId(), RefreshToken: req.GetRefreshToken(), DeviceId: actor.Must(ctx).DeviceID,
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	key, err := s.sessionKey(ctx, res.GetSession(), res.GetTokens())
	if err != nil {
		return nil, err
	}
	return &mobilev1.RefreshSessionResponse{Session: res.GetSession(), Tokens: res.GetTokens(), SessionKey: key}, nil
}

// sessionKey is the key that goes with a pair of tokens. It is derived and not kept, so a repeated answer holds the same.
func (s *Auth) sessionKey(ctx context.Context, session *identityv1.Session, tokens *identityv1.SessionTokens) (*identityv1.SessionKey, error) {
	secret, err := s.SessionKeys.Make(actor.Must(ctx).TenantID, session.GetId(), session.GetDeviceId(), tokens.GetAccessToken())
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	return &identityv1.SessionKey{KeyId: session.GetId(), Secret: secret, Algorithm: sessionkey.Algorithm}, nil
}

// LogOut ends the session of the request.
func (s *Auth) LogOut(ctx context.Context, req *mobilev1.LogOutRequest) (*mobilev1.LogOutResponse, error) {
	_, err := s.Sessions.EndSession(ctx, &identityv1.EndSessionRequest{RequestId: req.GetRequestId(), SessionId: actor.Must(ctx).SessionID})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.LogOutResponse{}, nil
}

// CreateRealtimeToken vouches for the caller towards the websocket, for some minutes.
func (s *Auth) CreateRealtimeToken(ctx context.Context, _ *mobilev1.CreateRealtimeTokenRequest) (*mobilev1.CreateRealtimeTokenResponse, error) {
	who, now := actor.Must(ctx), s.Clock.Now()
	token, err := s.RealtimeTokens.Sign(actor.Actor{
		TenantID: who.TenantID, Kind: who.Kind, PersonID: who.PersonID, DeviceID: who.DeviceID, SessionID: who.SessionID,
	}, now)
	if err != nil {
		return nil, fmt.Errorf("sign realtime token: %w", err)
	}
	_, end, err := s.RealtimeTokens.VerifyUntil(token, now)
	if err != nil {
		return nil, fmt.Errorf("read back realtime token: %w", err)
	}
	return &mobilev1.CreateRealtimeTokenResponse{Token: token, ExpireTime: timestamppb.New(end), Stream: "status:" + who.PersonID}, nil
}
