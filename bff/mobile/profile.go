package mobile

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	flowsv1 "github.com/lendgate/lendgate/gen/go/lendgate/flows/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/flows/v1/flowsv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/loans/v1/loansv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// Profile shapes the profile screen and takes its changes.
type Profile struct {
	Screens       *Screens
	Persons       identityv1connect.PersonServiceClient
	Devices       identityv1connect.DeviceServiceClient
	Notifications pushv1connect.NotificationServiceClient
	Applications  loansv1connect.ApplicationServiceClient
	Flows         flowsv1connect.ApplicationFlowServiceClient
	Log           *slog.Logger
}

// GetProfile composes the profile screen.
func (s *Profile) GetProfile(ctx context.Context, req *mobilev1.GetProfileRequest) (*mobilev1.GetProfileResponse, error) {
	screen := &mobilev1.GetProfileResponse{}
	err := s.Screens.compose(ctx, screen, req.GetReadMask(),
		section{"person", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "identity.person", s.Persons.GetPerson, &identityv1.GetPersonRequest{})
			screen.Person = &mobilev1.PersonSection{Status: status, Person: res.GetPerson()}
			return err
		}},
		section{"consents", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "identity.consents", s.Persons.ListConsents, &identityv1.ListConsentsRequest{})
			screen.Consents = &mobilev1.ConsentsSection{Status: status, Consents: res.GetConsents()}
			return err
		}},
		section{"devices", func(ctx context.Context) error {
			res, status, err := fetch(ctx, s.Screens, "identity.devices", s.Devices.ListDevices, &identityv1.ListDevicesRequest{})
			screen.Devices = &mobilev1.DevicesSection{Status: status, Devices: res.GetDevices()}
			return err
		}},
	)
	if err != nil {
		return nil, err
	}
	return screen, nil
}

// UpdateProfile replaces the profile and wakes an application that waits for it.
func (s *Profile) UpdateProfile(ctx context.Context, req *mobilev1.UpdateProfileRequest) (*mobilev1.UpdateProfileResponse, error) {
	res, err := s.Persons.UpdateProfile(ctx, &identityv1.UpdateProfileRequest{
		RequestId: req.GetRequestId(), Profile: req.GetProfile(), Version: req.GetVersion(), Locale: req.GetLocale(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	s.resume(ctx, req.GetRequestId())
	return &mobilev1.UpdateProfileResponse{Person: res.GetPerson()}, nil
}

// GiveConsents records consents and wakes an application that waits for them.
func (s *Profile) GiveConsents(ctx context.Context, req *mobilev1.GiveConsentsRequest) (*mobilev1.GiveConsentsResponse, error) {
	res, err := s.Persons.GiveConsents(ctx, &identityv1.GiveConsentsRequest{
		RequestId: req.GetRequestId(), Purposes: req.GetPurposes(), TextVersion: req.GetTextVersion(),
	})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	s.resume(ctx, req.GetRequestId())
	return &mobilev1.GiveConsentsResponse{Consents: res.GetConsents()}, nil
}

// resume tells the process of the newest submitted application to look again. It is a hint: the process hears of the change by event too,
// so a failure here only costs time.
func (s *Profile) resume(ctx context.Context, requestID string) {
	list, err := s.Applications.ListApplications(ctx, &loansv1.ListApplicationsRequest{Page: &typev1.PageRequest{PageSize: 1}})
	if err != nil || len(list.GetApplications()) == 0 || list.GetApplications()[0].GetState() != loansv1.Application_STATE_SUBMITTED {
		return
	}
	_, err = s.Flows.ResumeIdentity(ctx, &flowsv1.ResumeIdentityRequest{
		RequestId: derive(requestID, "resume"), ApplicationId: list.GetApplications()[0].GetId(),
	})
	if err != nil {
		s.Log.InfoContext(ctx, "process not woken", "application_id", list.GetApplications()[0].GetId(), "error", err.Error())
	}
}

// derive makes the request_id of a second call that belongs to the caller's request.
func derive(requestID, name string) string {
	space, err := uuid.Parse(requestID)
	if err != nil {
		return requestID // The contract's rule has refused it before.
	}
	return id.Derive(space, name).String()
}

// WithdrawConsent ends a consent.
func (s *Profile) WithdrawConsent(ctx context.Context, req *mobilev1.WithdrawConsentRequest) (*mobilev1.WithdrawConsentResponse, error) {
	res, err := s.Persons.WithdrawConsent(ctx, &identityv1.WithdrawConsentRequest{RequestId: req.GetRequestId(), ConsentId: req.GetConsentId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.WithdrawConsentResponse{Consent: res.GetConsent()}, nil
}

// RevokeDevice ends a device.
func (s *Profile) RevokeDevice(ctx context.Context, req *mobilev1.RevokeDeviceRequest) (*mobilev1.RevokeDeviceResponse, error) {
	res, err := s.Devices.RevokeDevice(ctx, &identityv1.RevokeDeviceRequest{RequestId: req.GetRequestId(), DeviceId: req.GetDeviceId()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.RevokeDeviceResponse{Device: res.GetDevice()}, nil
}

// RegisterPushToken tells where push messages for this device go.
func (s *Profile) RegisterPushToken(ctx context.Context, req *mobilev1.RegisterPushTokenRequest) (*mobilev1.RegisterPushTokenResponse, error) {
	_, err := s.Notifications.RegisterPushToken(ctx, &pushv1.RegisterPushTokenRequest{RequestId: req.GetRequestId(), Token: req.GetToken()})
	if err != nil {
		return nil, rpcerr.PassPeer(err)
	}
	return &mobilev1.RegisterPushTokenResponse{}, nil
}
