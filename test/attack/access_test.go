package attack_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/app"
	"github.com/lendgate/lendgate/internal/inproc"
)

// kind is how somebody proves who they are.
type kind int

const (
	stranger kind = iota // has no key that anybody knows
	device               // has an enrolled key and no session
	borrower             // has a session on their own phone
	partner              // has a partner's key
	staff                // has a session of staff, whole or waiting for the second factor
)

// role is one of the columns of A01.
type role struct {
	*caller
	kind    kind
	actor   actor.Actor
	foreign bool // of another lender than the partner's key
	memory  bool // signs by its session's key, which lies in the phone's memory
}

// people are everybody who takes part, made once.
type people struct {
	in                        *target
	anna, borys, vira         *caller // Borrowers: two with loans, one of the other lender.
	idle, idleByMemory        *caller // A borrower without anything, by the device's key and by the session's.
	admin                     *caller
	rivalAdmin                *colleague
	roles                     []role
	colleagues                map[string]*colleague
	rolesOfRival, spareOfDemo string
}

func gather(t *testing.T, in *target) *people {
	t.Helper()
	p := &people{in: in, colleagues: map[string]*colleague{}, spareOfDemo: "demo_spare", rolesOfRival: "rival_only"}
	p.anna, p.borys = person(t, in, "borrower", in.journeys[0]), person(t, in, "other borrower", in.journeys[1])
	p.vira = phone(t, in, "borrower of another lender", rival)
	p.vira.logIn(t, "+380500000003", "333333")
	p.idle = phone(t, in, "borrower without anything", app.DemoTenant)
	p.idleByMemory = p.idle.byMemory(p.idle.logIn(t, "+380500000003", "333333"))
	p.admin, p.rivalAdmin = superadmin(t, in), rivalSuperadmin(t, in)
	for c, name := range map[*caller]string{p.admin: p.spareOfDemo, p.rivalAdmin.caller: p.rolesOfRival} {
		c.mustCall(t, agentv1connect.RoleServiceCreateRoleProcedure, &agentv1.CreateRoleRequest{
			Name: name, Title: "Spare", Audience: identityv1.Role_AUDIENCE_STAFF, Permissions: []typev1.Permission{typev1.Permission_PERMISSION_AUDIT_READ},
		}, &agentv1.CreateRoleResponse{})
	}
	p.gatherRoles(t)
	return p
}

func (p *people) gatherRoles(t *testing.T) {
	t.Helper()
	in := p.in
	borrowerActor := actor.Actor{Kind: actor.KindPerson, Permissions: actor.BorrowerPermissions()}
	keyless := &caller{name: "nobody", base: in.platform.EdgeURL, lender: app.DemoTenant}
	p.roles = []role{
		{caller: keyless, kind: stranger},
		{caller: newCaller(t, in, "key that nobody knows", app.DemoTenant), kind: stranger},
		{caller: phone(t, in, "device", app.DemoTenant), kind: device},
		{caller: p.idle, kind: borrower, actor: borrowerActor},
		{caller: p.idleByMemory, kind: borrower, actor: borrowerActor, memory: true},
		{caller: p.vira, kind: borrower, actor: borrowerActor},
		{caller: shop(t, in, app.DemoTenant), kind: partner, actor: actor.Actor{Kind: actor.KindPartner, Permissions: actor.PartnerPermissions()}},
		{caller: shop(t, in, rival), kind: partner, foreign: true},
		{caller: p.admin, kind: staff, actor: actor.Actor{Kind: actor.KindStaff, Permissions: actor.StaffPermissions()}},
		{caller: p.rivalAdmin.caller, kind: staff, actor: actor.Actor{Kind: actor.KindStaff, Permissions: actor.StaffPermissions()}},
	}
	permissions := p.admin.permissionsOf(t)
	for _, name := range []string{"creditor", "underwriter", "collection_operator", "support_agent", "team_lead", "admin", p.spareOfDemo} {
		if permissions[name] == nil {
			t.Fatalf("the lender has no role %s", name)
		}
		c := p.admin.hire(t, p.in, name, true)
		p.colleagues[name] = c
		p.roles = append(p.roles, role{caller: c.caller, kind: staff, actor: actor.Actor{Kind: actor.KindStaff, Permissions: permissions[name]}})
	}
	half := p.admin.hire(t, p.in, "admin", false)
	half.name = "admin without the second factor"
	p.roles = append(p.roles, role{caller: half.caller, kind: staff, actor: actor.Actor{
		Kind: actor.KindStaff, Permissions: []typev1.Permission{typev1.Permission_PERMISSION_STAFF_LOGIN},
	}})
}

