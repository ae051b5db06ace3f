package attack_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	agentv1 "github.com/lendgate/lendgate/gen/go/lendgate/agent/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/agent/v1/agentv1connect"
	mobilev1 "github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/mobile/v1/mobilev1connect"
	"github.com/lendgate/lendgate/internal/actor"
)

func loginRows() []row {
	return []row{
		{id: "L01", attack: "guess the code of one phone from several devices", expected: "at most 15 tries an hour", run: l01},
		{id: "L02", attack: "one code over many phones", expected: "a breaker over all phones, a captcha", missing: "there is no limit over all phones together and no captcha; each phone has its own limits (L01)"},
		{id: "L03", attack: "use a code or a TOTP a second time", expected: "refused", run: l03},
		{id: "L04", attack: "a code of the login for a signature", expected: "refused", by: []string{"identity.TestACodeIsBoundToEverything", "identity.TestConfirmChallengeRefusesWhatIsNotThere"}},
		{id: "L05", attack: "text messages to foreign prefixes and adjacent numbers", expected: "at most the budget is sent", missing: "numbers that the lender's country does not reach are refused (`identity.TestPhonesThatDoNotReceive`); a budget over all numbers is not built"},
		{id: "L06", attack: "log in with a known and an unknown phone, colleague, password", expected: "the same answer", run: l06},
		{id: "L07", attack: "bring a session along to a login and to the second factor", expected: "a new one each time; the old one ends", run: l07},
		{id: "L08", attack: "50 refreshes with one token at once; a token that was exchanged long ago", expected: "one family, nobody signed out; the family ends", run: l08},
		{id: "L09", attack: "a stolen session without the key of its device, on every RPC", expected: "401", run: l09},
		{id: "L10", attack: "JWTs without algorithm, with a forged one, with paths and addresses in their head; our own processes' tokens", expected: "401", run: l10},
		{id: "L11", attack: "OIDC and BankID: wrong state, code twice, mixed issuer", expected: "refused", missing: "no login by another provider is built"},
		{id: "L12", attack: "WebAuthn: wrong origin, counter back, no verification", expected: "refused", missing: "passkeys are not built; staff have passwords and TOTP"},
		{id: "L13", attack: "App Attest: old challenge, counter back, other bundle", expected: "refused", missing: "attestation of apps is not built"},
		{id: "L14", attack: "a captcha's token twice", expected: "refused", missing: "there is no captcha"},
		{id: "L15", attack: "a flood of passwords", expected: "hashing is bounded, reads go on", run: l15},
	}
}

// guess tries a code without saying anything when it fails.
func (c *caller) guess(t *testing.T, challenge, code string) answer {
	t.Helper()
	return c.call(t, rpc(t, mobilev1connect.AuthServiceConfirmLoginProcedure), &mobilev1.ConfirmLoginRequest{ChallengeId: challenge, Code: code})
}

func l01(t *testing.T, p *people) string {
	const number = "+380507770001"
	tries, guesses, devices := 0, 0, scale(t, 4)
	for range devices {
		c := phone(t, p.in, "guesser", "demo")
		a := c.call(t, rpc(t, mobilev1connect.AuthServiceStartLoginProcedure), &mobilev1.StartLoginRequest{Phone: number})
		if !a.ok() {
			if a.Reason != "CODE_RESEND_TOO_SOON" && a.Reason != "CODE_LIMIT_REACHED" {
				t.Errorf("asking for a code: %d %s", a.Status, a.Reason)
			}
			continue
		}
		res := &mobilev1.StartLoginResponse{}
		if err := protojson.Unmarshal(a.body, res); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			guesses++
			switch a := c.guess(t, res.GetChallenge().GetId(), fmt.Sprintf("%06d", i)); a.Reason {
			case "CODE_WRONG":
				tries++
			case "CODE_ATTEMPTS_EXHAUSTED":
			default:
				t.Fatalf("a guess: %d %s", a.Status, a.Reason)
			}
		}
	}
	if tries == 0 || tries > 15 {
		t.Errorf("%d tries were let through", tries)
	}
	return fmt.Sprintf("%d guesses from %d devices; the hour: `identity.TestBruteForceIsBounded`", guesses, devices)
}

