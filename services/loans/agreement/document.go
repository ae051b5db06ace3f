package agreement

import (
	"time"

	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/money"
)

// TemplateVersion names the templates that new agreements are made from.
const TemplateVersion = "cash-loan/1"

// Document is all that an agreement says.
type Document struct {
	// Locale is the language, as [Language] answers it.
	Locale string
	// Number is the agreement's number for people, "2026-000042".
	Number string
	// Date is the tenant's business date on which it is made.
	Date civil.Date
	// CreateTime goes into the file's own dates, in UTC.
	CreateTime time.Time

	// Lender and ProductName are names for people.
	Lender, ProductName string
	// BorrowerName and TaxID are personal data.
	BorrowerName, TaxID string

	Principal money.Money
	// AnnualRate and APR are decimal text in per cent.
	AnnualRate, APR string
	// OriginationFee and DailyPenalty are decimal text in per cent; empty means none.
	OriginationFee, DailyPenalty string
	// LowersPrincipal says that a payment above the next instalment lowers the
	// principal at once; otherwise it covers the instalments that follow.
	LowersPrincipal bool

	TotalInterest, TotalFees, TotalPayable money.Money
	// Schedule is the plan as if paid out on Date.
	Schedule []Row
}

// Row is one instalment of the schedule.
type Row struct {
	Number                                int
	Due                                   civil.Date
	Principal, Interest, Fee, Total, Rest money.Money
}
