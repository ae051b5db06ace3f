package identity_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	identityv1 "github.com/lendgate/lendgate/gen/go/lendgate/identity/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/servicetest"
)

// demoProfile is a complete profile of nobody.
func demoProfile() *identityv1.Profile {
	return &identityv1.Profile{
		GivenName: "Олена", FamilyName: "Демченко-Зразок", BirthDate: date(1987, 3, 12), TaxId: "3184710691", Email: "olena@demo.example",
		Address: "вул. Зразкова 1, Київ", Employment: identityv1.Employment_EMPLOYMENT_EMPLOYED,
		MonthlyIncome:      &typev1.Money{MinorUnits: 2_500_000, CurrencyCode: "UAH"},
		MonthlyObligations: &typev1.Money{CurrencyCode: "UAH"},
		EmployedSince:      date(2019, 9, 1),
	}
}

func date(year, month, day int32) *typev1.Date {
	return &typev1.Date{Year: year, Month: month, Day: day}
}

func TestGetPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	own := inSession(t.Context(), session)

	t.Run("the caller, a service by itself and a service for the person see the same", func(t *testing.T) {
		t.Parallel()
		want := &identityv1.Person{
			Id: session.GetPersonId(), State: identityv1.Person_STATE_ACTIVE, Phone: phoneA, CreateTime: session.GetCreateTime(),
			MissingFields: []string{"given_name", "family_name", "birth_date", "tax_id", "address", "employment", "monthly_income"},
		}
		for _, call := range []struct {
			ctx    context.Context
			person string
		}{
			{own, ""},
			{own, session.GetPersonId()},
			{servicetest.AsService(t.Context(), "push"), session.GetPersonId()},
			{actor.ForPerson(t.Context(), servicetest.Tenant, "flows", session.GetPersonId()), ""},
		} {
			got, err := b.persons.GetPerson(call.ctx, &identityv1.GetPersonRequest{PersonId: call.person})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.GetPerson(), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("absent and foreign are answered alike", func(t *testing.T) {
		t.Parallel()
		for _, call := range []struct {
			ctx    context.Context
			person string
		}{
			{own, servicetest.NewPerson()},
			{own, "nonsense"},
			{servicetest.AsPerson(t.Context(), servicetest.NewPerson()), session.GetPersonId()},
			{servicetest.AsPerson(t.Context(), servicetest.NewPerson()), ""},
			{servicetest.AsStranger(t.Context(), session.GetPersonId()), ""},
			{servicetest.AsService(t.Context(), "push"), ""},
			{actor.ForPerson(t.Context(), servicetest.Tenant, "flows", servicetest.NewPerson()), session.GetPersonId()},
		} {
			_, err := b.persons.GetPerson(call.ctx, &identityv1.GetPersonRequest{PersonId: call.person})
			refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND)
		}
	})
}

func TestAnErasedPersonIsANamePlate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	b.admin(t, "DELETE FROM identity.subject_keys WHERE subject_id <> '00000000-0000-0000-0000-000000000000' RETURNING 1")
	got, err := b.persons.GetPerson(servicetest.AsService(t.Context(), "push"), &identityv1.GetPersonRequest{PersonId: session.GetPersonId()})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetPerson().GetState() != identityv1.Person_STATE_ERASED || got.GetPerson().GetPhone() != "" {
		t.Errorf("got %v", got)
	}
}