func l03(t *testing.T, p *people) string {
	c := phone(t, p.in, "code twice", "rival")
	challenge := c.startLogin(t, "+380500000002")
	if a := c.guess(t, challenge, "222222"); !a.ok() {
		t.Fatalf("the first time: %d %s", a.Status, a.Reason)
	}
	expect(t, "the second time", c.guess(t, challenge, "222222"), "CODE_ALREADY_USED")

	colleague := p.admin.hire(t, p.in, "creditor", true) // Its second factor was given in this step or the one before.
	colleague.givePassword(t, colleague.email, staffPassword)
	m := rpc(t, agentv1connect.AuthServiceVerifySecondFactorProcedure)
	began := time.Now().Unix() / 30
	a := colleague.call(t, m, &agentv1.VerifySecondFactorRequest{Code: totp(t, colleague.secret, time.Now())})
	if time.Now().Unix()/30 == began && a.ok() {
		again := desk(t, p.in, "totp twice", "demo")
		again.givePassword(t, colleague.email, staffPassword)
		a = again.call(t, m, &agentv1.VerifySecondFactorRequest{Code: totp(t, colleague.secret, time.Now())})
	}
	// Whichever of the two was the second in its step: it is refused as a wrong one. A step that ended meanwhile proves nothing.
	if time.Now().Unix()/30 == began {
		expect(t, "a TOTP twice in one step", a, "SECOND_FACTOR_WRONG")
	}
	return "one code, one TOTP"
}

func l06(t *testing.T, p *people) string {
	shape := func(a answer) string { // What an answer says, without ids and times.
		res := &mobilev1.StartLoginResponse{}
		if !a.ok() || protojson.Unmarshal(a.body, res) != nil {
			return fmt.Sprint(a.Status, a.Reason)
		}
		return fmt.Sprint(a.Status, len(res.GetChallenge().GetId()), len(res.GetChallenge().GetMaskedPhone()), res.GetChallenge().GetExpireTime() != nil)
	}
	m, known := rpc(t, mobilev1connect.AuthServiceStartLoginProcedure), p.in.journeys[1].Phone
	one, two := phone(t, p.in, "asks for a known one", "demo"), phone(t, p.in, "asks for an unknown one", "demo")
	var was answer
	// The known one logged in when the suite began; until its next code may go out, it is told so as any other phone would be.
	if err := await(within(t, 40*time.Second), func() (bool, error) {
		was = one.call(t, m, &mobilev1.StartLoginRequest{Phone: known})
		return was.Reason != "CODE_RESEND_TOO_SOON", nil
	}); err != nil {
		t.Fatal(err)
	}
	is := two.call(t, m, &mobilev1.StartLoginRequest{Phone: "+380507770002"})
	if shape(was) != shape(is) {
		t.Errorf("known: %s %s, unknown: %s %s", shape(was), was.body, shape(is), is.body)
	}
	login := rpc(t, agentv1connect.AuthServiceLogInProcedure)
	browser := desk(t, p.in, "wrong logins", "demo")
	wrong := browser.call(t, login, &agentv1.LogInRequest{Email: p.colleagues["creditor"].email, Password: "not the password at all"})
	nobody := browser.call(t, login, &agentv1.LogInRequest{Email: "nobody@demo.example", Password: "not the password at all"})
	if wrong.Status != nobody.Status || string(wrong.body) != string(nobody.body) {
		t.Errorf("a wrong password: %s, nobody's: %s", wrong.body, nobody.body)
	}
	return "answers alone; their time is not measured here"
}

func l07(t *testing.T, p *people) string {
	c := phone(t, p.in, "fixed session", "rival")
	c.logIn(t, "+380500000001", "111111")
	if c.bearer == p.idle.bearer || len(c.bearer) < 22 {
		t.Errorf("the session is %q", c.bearer)
	}
	colleague := p.admin.hire(t, p.in, "creditor", false)
	before := *colleague.caller
	begun := &agentv1.BeginSecondFactorResponse{}
	colleague.mustCall(t, agentv1connect.AuthServiceBeginSecondFactorProcedure, &agentv1.BeginSecondFactorRequest{}, begun)
	colleague.giveSecondFactor(t, begun.GetSecret())
	if before.bearer == colleague.bearer || before.sessionID == colleague.sessionID {
		t.Error("the second factor left the session as it was")
	}
	me := rpc(t, agentv1connect.AuthServiceBeginSecondFactorProcedure)
	err := await(within(t, 7*time.Second), func() (bool, error) {
		return before.send(t, me, []byte("{}"), nil, nil).Status == http.StatusUnauthorized, nil
	})
	if err != nil {
		t.Error("the session of before the second factor lives on")
	}
	return "a login and a second factor"
}

