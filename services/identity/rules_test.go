package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/gen/db/identitydb"
	"github.com/lendgate/lendgate/internal/civil"
)

func TestMaskPhone(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]string{
		"+380501234567": "+380 ** *** 45 67", "+12015550123": "+1 *** *** 01 23", "+48512345678": "+48 ** *** 56 78", "": "", "nonsense": "",
	} {
		if got := maskPhone(phone); got != want {
			t.Errorf("%s: got %q, want %q", phone, got, want)
		}
	}
}

func testSecrets(t *testing.T, key string) secrets {
	t.Helper()
	s, err := newSecrets([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A code is good for its challenge and all that it is bound to; any change makes another code. Two codes of nine digits are the same by
// chance once in 10^9, so one clash in the whole run would be a fault.
func TestACodeIsBoundToEverything(t *testing.T) {
	t.Parallel()
	device, person := uuid.New(), uuid.New()
	base := identitydb.Challenge{
		TenantID: "demo", ID: uuid.New(), Purpose: "SIGN_AGREEMENT", PhoneIndex: []byte("phone"), PersonID: &person, DeviceID: &device,
		BoundDigest: []byte("digest"), Digits: 9,
	}
	s := testSecrets(t, strings.Repeat("k", 32))
	code := s.code(base)
	if len(code) != 9 || code != s.code(base) {
		t.Fatalf("got %q", code)
	}
	other := uuid.New()
	for name, change := range map[string]func(*identitydb.Challenge){
		"lender":    func(c *identitydb.Challenge) { c.TenantID = "other" },
		"challenge": func(c *identitydb.Challenge) { c.ID = other },
		"purpose":   func(c *identitydb.Challenge) { c.Purpose = "LOGIN" },
		"phone":     func(c *identitydb.Challenge) { c.PhoneIndex = []byte("another") },
		"person":    func(c *identitydb.Challenge) { c.PersonID = &other },
		"device":    func(c *identitydb.Challenge) { c.DeviceID = nil },
		"digest":    func(c *identitydb.Challenge) { c.BoundDigest = []byte("changed") },
		"border":    func(c *identitydb.Challenge) { c.TenantID, c.Purpose = "demoS", "IGN_AGREEMENT" },
	} {
		changed := base
		change(&changed)
		if s.code(changed) == code {
			t.Errorf("the code does not depend on the %s", name)
		}
	}
	if testSecrets(t, strings.Repeat("l", 32)).code(base) == code {
		t.Error("the code does not depend on the key")
	}
}

func TestCodesHaveTheirDigits(t *testing.T) {
	t.Parallel()
	s := testSecrets(t, strings.Repeat("k", 32))
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.Int32Range(6, 9).Draw(t, "digits")
		code := s.code(identitydb.Challenge{ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Digits: digits})
		if len(code) != int(digits) || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("got %q for %d digits", code, digits)
		}
	})
}

func TestTokensDiffer(t *testing.T) {
	t.Parallel()
	s, session := testSecrets(t, strings.Repeat("k", 32)), uuid.New()
	seen := map[string]bool{}
	for _, tenant := range []string{"demo", "other"} {
		for generation := range int64(3) {
			for _, kind := range []string{accessToken, refreshToken} {
				seen[s.token(tenant, session, generation, kind)] = true
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d tokens of 12 differ", len(seen))
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		birth, today string
		want         int
	}{
		{"2008-03-02", "2026-03-02", 18},
		{"2008-03-03", "2026-03-02", 17},
		{"2008-02-29", "2026-02-28", 17},
		{"2008-02-29", "2026-03-01", 18},
		{"2008-12-31", "2026-01-01", 17},
	} {
		birth, errBirth := civil.Parse(c.birth)
		today, errToday := civil.Parse(c.today)
		if errBirth != nil || errToday != nil {
			t.Fatal(errBirth, errToday)
		}
		if got := age(birth, today); got != c.want {
			t.Errorf("born %s, on %s: got %d, want %d", c.birth, c.today, got, c.want)
		}
	}
}

func TestConfigurationThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	if _, err := New(Deps{SecretKey: key}); err != nil {
		t.Errorf("the defaults are good: %v", err)
	}
	for name, deps := range map[string]Deps{
		"short codes":    {SecretKey: key, Config: Config{CodeDigits: 4}},
		"long codes":     {SecretKey: key, Config: Config{CodeDigits: 10}},
		"many tries":     {SecretKey: key, Config: Config{CodeAttempts: 11}},
		"many codes":     {SecretKey: key, Config: Config{CodesPerPhoneHour: 51}},
		"lasting codes":  {SecretKey: key, Config: Config{CodeLifetime: 2 * time.Hour}},
		"lasting grace":  {SecretKey: key, Config: Config{RefreshGrace: 31 * 24 * time.Hour}},
		"a short secret": {SecretKey: key[:31]},
	} {
		if _, err := New(deps); err == nil {
			t.Errorf("%s pass", name)
		}
	}
}
