package attack_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/migrate"
)

func accessRows() []row {
	return []row{
		{id: "A01", attack: "every RPC by every role, and for things that are one's own, another's, another lender's, nobody's", expected: "exactly as the options say; others' things are answered as absent ones", run: a01},
		{id: "A02", attack: "every RPC without a session, with one of nobody, with one that has ended", expected: "401", run: a02},
		{id: "A03", attack: "take a colleague's role away while they work", expected: "403 within 5 s; every RPC as each lower role is in A01", run: a03},
		{id: "A04", attack: "mass assignment: send fields that only the server sets", expected: "ignored or 400, no row changed", run: a04},
		{id: "A05", attack: "read masks that ask for what is hidden", expected: "400", run: a05},
		{id: "A06", attack: "approve one's own step of two", expected: "403", missing: "no operation of staff takes two people yet"},
		{id: "A07", attack: "grant more than one holds", expected: "403", run: a07},
		{id: "A08", attack: "SQL in each service's own role, without a lender", expected: "0 rows", run: a08},
		{id: "A09", attack: "page tokens of another lender, and of nobody, in every list", expected: "400", run: a09},
		{id: "A10", attack: "calls of staff, served and refused; then change a record behind the platform's back", expected: "one record each, the chain holds; the change is found", run: a10},
	}
}

func a02(t *testing.T, p *people) string {
	ended := phone(t, p.in, "logged out", "demo")
	ended.logIn(t, "+380500000001", "111111")
	if a := ended.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Fatalf("before: %d %s", a.Status, a.Reason)
	}
	m := rpc(t, mobilev1connect.AuthServiceLogOutProcedure)
	if a := ended.call(t, m, message(t, m, nil)); !a.ok() {
		t.Fatalf("log out: %d %s", a.Status, a.Reason)
	}
	if await(within(t, 6*time.Second), func() (bool, error) { return !ended.send(t, home(t), []byte("{}"), nil, nil).ok(), nil }) != nil {
		t.Error("a session that was ended is still served")
	}
	cells := 0
	for _, m := range rpcs(t) {
		if m.Permission == typev1.Permission_PERMISSION_OPEN || m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER {
			continue
		}
		none, nobody := *ended, *ended
		none.bearer, nobody.bearer = "", strings.Repeat("A", 43)
		for what, c := range map[string]*caller{"none": &none, "of nobody": &nobody, "ended": ended} {
			cells++
			if a := c.send(t, m, []byte("{}"), nil, nil); a.Status != http.StatusUnauthorized {
				t.Errorf("%s with a session %s: %d %s", short(m), what, a.Status, a.Reason)
			}
		}
	}
	return fmt.Sprintf("%d cells", cells)
}

func a03(t *testing.T, p *people) string {
	lead := p.admin.hire(t, p.in, "team_lead", true)
	list := rpc(t, agentv1connect.StaffServiceListStaffProcedure)
	if a := lead.send(t, list, []byte("{}"), nil, nil); !a.ok() {
		t.Fatalf("before: %d %s", a.Status, a.Reason)
	}
	found := &agentv1.GetStaffResponse{}
	p.admin.mustCall(t, agentv1connect.StaffServiceGetStaffProcedure, &agentv1.GetStaffRequest{StaffId: lead.staffID}, found)
	p.admin.mustCall(t, agentv1connect.StaffServiceSetStaffRolesProcedure, &agentv1.SetStaffRolesRequest{
		StaffId: lead.staffID, Version: found.GetStaff().GetVersion(), Roles: []string{"creditor"},
	}, &agentv1.SetStaffRolesResponse{})
	began := time.Now()
	err := await(within(t, 8*time.Second), func() (bool, error) {
		return lead.send(t, list, []byte("{}"), nil, nil).Reason == "PERMISSION_DENIED", nil
	})
	if took := time.Since(began); err != nil || took > 5500*time.Millisecond {
		t.Errorf("the role still works after %s", took)
	}
	return "one session"
}

// a04 sends what only the server sets along with a profile, by name and by unknown numbers, and looks at the rows of the borrower.
func a04(t *testing.T, p *people) string {
	conn, err := pgx.Connect(t.Context(), p.in.databaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // Nothing was written.
	count := func() (n int) {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM identity.persons WHERE tenant_id = 'rival' OR state <> 'ACTIVE'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, cells := count(), 0
	m := rpc(t, mobilev1connect.ProfileServiceUpdateProfileProcedure)
	for _, more := range []string{
		`"tenantId":"rival"`, `"personId":"` + p.in.journeys[0].PersonID + `"`, `"state":"STATE_BLOCKED"`, `"limit":"100000000"`, `"role":"superadmin"`,
		`"permissions":[121]`, `"__proto__":{"admin":true}`, `"createTime":"2000-01-01T00:00:00Z"`,
	} {
		cells++
		key := fmt.Sprintf("00000000-0000-4000-8000-%012d", time.Now().UnixNano()%1e12)
		a := p.idle.sendWithKey(t, m, []byte(`{"requestId":"`+key+`","locale":"en",`+more+`}`), key, nil, nil)
		if !a.ok() && a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", more, a.Status, a.Reason)
		}
	}
	if after := count(); after != before {
		t.Errorf("%d persons are another lender's or blocked, %d before", after, before)
	}
	if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("another borrower afterwards: %d %s", a.Status, a.Reason)
	}
	return fmt.Sprintf("%d fields", cells)
}