func l08(t *testing.T, p *people) string {
	const refreshes = 50
	m := rpc(t, mobilev1connect.AuthServiceRefreshSessionProcedure)
	c := p.borys
	token := p.in.journeys[1].RefreshToken
	without := *c
	without.bearer = ""
	answers := make([]answer, refreshes)
	var wait sync.WaitGroup
	for i := range refreshes {
		key := uuid.NewString()
		r := without.request(t, m, []byte(`{"requestId":"`+key+`","refreshToken":"`+token+`"}`), key)
		if err := without.signer.Sign(r); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() { answers[i], _ = try(r) }) // A request that failed has no status.
	}
	wait.Wait()
	sessions, tokens := map[string]bool{}, map[string]bool{}
	for _, a := range answers {
		res := &mobilev1.RefreshSessionResponse{}
		if !a.ok() {
			t.Errorf("a refresh: %d %s", a.Status, a.Reason)
			continue
		}
		if err := protojson.Unmarshal(a.body, res); err != nil {
			t.Fatal(err)
		}
		sessions[res.GetSession().GetId()], tokens[res.GetTokens().GetAccessToken()] = true, true
		c.bearer = res.GetTokens().GetAccessToken()
	}
	if len(sessions) != 1 || len(tokens) != 1 {
		t.Errorf("%d sessions and %d tokens came of one", len(sessions), len(tokens))
	}
	if a := c.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
		t.Errorf("afterwards: %d %s", a.Status, a.Reason)
	}
	return fmt.Sprintf("%d at once; after the grace: `identity.TestAnOldRefreshTokenEndsTheSession`", refreshes)
}

func l09(t *testing.T, p *people) string {
	thief, cells := phone(t, p.in, "thief", "demo"), 0
	for _, victim := range []*caller{p.borys, p.admin} {
		thief.bearer = victim.bearer
		for _, m := range rpcs(t) {
			if refusalOf(role{caller: thief, kind: borrower}, m) == "" || refusalOf(role{caller: thief, kind: stranger}, m) == "" ||
				m.Signature.Number() == 2 || m.Signature.Number() == 4 {
				continue // Nobody's session is looked at: everybody may, enrolment, a partner's.
			}
			cells++
			expect(t, short(m)+" with the session of "+victim.name, thief.send(t, m, []byte("{}"), nil, nil), "SESSION_EXPIRED")
		}
	}
	return fmt.Sprintf("%d cells", cells)
}

func l10(t *testing.T, p *people) string {
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claims := encode(`{"sub":"` + p.in.journeys[1].PersonID + `","exp":4102444800,"tenant":"demo"}`)
	tokens := []string{
		encode(`{"alg":"none"}`) + "." + claims + ".", encode(`{"alg":"HS256","kid":"../../dev/null"}`) + "." + claims + ".AAAA",
		encode(`{"alg":"RS256","jku":"http://evil.example/keys"}`) + "." + claims + ".AAAA", encode(`{"alg":"ES256","x5u":"http://evil.example"}`) + "." + claims + ".AAAA",
		claims, "null", "../../../etc/passwd", strings.Repeat("A", 4000),
	}
	for _, token := range tokens {
		forged := *p.borys
		forged.bearer = token
		expect(t, "a token of "+token[:min(20, len(token))], forged.send(t, home(t), []byte("{}"), nil, nil), "SESSION_EXPIRED")
	}
	// The header that our own processes prove themselves by means nothing at the edge.
	none := *p.borys
	none.bearer = ""
	ctx := actor.AsService(t.Context(), "demo", "operator")
	proof := base64.RawURLEncoding.EncodeToString(p.in.operator(t).AppendProof(ctx, nil, home(t).Procedure, []byte("{}")))
	expect(t, "a proof of our own processes", none.send(t, home(t), []byte("{}"), func(r *http.Request) { r.Header.Set(actor.Header, proof) }, nil), "SESSION_REQUIRED")
	return fmt.Sprintf("%d tokens", len(tokens)+1)
}

// l15 floods the login with passwords and looks at what others wait meanwhile.
func l15(t *testing.T, p *people) string {
	flood := min(scale(t, 100), 400) // More would take minutes, which is the point.
	m, browser := rpc(t, agentv1connect.AuthServiceLogInProcedure), desk(t, p.in, "flood", "demo")
	var wait sync.WaitGroup
	slots := make(chan struct{}, 50)
	statuses := make([]int, flood)
	for i := range flood {
		key := uuid.NewString()
		r := browser.request(t, m, []byte(fmt.Sprintf(`{"requestId":%q,"email":"flood-%d@demo.example","password":"not the password"}`, key, i)), key)
		if err := browser.signer.Sign(r); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			slots <- struct{}{}
			a, _ := try(r) // A request that failed has no status.
			statuses[i] = a.Status
			<-slots
		})
	}
	worst := time.Duration(0)
	for range 20 {
		began := time.Now()
		if a := p.borys.send(t, home(t), []byte("{}"), nil, nil); !a.ok() {
			t.Errorf("a read meanwhile: %d %s", a.Status, a.Reason)
		}
		worst = max(worst, time.Since(began))
	}
	wait.Wait()
	for _, status := range statuses {
		if status == http.StatusOK || status == http.StatusInternalServerError || status == 0 {
			t.Errorf("a login of the flood: %d", status)
		}
	}
	if worst > 3*time.Second {
		t.Errorf("a read took %s during the flood", worst)
	}
	return fmt.Sprintf("%d passwords at once instead of 200 a second", flood)
}
