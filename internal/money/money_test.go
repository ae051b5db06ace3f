package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lendgate/lendgate/internal/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, currency string
		want                 int64
		err                  error
	}{
		{"two decimals", "456.88", "USD", 45688, nil},
		{"fewer decimals than the currency has", "456.8", "USD", 45680, nil},
		{"no decimals", "456", "USD", 45600, nil},
		{"a currency without decimals", "456", "JPY", 456, nil},
		{"a currency with three decimals", "1.005", "KWD", 1005, nil},
		{"negative", "-0.01", "EUR", -1, nil},
		{"the least amount", "-92233720368547758.08", "USD", math.MinInt64, nil},
		{"more decimals than the currency has", "1.005", "USD", 0, money.ErrBadAmount},
		{"a point where there are no decimals", "1.0", "JPY", 0, money.ErrBadAmount},
		{"empty", "", "USD", 0, money.ErrBadAmount},
		{"a lone point", ".", "USD", 0, money.ErrBadAmount},
		{"a lone sign", "-", "USD", 0, money.ErrBadAmount},
		{"thousands commas", "1,000.00", "USD", 0, money.ErrBadAmount},
		{"an exponent", "1e3", "USD", 0, money.ErrBadAmount},
		{"blanks", " 1.00", "USD", 0, money.ErrBadAmount},
		{"digits of another script", "١", "USD", 0, money.ErrBadAmount},
		{"too large", "92233720368547758.08", "USD", 0, money.ErrOverflow},
		{"an unknown currency", "1.00", "USX", 0, money.ErrUnknownCurrency},
		{"a lower-case currency", "1.00", "usd", 0, money.ErrUnknownCurrency},
		{"blanks for a currency", "1.00", "   ", 0, money.ErrUnknownCurrency},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(tt.text, tt.currency)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && got != (money.Money{MinorUnits: tt.want, Currency: tt.currency}) {
				t.Errorf("got %+v, want %d", got, tt.want)
			}
		})
	}
}

func TestTextComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney(t, "m")
		back, err := money.Parse(m.String(), m.Currency)
		if err != nil || back != m {
			t.Fatalf("%+v became %q became %+v, %v", m, m.String(), back, err)
		}
	})
}

func TestSumsAreExactOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		m, n := money.Money{MinorUnits: a, Currency: "USD"}, money.Money{MinorUnits: b, Currency: "USD"}
		sum, sumErr := m.Add(n)
		checkExact(t, new(big.Int).Add(big.NewInt(a), big.NewInt(b)), sum, sumErr)
		difference, differenceErr := m.Sub(n)
		checkExact(t, new(big.Int).Sub(big.NewInt(a), big.NewInt(b)), difference, differenceErr)
	})
}

func checkExact(t *rapid.T, want *big.Int, got money.Money, err error) {
	t.Helper()
	if !want.IsInt64() {
		if !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("want overflow at %s, got %v, %v", want, got, err)
		}
		return
	}
	if err != nil || got.MinorUnits != want.Int64() {
		t.Fatalf("want %s, got %v, %v", want, got, err)
	}
}

func TestCurrenciesDoNotMix(t *testing.T) {
	t.Parallel()
	usd, eur := money.Money{MinorUnits: 1, Currency: "USD"}, money.Money{MinorUnits: 1, Currency: "EUR"}
	_, add := usd.Add(eur)
	_, sub := usd.Sub(eur)
	_, order := usd.Cmp(eur)
	_, least := usd.Min(eur)
	_, sum := money.Sum("USD", usd, eur)
	for name, err := range map[string]error{"Add": add, "Sub": sub, "Cmp": order, "Min": least, "Sum": sum} {
		if !errors.Is(err, money.ErrCurrencyMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNegRefusesTheLeastAmount(t *testing.T) {
	t.Parallel()
	if _, err := (money.Money{MinorUnits: math.MinInt64, Currency: "USD"}).Neg(); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("got %v", err)
	}
}

func TestMulRounds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		minor                     int64
		rate                      string
		halfEven, halfUp, down, u int64
	}{
		{25, "0.1", 2, 3, 2, 3},
		{35, "0.1", 4, 4, 3, 4},
		{-25, "0.1", -2, -3, -2, -3},
		{26, "0.1", 3, 3, 2, 3},
		{24, "0.1", 2, 2, 2, 3},
		{20, "0.1", 2, 2, 2, 2},
		{1, "0", 0, 0, 0, 0},
		{100, "1e2", 10000, 10000, 10000, 10000},
		{31726, "0.02394", 760, 760, 759, 760},
	}
	for _, tt := range tests {
		rate, _, err := apd.NewFromString(tt.rate)
		if err != nil {
			t.Fatal(err)
		}
		m := money.Money{MinorUnits: tt.minor, Currency: "USD"}
		got := map[money.Rounding]int64{}
		for _, r := range []money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up} {
			product, err := m.Mul(rate, r)
			if err != nil {
				t.Fatalf("%d × %s: %v", tt.minor, tt.rate, err)
			}
			got[r] = product.MinorUnits
		}
		want := map[money.Rounding]int64{
			money.HalfEven: tt.halfEven, money.HalfUp: tt.halfUp, money.Down: tt.down, money.Up: tt.u,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d × %s (-want +got):\n%s", tt.minor, tt.rate, diff)
		}
	}
}