// refusalOf is the reason that the gate refuses a role with, by the options of the RPC alone; "" when it lets it through.
func refusalOf(r role, m inproc.Method) string {
	const invalid, denied, required = "SIGNATURE_INVALID", "PERMISSION_DENIED", "SESSION_REQUIRED"
	open := m.Permission == typev1.Permission_PERMISSION_OPEN
	switch m.Signature {
	case typev1.SignatureClass_SIGNATURE_CLASS_NONE:
		return ""
	case typev1.SignatureClass_SIGNATURE_CLASS_ENROL:
		if r.public == "" {
			return invalid
		}
		return ""
	case typev1.SignatureClass_SIGNATURE_CLASS_PARTNER:
		if r.kind != partner || r.foreign {
			return invalid
		}
	default:
		opensSessions := open || m.Permission == typev1.Permission_PERMISSION_STAFF_LOGIN
		if r.kind == stranger || r.kind == partner || r.memory && (opensSessions || m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY) {
			return invalid // What is read out of a phone's memory neither moves money nor opens sessions.
		}
		if r.kind == device {
			switch {
			case open:
				return ""
			case m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_MONEY:
				return invalid // Such a signature has to cover the session.
			}
			return required
		}
		console := m.Descriptor.ParentFile().Package() == "lendgate.agent.v1"
		if console != (r.kind == staff) {
			return denied
		}
	}
	if !r.actor.Holds(m.Permission) {
		return denied
	}
	return ""
}

// allRolesAtAllRPCs is A01's first half: every RPC by every role. What is let through is stopped right behind the gate, by an
// Idempotency-Key that is not the request's, or by its empty content, so nothing happens.
func (p *people) allRolesAtAllRPCs(t *testing.T) (cells int) {
	t.Helper()
	for _, m := range rpcs(t) {
		for _, r := range p.roles {
			cells++
			got, want := r.send(t, m, []byte("{}"), nil, nil), refusalOf(r, m)
			through := got.ok() && m.ReadOnly || got.Reason == "INVALID_REQUEST" && m.ReadOnly || got.Reason == "IDEMPOTENCY_KEY_MISMATCH" && !m.ReadOnly
			if want == "" && !through || want != "" && (got.Reason != want || got.ok()) {
				t.Errorf("%s by %s: got %d %q, want %q", short(m), r.name, got.Status, got.Reason, want)
			}
		}
	}
	return cells
}

// owner is what somebody has, by the name of the field that names it.
type owner map[string]string

// owned reads what the borrower of a journey has.
func owned(t *testing.T, c *caller, j journey) owner {
	t.Helper()
	profile := &mobilev1.GetProfileResponse{}
	c.mustCall(t, mobilev1connect.ProfileServiceGetProfileProcedure, &mobilev1.GetProfileRequest{}, profile)
	consents := profile.GetConsents().GetConsents()
	if len(consents) == 0 {
		t.Fatal("the borrower has given no consent")
	}
	return owner{
		"application_id": j.ApplicationID, "offer_id": j.OfferID, "agreement_id": j.AgreementID, "loan_id": j.LoanID, "payment_id": j.Payment,
		"card_id": j.CardID, "challenge_id": j.ChallengeID, "device_id": j.DeviceID, "consent_id": consents[0].GetId(), "person_id": j.PersonID,
	}
}

// allOf are somebody's things that an RPC asks for.
func (o owner) allOf(t *testing.T, m inproc.Method) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, name := range things(m) {
		if o[name] == "" {
			t.Fatalf("%s.%s: the table of ownership does not say whose it is", m.Procedure, name)
		}
		ids[name] = o[name]
	}
	return ids
}

func absentOnes(ids map[string]string) map[string]string {
	out := map[string]string{}
	for name, own := range ids {
		out[name] = absent(own)
	}
	return out
}

// missing tells whether a refusal says that something is not there.
func missing(a answer) bool {
	return strings.HasSuffix(a.Reason, "NOT_FOUND") || strings.HasSuffix(a.Reason, "_UNKNOWN") || a.Code == "not_found" || a.Code == "permission_denied"
}

// ownership is one person's try at an RPC that names things.
type ownership struct {
	who *caller
	// own are the caller's things, nil for somebody who has none; foreign are others'.
	own     owner
	foreign map[string]owner
}

