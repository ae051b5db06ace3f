package identity

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/services/identity/totp"
)

// DemoStaff is an account that is ready to log in by. Like a sandbox phone it is anybody's who sees it: an installation with real borrowers
// has none.
type DemoStaff struct {
	Email, Name, Password string
	Roles                 []string
}

// SeedStaff makes a demo account with its second factor in force, and answers with the secret for an authenticator app. Repeated, it changes
// nothing but a password that is another one. The actor of ctx is who made it.
func (s *Service) SeedStaff(ctx context.Context, demo DemoStaff) (totpSecret string, err error) {
	hash, err := s.hasher.hash(ctx, demo.Password)
	if err != nil {
		return "", err
	}
	err = s.deps.DB.InTx(ctx, func(tx pgx.Tx) error {
		if err := s.lockStaffing(ctx, tx); err != nil {
			return err
		}
		row, err := s.findStaff(ctx, tx, s.emailIndex(ctx, demo.Email))
		if err != nil {
			return err
		}
		if row.TenantID == "" {
			row, err = s.createStaff(ctx, tx, demo.Email, demo.Name, demo.Roles)
		} else {
			row, err = s.lockStaff(ctx, tx, id.Format(id.Staff, row.ID))
		}
		if err != nil {
			return err
		}
		fits, err := s.hasher.fits(ctx, row.PasswordHash, demo.Password)
		if err != nil {
			return err
		}
		if !fits || row.TotpConfirmTime == nil {
			version, now := row.Version+1, s.deps.Clock.Now()
			row.State, row.PasswordHash, row.InvitationVersion, row.InvitationExpireTime = staffActive, &hash, nil, nil
			row.TotpVersion, row.TotpConfirmTime = &version, &now
			if row, err = s.updateStaff(ctx, tx, row); err != nil {
				return err
			}
		}
		totpSecret = totp.Text(s.totpKey(row))
		return nil
	})
	return totpSecret, err
}
