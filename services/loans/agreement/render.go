package agreement

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"codeberg.org/go-pdf/fpdf"
)

// The templates by language, and the fonts: DejaVu Serif Condensed has Latin
// and Cyrillic and may be embedded (font/LICENSE).
var (
	//go:embed template/cash-loan-1.en.txt
	templateEN string
	//go:embed template/cash-loan-1.uk.txt
	templateUK string
	//go:embed font/DejaVuSerifCondensed.ttf
	fontRegular []byte
	//go:embed font/DejaVuSerifCondensed-Bold.ttf
	fontBold []byte
)

// Page geometry and type, in millimetres and points of A4.
const (
	margin     = 20.0
	textWidth  = 210.0 - 2*margin
	labelWidth = 75.0
	lineHeight = 5.0
	rowHeight  = 5.2
	bodySize   = 9.5
	tableSize  = 8.0
	family     = "serif"
)

// columnWidths are those of the schedule; they sum to textWidth. They are in millimetres.
func columnWidths() [7]float64 { return [7]float64{10, 24, 30, 26, 24, 28, 28} }

// Render makes the PDF of a document.
func Render(d Document) ([]byte, error) { return render(d, true) }

// render draws the document; without compression its text can be searched for.
func render(d Document, compress bool) ([]byte, error) {
	// A document without its date or its schedule would lack what the law asks of a credit agreement; better none.
	if d.Date.IsZero() || len(d.Schedule) == 0 {
		return nil, errors.New("agreement: a document needs a date and a schedule")
	}
	p := page{pdf: fpdf.New("P", "mm", "A4", ""), words: wordsOf(d.Locale), doc: d}
	p.setUp(compress)
	source := templateEN
	if d.Locale == "uk" {
		source = templateUK
	}
	fields := p.fields()
	for n, line := range strings.Split(source, "\n") {
		// The markup is the template's alone: lines are told apart before data is filled in.
		text, err := fill(line, fields)
		if err != nil {
			return nil, fmt.Errorf("agreement: template line %d: %w", n+1, err)
		}
		p.draw(line, text)
	}
	var out bytes.Buffer
	if err := p.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	return out.Bytes(), nil
}

// fill executes one line of a template. A field that the template names and the data lack is an error: a contract with a hole in it must
// not be signed.
func fill(line string, fields map[string]string) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(line)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, fields)
	return out.String(), err
}

// page is a document being drawn. It writes into one pdf; the order of the calls is the order on paper.
type page struct {
	pdf   *fpdf.Fpdf
	words words
	doc   Document
}

// setUp fixes everything that would otherwise differ between two runs.
func (p page) setUp(compress bool) {
	p.pdf.SetCompression(compress)
	// Fonts and objects in the order of their names, not of a Go map: the same document is the same bytes, and so the same hash.
	p.pdf.SetCatalogSort(true)
	p.pdf.SetCreationDate(p.doc.CreateTime.UTC())
	p.pdf.SetModificationDate(p.doc.CreateTime.UTC())
	p.pdf.SetProducer("lendgate", true)
	p.pdf.SetTitle(p.doc.Number, true)
	p.pdf.SetLang(p.doc.Locale)
	p.pdf.AddUTF8FontFromBytes(family, "", fontRegular)
	p.pdf.AddUTF8FontFromBytes(family, "B", fontBold)
	p.pdf.SetMargins(margin, margin, margin)
	p.pdf.SetAutoPageBreak(true, margin)
	p.pdf.AliasNbPages("{pages}")
	p.pdf.SetFooterFunc(func() {
		p.pdf.SetY(-margin + 5)
		p.pdf.SetFont(family, "", tableSize)
		p.pdf.CellFormat(0, lineHeight, fmt.Sprintf(p.words.page, plain(p.doc.Number), p.pdf.PageNo()), "", 0, "C", false, 0, "")
	})
	p.pdf.AddPage()
}

// fields are what the templates may name, as text in the document's language.
func (p page) fields() map[string]string {
	d, w := p.doc, p.words
	lowers := ""
	if d.LowersPrincipal {
		lowers = "yes" // Text is true to a template when it is not empty.
	}
	return map[string]string{
		"LowersPrincipal": lowers,
		"Number":          plain(d.Number), "Date": w.day(d.Date),
		"Lender": plain(d.Lender), "ProductName": plain(d.ProductName),
		"BorrowerName": plain(d.BorrowerName), "TaxID": plain(d.TaxID),
		"Principal": w.sum(d.Principal), "Instalments": fmt.Sprint(len(d.Schedule)),
		"AnnualRate": w.decimal(d.AnnualRate), "APR": w.decimal(d.APR),
		"OriginationFee": w.decimal(d.OriginationFee), "DailyPenalty": w.decimal(d.DailyPenalty),
		"TotalInterest": w.sum(d.TotalInterest), "TotalFees": w.sum(d.TotalFees), "TotalPayable": w.sum(d.TotalPayable),
	}
}

// draw puts a filled line on the page, by the mark that the template's line begins with: "#" a title, "##" a heading, "label | value" a
// fact, "[schedule]" the table, anything else a paragraph.
func (p page) draw(markup, text string) {
	switch {
	case strings.TrimSpace(text) == "":
		p.pdf.Ln(2)
	case markup == "[schedule]":
		p.table()
	case strings.HasPrefix(markup, "## "):
		p.pdf.Ln(2)
		p.pdf.SetFont(family, "B", 11)
		p.pdf.MultiCell(0, 6, strings.TrimPrefix(text, "## "), "", "L", false)
		p.pdf.Ln(1)
	case strings.HasPrefix(markup, "# "):
		p.pdf.SetFont(family, "B", 15)
		p.pdf.MultiCell(0, 8, strings.TrimPrefix(text, "# "), "", "C", false)
	case strings.Contains(markup, " | "):
		p.fact(text)
	default:
		p.pdf.SetFont(family, "", bodySize)
		p.pdf.MultiCell(0, lineHeight, text, "", "L", false)
	}
}

// fact draws a label and its value side by side; a long value goes on below itself.
func (p page) fact(text string) {
	label, value, _ := strings.Cut(text, " | ")
	p.pdf.SetFont(family, "", bodySize)
	labels := p.pdf.SplitText(label, labelWidth-2)
	p.pdf.SetFont(family, "B", bodySize)
	values := p.pdf.SplitText(value, textWidth-labelWidth-2)
	for i := range max(len(labels), len(values)) {
		p.pdf.SetFont(family, "", bodySize)
		p.pdf.CellFormat(labelWidth, lineHeight, at(labels, i), "", 0, "L", false, 0, "")
		p.pdf.SetFont(family, "B", bodySize)
		p.pdf.CellFormat(textWidth-labelWidth, lineHeight, at(values, i), "", 1, "L", false, 0, "")
	}
}

// at is the line i, empty beyond the last.
func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// table draws the schedule with its sums; the head is repeated on every page.
func (p page) table() {
	p.row("B", p.words.columns, true)
	d, w := p.doc, p.words
	_, pageHeight := p.pdf.GetPageSize()
	for _, r := range d.Schedule {
		if p.pdf.GetY()+rowHeight > pageHeight-margin {
			p.pdf.AddPage()
			p.row("B", w.columns, true)
		}
		p.row("", [7]string{
			fmt.Sprint(r.Number), r.Due.String(), w.amount(r.Principal), w.amount(r.Interest), w.amount(r.Fee), w.amount(r.Total),
			w.amount(r.Rest),
		}, false)
	}
	p.row("B", [7]string{
		"", w.total, w.amount(d.Principal), w.amount(d.TotalInterest), w.amount(d.TotalFees), w.amount(d.TotalPayable), "",
	}, true)
}

// row draws one line of the schedule; amounts stand at the right.
func (p page) row(style string, cells [7]string, shaded bool) {
	p.pdf.SetFont(family, style, tableSize)
	p.pdf.SetFillColor(235, 235, 235)
	for i, width := range columnWidths() {
		align, next := "R", 0
		if i < 2 {
			align = "L"
		}
		if i == len(cells)-1 {
			next = 1
		}
		p.pdf.CellFormat(width, rowHeight, cells[i], "1", next, align, shaded, 0, "")
	}
}
