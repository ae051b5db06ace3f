package identity

import (
	"encoding/base64"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
)

// Enums lie in the database by their names in the contract without the prefix: readable, and independent of numbers.
const (
	platformPrefix       = "PLATFORM_"
	purposePrefix        = "PURPOSE_"
	statePrefix          = "STATE_"
	consentPurposePrefix = "CONSENT_PURPOSE_"
	permissionPrefix     = "PERMISSION_"
	audiencePrefix       = "AUDIENCE_"
)

func platformName(p identityv1.Platform) string {
	return strings.TrimPrefix(p.String(), platformPrefix)
}

func purposeName(p identityv1.Challenge_Purpose) string {
	return strings.TrimPrefix(p.String(), purposePrefix)
}

func stateName(s identityv1.Person_State) string { return strings.TrimPrefix(s.String(), statePrefix) }

func consentPurposeName(p identityv1.ConsentPurpose) string {
	return strings.TrimPrefix(p.String(), consentPurposePrefix)
}

func permissionNames(permissions []typev1.Permission) []string {
	names := make([]string, 0, len(permissions))
	for _, permission := range permissions {
		names = append(names, permissionName(permission))
	}
	return names
}

func permissionName(p typev1.Permission) string {
	return strings.TrimPrefix(p.String(), permissionPrefix)
}

func audienceName(a identityv1.Role_Audience) string {
	return strings.TrimPrefix(a.String(), audiencePrefix)
}

func audienceFrom(name string) identityv1.Role_Audience {
	return identityv1.Role_Audience(identityv1.Role_Audience_value[audiencePrefix+name])
}

// parsePermissions reads names of permissions. One that this release does not know allows nothing.
func parsePermissions(names []string) []typev1.Permission {
	var permissions []typev1.Permission
	for _, name := range names {
		if number, ok := typev1.Permission_value[permissionPrefix+name]; ok && number != 0 {
			permissions = append(permissions, typev1.Permission(number))
		}
	}
	return permissions
}

// challengeToProto shows a new challenge. The phone is masked: who holds the device need not be who holds the phone.
func challengeToProto(row identitydb.InsertChallengeParams, phone string, resendPause time.Duration) *identityv1.Challenge {
	return &identityv1.Challenge{
		Id:           id.Format(id.Challenge, row.ID),
		Purpose:      identityv1.Challenge_Purpose(identityv1.Challenge_Purpose_value[purposePrefix+row.Purpose]),
		MaskedPhone:  maskPhone(phone),
		ExpireTime:   timestamppb.New(row.ExpireTime),
		ResendTime:   timestamppb.New(row.Now.Add(resendPause)),
		AttemptsLeft: row.MaxTries,
		Digits:       row.Digits,
	}
}

// deviceToProto shows a device to its owner, without the key.
func deviceToProto(row identitydb.Device) *identityv1.Device {
	return &identityv1.Device{
		Id:         id.Format(id.Device, row.ID),
		KeyId:      row.KeyID,
		Platform:   identityv1.Platform(identityv1.Platform_value[platformPrefix+row.Platform]),
		Model:      row.Model,
		AppVersion: row.AppVersion,
		PersonId:   id.FormatPtr(id.Person, row.PersonID),
		CreateTime: timestamppb.New(row.CreateTime),
		RevokeTime: timestampPtr(row.RevokeTime),
	}
}

// deviceKeyToProto shows a device's key to a verifier.
func deviceKeyToProto(row identitydb.Device) *identityv1.DeviceKey {
	encode := base64.RawURLEncoding.EncodeToString
	return &identityv1.DeviceKey{
		KeyId:      row.KeyID,
		DeviceId:   id.Format(id.Device, row.ID),
		TenantId:   row.TenantID,
		PublicKey:  &identityv1.PublicKey{X: encode(row.PublicKey[:32]), Y: encode(row.PublicKey[32:])},
		RevokeTime: timestampPtr(row.RevokeTime),
	}
}

// sessionToProto shows a session. accessEnd is when the access token ends that the answer is about.
func sessionToProto(row identitydb.Session, accessEnd time.Time, permissions []typev1.Permission) *identityv1.Session {
	return &identityv1.Session{
		Id:          id.Format(id.Session, row.ID),
		PersonId:    id.FormatPtr(id.Person, row.PersonID),
		StaffId:     id.FormatPtr(id.Staff, row.StaffID),
		DeviceId:    id.Format(id.Device, row.DeviceID),
		Permissions: permissions,
		ExpireTime:  timestamppb.New(accessEnd),
		CreateTime:  timestamppb.New(row.CreateTime),
		Generation:  row.Generation,
	}
}

// personToProto shows a person with what was unsealed; a nil profile has not been told yet.
func personToProto(row identitydb.Person, phone string, profile *identityv1.Profile) *identityv1.Person {
	return &identityv1.Person{
		Id:            id.Format(id.Person, row.ID),
		State:         identityv1.Person_State(identityv1.Person_State_value[statePrefix+row.State]),
		Phone:         phone,
		Profile:       profile,
		MissingFields: missingFields(profile),
		Locale:        row.Locale,
		Version:       row.Version,
		CreateTime:    timestamppb.New(row.CreateTime),
	}
}

// consentToProto shows a consent: it was given when its row was made.
func consentToProto(row identitydb.Consent) *identityv1.Consent {
	return &identityv1.Consent{
		Id:           id.Format(id.Consent, row.ID),
		Purpose:      identityv1.ConsentPurpose(identityv1.ConsentPurpose_value[consentPurposePrefix+row.Purpose]),
		TextVersion:  row.TextVersion,
		GiveTime:     timestamppb.New(row.CreateTime),
		WithdrawTime: timestampPtr(row.WithdrawTime),
	}
}

// roleToProto shows a role. The superadmin's allows what it always does, whatever its row was made with.
func roleToProto(row identitydb.Role) *identityv1.Role {
	permissions := sorted(parsePermissions(row.Permissions))
	if row.Name == superadminRole {
		permissions = actor.StaffPermissions()
	}
	return &identityv1.Role{
		Name: row.Name, Title: row.Title, Audience: audienceFrom(row.Audience), Permissions: permissions, Protected: protected(row.Name),
		Version: row.Version, UpdateTime: timestamppb.New(row.UpdateTime),
	}
}

// timestampPtr is timestamppb.New for a column that may be null.
func timestampPtr(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}
