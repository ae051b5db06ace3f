package civil_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/civil"
)

func TestDaysAgreeWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := anyDate(t, "date")
		n := rapid.IntRange(-100_000, 100_000).Draw(t, "days")
		utc := d.In(time.UTC)
		if got, want := d.AddDays(n), civil.Of(utc.AddDate(0, 0, n)); got != want {
			t.Fatalf("%s + %d days: got %+v, want %+v", d, n, got, want)
		}
		if got := d.AddDays(n).Sub(d); got != n {
			t.Fatalf("%s + %d days is %d days away", d, n, got)
		}
		if d.Weekday() != utc.Weekday() {
			t.Fatalf("%s: got %s, want %s", d, d.Weekday(), utc.Weekday())
		}
		e := anyDate(t, "other")
		if d.Before(e) != utc.Before(e.In(time.UTC)) || d.After(e) != e.Before(d) {
			t.Fatalf("%s and %s are out of order", d, e)
		}
	})
}

func TestTextComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := anyDate(t, "date")
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back civil.Date
		if err := json.Unmarshal(raw, &back); err != nil || back != d {
			t.Fatalf("%s became %s became %+v, %v", d, raw, back, err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2023-02-29", "2024-13-01", "2024-1-1", "0000-01-01", "2024-01-01T00:00:00Z", "01.01.2024"} {
		if d, err := civil.Parse(text); !errors.Is(err, civil.ErrBadDate) {
			t.Errorf("%q became %v, %v", text, d, err)
		}
	}
	if _, err := civil.New(2023, time.February, 29); !errors.Is(err, civil.ErrBadDate) {
		t.Errorf("29 February 2023: %v", err)
	}
}

func TestMonthsKeepTheirAnchor(t *testing.T) {
	t.Parallel()
	start := civil.Date{Year: 2024, Month: time.January, Day: 31}
	var inOne, byOne []string
	step := start
	for n := range 14 {
		inOne = append(inOne, start.AddMonths(n, 31).String())
		byOne = append(byOne, step.String())
		step = step.AddMonths(1, 31)
	}
	if diff := cmp.Diff(inOne, byOne); diff != "" {
		t.Errorf("steps drift (-in one +one by one):\n%s", diff)
	}
	want := []string{"2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"}
	if diff := cmp.Diff(want, inOne[:4]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := inOne[13]; got != "2025-02-28" {
		t.Errorf("after a year: %s", got)
	}
}

func TestMonthsGoBack(t *testing.T) {
	t.Parallel()
	d := civil.Date{Year: 2024, Month: time.March, Day: 31}
	for n, want := range map[int]string{-1: "2024-02-29", -2: "2024-01-31", -13: "2023-02-28", -3: "2023-12-31"} {
		if got := d.AddMonths(n, 0).String(); got != want {
			t.Errorf("%d months: got %s, want %s", n, got, want)
		}
	}
}

func TestDayOfAnInstantDependsOnTheZone(t *testing.T) {
	t.Parallel()
	instant := time.Date(2026, time.March, 31, 22, 30, 0, 0, time.UTC)
	kyiv := time.FixedZone("UTC+3", 3*60*60)
	if got := civil.Of(instant).String(); got != "2026-03-31" {
		t.Errorf("UTC: %s", got)
	}
	if got := civil.Of(instant.In(kyiv)).String(); got != "2026-04-01" {
		t.Errorf("UTC+3: %s", got)
	}
}

func anyDate(t *rapid.T, label string) civil.Date {
	year := rapid.IntRange(1600, 2400).Draw(t, label+" year")
	month := time.Month(rapid.IntRange(1, 12).Draw(t, label+" month"))
	return civil.Date{Year: year, Month: month, Day: rapid.IntRange(1, civil.DaysIn(year, month)).Draw(t, label+" day")}
}
