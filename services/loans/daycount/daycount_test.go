package daycount_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/services/loans/daycount"
)

func day(t testing.TB, text string) civil.Date {
	t.Helper()
	d, err := civil.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDaysAtTheEndsOfMonths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to                 string
		us, isda, e, plus, eISDA int
	}{
		{"2024-01-31", "2024-02-29", 29, 29, 29, 29, 30},
		{"2024-02-29", "2024-03-31", 30, 32, 31, 32, 30},
		{"2023-02-28", "2024-02-29", 360, 361, 361, 361, 360},
		{"2024-01-30", "2024-01-31", 0, 0, 0, 1, 0},
		{"2024-01-15", "2024-01-31", 16, 16, 15, 16, 15},
		{"2024-12-31", "2025-01-31", 30, 30, 30, 31, 30},
	}
	for _, tt := range tests {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			t.Parallel()
			for c, want := range map[daycount.Convention]int{
				daycount.Thirty360US: tt.us, daycount.Thirty360ISDA: tt.isda, daycount.ThirtyE360: tt.e,
				daycount.ThirtyEPlus360: tt.plus, daycount.ThirtyE360ISDA: tt.eISDA,
			} {
				if got := c.Days(day(t, tt.from), day(t, tt.to)); got != want {
					t.Errorf("%s: got %d, want %d", c, got, want)
				}
			}
		})
	}
}

func TestLeapDays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to         string
		noLeap           int
		divisorOf365A    int64
		actual           int
		numerator, denom int64
	}{
		{"2024-02-28", "2024-02-29", 0, 366, 1, 365, 365 * 366},
		{"2024-02-29", "2024-03-01", 1, 365, 1, 365, 365 * 366},
		{"2023-12-31", "2024-12-31", 365, 366, 366, 366 + 365*365, 365 * 366},
		{"2100-02-01", "2100-03-01", 28, 365, 28, 28 * 366, 365 * 366},
	}
	for _, tt := range tests {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			t.Parallel()
			from, to := day(t, tt.from), day(t, tt.to)
			if got := daycount.NoLeap365.Days(from, to); got != tt.noLeap {
				t.Errorf("NL/365: got %d, want %d", got, tt.noLeap)
			}
			if n, d := daycount.Actual365A.Fraction(from, to); n != int64(tt.actual) || d != tt.divisorOf365A {
				t.Errorf("ACT/365A: got %d/%d", n, d)
			}
			if n, d := daycount.ActualActualISDA.Fraction(from, to); n != tt.numerator || d != tt.denom {
				t.Errorf("ACT/ACT: got %d/%d, want %d/%d", n, d, tt.numerator, tt.denom)
			}
		})
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := civil.Date{Year: 1999, Month: time.March, Day: 1}
		from := base.AddDays(rapid.IntRange(0, 20_000).Draw(t, "from"))
		to := from.AddDays(rapid.IntRange(0, 5_000).Draw(t, "days"))
		later := to.AddDays(rapid.IntRange(0, 500).Draw(t, "more"))
		c := daycount.Convention(rapid.IntRange(1, 13).Draw(t, "convention"))
		if got := c.Days(from, from); got != 0 {
			t.Fatalf("%s: %d days of none", c, got)
		}
		whole, part := c.Years(from, later), c.Years(from, to)
		if part < 0 || whole < part-1e-12 {
			t.Fatalf("%s: %s to %s is %v, to %s %v", c, from, to, part, later, whole)
		}
		// No convention strays from the calendar by more than two days a year and two.
		if strays := part - float64(to.Sub(from))/365.25; strays > 0.006+0.016*part || strays < -0.006-0.006*part {
			t.Fatalf("%s: %s to %s is %v", c, from, to, part)
		}
		back, err := daycount.Parse(c.String())
		if err != nil || back != c {
			t.Fatalf("%s became %s, %v", c, back, err)
		}
	})
}

func TestAliases(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]daycount.Convention{
		"Actual/Actual": daycount.ActualActualISDA, "act/365 fixed": daycount.Actual365, "30 / 360": daycount.Thirty360ISDA,
		"30E/360 German": daycount.ThirtyE360ISDA, "30/360 us (sia)": daycount.Thirty360US,
	} {
		if got, err := daycount.Parse(name); err != nil || got != want {
			t.Errorf("%q: got %s, %v", name, got, err)
		}
	}
	if _, err := daycount.Parse("ACT/366"); !errors.Is(err, daycount.ErrUnknownConvention) {
		t.Errorf("got %v", err)
	}
}

func TestIntervalEU(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, from, to string
		unit           daycount.Unit
		want           float64
	}{
		{"days before whole months", "2026-01-10", "2026-03-15", daycount.Month, 2.0/12 + 5.0/365},
		{"ends of months", "2026-01-31", "2026-02-28", daycount.Month, 1.0 / 12},
		{"the days lie in a year with a leap day", "2024-03-01", "2025-03-05", daycount.Year, 1 + 4.0/366},
		{"weeks", "2026-01-01", "2026-01-16", daycount.Week, 2.0/52 + 1.0/365},
		{"nothing", "2026-01-01", "2026-01-01", daycount.Month, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n, d, err := daycount.IntervalEU(day(t, tt.from), day(t, tt.to), tt.unit)
			if err != nil {
				t.Fatal(err)
			}
			if got := float64(n) / float64(d); got-tt.want > 1e-12 || tt.want-got > 1e-12 {
				t.Errorf("got %d/%d, want %v", n, d, tt.want)
			}
		})
	}
	if _, _, err := daycount.IntervalEU(day(t, "2026-01-02"), day(t, "2026-01-01"), daycount.Month); err == nil {
		t.Error("an interval that ends before it begins is answered")
	}
}
