package identity

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/identity/totp"
)

const (
	// recoveryCodes is how many an account gets at once.
	recoveryCodes = 10
	// recoveryCodeLength is in letters of 5 bits: 50 bits, with wrong ones locked out after a few.
	recoveryCodeLength = 10
)

// BeginSecondFactor makes the account a secret for an authenticator app. What is kept for repeats holds no secret: it is derived again, for
// as long as no code of it was seen.
func (s *Service) BeginSecondFactor(ctx context.Context, req *identityv1.BeginSecondFactorRequest) (*identityv1.BeginSecondFactorResponse, error) {
	who := actor.Must(ctx)
	lender, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	_, err = idempotency.Do(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceBeginSecondFactorProcedure, req, &identityv1.BeginSecondFactorResponse{},
		func(tx pgx.Tx) (*identityv1.BeginSecondFactorResponse, error) {
			row, err := s.lockStaff(ctx, tx, who.StaffID)
			if err != nil {
				return nil, err
			}
			if row.TotpConfirmTime != nil {
				return nil, secondFactorStateInvalid()
			}
			version := row.Version + 1 // The version that this very change makes.
			row.TotpVersion = &version
			_, err = s.updateStaff(ctx, tx, row)
			return &identityv1.BeginSecondFactorResponse{}, err
		})
	if err != nil {
		return nil, err
	}
	res := &identityv1.BeginSecondFactorResponse{}
	err = s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.staffRow(ctx, tx, who.StaffID)
		if err != nil {
			return err
		}
		if row.TotpConfirmTime != nil || row.TotpVersion == nil {
			return secondFactorStateInvalid() // Meanwhile; only a repeat comes here.
		}
		staff, err := s.staffInTx(ctx, tx, row)
		key := s.totpKey(row)
		res.Secret, res.Uri = totp.Text(key), authenticatorURI(lender.Name, staff.GetEmail(), key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// VerifySecondFactor checks a code and exchanges the session for one that may do what the roles allow (ASVS V7.2.4). The first right code of
// a secret puts it in force.
func (s *Service) VerifySecondFactor(ctx context.Context, req *identityv1.VerifySecondFactorRequest) (*identityv1.VerifySecondFactorResponse, error) {
	res, err := settle(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceVerifySecondFactorProcedure, req, &identityv1.VerifySecondFactorResponse{},
		func(tx pgx.Tx) (*identityv1.VerifySecondFactorResponse, error) {
			device, err := s.lockLiveDevice(ctx, tx, actor.Must(ctx).DeviceID)
			if err != nil {
				return nil, err
			}
			row, err := s.staffTrying(ctx, tx)
			if err != nil {
				return nil, err
			}
			first := row.TotpConfirmTime == nil
			right, err := s.tryCode(ctx, tx, &row, req.GetCode())
			if err != nil {
				return nil, err
			}
			if !right {
				return nil, s.countTry(ctx, tx, row.EmailIndex, secondFactorWrong())
			}
			res, err := s.passSecondFactor(ctx, tx, row, device)
			if err == nil && first {
				res.RecoveryCodes, err = s.keepRecoveryCodes(ctx, tx, row)
				res.Staff.RecoveryCodesLeft = recoveryCodes
			}
			return res, err
		})
	if err != nil {
		return nil, err
	}
	if err := s.fillFresh(ctx, res.GetSession(), res.GetTokens()); err != nil {
		return nil, err
	}
	return res, s.fillRecoveryCodes(ctx, res)
}

// staffTrying locks the caller's own account for a try at its second factor, within the limits of its address.
func (s *Service) staffTrying(ctx context.Context, tx pgx.Tx) (identitydb.Staff, error) {
	who := actor.Must(ctx)
	row, err := s.staffRow(ctx, tx, who.StaffID)
	if err != nil {
		return row, err
	}
	if err := s.lockEmail(ctx, tx, row.EmailIndex); err != nil {
		return row, err
	}
	if err := s.admitTry(ctx, tx, row.EmailIndex); err != nil {
		return row, err
	}
	if row, err = s.lockStaff(ctx, tx, who.StaffID); err != nil {
		return row, err
	}
	if row.State != staffActive {
		return row, staffStateInvalid(row.State)
	}
	if row.TotpVersion == nil {
		return row, secondFactorStateInvalid()
	}
	return row, nil
}

// tryCode tells whether a code is right, and spends it: of the app by its time step, which is noted in the row, of the recovery codes by its
// own row. Six digits are the app's.
func (s *Service) tryCode(ctx context.Context, tx pgx.Tx, row *identitydb.Staff, code string) (bool, error) {
	now := s.deps.Clock.Now()
	if len(code) == totp.Digits && strings.Trim(code, "0123456789") == "" {
		step, ok := totp.Verify(s.totpKey(*row), code, now, row.TotpLastStep)
		if ok {
			row.TotpLastStep = step
		}
		return ok, nil
	}
	used, err := s.queries.UseRecoveryCode(ctx, tx, identitydb.UseRecoveryCodeParams{
		TenantID: row.TenantID, StaffID: row.ID, CodeHash: s.recoveryHash(row.ID, code), Actor: actor.Must(ctx).String(), Now: now,
	})
	if err != nil {
		return false, fmt.Errorf("use a recovery code: %w", err)
	}
	return used == 1, nil
}

// passSecondFactor notes the login on the account and opens the session that may work, in place of the one that waited.
func (s *Service) passSecondFactor(ctx context.Context, tx pgx.Tx, row identitydb.Staff, device identitydb.Device) (*identityv1.VerifySecondFactorResponse, error) {
	now := s.deps.Clock.Now()
	row.LastLoginTime = &now
	if row.TotpConfirmTime == nil {
		row.TotpConfirmTime = &now
	}
	staff, err := s.written(ctx, tx, row)
	if err != nil {
		return nil, err
	}
	err = s.queries.ForgetLoginTries(ctx, tx, identitydb.ForgetLoginTriesParams{TenantID: row.TenantID, EmailIndex: row.EmailIndex})
	if err != nil {
		return nil, fmt.Errorf("forget wrong tries: %w", err)
	}
	// The caller's own waiting session must still be there: one that has ended meanwhile opens nothing.
	ended, err := s.endSessionsOf(ctx, tx, row.ID, endSecondFactor, sessionOf(actor.Must(ctx)), nil)
	if err != nil {
		return nil, err
	}
	if ended == 0 {
		return nil, rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_SESSION_EXPIRED, "the session has ended; log in again")
	}
	session, tokens, err := s.openSession(ctx, tx, identitydb.Session{StaffID: &row.ID, DeviceID: device.ID, SecondFactorTime: &now})
	return &identityv1.VerifySecondFactorResponse{Session: session, Tokens: tokens, Staff: staff}, err
}

// keepRecoveryCodes makes the recovery codes of a secret that has come into force and keeps their keyed hashes. The answer that is kept has
// their places only.
func (s *Service) keepRecoveryCodes(ctx context.Context, tx pgx.Tx, row identitydb.Staff) ([]string, error) {
	err := s.queries.DeleteRecoveryCodes(ctx, tx, identitydb.DeleteRecoveryCodesParams{TenantID: row.TenantID, StaffID: row.ID})
	if err != nil {
		return nil, fmt.Errorf("drop recovery codes: %w", err)
	}
	for i := range recoveryCodes {
		err := s.queries.InsertRecoveryCode(ctx, tx, identitydb.InsertRecoveryCodeParams{
			TenantID: row.TenantID, StaffID: row.ID, CodeHash: s.recoveryHash(row.ID, s.recoveryCode(row, i)), Actor: actor.Must(ctx).String(),
			Now: s.deps.Clock.Now(),
		})
		if err != nil {
			return nil, fmt.Errorf("keep a recovery code: %w", err)
		}
	}
	return make([]string, recoveryCodes), nil
}

// fillRecoveryCodes puts the codes into the places that an answer, new or kept, has for them.
func (s *Service) fillRecoveryCodes(ctx context.Context, res *identityv1.VerifySecondFactorResponse) error {
	if len(res.GetRecoveryCodes()) == 0 {
		return nil
	}
	return s.deps.DB.Read(ctx, func(tx pgx.Tx) error {
		row, err := s.staffRow(ctx, tx, res.GetStaff().GetId())
		if err != nil || row.TotpVersion == nil {
			return err
		}
		for i := range res.GetRecoveryCodes() {
			res.RecoveryCodes[i] = s.recoveryCode(row, i)
		}
		return nil
	})
}

// totpKey is the secret of the authenticator app.
func (s *Service) totpKey(row identitydb.Staff) []byte {
	return s.secrets.ofStaff(row.TenantID, row.ID, *row.TotpVersion, "totp")[:totp.KeySize]
}

// authenticatorURI is what a QR code holds: the key-uri format of the authenticator apps. The issuer stands twice, as some apps read one and
// some the other, and none of them reads a plus as a space.
func authenticatorURI(issuer, account string, key []byte) string {
	query := url.Values{
		"secret": {totp.Text(key)}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {strconv.Itoa(totp.Digits)},
		"period": {strconv.Itoa(int(totp.Period.Seconds()))},
	}
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")}
	return uri.String()
}

// recoveryCode is one of the codes that came with a secret, such as "k7m2q-w3xtz". Base 32 of RFC 4648 has no 0 and no 1 to be misread.
func (s *Service) recoveryCode(row identitydb.Staff, i int) string {
	secret := s.secrets.ofStaff(row.TenantID, row.ID, *row.TotpVersion, fmt.Sprintf("recovery %d", i))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(secret)[:recoveryCodeLength])
	return text[:recoveryCodeLength/2] + "-" + text[recoveryCodeLength/2:]
}

// recoveryHash is the form in which a recovery code is stored: keyed, since 50 bits could be tried out otherwise.
func (s *Service) recoveryHash(staff uuid.UUID, code string) []byte {
	normal := strings.ToLower(strings.ReplaceAll(code, "-", ""))
	return mac(s.secrets.staffKey, []byte("recovery code"), staff[:], []byte(normal))
}

// sessionOf is the caller's session in SQL form; nil when there is none, which ends and keeps nothing of its own.
func sessionOf(who actor.Actor) *uuid.UUID {
	session, err := id.Parse(id.Session, who.SessionID)
	if err != nil {
		return &uuid.Nil
	}
	return &session
}

func secondFactorWrong() *connect.Error {
	return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_SECOND_FACTOR_WRONG, "the code is wrong or was used before", rpcerr.Field("code", "is wrong"))
}

func secondFactorStateInvalid() error {
	return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_SECOND_FACTOR_STATE_INVALID, "a second factor is in force already, or none was begun")
}