func a05(t *testing.T, p *people) string {
	cells := 0
	for _, m := range rpcs(t) {
		field := m.Descriptor.Input().Fields().ByName("read_mask")
		if field == nil {
			continue
		}
		for _, path := range []string{"tenantId", "*", "greeting.status", "person.taxId", "constructor"} {
			cells++
			a := p.borys.send(t, m, []byte(`{"readMask":"`+path+`","loanId":"`+p.in.journeys[1].LoanID+`"}`), nil, nil)
			if a.Status != http.StatusBadRequest {
				t.Errorf("%s masked by %q: %d %s", short(m), path, a.Status, a.Reason)
			}
		}
	}
	if cells == 0 {
		t.Error("no RPC takes a mask any more")
	}
	return fmt.Sprintf("%d cells", cells)
}

func a07(t *testing.T, p *people) string {
	few := []typev1.Permission{typev1.Permission_PERMISSION_STAFF_READ, typev1.Permission_PERMISSION_STAFF_WRITE, typev1.Permission_PERMISSION_ROLE_WRITE}
	p.admin.mustCall(t, agentv1connect.RoleServiceCreateRoleProcedure, &agentv1.CreateRoleRequest{
		Name: "keeper", Title: "Keeper", Audience: identityv1.Role_AUDIENCE_STAFF, Permissions: few,
	}, &agentv1.CreateRoleResponse{})
	keeper := p.admin.hire(t, p.in, "keeper", true)
	refused := func(what string, a answer, reasons ...string) {
		t.Helper()
		if !slices.Contains(reasons, a.Reason) {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	create := rpc(t, agentv1connect.RoleServiceCreateRoleProcedure)
	for _, permission := range []typev1.Permission{typev1.Permission_PERMISSION_AUDIT_READ, typev1.Permission_PERMISSION_PRODUCT_WRITE} {
		refused("a role with "+permission.String(), keeper.call(t, create, &agentv1.CreateRoleRequest{
			Name: "more", Title: "More", Audience: identityv1.Role_AUDIENCE_STAFF, Permissions: []typev1.Permission{permission},
		}), "ROLE_GRANT_EXCEEDED")
	}
	refused("a role of our own processes", keeper.call(t, create, &agentv1.CreateRoleRequest{
		Name: "more", Title: "More", Audience: identityv1.Role_AUDIENCE_STAFF, Permissions: []typev1.Permission{typev1.Permission_PERMISSION_MONEY_OPERATE},
	}), "ROLE_PERMISSION_INVALID", "ROLE_GRANT_EXCEEDED")
	refused("inviting a superadmin", keeper.call(t, rpc(t, agentv1connect.StaffServiceInviteStaffProcedure), &agentv1.InviteStaffRequest{
		Email: "more@demo.example", DisplayName: "More", Roles: []string{"superadmin"},
	}), "ROLE_GRANT_EXCEEDED")
	refused("themselves", keeper.call(t, rpc(t, agentv1connect.StaffServiceSetStaffRolesProcedure), &agentv1.SetStaffRolesRequest{
		StaffId: keeper.staffID, Version: 1, Roles: []string{"superadmin"},
	}), "STAFF_SELF_CHANGE", "ROLE_GRANT_EXCEEDED")
	refused("a colleague who holds more", keeper.call(t, rpc(t, agentv1connect.StaffServiceSuspendStaffProcedure), &agentv1.SuspendStaffRequest{
		StaffId: p.colleagues["admin"].staffID,
	}), "ROLE_GRANT_EXCEEDED")
	return "6 ways"
}

// a08 logs in to PostgreSQL as each service does, names no lender, and reads every table of its own that has rows of lenders.
func a08(t *testing.T, p *people) string {
	admin, tables := p.in.databaseURL(t), 0
	for _, service := range migrate.Services() {
		url, err := migrate.URL(admin, service, p.in.master(t))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), `SELECT c.table_name FROM information_schema.columns c JOIN pg_tables p ON p.schemaname = c.table_schema AND p.tablename = c.table_name
			WHERE c.table_schema = $1 AND c.column_name = 'tenant_id'`, service)
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			tables++
			var count int
			err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+pgx.Identifier{service, name}.Sanitize()).Scan(&count)
			if err == nil && count > 0 {
				t.Errorf("%s.%s shows %d rows to a session without a lender", service, name, count)
			}
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if tables < 30 {
		t.Errorf("only %d tables were looked at", tables)
	}
	return fmt.Sprintf("%d tables of %d services", tables, len(migrate.Services()))
}

