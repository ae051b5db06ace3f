package mobile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// TestCatalog holds the languages against each other, and English against the states that screens show.
func TestCatalog(t *testing.T) {
	t.Parallel()
	texts := quiet().words
	if diff := cmp.Diff([]string{"en", "pl", "ru", "uk"}, texts.Languages()); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
	if err := texts.Faults(); err != nil {
		t.Error(err)
	}
	for prefix, names := range map[string]map[int32]string{"loan.": loansv1.Loan_State_name, "application.": loansv1.Application_State_name} {
		for number, name := range names {
			if _, text := texts.Find("en", prefix+stateName(name)); text == "" && number != 0 {
				t.Errorf("no words for %s", name)
			}
		}
	}
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string][3]string{
		"en": {"1 day overdue", "3 days overdue", "25 days overdue"},
		"uk": {"Прострочено 1 день", "Прострочено 3 дні", "Прострочено 25 днів"},
		"ru": {"Просрочен на 1 день", "Просрочен на 3 дня", "Просрочен на 25 дней"},
		"pl": {"1 dzień po terminie", "3 dni po terminie", "25 dni po terminie"},
	} {
		say := speech{words: quiet().words, locale: locale}
		if got := [3]string{say.overdue(1), say.overdue(3), say.overdue(25)}; got != want {
			t.Errorf("%s: %q", locale, got)
		}
		if got := say.overdue(0); got != "" {
			t.Errorf("%s: nothing is overdue, and it says %q", locale, got)
		}
	}
}

// TestDisplay holds amounts against ICU 78 (CLDR 48): Intl.NumberFormat with style currency and the narrow symbol. Spaces are no-break ones.
func TestDisplay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		locale, currency string
		minorUnits       int64
		want             string
	}{
		{"en", "UAH", 1_234_567_89, "₴1,234,567.89"}, {"en", "EUR", -1_234_50, "-€1,234.50"}, {"en", "PLN", 5, "zł\u00a00.05"},
		{"en", "RUB", 1_50, "₽1.50"}, {"en", "CHF", 12_345_67, "CHF\u00a012,345.67"}, {"en", "JPY", 1235, "¥1,235"},
		{"uk-UA", "UAH", 12_345_67, "12\u00a0345,67\u00a0₴"}, {"uk", "UAH", -1_234_50, "-1\u00a0234,50\u00a0₴"},
		{"ru", "UAH", 1_234_50, "1\u00a0234,50\u00a0₴"}, {"ru", "USD", 0, "0,00\u00a0$"},
		{"pl", "PLN", 1_234_50, "1234,50\u00a0zł"}, {"pl", "PLN", 12_345_67, "12\u00a0345,67\u00a0zł"}, {"pl", "EUR", 1_234_567_89, "1\u00a0234\u00a0567,89\u00a0€"},
	} {
		if got := display(test.locale, &typev1.Money{MinorUnits: test.minorUnits, CurrencyCode: test.currency}); got != test.want {
			t.Errorf("%s %s %d: %q, want %q", test.locale, test.currency, test.minorUnits, got, test.want)
		}
	}
}
