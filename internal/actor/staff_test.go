package actor_test

import (
	"slices"
	"testing"
	"time"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
)

const (
	portfolioRead = typev1.Permission_PERMISSION_PORTFOLIO_READ
	customerRead  = typev1.Permission_PERMISSION_CUSTOMER_READ
	loanRead      = typev1.Permission_PERMISSION_LOAN_READ
	session       = typev1.Permission_PERMISSION_SESSION
)

func staff(permissions ...typev1.Permission) actor.Actor {
	return actor.Actor{TenantID: "demo", Kind: actor.KindStaff, StaffID: "stf_00000000000000000000000001", Permissions: permissions}
}

func TestEveryPermissionIsOfOneKindOfHolder(t *testing.T) {
	t.Parallel()
	for number, name := range typev1.Permission_name {
		p := typev1.Permission(number)
		kinds := 0
		for _, may := range []func(typev1.Permission) bool{actor.PersonMayHold, actor.PartnerMayHold, actor.StaffMayHold} {
			if may(p) {
				kinds++
			}
		}
		if kinds > 1 {
			t.Errorf("%s may be held by %d kinds", name, kinds)
		}
	}
	for _, p := range actor.BorrowerPermissions() {
		if !actor.PersonMayHold(p) {
			t.Errorf("%s is given to borrowers who may not hold it", p)
		}
	}
	for _, p := range actor.PartnerPermissions() {
		if !actor.PartnerMayHold(p) {
			t.Errorf("%s is given to partners who may not hold it", p)
		}
	}
	for _, p := range []typev1.Permission{
		typev1.Permission_PERMISSION_IDENTITY_OPERATE, typev1.Permission_PERMISSION_MONEY_OPERATE, typev1.Permission_PERMISSION_LOAN_OPERATE,
		typev1.Permission_PERMISSION_STAFF_LOGIN, typev1.Permission_PERMISSION_PAYMENT_WRITE,
	} {
		if actor.StaffMayHold(p) || slices.Contains(actor.StaffPermissions(), p) {
			t.Errorf("staff may hold %s", p)
		}
	}
}

func TestStaffReadByTheirOwnPermissions(t *testing.T) {
	t.Parallel()
	for asked, by := range map[typev1.Permission]typev1.Permission{
		typev1.Permission_PERMISSION_PROFILE_READ: customerRead, typev1.Permission_PERMISSION_APPLICATION_READ: portfolioRead,
		loanRead: portfolioRead, typev1.Permission_PERMISSION_PAYMENT_READ: portfolioRead, typev1.Permission_PERMISSION_SCORING_READ: portfolioRead,
	} {
		if !staff(by).Holds(asked) {
			t.Errorf("%s does not open what asks for %s", by, asked)
		}
		other := staff(slices.DeleteFunc(actor.StaffPermissions(), func(p typev1.Permission) bool { return p == by || p == asked })...)
		if other.Holds(asked) {
			t.Errorf("%s is open to staff without %s", asked, by)
		}
		if person := (actor.Actor{Kind: actor.KindPerson, Permissions: []typev1.Permission{by}}); person.Holds(asked) {
			t.Errorf("%s opens %s to persons", by, asked)
		}
	}
	all := staff(actor.StaffPermissions()...)
	for number, name := range typev1.Permission_name {
		p := typev1.Permission(number)
		if actor.PersonMayHold(p) && all.Holds(p) && p != loanRead && p != typev1.Permission_PERMISSION_PROFILE_READ &&
			p != typev1.Permission_PERMISSION_APPLICATION_READ && p != typev1.Permission_PERMISSION_PAYMENT_READ {
			t.Errorf("staff do what persons do by %s", name)
		}
	}
}

func TestStaffSeePersonsWhereADoorAdmittedThem(t *testing.T) {
	t.Parallel()
	person := id.New()
	who := staff(portfolioRead)
	if who.MaySee(person) || who.SeesAll() {
		t.Error("staff see a person without a door")
	}
	if !who.Admit(loanRead).MaySee(person) || !who.Admit(loanRead).SeesAll() {
		t.Error("staff who were admitted by a permission do not see the person")
	}
	for _, by := range []typev1.Permission{session, typev1.Permission_PERMISSION_OPEN} {
		if who.Admit(loanRead).Admit(by).MaySee(person) {
			t.Errorf("staff see a person by %s alone", by)
		}
	}
	// Nobody else sees more by being admitted, and staff are nobody's person whatever they say.
	for _, other := range []actor.Actor{
		{Kind: actor.KindPerson, PersonID: id.Format(id.Person, id.New())}, {Kind: actor.KindPartner, PartnerID: "shop"}, {Kind: actor.KindAnonymous},
	} {
		if other.Admit(loanRead).MaySee(person) {
			t.Errorf("%s sees the person", other)
		}
	}
	who.PersonID = id.Format(id.Person, person)
	if who.MaySee(person) {
		t.Error("staff pass as the person they claim to be")
	}
}

func TestStaffWithoutTheirSecondFactorHoldNothing(t *testing.T) {
	t.Parallel()
	who := staff(typev1.Permission_PERMISSION_STAFF_LOGIN)
	for number, name := range typev1.Permission_name {
		p := typev1.Permission(number)
		want := p == typev1.Permission_PERMISSION_STAFF_LOGIN || p == typev1.Permission_PERMISSION_OPEN
		if who.Holds(p) != want {
			t.Errorf("holds %s: %v", name, who.Holds(p))
		}
	}
	if !staff(portfolioRead).Holds(session) || staff(portfolioRead).LoggingIn() {
		t.Error("staff with both factors have no session")
	}
}

func TestStaffTravelBetweenProcesses(t *testing.T) {
	t.Parallel()
	signer := actor.NewSigner(make([]byte, 32), actor.CallLifetime)
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	who := staff(portfolioRead).Admit(loanRead)
	token := signer.AppendCallToken(nil, who, "/any", actor.DigestOf(nil), now)
	got, _, err := signer.VerifyCallToken(token, "/any", now)
	if err != nil || got.String() != "staff:"+who.StaffID {
		t.Fatalf("arrived as %+v (%v)", got, err)
	}
	if got.MaySee(id.New()) {
		t.Error("another process takes a door's word")
	}
	if _, ok := got.Staff(); !ok {
		t.Error("is no staff any more")
	}
	if _, ok := partner().Staff(); ok {
		t.Error("a partner is staff")
	}
}