// attack is A01's second half, for one RPC: what is somebody else's is answered as what does not exist, and what is one's own is not.
func (o ownership) attack(t *testing.T, m inproc.Method) (cells int) {
	t.Helper()
	for _, whose := range slices.Sorted(maps.Keys(o.foreign)) {
		theirs := o.foreign[whose]
		if o.own == nil { // All at once: one alone would be refused for the others.
			cells += o.compare(t, m, whose, theirs.allOf(t, m), absentOnes(theirs.allOf(t, m)))
			continue
		}
		for _, name := range things(m) {
			if theirs[name] == "" {
				continue // The other lender has none of these.
			}
			mixed, nothing := o.own.allOf(t, m), o.own.allOf(t, m)
			mixed[name], nothing[name] = theirs[name], absent(theirs[name])
			cells += o.compare(t, m, whose+" "+name, mixed, nothing)
		}
	}
	if o.own == nil {
		return cells
	}
	if got := o.who.call(t, m, message(t, m, o.own.allOf(t, m))); missing(got) || m.ReadOnly && !got.ok() {
		t.Errorf("%s by %s for their own: %d %s", short(m), o.who.name, got.Status, got.Reason)
	}
	return cells + 1
}

// compare fails unless others' things are refused as absent ones are, word for word.
func (o ownership) compare(t *testing.T, m inproc.Method, whose string, theirs, nothing map[string]string) int {
	t.Helper()
	got, want := o.who.call(t, m, message(t, m, theirs)), o.who.call(t, m, message(t, m, nothing))
	// A list that is filtered by somebody else's id is empty, and there is nothing to end; everything else is refused.
	name := string(m.Descriptor.Name())
	nothingThere := strings.HasPrefix(name, "List") && m.ReadOnly || name == "EndSessions"
	same := got.Status == want.Status && got.Code == want.Code && got.Reason == want.Reason && got.Words == want.Words
	if !same || got.ok() && (!nothingThere || string(got.body) != string(want.body)) {
		t.Errorf("%s by %s for %s: got %d %s %s, absent ones get %d %s %s", short(m), o.who.name, whose, got.Status, got.Reason, got.body, want.Status, want.Reason, want.body)
	}
	return 2
}

// everyOwnership is A01's second half: every RPC that names things × whose they are.
func (p *people) everyOwnership(t *testing.T) (cells int) {
	t.Helper()
	anna, borys := owned(t, p.anna, p.in.journeys[0]), owned(t, p.borys, p.in.journeys[1])
	spare := p.admin.hire(t, p.in, "support_agent", true)
	lender := maps.Clone(anna)
	maps.Copy(lender, owner{
		"staff_id": spare.staffID, "session_id": spare.sessionID, "name": p.spareOfDemo,
		"partner_id": app.DemoPartner, "partner_key_id": p.admin.issueKey(t, app.DemoPartner),
	})
	rivals := owner{
		"staff_id": p.rivalAdmin.staffID, "session_id": p.rivalAdmin.sessionID, "name": p.rolesOfRival, "device_id": p.vira.deviceID,
		"partner_id": rivalPartner, "partner_key_id": p.rivalAdmin.issueKey(t, rivalPartner),
	}
	for _, m := range theRevocationLast(rpcs(t)) {
		if len(things(m)) == 0 {
			continue
		}
		var tries []ownership
		switch m.Descriptor.ParentFile().Package() {
		case "lendgate.mobile.v1":
			tries = []ownership{
				{who: p.idle, foreign: map[string]owner{"another borrower's": anna}},
				{who: p.borys, foreign: map[string]owner{"another borrower's": anna}},
				{who: p.vira, foreign: map[string]owner{"another lender's borrower's": anna}},
				{who: p.anna, own: anna, foreign: map[string]owner{"another borrower's": borys, "another lender's": rivals}},
			}
		case "lendgate.agent.v1":
			tries = []ownership{
				{who: p.rivalAdmin.caller, foreign: map[string]owner{"another lender's": lender}},
				{who: p.admin, own: lender, foreign: map[string]owner{"another lender's": rivals}},
			}
		default:
			t.Errorf("%s names things, and nobody has said whose", m.Procedure)
		}
		for _, try := range tries {
			cells += try.attack(t, m)
		}
	}
	return cells
}

// theRevocationLast puts what ends the caller's own access behind everything else.
func theRevocationLast(list []inproc.Method) []inproc.Method {
	ends := func(m inproc.Method) bool { return m.Descriptor.Name() == "RevokeDevice" }
	return append(slices.DeleteFunc(slices.Clone(list), ends), slices.DeleteFunc(list, func(m inproc.Method) bool { return !ends(m) })...)
}

// a01 runs both halves and counts.
func a01(t *testing.T, p *people) string {
	roles, owners := p.allRolesAtAllRPCs(t), p.everyOwnership(t)
	return fmt.Sprintf("%d cells: %d RPCs × %d roles, and %d of ownership", roles+owners, len(rpcs(t)), len(p.roles), owners)
}
