package rates_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/daycount"
	"github.com/lendgate/lendgate/services/loans/rates"
)

func TestTheRateOfALoanComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rates.Annuity{
			Rate:    rapid.Float64Range(-0.2, 0.5).Draw(t, "rate"),
			Periods: float64(rapid.IntRange(1, 120).Draw(t, "periods")),
			Present: rapid.Float64Range(1, 1e7).Draw(t, "present"),
			Advance: false,
		}
		payment, err := a.PMT()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(payment) < 1e-9 {
			return // Nothing is left of the equation in float64.
		}
		solved := a
		solved.Payment, solved.Rate = payment, 0
		rate, err := solved.RATE()
		if err != nil || math.Abs(rate-a.Rate) > 1e-7 {
			t.Fatalf("%+v: payment %v gives rate %v, %v", a, payment, rate, err)
		}
	})
}

func TestAnnuityFunctionsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rates.Annuity{
			Rate:    rapid.Float64Range(0, 0.2).Draw(t, "rate"),
			Periods: float64(rapid.IntRange(1, 60).Draw(t, "periods")),
			Present: rapid.Float64Range(1, 1e6).Draw(t, "present"),
			Future:  rapid.Float64Range(-1e5, 1e5).Draw(t, "future"),
			Advance: rapid.Bool().Draw(t, "advance"),
		}
		var err error
		if a.Payment, err = a.PMT(); err != nil {
			t.Fatal(err)
		}
		scale := 1e-9 * (math.Abs(a.Present) + math.Abs(a.Future) + math.Abs(a.Payment)*a.Periods) * math.Pow(1+a.Rate, a.Periods)
		if fv, err := a.FV(); err != nil || math.Abs(fv-a.Future) > scale {
			t.Fatalf("%+v: FV %v, %v", a, fv, err)
		}
		if pv, err := a.PV(); err != nil || math.Abs(pv-a.Present) > scale {
			t.Fatalf("%+v: PV %v, %v", a, pv, err)
		}
		// Principal parts repay what is lent, less what stays at the end.
		sum := 0.0
		for per := 1.0; per <= a.Periods; per++ {
			part, err := a.PPMT(per)
			if err != nil {
				t.Fatal(err)
			}
			sum += part
		}
		if !a.Advance && math.Abs(sum+a.Present+a.Future) > scale {
			t.Fatalf("%+v: principal parts sum to %v", a, sum)
		}
	})
}

func TestNPERCountsPeriods(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 0.01} {
		a := rates.Annuity{Rate: rate, Periods: 24, Present: 1000}
		a.Payment, _ = a.PMT()
		if n, err := a.NPER(); err != nil || math.Abs(n-24) > 1e-9 {
			t.Errorf("rate %v: got %v, %v", rate, n, err)
		}
	}
	// Ten a month never repay a thousand at 2 %.
	if n, err := (rates.Annuity{Rate: 0.02, Payment: -10, Present: 1000}).NPER(); !errors.Is(err, rates.ErrNoSolution) {
		t.Errorf("got %v, %v", n, err)
	}
}

func TestTheOrderOfFlowsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := civil.Date{Year: 2024, Month: time.January, Day: 1}
		flows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rates.DatedFlow {
			return rates.DatedFlow{
				On:     start.AddDays(rapid.IntRange(0, 2000).Draw(t, "day")),
				Amount: float64(rapid.IntRange(-1000, 1000).Draw(t, "amount")),
			}
		}), 1, 12).Draw(t, "flows")
		shuffled := rapid.Permutation(flows).Draw(t, "shuffled")
		first, firstErr := rates.XIRR(flows, daycount.Actual365)
		second, secondErr := rates.XIRR(shuffled, daycount.Actual365)
		if (firstErr == nil) != (secondErr == nil) || first != second {
			t.Fatalf("%v, %v and %v, %v", first, firstErr, second, secondErr)
		}
		if firstErr != nil && !errors.Is(firstErr, rates.ErrNoSolution) {
			t.Fatal(firstErr)
		}
	})
}

func TestARateIsARoot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := civil.Date{Year: 2024, Month: time.January, Day: 1}
		flows := []rates.DatedFlow{{On: start, Amount: -float64(rapid.IntRange(1, 100_000).Draw(t, "lent"))}}
		for range rapid.IntRange(1, 24).Draw(t, "payments") {
			flows = append(flows, rates.DatedFlow{
				On:     start.AddDays(rapid.IntRange(1, 1500).Draw(t, "day")),
				Amount: float64(rapid.IntRange(1, 20_000).Draw(t, "amount")),
			})
		}
		rate, err := rates.XIRR(flows, daycount.Actual365)
		if err != nil {
			if errors.Is(err, rates.ErrNoSolution) {
				return // Beyond what float64 holds: all is repaid at once, many times over.
			}
			t.Fatal(err)
		}
		value, err := rates.XNPV(rate, flows, daycount.Actual365)
		if err != nil || math.Abs(value) > 1e-6*math.Abs(flows[0].Amount)*24 {
			t.Fatalf("value %v at rate %v, %v", value, rate, err)
		}
	})
}

func TestTwoRootsNearerThanTheGridAreFound(t *testing.T) {
	t.Parallel()
	// (v − 1/1.1)(v − 1/1.1001) has roots at 10 % and 10.01 %.
	a, b := 1/1.1, 1/1.1001
	rate, err := rates.IRR([]float64{a * b, -a - b, 1})
	if err != nil || math.Abs(rate-0.1) > 1e-6 {
		t.Errorf("got %v, %v", rate, err)
	}
}

