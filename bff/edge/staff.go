package edge

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// console is what the paths of the console's RPCs begin with.
const console = "/lendgate.agent.v1."

// outsideStaffNetworks tells whether a call of the console comes from where the lender's staff do not work. Logins are such calls, too, so
// that a password is not even tried from elsewhere.
func (c *call) outsideStaffNetworks() bool { return c.ofConsole() && !c.tenant.AllowsStaff(c.address) }

func (c *call) ofConsole() bool { return strings.HasPrefix(c.method.Procedure, console) }

// mayCall tells whether the caller holds the RPC's permission, in their own room: a session of staff is good at the console alone, and one of
// a customer everywhere else.
func (c *call) mayCall() bool {
	switch c.actor.Kind {
	case actor.KindStaff:
		return c.ofConsole() && c.actor.Holds(c.method.Permission)
	case actor.KindPerson:
		return !c.ofConsole() && c.actor.Holds(c.method.Permission)
	default:
		return c.actor.Holds(c.method.Permission)
	}
}

// refuseNetwork refuses a call of the console by its network.
func (e *Edge) refuseNetwork(w http.ResponseWriter, r *http.Request, c *call) {
	e.deps.Log.WarnContext(r.Context(), "console refused by the network", "request_id", c.requestID, "procedure", c.method.Procedure,
		"address", c.address.String())
	e.refuse(w, r, rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
		"staff do not call from this network", rpcerr.Meta("address", c.address.String())))
}

// admitSession makes the owner of a session the caller.
func (c *call) admitSession(session *identityv1.Session) {
	c.actor.Kind, c.actor.PersonID, c.actor.SessionID = actor.KindPerson, session.GetPersonId(), session.GetId()
	if session.GetStaffId() != "" {
		c.actor.Kind, c.actor.StaffID = actor.KindStaff, session.GetStaffId()
	}
	c.actor.Permissions = session.GetPermissions()
}

// denied is the refusal of a caller who does not hold the permission. That of staff is written down like every other answer to them; when it
// cannot be, they hear that instead.
func (e *Edge) denied(r *http.Request, c *call) error {
	refusal := rpcerr.New(connect.CodePermissionDenied, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED, "the caller may not do this")
	if c.actor.Kind != actor.KindStaff || e.deps.Denied == nil {
		return refusal
	}
	if err := e.deps.Denied(actor.With(r.Context(), c.actor), c.method.Procedure, refusal); err != nil {
		return rpcerr.Scrub(r.Context(), e.deps.Log, c.method.Procedure, c.requestID, err)
	}
	return refusal
}