func TestMulRefuses(t *testing.T) {
	t.Parallel()
	m := money.Money{MinorUnits: math.MaxInt64, Currency: "USD"}
	tests := map[string]struct {
		rate string
		r    money.Rounding
		err  error
	}{
		"a result that does not fit": {"2", money.Down, money.ErrOverflow},
		"an absurd exponent":         {"1e2000", money.Down, money.ErrOverflow},
		"not a number":               {"NaN", money.Down, money.ErrBadAmount},
		"infinity":                   {"Infinity", money.Down, money.ErrBadAmount},
		"no rounding":                {"1", 0, money.ErrBadRounding},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rate, _, err := apd.NewFromString(tt.rate)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Mul(rate, tt.r); !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v, want %v", got, err, tt.err)
			}
		})
	}
}

func TestRoundingIsWithinOneUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		num, den := rapid.Int64().Draw(t, "num"), rapid.Int64Min(1).Draw(t, "den")
		r := rapid.SampledFrom([]money.Rounding{money.HalfEven, money.HalfUp, money.Down, money.Up}).Draw(t, "rounding")
		got, err := money.RoundQuotient(big.NewInt(num), big.NewInt(den), r)
		if err != nil {
			t.Fatal(err)
		}
		off := new(big.Rat).Sub(new(big.Rat).SetInt64(got), big.NewRat(num, den))
		limit := big.NewRat(1, 1)
		if r == money.HalfEven || r == money.HalfUp {
			limit = big.NewRat(1, 2)
		}
		if off.Abs(off).Cmp(limit) > 0 {
			t.Fatalf("%d/%d rounded %s to %d", num, den, r, got)
		}
	})
}

func TestPartsSumToTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoney(t, "m")
		weights := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 12).Draw(t, "weights")
		parts, err := m.Allocate(weights...)
		if err != nil {
			if errors.Is(err, money.ErrBadWeights) {
				return
			}
			t.Fatal(err)
		}
		checkParts(t, m, parts)
		for i, w := range weights {
			if w == 0 && !parts[i].IsZero() {
				t.Fatalf("weight zero got %v", parts[i])
			}
		}
		split, err := m.Split(rapid.IntRange(1, 50).Draw(t, "n"))
		if err != nil {
			t.Fatal(err)
		}
		checkParts(t, m, split)
	})
}

func checkParts(t *rapid.T, whole money.Money, parts []money.Money) {
	t.Helper()
	sum := new(big.Int)
	for _, p := range parts {
		sum.Add(sum, big.NewInt(p.MinorUnits))
	}
	if sum.Cmp(big.NewInt(whole.MinorUnits)) != 0 {
		t.Fatalf("%v split into %v", whole, parts)
	}
}

func TestAllocateGivesTheRestToTheLargestRemainder(t *testing.T) {
	t.Parallel()
	// 100 by 1:1:1 leaves one unit, by 10:25:65 none, and 5 by 1:3:3 two.
	tests := []struct {
		minor   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{100, []int64{10, 25, 65}, []int64{10, 25, 65}},
		{5, []int64{1, 3, 3}, []int64{1, 2, 2}},
		{-100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
	}
	for _, tt := range tests {
		parts, err := (money.Money{MinorUnits: tt.minor, Currency: "USD"}).Allocate(tt.weights...)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, p := range parts {
			got = append(got, p.MinorUnits)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%d by %v (-want +got):\n%s", tt.minor, tt.weights, diff)
		}
	}
}

func TestAllocateRefusesWeightsThatShareNothing(t *testing.T) {
	t.Parallel()
	m := money.Money{MinorUnits: 1, Currency: "USD"}
	for _, weights := range [][]int64{nil, {0, 0}, {1, -1}} {
		if _, err := m.Allocate(weights...); !errors.Is(err, money.ErrBadWeights) {
			t.Errorf("%v: %v", weights, err)
		}
	}
	if _, err := m.Split(0); !errors.Is(err, money.ErrBadWeights) {
		t.Errorf("split in none: %v", err)
	}
}

func anyMoney(t *rapid.T, label string) money.Money {
	return money.Money{
		MinorUnits: rapid.Int64().Draw(t, label),
		Currency:   rapid.SampledFrom([]string{"USD", "JPY", "KWD", "EUR"}).Draw(t, label+" currency"),
	}
}
