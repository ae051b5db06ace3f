// Package actor says on whose behalf a call is made, and carries it from service to service.
//
// It owns the Actor, its place in a context, and the short-lived token that proves it between processes. It decides nothing: doors check
// permissions, services check ownership. Every mutation writes the actor down.
package actor

import (
	"context"
	"slices"

	"github.com/google/uuid"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
)

// Kind is what sort of caller an actor is.
type Kind string

// The kinds of actors.
const (
	// KindAnonymous is a caller without a session, known at most by its device.
	KindAnonymous Kind = "anonymous"
	// KindPerson is a borrower with a session.
	KindPerson Kind = "person"
	// KindStaff is somebody who works for the lender, with a session of the console. It never acts for a person: what it sees of persons, it
	// sees by a permission of its own.
	KindStaff Kind = "staff"
	// KindPartner is a shop's server, known by its key. It never acts for a person.
	KindPartner Kind = "partner"
	// KindService is one of our own services acting by itself.
	KindService Kind = "service"
)

// Actor is on whose behalf a call is made.
type Actor struct {
	// TenantID is the lender. Never empty.
	TenantID string `json:"tenant"`
	Kind     Kind   `json:"kind"`
	// PersonID is the wire id of the person ("per_…"): the caller, or the one a service acts for. Empty when there is none.
	PersonID string `json:"person,omitempty"`
	// DeviceID is the wire id of the signing device ("dev_…"). Empty when there is none.
	DeviceID string `json:"device,omitempty"`
	// SessionID is the wire id of the session ("ses_…"). Empty when there is none.
	SessionID string `json:"session,omitempty"`
	// StaffID is the wire id of a KindStaff actor ("stf_…"). Empty when there is none.
	StaffID string `json:"staff,omitempty"`
	// PartnerID is the lender's code of a KindPartner actor, such as "shop-demo". Empty when there is none.
	PartnerID string `json:"partner,omitempty"`
	// Service names the service of a KindService actor, such as "flows".
	Service string `json:"service,omitempty"`
	// Permissions are what the actor holds. A service holds those of Grants.
	Permissions []typev1.Permission `json:"permissions,omitempty"`
	// RequestID is the edge's id of the request at the root of this call, for logs and support.
	RequestID string `json:"request,omitempty"`
	// Locale is the person's BCP 47 language. Empty means the tenant's.
	Locale string `json:"locale,omitempty"`

	// admitted is true for staff whom a door has let through to an RPC by a permission of theirs. It does not travel: each door decides anew.
	admitted bool
}

// String names the actor for audit columns, such as "person:per_…", "staff:stf_…", "device:dev_…", "partner:shop-demo" or "service:flows".
func (a Actor) String() string {
	switch {
	case a.Kind == KindService && a.PersonID != "":
		return "service:" + a.Service + "/" + a.PersonID
	case a.Kind == KindService:
		return "service:" + a.Service
	case a.Kind == KindPartner:
		return "partner:" + a.PartnerID
	case a.Kind == KindStaff:
		return "staff:" + a.StaffID
	case a.PersonID != "":
		return "person:" + a.PersonID
	case a.DeviceID != "":
		return "device:" + a.DeviceID
	default:
		return string(KindAnonymous)
	}
}

// Holds tells whether the actor may call an RPC that asks for p. A partner has proved who it is as much as a person with a session has, so
// it passes where that is all that is asked; what is a person's own is kept from it by MaySee, and by every other permission. Staff read what
// persons read by permissions of staff, and do nothing that persons do.
func (a Actor) Holds(p typev1.Permission) bool {
	switch p {
	case typev1.Permission_PERMISSION_OPEN:
		return true
	case typev1.Permission_PERMISSION_SESSION:
		return a.Kind == KindPerson || a.Kind == KindPartner || a.Kind == KindService || a.Kind == KindStaff && !a.LoggingIn()
	default:
		return slices.Contains(a.Permissions, p) || a.Kind == KindStaff && slices.Contains(a.Permissions, staffReads(p))
	}
}

// LoggingIn tells whether the actor is staff whose second factor is still due.
func (a Actor) LoggingIn() bool {
	return slices.Contains(a.Permissions, typev1.Permission_PERMISSION_STAFF_LOGIN)
}

// Admit is what a door makes of an actor that it lets through to an RPC by its permission. For staff that opens the rows of all persons to
// MaySee, but not where a session is all that the RPC asks for.
func (a Actor) Admit(by typev1.Permission) Actor {
	a.admitted = a.Kind == KindStaff && by != typev1.Permission_PERMISSION_OPEN && by != typev1.Permission_PERMISSION_SESSION
	return a
}

// Staff is the caller's own staff id in SQL form; false when the actor is not staff.
func (a Actor) Staff() (uuid.UUID, bool) {
	u, err := id.Parse(id.Staff, a.StaffID)
	return u, err == nil && a.Kind == KindStaff
}

// Person is the caller's own person id in SQL form; false when the actor is not, or does not act for, a person.
func (a Actor) Person() (uuid.UUID, bool) {
	u, err := id.Parse(id.Person, a.PersonID)
	return u, err == nil
}

// SeesAll tells whether rows of every person of the tenant may be shown to the actor: to a service acting by itself, and to staff whom the
// door has admitted by a permission of theirs.
func (a Actor) SeesAll() bool {
	return a.Kind == KindService && a.PersonID == "" || a.Kind == KindStaff && a.admitted
}

// MaySee tells whether rows of the person may be shown to the actor: to those who see all, to partners and other staff none, to everybody
// else their own.
func (a Actor) MaySee(person uuid.UUID) bool {
	switch {
	case a.SeesAll():
		return true
	case a.Kind == KindPartner, a.Kind == KindStaff:
		return false // Whatever else the actor says.
	}
	own, ok := a.Person()
	return ok && own == person
}

type contextKey struct{}

// With puts the actor into a context.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// From takes the actor out of a context; false when there is none.
func From(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(contextKey{}).(Actor)
	return a, ok
}

// Must takes the actor out of a context that passed a door, where one always is. Without a door it is an actor of no tenant, which
// row-level security shows nothing to.
func Must(ctx context.Context) Actor {
	a, _ := From(ctx)
	return a
}

// AsService makes ctx that of a service acting by itself in a tenant. The request id of the call at hand is kept.
func AsService(ctx context.Context, tenantID, service string) context.Context {
	requestID := Must(ctx).RequestID
	return With(ctx, Actor{TenantID: tenantID, Kind: KindService, Service: service, Permissions: Grants(service), RequestID: requestID})
}

// ForPerson makes ctx that of a service acting for a person: what it may see is what that person may.
func ForPerson(ctx context.Context, tenantID, service, personID string) context.Context {
	ctx = AsService(ctx, tenantID, service)
	a := Must(ctx)
	a.PersonID = personID
	return With(ctx, a)
}
