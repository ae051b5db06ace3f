// Package servicetest sets up what the test of a service needs: a migrated database of its own, opened with the service's role, and the
// platform's parts around a clock that stands still.
package servicetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/clock"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/inproc"
	"github.com/lendgate/lendgate/internal/migrate"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/pgdb"
	"github.com/lendgate/lendgate/internal/pgtest"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/internal/tenant"
)

// Tenant and OtherTenant are two lenders, to test that neither sees the other.
const (
	Tenant      = "demo"
	OtherTenant = "other"
)

// Now is where the clock of a kit begins.
var Now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// MasterKey is the key of tests, and of nothing else.
func MasterKey() []byte { return []byte("test master key, 32 bytes or more, of no installation") }

// Kit is what a service is made of.
type Kit struct {
	// AdminURL connects as the database's administrator, for looks behind row-level security.
	AdminURL string
	DB       *pgdb.DB
	Clock    *clock.Fake
	Sealer   *seal.Sealer
	Keeper   idempotency.Keeper
	Tokens   *pagetoken.Tokens
	Tenants  *tenant.Directory
	Door     *inproc.Door
	Log      *slog.Logger
}

// New makes a kit for a service ("loans"). Everything is cleaned up with the test.
func New(t testing.TB, service string) *Kit {
	t.Helper()
	admin := pgtest.Database(t, "lendgate", func(ctx context.Context, url string) error {
		return migrate.Up(ctx, url, MasterKey(), nil)
	})
	url, err := migrate.URL(admin, service, MasterKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgdb.Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	k := &Kit{AdminURL: admin, DB: db, Clock: clock.NewFake(Now), Log: slog.New(slog.DiscardHandler)}
	if k.Sealer, err = seal.New(MasterKey(), k.Clock); err != nil {
		t.Fatal(err)
	}
	if k.Tokens, err = pagetoken.New(MasterKey()); err != nil {
		t.Fatal(err)
	}
	if k.Door, err = inproc.NewDoor(k.Log, k.Clock, actor.NewSigner(MasterKey(), actor.CallLifetime)); err != nil {
		t.Fatal(err)
	}
	if k.Tenants, err = tenant.NewDirectory(lender(Tenant), lender(OtherTenant)); err != nil {
		t.Fatal(err)
	}
	k.Keeper = idempotency.Keeper{DB: db, Sealer: k.Sealer, Clock: k.Clock}
	return k
}

func lender(id string) *tenant.Tenant {
	return &tenant.Tenant{
		ID: id, Name: "Test Lender", Currency: "UAH", Country: "UA", TimeZone: "Europe/Kyiv", Locales: []string{"uk", "en"},
		ConsentTextVersion: "2026-01",
	}
}

// NewPerson is a wire id of nobody in particular.
func NewPerson() string { return id.Format(id.Person, id.New()) }

// AsPerson is a context of a person of Tenant with a session that holds everything a borrower may hold.
func AsPerson(ctx context.Context, person string) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: Tenant, Kind: actor.KindPerson, PersonID: person, DeviceID: id.Format(id.Device, id.New()),
		Permissions: actor.BorrowerPermissions(),
	})
}

// AsService is a context of one of our own services in Tenant.
func AsService(ctx context.Context, service string) context.Context {
	return actor.AsService(ctx, Tenant, service)
}

// AsStranger is a context of a person of OtherTenant.
func AsStranger(ctx context.Context, person string) context.Context {
	return actor.With(ctx, actor.Actor{
		TenantID: OtherTenant, Kind: actor.KindPerson, PersonID: person, Permissions: actor.BorrowerPermissions(),
	})
}

// Anonymous is a context of a device without a session in Tenant.
func Anonymous(ctx context.Context) context.Context {
	return actor.With(ctx, actor.Actor{TenantID: Tenant, Kind: actor.KindAnonymous})
}
