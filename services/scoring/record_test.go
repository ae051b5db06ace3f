package scoring_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	scoringv1 "github.com/lendgate/lendgate/gen/go/lendgate/scoring/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/services/scoring/policy"
)

// The SQLSTATEs of a trigger that refuses and of a missing privilege.
const (
	restrictViolation     = "23001"
	insufficientPrivilege = "42501"
)

func wantState(t *testing.T, err error, state string) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != state {
		t.Errorf("error %v, want SQLSTATE %s", err, state)
	}
}

func TestNobodyChangesWhatWasDecided(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.decide(t, request())
	for _, statement := range []string{
		"UPDATE scoring.decisions SET outcome = 'DECLINE', reason_codes = '{X}'",
		"DELETE FROM scoring.decisions",
		"UPDATE scoring.policies SET body = '{}'",
		"DELETE FROM scoring.policies",
	} {
		t.Run("the service: "+statement, func(t *testing.T) {
			err := pgx.BeginFunc(t.Context(), h.DB.Pool(), func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), statement)
				return err
			})
			wantState(t, err, insufficientPrivilege)
		})
		t.Run("the owner: "+statement, func(t *testing.T) {
			h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
				_, err := conn.Exec(ctx, statement)
				wantState(t, err, restrictViolation)
			})
		})
	}
	h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
		_, err := conn.Exec(ctx, "TRUNCATE scoring.decisions, scoring.policies")
		wantState(t, err, restrictViolation)
	})
	if n := h.count(t, "decisions"); n != 1 {
		t.Errorf("%d decisions are left", n)
	}
}

// TestNothingPersonalLiesInClear looks through every table of the schema, as text and as bytes.
func TestNothingPersonalLiesInClear(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const income, obligations, odd = "3141593", "271829", "marzipan"
	taken := h.decide(t, request(named("monthly_income_minor", income), named("monthly_obligations_minor", obligations), named("sweet", odd)))
	secrets := []string{
		income, obligations, odd,
		fmt.Sprint(taken.GetMaxInstalment().GetMinorUnits()), fmt.Sprint(taken.GetMaxPrincipal().GetMinorUnits()),
		fmt.Sprintf("%q:%d", "debt_burden_bp", taken.GetDebtBurdenBp()), "monthly_income_minor=",
	}
	h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
		rows, err := conn.Query(ctx, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'scoring' AND table_name <> 'policies'")
		if err != nil {
			t.Fatal(err)
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(tables) < 5 {
			t.Fatalf("only the tables %v", tables)
		}
		for _, table := range tables {
			rows, err := conn.Query(ctx, "SELECT row_to_json(t)::text FROM scoring."+pgx.Identifier{table}.Sanitize()+" AS t")
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				for _, secret := range secrets {
					if strings.Contains(line, secret) || strings.Contains(line, hex.EncodeToString([]byte(secret))) {
						t.Errorf("%s holds %q in clear", table, secret)
					}
				}
			}
		}
	})
}

func TestErrorsDoNotRepeatValues(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, err := h.decisions.DecideApplication(h.flows(t), request(named("monthly_income_minor", "31415.93"), named("employment", "marzipan")))
	if err == nil || strings.Contains(err.Error(), "31415") || strings.Contains(err.Error(), "marzipan") {
		t.Errorf("error %v", err)
	}
}

func TestAnErasedPersonLeavesTheOutcomeAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	taken := h.decide(t, request())
	person, err := id.Parse(id.Person, taken.GetPersonId())
	if err != nil {
		t.Fatal(err)
	}
	h.admin(t, func(ctx context.Context, conn *pgx.Conn) {
		if _, err := conn.Exec(ctx, "DELETE FROM scoring.subject_keys WHERE subject_id = $1", person); err != nil {
			t.Fatal(err)
		}
	})
	res, err := h.decisions.GetDecision(h.operator(t), &scoringv1.GetDecisionRequest{DecisionId: taken.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	got := res.GetDecision()
	if got.GetOutcome() != taken.GetOutcome() || got.GetScore() != taken.GetScore() || got.GetPolicyVersion() != taken.GetPolicyVersion() {
		t.Errorf("what accounts for the policy is gone: %v", got)
	}
	if len(got.GetFeatures())+len(got.GetTrace()) > 0 || got.GetMaxPrincipal() != nil || got.GetMaxInstalment() != nil || got.GetDebtBurdenBp() != 0 {
		t.Errorf("what was personal is still there: %v", got)
	}
}

func TestSeedPolicyTwiceMakesOneVersion(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for range 2 {
		if err := h.service.SeedPolicy(h.operator(t), product); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.count(t, "policies"); n != 1 {
		t.Errorf("%d versions", n)
	}
	if err := h.service.SeedPolicy(asStranger(t, "operator"), product); err != nil {
		t.Fatal(err)
	}
	if n := h.count(t, "policies"); n != 2 {
		t.Errorf("%d versions of two lenders", n)
	}
}

func TestANewPolicyDecidesFromItsDayOn(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	strict := bytes.Replace(policy.Default(), []byte(`"number": 18,`), []byte(`"number": 40,`), 1)
	version, err := h.service.AddPolicy(h.operator(t), product, strict, h.Clock.Now().Add(24*time.Hour))
	if err != nil || version != product+"/2" {
		t.Fatalf("version %q, error %v", version, err)
	}
	if got := h.decide(t, request()); got.GetPolicyVersion() != product+"/1" || got.GetOutcome() != scoringv1.Decision_OUTCOME_APPROVE {
		t.Errorf("the day before: %s by %s", got.GetOutcome(), got.GetPolicyVersion())
	}
	h.Clock.Advance(24 * time.Hour)
	if got := h.decide(t, request()); got.GetPolicyVersion() != product+"/2" || got.GetOutcome() != scoringv1.Decision_OUTCOME_DECLINE {
		t.Errorf("on the day: %s by %s", got.GetOutcome(), got.GetPolicyVersion())
	}
}

func TestABadPolicyIsNotKept(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	bad := bytes.Replace(policy.Default(), []byte(`"currency": "UAH"`), []byte(`"currency": "ZZZ"`), 1)
	bad = bytes.Replace(bad, []byte(`"burden_bp": 5000`), []byte(`"burden_bp": 0`), 1)
	_, err := h.service.AddPolicy(h.operator(t), product, bad, h.Clock.Now())
	if err == nil || !strings.Contains(err.Error(), `currency "ZZZ"`) || !strings.Contains(err.Error(), "burden_bp 0") {
		t.Errorf("error %v, want both faults", err)
	}
	if n := h.count(t, "policies"); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestPoliciesAddedAtOnceAllGetAVersion(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := h.service.AddPolicy(h.operator(t), product, policy.Default(), h.Clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := h.count(t, "policies"); n != 5 {
		t.Errorf("%d versions", n)
	}
	if got := h.decide(t, request()); got.GetPolicyVersion() != product+"/5" {
		t.Errorf("decided by %s", got.GetPolicyVersion())
	}
}