func TestNoSolution(t *testing.T) {
	t.Parallel()
	for name, flows := range map[string][]float64{
		"no flows":                    nil,
		"zero flows":                  {0, 0},
		"flows of one sign":           {100, 10},
		"one flow":                    {-100},
		"a value that never crosses":  {1, -1, 1},
		"a rate that no float64 owns": {-5e-324, 1e308},
	} {
		if rate, err := rates.IRR(flows); !errors.Is(err, rates.ErrNoSolution) {
			t.Errorf("%s: got %v, %v", name, rate, err)
		}
	}
	for name, flows := range map[string][]float64{"NaN": {math.NaN(), 1}, "infinity": {math.Inf(1), -1}} {
		if rate, err := rates.IRR(flows); !errors.Is(err, rates.ErrBadInput) {
			t.Errorf("%s: got %v, %v", name, rate, err)
		}
	}
}

func TestUnitPeriodsOfAppendixJ(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, from, to string
		unit           rates.UnitPeriod
		whole          int
		fraction       float64
	}{
		{"a month and 19 days", "1978-02-10", "1978-04-01", rates.UnitPeriod{Months: 1}, 1, 19.0 / 30},
		{"six days before a half-month", "1978-02-23", "1978-03-01", rates.UnitPeriod{HalfMonths: 1}, 0, 6.0 / 15},
		{"half-months and six days", "1978-02-23", "1978-03-16", rates.UnitPeriod{HalfMonths: 1}, 1, 6.0 / 15},
		{"a quarter and 39 days", "1978-05-23", "1978-10-01", rates.UnitPeriod{Months: 3}, 1, 39.0 / 90},
		{"weeks and four days", "1978-03-20", "1978-04-21", rates.UnitPeriod{Weeks: 1}, 4, 4.0 / 7},
		{"four weeks and five days", "1978-03-18", "1978-04-20", rates.UnitPeriod{Weeks: 4}, 1, 5.0 / 28},
		{"35 days of a year", "2023-10-26", "2023-11-30", rates.UnitPeriod{Years: 1}, 0, 35.0 / 365},
		{"days", "2023-10-26", "2023-11-30", rates.UnitPeriod{Days: 1}, 35, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from, err := civil.Parse(tt.from)
			if err != nil {
				t.Fatal(err)
			}
			to, err := civil.Parse(tt.to)
			if err != nil {
				t.Fatal(err)
			}
			whole, fraction, err := tt.unit.Between(from, to)
			if err != nil || whole != tt.whole || math.Abs(fraction-tt.fraction) > 1e-12 {
				t.Errorf("got %d and %v, %v; want %d and %v", whole, fraction, err, tt.whole, tt.fraction)
			}
		})
	}
	if _, _, err := (rates.UnitPeriod{Days: 1, Weeks: 1}).Between(civil.Date{}, civil.Date{}); !errors.Is(err, rates.ErrBadInput) {
		t.Errorf("two lengths: %v", err)
	}
}

func TestBasePeriodOf353FZ(t *testing.T) {
	t.Parallel()
	days := func(list ...int) []rates.DayFlow {
		var flows []rates.DayFlow
		for _, d := range list {
			flows = append(flows, rates.DayFlow{Day: d})
		}
		return flows
	}
	for _, tt := range []struct {
		name  string
		flows []rates.DayFlow
		want  int
	}{
		{"the interval that occurs most often", days(0, 31, 61, 91, 122, 152), 30},
		{"the shorter one on a tie", days(0, 31, 62, 92, 122), 30},
		{"the only interval", days(0, 20), 20},
		{"the mean when all differ", days(0, 10, 30, 60), 20},
		{"a year at most", days(0, 800), 365},
	} {
		if got, err := rates.BasePeriod(tt.flows); err != nil || got != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	if _, err := rates.BasePeriod(days(0, 0)); !errors.Is(err, rates.ErrBadInput) {
		t.Errorf("one day: %v", err)
	}
}

func TestPSKOfADailyRate(t *testing.T) {
	t.Parallel()
	// 0.8 % a day for 14 days, paid at once, is 292 % whatever the days.
	psk, err := rates.PSKByDays([]rates.DayFlow{{Day: 0, Amount: -500_000}, {Day: 14, Amount: 556_000}}, 14)
	if got := rates.Percent(psk, 3); err != nil || got != "292.000" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestMoneyBecomesAFlow(t *testing.T) {
	t.Parallel()
	on := civil.Date{Year: 2026, Month: time.May, Day: 1}
	flow, err := rates.Dated(on, money.Money{MinorUnits: -45688, Currency: "USD"})
	if err != nil || flow.Amount != -456.88 || flow.On != on {
		t.Errorf("got %+v, %v", flow, err)
	}
	if _, err := rates.Dated(on, money.Money{MinorUnits: 1}); err == nil {
		t.Error("money of no currency is taken")
	}
}

func BenchmarkXIRR36Flows(b *testing.B) {
	start := civil.Date{Year: 2026, Month: time.January, Day: 1}
	flows := []rates.DatedFlow{{On: start, Amount: -1000}}
	for n := range 36 {
		flows = append(flows, rates.DatedFlow{On: start.AddMonths(n+1, 1), Amount: 33.21})
	}
	for b.Loop() {
		if _, err := rates.XIRR(flows, daycount.Actual365); err != nil {
			b.Fatal(err)
		}
	}
}
