package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// secondFactorPatience is how long a session waits for the second factor.
const secondFactorPatience = 10 * time.Minute

// LogInStaff checks the password and opens a session that may give the second factor. The hash is computed outside of the transaction, so
// that logins that wait for it hold no connection; the transaction then looks whether the hash that fitted is still the account's.
func (s *Service) LogInStaff(ctx context.Context, req *identityv1.LogInStaffRequest) (*identityv1.LogInStaffResponse, error) {
	if !speaksFor(ctx, req.GetDeviceId()) {
		return nil, deviceUnknown()
	}
	index := s.emailIndex(ctx, req.GetEmail())
	proven, err := s.provePassword(ctx, index, req.GetPassword())
	if err != nil {
		return nil, err
	}
	res, err := settle(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceLogInStaffProcedure, req, &identityv1.LogInStaffResponse{},
		func(tx pgx.Tx) (*identityv1.LogInStaffResponse, error) {
			device, err := s.lockLiveDevice(ctx, tx, req.GetDeviceId())
			if err != nil {
				return nil, err
			}
			if err := s.lockEmail(ctx, tx, index); err != nil {
				return nil, err
			}
			if err := s.admitTry(ctx, tx, index); err != nil {
				return nil, err
			}
			row, err := s.findStaff(ctx, tx, index)
			if err != nil {
				return nil, err
			}
			if proven == nil || row.PasswordHash == nil || *row.PasswordHash != *proven || row.State != staffActive {
				return nil, s.countTry(ctx, tx, index, loginWrong())
			}
			if err := s.endDeviceSessions(ctx, tx, device.ID, endLoggedInAnew); err != nil {
				return nil, err
			}
			session, tokens, err := s.openSession(ctx, tx, identitydb.Session{StaffID: &row.ID, DeviceID: device.ID})
			return &identityv1.LogInStaffResponse{Session: session, Tokens: tokens, SecondFactorMissing: row.TotpConfirmTime == nil}, err
		})
	if err != nil {
		return nil, err
	}
	return res, s.fillFresh(ctx, res.GetSession(), res.GetTokens())
}

// provePassword gives the hash that a password fits; nil when it fits none. It takes as long for an address that nobody has, and nothing for
// one that is locked.
func (s *Service) provePassword(ctx context.Context, emailIndex []byte, password string) (*string, error) {
	var row identitydb.Staff
	err := s.deps.DB.Read(ctx, func(tx pgx.Tx) (err error) {
		if err := s.admitTry(ctx, tx, emailIndex); err != nil {
			return err
		}
		row, err = s.findStaff(ctx, tx, emailIndex)
		return err
	})
	if err != nil {
		return nil, err
	}
	fits, err := s.hasher.fits(ctx, row.PasswordHash, password)
	if err != nil || !fits {
		return nil, err
	}
	return row.PasswordHash, nil
}

// findStaff reads the account of an address; the zero row, which has no password, when nobody has it.
func (s *Service) findStaff(ctx context.Context, tx pgx.Tx, emailIndex []byte) (identitydb.Staff, error) {
	row, err := s.queries.FindStaffByEmail(ctx, tx, identitydb.FindStaffByEmailParams{TenantID: actor.Must(ctx).TenantID, EmailIndex: emailIndex})
	if errors.Is(err, pgx.ErrNoRows) {
		return identitydb.Staff{}, nil
	}
	if err != nil {
		return row, fmt.Errorf("find staff by address: %w", err)
	}
	return row, nil
}

// fillFresh is fillTokens for an answer that opens a session: a repeat that comes too late is not told the tokens again.
func (s *Service) fillFresh(ctx context.Context, session *identityv1.Session, tokens *identityv1.SessionTokens) error {
	if s.deps.Clock.Now().After(session.GetCreateTime().AsTime().Add(loginReplay)) {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_CODE_ALREADY_USED, "the login has been answered; log in again")
	}
	return s.fillTokens(ctx, session, tokens)
}

// lockLiveDevice locks a device that has not been revoked: nobody else logs in on it until the transaction ends.
func (s *Service) lockLiveDevice(ctx context.Context, tx pgx.Tx, wireID string) (identitydb.Device, error) {
	device, err := s.lockDevice(ctx, tx, wireID)
	if err == nil && device.RevokeTime != nil {
		return device, deviceRevoked()
	}
	return device, err
}

// ChangePassword replaces the caller's own password. Their other sessions end: who learned the old one may have some.
func (s *Service) ChangePassword(ctx context.Context, req *identityv1.ChangePasswordRequest) (*identityv1.ChangePasswordResponse, error) {
	who := actor.Must(ctx)
	own, _, err := s.readStaff(ctx, who.StaffID)
	if err != nil {
		return nil, err
	}
	if err := checkPassword(req.GetNewPassword(), own.GetEmail()); err != nil {
		return nil, err
	}
	index := s.emailIndex(ctx, own.GetEmail())
	proven, err := s.provePassword(ctx, index, req.GetCurrentPassword())
	if err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, req.GetNewPassword())
	if err != nil {
		return nil, err
	}
	return settle(ctx, s.deps.Keeper, identityv1connect.StaffSessionServiceChangePasswordProcedure, req, &identityv1.ChangePasswordResponse{},
		func(tx pgx.Tx) (*identityv1.ChangePasswordResponse, error) {
			if err := s.lockEmail(ctx, tx, index); err != nil {
				return nil, err
			}
			if err := s.admitTry(ctx, tx, index); err != nil {
				return nil, err
			}
			row, err := s.lockStaff(ctx, tx, who.StaffID)
			if err != nil {
				return nil, err
			}
			if proven == nil || row.PasswordHash == nil || *row.PasswordHash != *proven {
				return nil, s.countTry(ctx, tx, index, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_PASSWORD_WRONG, "the password in force is another one",
					rpcerr.Field("current_password", "is wrong")))
			}
			row.PasswordHash = &hash
			if _, err := s.updateStaff(ctx, tx, row); err != nil {
				return nil, err
			}
			_, err = s.endSessionsOf(ctx, tx, row.ID, endCredentials, nil, sessionOf(who))
			return &identityv1.ChangePasswordResponse{}, err
		})
}

// loginWrong is the one answer to a wrong password, to an address that nobody has, and to an account that may not log in.
func loginWrong() *connect.Error {
	return rpcerr.New(connect.CodeUnauthenticated, typev1.ErrorReason_ERROR_REASON_LOGIN_WRONG, "the address or the password is wrong")
}