func TestUpdateProfile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	session := b.login(t, phoneA).GetSession()
	own := inSession(t.Context(), session)
	req := &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: demoProfile(), Locale: "EN-gb"}
	first, err := b.persons.UpdateProfile(own, req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(demoProfile(), first.GetPerson().GetProfile(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if p := first.GetPerson(); p.GetVersion() != 1 || p.GetLocale() != "en-GB" || len(p.GetMissingFields()) != 0 {
		t.Errorf("got %v", p)
	}
	read, err := b.persons.GetPerson(own, &identityv1.GetPersonRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.GetPerson(), read.GetPerson(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	again, err := b.persons.UpdateProfile(own, proto.CloneOf(req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if got := b.eventCount(t); got != 2 {
		t.Errorf("%d events, want PersonCreated and one ProfileUpdated", got)
	}
	changed := proto.CloneOf(req)
	changed.Profile.GivenName = "Оксана"
	_, err = b.persons.UpdateProfile(own, changed)
	refused(t, err, connect.CodeAlreadyExists, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	changed.RequestId = newID()
	_, err = b.persons.UpdateProfile(own, changed)
	refused(t, err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_PROFILE_VERSION_STALE)
	changed.RequestId, changed.Version, changed.Locale, changed.Profile.TaxId = newID(), 1, "", ""
	second, err := b.persons.UpdateProfile(own, changed)
	if err != nil {
		t.Fatal(err)
	}
	if p := second.GetPerson(); p.GetVersion() != 2 || p.GetLocale() != "en-GB" || !cmp.Equal(p.GetMissingFields(), []string{"tax_id"}) {
		t.Errorf("got %v", p)
	}
	found, err := b.authenticate(t.Context(), b.login(t, phoneB).GetTokens().GetAccessToken())
	if err != nil || found.GetLocale() != "" {
		t.Errorf("another person's language is their own: %v, %v", found, err)
	}
	for _, stranger := range []context.Context{
		servicetest.AsPerson(t.Context(), servicetest.NewPerson()), servicetest.AsStranger(t.Context(), session.GetPersonId()),
	} {
		changed.RequestId = newID()
		_, err = b.persons.UpdateProfile(stranger, changed)
		refused(t, err, connect.CodeNotFound, typev1.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND)
	}
}

func TestUpdateProfileOfManyAtOnceTakesOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	own := inSession(t.Context(), b.login(t, phoneA).GetSession())
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = b.persons.UpdateProfile(own, &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: demoProfile()})
		})
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
			continue
		}
		refused(t, err, connect.CodeAborted, typev1.ErrorReason_ERROR_REASON_PROFILE_VERSION_STALE)
	}
	if taken != 1 {
		t.Errorf("%d were taken", taken)
	}
}

func TestUpdateProfileRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	own := inSession(t.Context(), b.login(t, phoneA).GetSession())
	const (
		request  = typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
		badDate  = typev1.ErrorReason_ERROR_REASON_INVALID_DATE
		underage = typev1.ErrorReason_ERROR_REASON_UNDERAGE
		taxID    = typev1.ErrorReason_ERROR_REASON_TAX_ID_INVALID
	)
	// The clock stands at 2 March 2026.
	for name, c := range map[string]struct {
		change func(*identityv1.Profile)
		reason typev1.ErrorReason
	}{
		"a control character in a name":   {func(p *identityv1.Profile) { p.GivenName = "Оле\u0000на" }, request},
		"a line break in an address":      {func(p *identityv1.Profile) { p.Address = "one\ntwo" }, request},
		"text that turns around":          {func(p *identityv1.Profile) { p.FamilyName = "Demo\u202egnp" }, request},
		"a name of blanks":                {func(p *identityv1.Profile) { p.GivenName = "  " }, request},
		"a name of 81 letters":            {func(p *identityv1.Profile) { p.GivenName = strings.Repeat("ї", 81) }, request},
		"no e-mail address":               {func(p *identityv1.Profile) { p.Email = "Olena <olena@demo.example>" }, request},
		"30 February":                     {func(p *identityv1.Profile) { p.BirthDate = date(1990, 2, 30) }, badDate},
		"29 February of a common year":    {func(p *identityv1.Profile) { p.EmployedSince = date(2023, 2, 29) }, badDate},
		"born tomorrow":                   {func(p *identityv1.Profile) { p.BirthDate = date(2026, 3, 3) }, badDate},
		"employed from tomorrow":          {func(p *identityv1.Profile) { p.EmployedSince = date(2026, 3, 3) }, badDate},
		"employed before born":            {func(p *identityv1.Profile) { p.EmployedSince = date(1986, 1, 1) }, badDate},
		"a day short of 18":               {func(p *identityv1.Profile) { p.BirthDate, p.EmployedSince = date(2008, 3, 3), nil }, underage},
		"a wrong check digit":             {func(p *identityv1.Profile) { p.TaxId = "3184710692" }, taxID},
		"a taxpayer number of 9 digits":   {func(p *identityv1.Profile) { p.TaxId = "318471069" }, taxID},
		"income in another currency":      {func(p *identityv1.Profile) { p.MonthlyIncome.CurrencyCode = "EUR" }, request},
		"income below zero":               {func(p *identityv1.Profile) { p.MonthlyIncome.MinorUnits = -1 }, request},
		"obligations in no currency":      {func(p *identityv1.Profile) { p.MonthlyObligations.CurrencyCode = "" }, request},
		"an employment that is not known": {func(p *identityv1.Profile) { p.Employment = 99 }, request},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			profile := demoProfile()
			c.change(profile)
			_, err := b.persons.UpdateProfile(own, &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: profile})
			code := connect.CodeInvalidArgument
			if c.reason == underage {
				code = connect.CodeFailedPrecondition
			}
			refused(t, err, code, c.reason)
		})
	}
	t.Run("a locale that is none", func(t *testing.T) {
		t.Parallel()
		_, err := b.persons.UpdateProfile(own, &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: demoProfile(), Locale: "no such language"})
		refused(t, err, connect.CodeInvalidArgument, request)
	})
}

func TestEighteenOnTheDay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	own := inSession(t.Context(), b.login(t, phoneA).GetSession())
	profile := demoProfile()
	profile.BirthDate, profile.EmployedSince = date(2008, 3, 2), nil
	if _, err := b.persons.UpdateProfile(own, &identityv1.UpdateProfileRequest{RequestId: newID(), Profile: profile}); err != nil {
		t.Error(err)
	}
}
