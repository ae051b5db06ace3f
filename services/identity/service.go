package identity

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	"github.com/lendgate/lendgate/gen/go/lendgate/identity/v1/identityv1connect"
	"github.com/lendgate/lendgate/gen/go/lendgate/push/v1/pushv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/tenant"
)

// serviceName is the name under which this service calls others.
const serviceName = "identity"

// maxCodesPerHour bounds CodesPerPhoneHour: as many rows the limits look at.
const maxCodesPerHour = 50

// Config is what an operator may set. A zero field means its default.
type Config struct {
	// CodeDigits is how long a one-time code is, 6 to 9. Default 6.
	CodeDigits int
	// CodeLifetime is how long a code is good. Default 5 minutes; ASVS V6.6.2 allows at most 10.
	CodeLifetime time.Duration
	// CodeAttempts is how many wrong tries a code bears, at most 10. Default 5.
	CodeAttempts int
	// ResendPause is how long a phone waits for another code of the same purpose. Default 30 s.
	ResendPause time.Duration
	// CodesPerPhoneHour is how many codes of one purpose a phone gets within an hour. Default 5.
	CodesPerPhoneHour int
	// TriesPerPhoneHour is how many wrong tries all codes of one purpose of a phone bear together within an hour, so that asking for
	// new codes does not buy new tries: 15 tries at a million codes are a chance of 1.5e-5 an hour. Default 15.
	TriesPerPhoneHour int
	// AccessLifetime is how long an access token is good. Default 15 minutes.
	AccessLifetime time.Duration
	// RefreshLifetime is how long a refresh token waits for its one use. Default 30 days.
	RefreshLifetime time.Duration
	// RefreshGrace is how long a pair that was exchanged stays good, so that a lost answer, or fifty refreshes at the same time, log
	// nobody out. Default 20 s.
	RefreshGrace time.Duration
	// StaffIdleLifetime is how long a session of staff lives that is not used. Default 1 hour (ASVS V7.3.1).
	StaffIdleLifetime time.Duration
	// StaffSessionLifetime is how long a session of staff lives at most, however much it is used. Default 12 hours (ASVS V7.3.2).
	StaffSessionLifetime time.Duration
	// SandboxCodes gives made-up phones a code that is always the same, by E.164 number, for demos and app tests against simulators. Such
	// a phone is anybody's: an installation with real borrowers has none.
	SandboxCodes map[string]string
}

func (c Config) withDefaults() Config {
	return Config{
		SandboxCodes:      c.SandboxCodes,
		CodeDigits:        cmp.Or(c.CodeDigits, 6),
		CodeLifetime:      cmp.Or(c.CodeLifetime, 5*time.Minute),
		CodeAttempts:      cmp.Or(c.CodeAttempts, 5),
		ResendPause:       cmp.Or(c.ResendPause, 30*time.Second),
		CodesPerPhoneHour: cmp.Or(c.CodesPerPhoneHour, 5),
		TriesPerPhoneHour: cmp.Or(c.TriesPerPhoneHour, 15),
		AccessLifetime:    cmp.Or(c.AccessLifetime, 15*time.Minute),
		RefreshLifetime:   cmp.Or(c.RefreshLifetime, 30*24*time.Hour),
		RefreshGrace:      cmp.Or(c.RefreshGrace, 20*time.Second),

		StaffIdleLifetime:    cmp.Or(c.StaffIdleLifetime, time.Hour),
		StaffSessionLifetime: cmp.Or(c.StaffSessionLifetime, 12*time.Hour),
	}
}

func (c Config) check() error {
	switch {
	case c.CodeDigits < 6 || c.CodeDigits > 9:
		return fmt.Errorf("identity: codes of %d digits; 6 to 9 are allowed", c.CodeDigits)
	case c.CodeAttempts < 1 || c.CodeAttempts > 10:
		return fmt.Errorf("identity: %d tries a code; 1 to 10 are allowed", c.CodeAttempts)
	case c.CodesPerPhoneHour < 1 || c.CodesPerPhoneHour > maxCodesPerHour:
		return fmt.Errorf("identity: %d codes an hour; 1 to %d are allowed", c.CodesPerPhoneHour, maxCodesPerHour)
	case c.CodeLifetime < 0 || c.CodeLifetime > limitWindow:
		return fmt.Errorf("identity: a code lifetime of %s; at most %s is allowed, the window of the limits", c.CodeLifetime, limitWindow)
	case c.RefreshGrace < 0 || c.RefreshGrace >= c.RefreshLifetime:
		return fmt.Errorf("identity: a refresh grace of %s is not below the refresh lifetime of %s", c.RefreshGrace, c.RefreshLifetime)
	}
	for phone, code := range c.SandboxCodes {
		if len(code) != c.CodeDigits || strings.Trim(code, "0123456789") != "" {
			return fmt.Errorf("identity: the sandbox code of %s has not %d digits", maskPhone(phone), c.CodeDigits)
		}
	}
	return nil
}

// Deps is what the service is made of.
type Deps struct {
	DB      *pgdb.DB
	Keeper  idempotency.Keeper
	Sealer  *seal.Sealer
	Clock   clock.Clock
	Tenants *tenant.Directory
	// Notifications carries codes to phones.
	Notifications pushv1connect.NotificationServiceClient
	// SecretKey is the installation's master key, at least 32 bytes. Keys for codes and for tokens are derived from it; it is not kept.
	SecretKey []byte
	Config    Config
}

// Service implements the services of lendgate.identity.v1.
type Service struct {
	deps    Deps
	config  Config
	queries *identitydb.Queries
	secrets secrets
	hasher  *hasher
	tokens  *pagetoken.Tokens
	// sandbox are the codes of Config.SandboxCodes by the keyed hash of their phone.
	sandbox map[string]string
}

var (
	_ identityv1connect.DeviceServiceHandler    = (*Service)(nil)
	_ identityv1connect.ChallengeServiceHandler = (*Service)(nil)
	_ identityv1connect.SessionServiceHandler   = (*Service)(nil)
	_ identityv1connect.PersonServiceHandler    = (*Service)(nil)

	_ identityv1connect.StaffServiceHandler        = (*Service)(nil)
	_ identityv1connect.StaffSessionServiceHandler = (*Service)(nil)
	_ identityv1connect.RoleServiceHandler         = (*Service)(nil)
	_ identityv1connect.AuditServiceHandler        = (*Service)(nil)
)

// New makes the service. It fails when the configuration contradicts itself or the key is too short.
func New(deps Deps) (*Service, error) {
	config := deps.Config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	secrets, err := newSecrets(deps.SecretKey)
	if err != nil {
		return nil, err
	}
	tokens, err := pagetoken.New(deps.SecretKey)
	if err != nil {
		return nil, err
	}
	deps.SecretKey = nil
	sandbox := map[string]string{}
	for phone, code := range config.SandboxCodes {
		for _, lender := range deps.Tenants.All() {
			sandbox[string(deps.Sealer.Index(lender.ID, phoneField, phone))] = code
		}
	}
	return &Service{
		deps: deps, config: config, queries: identitydb.New(), secrets: secrets, hasher: newHasher(), tokens: tokens, sandbox: sandbox,
	}, nil
}

// tenant is the settings of the caller's lender.
func (s *Service) tenant(ctx context.Context) (*tenant.Tenant, error) {
	lender, ok := s.deps.Tenants.Get(actor.Must(ctx).TenantID)
	if !ok {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TENANT_UNKNOWN, "there is no such lender here")
	}
	return lender, nil
}
