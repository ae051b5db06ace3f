package agreement_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/agreement"
)

func uah(minor int64) money.Money { return money.Money{MinorUnits: minor, Currency: "UAH"} }

// document is a loan of 12,000.00 over n instalments.
func document(locale string, n int) agreement.Document {
	d := agreement.Document{
		Locale: locale, Number: "2026-000042", Date: civil.Date{Year: 2026, Month: time.March, Day: 2},
		CreateTime: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
		Lender:     "Demo Lender", ProductName: "Cash loan", BorrowerName: "Оксана Демченко", TaxID: "1234567899",
		Principal: uah(1_200_000), AnnualRate: "36.5", APR: "43.2", OriginationFee: "1.5", DailyPenalty: "0.1",
		TotalInterest: uah(234_567), TotalFees: uah(18_000), TotalPayable: uah(1_452_567),
	}
	for i := range n {
		d.Schedule = append(d.Schedule, agreement.Row{
			Number: i + 1, Due: d.Date.AddMonths(i+1, 2), Principal: uah(100_000), Interest: uah(19_000), Fee: uah(0), Total: uah(119_000),
			Rest: uah(int64(n-i-1) * 100_000),
		})
	}
	return d
}

// drawn is a word as it stands in an uncompressed file: UTF-16 with escapes.
func drawn(word string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(word)) {
		for _, b := range []byte{byte(unit >> 8), byte(unit)} {
			switch b {
			case '(', ')', '\\':
				out = append(out, '\\', b)
			case '\r':
				out = append(out, '\\', 'r')
			default:
				out = append(out, b)
			}
		}
	}
	return out
}

func TestTheDocumentSaysItsParameters(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"en": {
			"2026-000042", "2 March 2026", "Demo Lender", "Оксана Демченко", "1234567899", "12,000.00\u00a0UAH", "36.5 % a year", "43.2 %",
			"0.1 % a day", "14,525.67\u00a0UAH", "2026-04-02", "1,190.00",
		},
		"uk": {
			"2026-000042", "2 березня 2026", "Demo Lender", "Оксана Демченко", "1234567899",
			"12\u00a0000,00\u00a0UAH", "36,5 % річних", "43,2 %", "14\u00a0525,67\u00a0UAH", "2026-04-02", "Залишок",
		},
	}
	for locale, words := range tests {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			pdf, err := agreement.RenderPlain(document(locale, 12))
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range words {
				if !bytes.Contains(pdf, drawn(word)) {
					t.Errorf("%q is not in the document", word)
				}
			}
		})
	}
}

func TestTheSameDocumentIsTheSameBytes(t *testing.T) {
	t.Parallel()
	first, err := agreement.Render(document("uk", 24))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := agreement.Render(document("uk", 24))
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(first) != sha256.Sum256(again) {
			t.Fatal("the bytes differ")
		}
	}
	other := document("uk", 24)
	other.Principal.MinorUnits++
	changed, err := agreement.Render(other)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, changed) {
		t.Error("another amount gives the same bytes")
	}
}

func TestALongScheduleGoesOnOverPages(t *testing.T) {
	t.Parallel()
	pdf, err := agreement.RenderPlain(document("en", 480))
	if err != nil {
		t.Fatal(err)
	}
	if pages := bytes.Count(pdf, []byte("/Type /Page\n")); pages < 8 {
		t.Errorf("%d pages", pages)
	}
	if !bytes.Contains(pdf, drawn("page 2 of ")) {
		t.Error("pages are not numbered")
	}
}

func TestNamesCannotWriteMarkup(t *testing.T) {
	t.Parallel()
	d := document("en", 3)
	d.BorrowerName = "# Eve\n[schedule] | {{.TaxID}}"
	pdf, err := agreement.RenderPlain(d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(pdf, drawn("# Eve [schedule] | {{.TaxID}}")) {
		t.Error("the name is not shown as it is")
	}
}

func TestADocumentWithoutAScheduleIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := agreement.Render(document("en", 0)); err == nil {
		t.Error("no error")
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"uk": "uk", "uk-UA": "uk", "UK_ua": "uk", "en-GB": "en", "ru": "en", "": "en"} {
		if got := agreement.Language(tag); got != want {
			t.Errorf("%q: got %q, want %q", tag, got, want)
		}
	}
}

// TestReadersReadIt asks another program, where there is one.
func TestReadersReadIt(t *testing.T) {
	t.Parallel()
	reader, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	pdf, err := agreement.Render(document("uk", 12))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "agreement.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), reader, "-layout", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Кредитний договір № 2026-000042", "Оксана Демченко", "1234567899", fmt.Sprintf("сторінка %d з", 1)} {
		if !strings.Contains(string(text), word) {
			t.Errorf("%q is not read", word)
		}
	}
}
