package agreement

import (
	"fmt"
	"strings"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// Language is the language that a document for a BCP 47 tag is written in:
// Ukrainian for "uk" and its regions, English for everybody else.
func Language(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	if base == "uk" {
		return "uk"
	}
	return "en"
}

// words are what the drawing needs beside the templates.
type words struct {
	columns [7]string
	total   string
	page    string // Takes the number of the page; the whole count is filled in at the end.
	months  [12]string
	date    string // Takes day, month, year.
	group   string // Between thousands.
	point   string // Before decimals.
}

func wordsOf(language string) words {
	if language == "uk" {
		return words{
			columns: [7]string{"№", "Дата", "Основна сума", "Проценти", "Комісія", "Разом", "Залишок"},
			total:   "Усього", page: "Договір № %s · сторінка %d з {pages}",
			months: [12]string{
				"січня", "лютого", "березня", "квітня", "травня", "червня",
				"липня", "серпня", "вересня", "жовтня", "листопада", "грудня",
			},
			date: "%d %s %d р.", group: "\u00a0", point: ",",
		}
	}
	return words{
		columns: [7]string{"No.", "Due", "Principal", "Interest", "Fee", "Total", "Balance"},
		total:   "In all", page: "Agreement No. %s · page %d of {pages}",
		months: [12]string{
			"January", "February", "March", "April", "May", "June",
			"July", "August", "September", "October", "November", "December",
		},
		date: "%d %s %d", group: ",", point: ".",
	}
}

// day writes a date in full: "2 March 2026".
func (w words) day(d civil.Date) string {
	return fmt.Sprintf(w.date, d.Day, w.months[d.Month-1], d.Year)
}

// amount writes an amount with its thousands apart and without the currency:
// "12,345.67". Amounts of an agreement are never negative.
func (w words) amount(m money.Money) string {
	whole, decimals, hasDecimals := strings.Cut(m.String(), ".")
	var grouped strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			grouped.WriteString(w.group)
		}
		grouped.WriteRune(digit)
	}
	if hasDecimals {
		grouped.WriteString(w.point + decimals)
	}
	return grouped.String()
}

// sum is amount with the currency's code: "12,345.67 UAH".
func (w words) sum(m money.Money) string { return w.amount(m) + "\u00a0" + m.Currency }

// decimal writes decimal text with the language's own point.
func (w words) decimal(text string) string { return strings.Replace(text, ".", w.point, 1) }

// plain puts text on one line: names come from people and may hold anything. A line break in a name could otherwise begin a line of the
// contract of its own.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }
