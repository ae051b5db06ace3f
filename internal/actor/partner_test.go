package actor_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
)

func partner() actor.Actor {
	return actor.Actor{TenantID: "demo", Kind: actor.KindPartner, PartnerID: "shop-demo", Permissions: actor.PartnerPermissions()}
}

func TestAPartnerIsNamedByItsCode(t *testing.T) {
	t.Parallel()
	if got := partner().String(); got != "partner:shop-demo" {
		t.Errorf("is named %q", got)
	}
}

func TestAPartnerHoldsTheCatalogueAndNothingElse(t *testing.T) {
	t.Parallel()
	mine := map[typev1.Permission]bool{
		typev1.Permission_PERMISSION_OPEN: true, typev1.Permission_PERMISSION_SESSION: true, typev1.Permission_PERMISSION_CATALOG_READ: true,
	}
	for number := range typev1.Permission_name {
		permission := typev1.Permission(number)
		if got := partner().Holds(permission); got != mine[permission] {
			t.Errorf("holds %s: %v", permission, got)
		}
	}
	for _, other := range []actor.Actor{
		{TenantID: "demo", Kind: actor.KindPerson, Permissions: actor.BorrowerPermissions()},
		{TenantID: "demo", Kind: actor.KindAnonymous},
	} {
		if other.Holds(typev1.Permission_PERMISSION_CATALOG_READ) {
			t.Errorf("%s reads the partners' catalogue", other)
		}
	}
}

func TestAPartnerSeesNobody(t *testing.T) {
	t.Parallel()
	person := id.New()
	who := partner()
	if who.MaySee(person) || who.MaySee(uuid.Nil) {
		t.Error("a partner sees a person")
	}
	// Even an actor that was put together wrongly.
	who.PersonID = id.Format(id.Person, person)
	if who.MaySee(person) {
		t.Error("a partner sees the person it claims to be")
	}
}

func TestAPartnerTravelsBetweenProcesses(t *testing.T) {
	t.Parallel()
	signer := actor.NewSigner(make([]byte, 32), actor.CallLifetime)
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	token := signer.AppendCallToken(nil, partner(), "/any", actor.DigestOf(nil), now)
	got, _, err := signer.VerifyCallToken(token, "/any", now)
	if err != nil || got.String() != "partner:shop-demo" || got.Kind != actor.KindPartner {
		t.Errorf("arrived as %+v (%v)", got, err)
	}
}