// a09 shows a page token of the demo lender's staff to the other lender, and tokens of nobody to every list.
func a09(t *testing.T, p *people) string {
	list := rpc(t, agentv1connect.StaffServiceListStaffProcedure)
	first := &agentv1.ListStaffResponse{}
	p.admin.mustCall(t, list.Procedure, &agentv1.ListStaffRequest{Page: &typev1.PageRequest{PageSize: 1}}, first)
	token := first.GetPage().GetNextPageToken()
	if token == "" {
		t.Fatal("there is no second page")
	}
	away := p.rivalAdmin.call(t, list, &agentv1.ListStaffRequest{Page: &typev1.PageRequest{PageSize: 1, PageToken: token}})
	if away.ok() && strings.Contains(string(away.body), "demo.example") {
		t.Errorf("another lender's page: %s", away.body)
	}
	if !away.ok() && away.Reason != "PAGE_TOKEN_INVALID" {
		t.Errorf("another lender's page token: %d %s", away.Status, away.Reason)
	}
	cells := 1
	for _, m := range rpcs(t) {
		if m.Descriptor.Input().Fields().ByName("page") == nil {
			continue
		}
		who := p.admin
		if m.Signature == typev1.SignatureClass_SIGNATURE_CLASS_PARTNER {
			who = shop(t, p.in, "demo")
		}
		tokens := []string{"x", "AAAA", strings.Repeat("A", 300)}
		if m.Procedure != list.Procedure {
			tokens = append(tokens, token) // Of another list.
		}
		for _, bad := range tokens {
			cells++
			expect(t, short(m)+" with the page token "+bad, who.send(t, m, []byte(`{"page":{"pageToken":"`+bad+`"}}`), nil, nil), "PAGE_TOKEN_INVALID")
		}
	}
	return fmt.Sprintf("%d tokens", cells)
}

// a10 stands behind the other rows of access, for it breaks the chain.
func a10(t *testing.T, p *people) string {
	whole := verify(t, p.admin)
	if whole.GetBrokenSequence() != 0 {
		t.Fatalf("the chain is broken at %d", whole.GetBrokenSequence())
	}
	calls := 0
	for _, m := range rpcs(t) {
		if m.Descriptor.ParentFile().Package() != "lendgate.agent.v1" || m.Permission == typev1.Permission_PERMISSION_OPEN || !m.ReadOnly || len(things(m)) > 0 ||
			m.Descriptor.Input().Fields().ByName("phone") != nil {
			continue
		}
		for _, c := range []*caller{p.admin, p.colleagues["creditor"].caller} { // Both served and refused.
			calls++
			c.send(t, m, []byte("{}"), nil, nil)
		}
	}
	after := verify(t, p.admin)
	// Each verification is a call of staff too; the record of one is made with its answer.
	if added := after.GetHeadSequence() - whole.GetHeadSequence(); added < int64(calls) || added > int64(calls)+1 {
		t.Errorf("%d calls of staff made %d records", calls, added)
	}
	conn, err := pgx.Connect(t.Context(), p.in.databaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // Nothing is kept.
	change := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), "SET session_replication_role = replica"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	change(`UPDATE identity.audit_records SET outcome = outcome || '!' WHERE tenant_id = 'demo' AND sequence = 3`)
	if broken := verify(t, p.admin).GetBrokenSequence(); broken != 3 {
		t.Errorf("record 3 was changed, and %d is called broken", broken)
	}
	change(`UPDATE identity.audit_records SET outcome = rtrim(outcome, '!') WHERE tenant_id = 'demo' AND sequence = 3`)
	return fmt.Sprintf("%d calls", calls)
}

// verify walks the whole chain of the caller's lender.
func verify(t *testing.T, c *caller) *agentv1.VerifyAuditRecordsResponse {
	t.Helper()
	for from := int64(1); ; {
		res := &agentv1.VerifyAuditRecordsResponse{}
		c.mustCall(t, agentv1connect.AuditServiceVerifyAuditRecordsProcedure, &agentv1.VerifyAuditRecordsRequest{FromSequence: from}, res)
		if res.GetBrokenSequence() != 0 || res.GetNextSequence() <= from {
			return res
		}
		from = res.GetNextSequence()
	}
}
