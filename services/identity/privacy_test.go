package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/servicetest"
	"github.com/lendgate/lendgate/services/identity"
)

// tables are all tables of the service's schema.
func (b *bench) tables(t *testing.T) []any {
	t.Helper()
	return b.admin(t, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'identity' AND tablename NOT LIKE 'goose%' ORDER BY 1")
}

// dump is everything that lies in the schema, bytes in hexadecimal, as a thief of the database would have it.
func (b *bench) dump(t *testing.T) map[string]string {
	t.Helper()
	dump := map[string]string{}
	for _, table := range b.tables(t) {
		rows := b.admin(t, fmt.Sprintf("SELECT to_jsonb(t)::text FROM identity.%s t", pgx.Identifier{table.(string)}.Sanitize()))
		for _, row := range rows {
			dump[table.(string)] += row.(string) + "\n"
		}
	}
	return dump
}

// live fills a database with one of everything, and answers with all that must not be found in it.
func (b *bench) live(t *testing.T) (canaries []string, codes []string) {
	t.Helper()
	others := append(b.liveStaff(t), b.liveEdge(t)...) // Staff first: they move the clock.
	login := b.login(t, phoneA)
	codes = append(codes, b.sms.last(t).GetParameters()["code"])
	session := login.GetSession()
	own := inSession(t.Context(), session)
	if _, err := b.persons.UpdateProfile(own, &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: demoProfile()}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.persons.GiveConsents(own, &identityv1.GiveConsentsRequest{
		RequestId: newID(), Purposes: []identityv1.ConsentPurpose{identityv1.ConsentPurpose_CONSENT_PURPOSE_PERSONAL_DATA}, TextVersion: "2026-01",
	}); err != nil {
		t.Fatal(err)
	}
	next, err := b.refresh(t.Context(), newID(), session.GetDeviceId(), login.GetTokens().GetRefreshToken())
	if err != nil {
		t.Fatal(err)
	}
	created, err := b.challenges.CreateChallenge(forPerson(t.Context(), session), &identityv1.CreateChallengeRequest{
		RequestId: newID(), PersonId: session.GetPersonId(), Purpose: identityv1.Challenge_PURPOSE_SIGN_AGREEMENT, BoundDigest: digestOf("agreement"),
	})
	if err != nil {
		t.Fatal(err)
	}
	codes = append(codes, b.sms.last(t).GetParameters()["code"])
	if _, err := b.challenges.ConfirmChallenge(forPerson(t.Context(), session), &identityv1.ConfirmChallengeRequest{
		RequestId: newID(), ChallengeId: created.GetChallenge().GetId(), Code: codes[1], PersonId: session.GetPersonId(), BoundDigest: digestOf("agreement"),
	}); err != nil {
		t.Fatal(err)
	}
	b.startLogin(t, b.enroll(t).GetId(), phoneB) // A code that is still on its way.
	codes = append(codes, b.sms.last(t).GetParameters()["code"])
	p := demoProfile()
	canaries = []string{
		phoneA, phoneA[4:], phoneB, phoneB[4:], p.GetGivenName(), p.GetFamilyName(), p.GetTaxId(), p.GetEmail(), p.GetAddress(),
		login.GetTokens().GetAccessToken(), login.GetTokens().GetRefreshToken(), next.GetTokens().GetAccessToken(), next.GetTokens().GetRefreshToken(),
	}
	return append(canaries, others...), codes
}

// liveStaff is live for what staff leave in the database.
func (b *bench) liveStaff(t *testing.T) (canaries []string) {
	t.Helper()
	boss := b.superadmin(t)
	if _, err := b.logIn(t, b.enroll(t).GetId(), "nobody@demo.example", goodPassword); err == nil {
		t.Fatal("nobody logged in")
	}
	b.record(t, servicetest.Tenant, "/lendgate.agent.v1.AuthService/LogIn")
	return append(boss.recovery, boss.email, "Demo Colleague", goodPassword, boss.secret, hex.EncodeToString(boss.key()),
		boss.tokens.GetAccessToken(), boss.tokens.GetRefreshToken())
}

// liveEdge is live for what is kept for the edge: a partner's secret and a used nonce.
func (b *bench) liveEdge(t *testing.T) (canaries []string) {
	t.Helper()
	made, err := shopsOf(t, b).CreatePartnerKey(keyKeeper(t.Context(), servicetest.Tenant), newSecretRequest("shop-demo"))
	if err != nil {
		t.Fatal(err)
	}
	nonce := sha256.Sum256([]byte("nonce"))
	if _, err := b.devices.ConsumeNonce(servicetest.AsService(t.Context(), "edge"), &identityv1.ConsumeNonceRequest{
		RequestId: newID(), Digest: nonce[:], ExpireTime: timestamppb.New(b.Clock.Now().Add(time.Minute)),
	}); err != nil {
		t.Fatal(err)
	}
	return []string{string(made.GetSecret())}
}

func TestNothingPersonalAndNothingSecretLiesInClear(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	canaries, codes := b.live(t)
	dump := b.dump(t)
	if len(dump) < 10 {
		t.Fatalf("only %d tables hold rows: the test looks at too little", len(dump))
	}
	for table, text := range dump {
		for _, canary := range canaries {
			forms := []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))}
			if raw, err := base64.RawURLEncoding.DecodeString(canary); err == nil && len(raw) == 32 {
				forms = append(forms, hex.EncodeToString(raw)) // The bytes of a token.
			}
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%s holds %q", table, canary)
				}
			}
		}
		for _, code := range codes {
			// Six digits may stand in a longer row of digits by chance, but not alone.
			if regexp.MustCompile(`\b`+code+`\b`).MatchString(text) || strings.Contains(text, hex.EncodeToString([]byte(code))) {
				t.Errorf("%s holds a code", table)
			}
		}
	}
}

