package identity_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func TestRecordsAreNumberedForEachLender(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for want := range int64(3) {
		if got := b.record(t, servicetest.Tenant, "/x/Y"); got != want+1 {
			t.Errorf("number %d, want %d", got, want+1)
		}
	}
	if got := b.record(t, servicetest.OtherTenant, "/x/Y"); got != 1 {
		t.Errorf("another lender begins with %d", got)
	}
	edge := servicetest.AsService(t.Context(), "edge")
	req := &identityv1.RecordCallRequest{RequestId: newID(), Actor: "staff:x", Procedure: "/x/Y", Outcome: "ok"}
	for range 2 {
		if res, err := b.audit.RecordCall(edge, proto.CloneOf(req)); err != nil || res.GetSequence() != 4 {
			t.Errorf("got %v, %v", res, err)
		}
	}
	req.Outcome = "not_found"
	_, err := b.audit.RecordCall(edge, req)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	_, err = b.audit.RecordCall(servicetest.AsPerson(t.Context(), servicetest.NewPerson()), req)
	refused(t, err, connect.CodePermissionDenied, denied)
}

func TestListAuditRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.superadmin(t)
	for range 3 {
		b.record(t, servicetest.Tenant, "/x/Old")
	}
	b.Clock.Advance(time.Minute)
	middle := b.Clock.Now()
	b.record(t, servicetest.Tenant, "/x/New")
	list := func(req *identityv1.ListAuditRecordsRequest) *identityv1.ListAuditRecordsResponse {
		t.Helper()
		res, err := b.audit.ListAuditRecords(boss.as(t), req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	all := list(&identityv1.ListAuditRecordsRequest{}).GetRecords()
	if len(all) != 4 || all[0].GetSequence() != 4 || all[0].GetProcedure() != "/x/New" || all[0].GetOutcome() != "ok" || all[0].GetEdgeRequestId() != "req-1" {
		t.Fatalf("got %v", all)
	}
	for name, c := range map[string]struct {
		req  *identityv1.ListAuditRecordsRequest
		want int
	}{
		"by actor":      {&identityv1.ListAuditRecordsRequest{Actor: all[1].GetActor()}, 1},
		"by subject":    {&identityv1.ListAuditRecordsRequest{Subject: all[2].GetSubjects()[1]}, 1},
		"by role":       {&identityv1.ListAuditRecordsRequest{Subject: "admin"}, 4},
		"by procedure":  {&identityv1.ListAuditRecordsRequest{Procedure: "/x/Old"}, 3},
		"from a time":   {&identityv1.ListAuditRecordsRequest{FromTime: timestamppb.New(middle)}, 1},
		"before a time": {&identityv1.ListAuditRecordsRequest{ToTime: timestamppb.New(middle)}, 3},
		"together":      {&identityv1.ListAuditRecordsRequest{Procedure: "/x/Old", FromTime: timestamppb.New(middle)}, 0},
	} {
		if got := len(list(c.req).GetRecords()); got != c.want {
			t.Errorf("%s: %d records, want %d", name, got, c.want)
		}
	}
	first := list(&identityv1.ListAuditRecordsRequest{Page: &typev1.PageRequest{PageSize: 3}})
	second := list(&identityv1.ListAuditRecordsRequest{Page: &typev1.PageRequest{PageSize: 3, PageToken: first.GetPage().GetNextPageToken()}})
	if len(first.GetRecords()) != 3 || len(second.GetRecords()) != 1 || second.GetRecords()[0].GetSequence() != 1 || second.GetPage().GetNextPageToken() != "" {
		t.Errorf("pages: %v, %v", first, second)
	}
	// A09 of the attack matrix: a token of one list is none of another.
	_, err := b.audit.ListAuditRecords(boss.as(t), &identityv1.ListAuditRecordsRequest{
		Procedure: "/x/Old", Page: &typev1.PageRequest{PageToken: first.GetPage().GetNextPageToken()},
	})
	refused(t, err, connect.CodeInvalidArgument, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	agent := b.join(t, boss.as(t), "agent@demo.example", "support_agent")
	_, err = b.audit.ListAuditRecords(agent.as(t), &identityv1.ListAuditRecordsRequest{})
	refused(t, err, connect.CodePermissionDenied, denied)
}

// A10 of the attack matrix.
func TestTamperingBreaksTheChain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql    string
		broken int64
	}{
		"nothing was done":         {"SELECT 1", 0},
		"an outcome was changed":   {"UPDATE identity.audit_records SET outcome = 'not_found' WHERE sequence = 3 RETURNING 1", 3},
		"an actor was changed":     {"UPDATE identity.audit_records SET actor = 'staff:me' WHERE sequence = 1 RETURNING 1", 1},
		"a subject was taken out":  {"UPDATE identity.audit_records SET subjects = subjects[2:] WHERE sequence = 5 RETURNING 1", 5},
		"subjects changed places":  {"UPDATE identity.audit_records SET subjects = ARRAY[subjects[2], subjects[1]] WHERE sequence = 5 RETURNING 1", 5},
		"a time was changed":       {"UPDATE identity.audit_records SET create_time = create_time + interval '1 microsecond' WHERE sequence = 2 RETURNING 1", 2},
		"a record was taken out":   {"DELETE FROM identity.audit_records WHERE sequence = 4 RETURNING 1", 4},
		"the first was taken out":  {"DELETE FROM identity.audit_records WHERE sequence = 1 RETURNING 1", 1},
		"a hash was copied":        {"UPDATE identity.audit_records a SET hash = b.hash FROM identity.audit_records b WHERE a.sequence = 4 AND b.sequence = 3 RETURNING 1", 4},
		"one was put in its place": {"UPDATE identity.audit_records SET hash = sha256('x') WHERE sequence = 6 RETURNING 1", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			for range 6 {
				b.record(t, servicetest.Tenant, "/x/Y")
			}
			b.admin(t, "ALTER TABLE identity.audit_records DISABLE TRIGGER audit_records_are_final")
			b.admin(t, c.sql)
			res, err := b.audit.VerifyAuditRecords(b.superadmin(t).as(t), &identityv1.VerifyAuditRecordsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			verified := int64(6)
			if c.broken > 0 {
				verified = c.broken - 1
			}
			if res.GetBrokenSequence() != c.broken || res.GetVerified() != verified || res.GetHeadSequence() != verified || res.GetNextSequence() != 0 {
				t.Errorf("got %v", res)
			}
		})
	}
}

func TestTheChainIsVerifiedFromAnywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 4 {
		b.record(t, servicetest.Tenant, "/x/Y")
	}
	boss := b.superadmin(t).as(t)
	for from, verified := range map[int64]int64{0: 4, 1: 4, 3: 2, 5: 0} {
		res, err := b.audit.VerifyAuditRecords(boss, &identityv1.VerifyAuditRecordsRequest{FromSequence: from})
		if err != nil || res.GetVerified() != verified || res.GetBrokenSequence() != 0 {
			t.Errorf("from %d: %v, %v", from, res, err)
		}
	}
}

func TestTheDatabaseItselfKeepsRecords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.record(t, servicetest.Tenant, "/x/Y")
	ctx := servicetest.AsService(t.Context(), "identity")
	for _, sql := range []string{"UPDATE audit_records SET outcome = 'x'", "DELETE FROM audit_records", "TRUNCATE audit_records"} {
		tx, err := b.DB.Pool().Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, sql); err == nil {
			t.Errorf("%s was let through", sql)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Error(err)
		}
	}
}