func TestRowsOfALenderAreHeldByTheDatabase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.live(t)
	count := func(t *testing.T, tx pgx.Tx, table string) (n int) {
		t.Helper()
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, table := range b.tables(t) {
		table := table.(string)
		// Without a lender, as the service's own role.
		if err := pgx.BeginFunc(t.Context(), b.DB.Pool(), func(tx pgx.Tx) error {
			if n := count(t, tx, table); n != 0 {
				t.Errorf("%s shows %d rows without a lender", table, n)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for lender, sees := range map[string]bool{servicetest.Tenant: true, servicetest.OtherTenant: false} {
			ctx := actor.AsService(t.Context(), lender, "identity")
			if err := b.DB.Read(ctx, func(tx pgx.Tx) error {
				if n := count(t, tx, table); (n > 0) != sees && !emptyHere[table] {
					t.Errorf("%s shows %d rows to %s", table, n, lender)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Nor can a row be written for another lender.
	err := b.DB.InTx(actor.AsService(t.Context(), servicetest.OtherTenant, "identity"), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO roles VALUES ('demo', 'x', '{}', 'test', now(), now())")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("got %v", err)
	}
}

// emptyHere are the platform's tables that this service does not fill: it consumes no events.
var emptyHere = map[string]bool{"inbox_events": true, "dead_events": true}

func TestEvidenceIsNeverDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.live(t)
	for _, table := range []string{"persons", "consents", "devices", "sessions"} {
		err := b.DB.InTx(actor.AsService(t.Context(), servicetest.Tenant, "identity"), func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "DELETE FROM "+table)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: got %v", table, err)
		}
	}
	if err := b.DB.InTx(actor.AsService(t.Context(), servicetest.Tenant, "identity"), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM challenges")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if left := b.admin(t, "SELECT purpose FROM identity.challenges"); len(left) != 1 || left[0] != "SIGN_AGREEMENT" {
		t.Errorf("of all challenges %v are left", left)
	}
}

func TestSweepDropsWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.live(t)
	sweeper := identity.NewSweeper(b.service, b.Log)
	counts := func() [2]any {
		return [2]any{b.admin(t, "SELECT count(*) FROM identity.challenges")[0], b.admin(t, "SELECT count(*) FROM identity.session_tokens")[0]}
	}
	for _, step := range []struct {
		wait time.Duration
		want [2]any // Challenges and pairs of tokens.
	}{
		{24 * time.Hour, [2]any{int64(3), int64(2)}},
		{time.Second, [2]any{int64(1), int64(2)}}, // The signature's challenge is evidence and stays.
		{29 * 24 * time.Hour, [2]any{int64(1), int64(0)}},
	} {
		b.Clock.Advance(step.wait)
		if err := sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := counts(); got != step.want {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sweeper.Run(ctx); err != nil {
		t.Error(err)
	}
}
