package loans

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/amortize"
)

// What rows look like on the wire.

// wireMoney and minor write an amount: both forms are minor units with the ISO 4217 code.
func wireMoney(m money.Money) *typev1.Money {
	return &typev1.Money{MinorUnits: m.MinorUnits, CurrencyCode: m.Currency}
}

func minor(units int64, currency string) *typev1.Money {
	return &typev1.Money{MinorUnits: units, CurrencyCode: currency}
}

// wireDate writes a day of the tenant's calendar.
func wireDate(d civil.Date) *typev1.Date {
	return &typev1.Date{Year: int32(d.Year), Month: int32(d.Month), Day: int32(d.Day)}
}

// wireDatePtr is wireDate of a column that may be null.
func wireDatePtr(d *civil.Date) *typev1.Date {
	if d == nil {
		return nil
	}
	return wireDate(*d)
}

// dateFrom reads a date of the wire, which the calendar may not have. The contract's rules bound year, month and day one by one, so 30
// February reaches this point and is refused here.
func dateFrom(d *typev1.Date) (civil.Date, error) {
	return civil.New(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()))
}

// wireTimePtr is a time of a column that may be null.
func wireTimePtr(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// message shows a version of a product. Its terms are those of the row, so a field that did not exist then is unset.
func (p product) message() (*loansv1.Product, error) {
	names := map[string]string{}
	if err := json.Unmarshal(p.row.Names, &names); err != nil {
		return nil, fmt.Errorf("names of product %s: %w", p.row.ID, err)
	}
	return &loansv1.Product{
		Id: id.Format(id.Product, p.row.ID), Code: p.row.Code, Version: p.row.Version, Names: names, Terms: p.terms,
		EffectiveTime: timestamppb.New(p.row.EffectiveTime),
	}, nil
}

// planned is a schedule on which nothing has been paid, with its annual percentage rate: what quotes, offers and agreements show.
func (p product) planned(schedule amortize.Schedule) (*loansv1.Schedule, error) {
	rate, err := apr(schedule, p.terms.GetFrequency())
	if err != nil {
		return nil, err
	}
	out := &loansv1.Schedule{
		Principal: wireMoney(schedule.Principal), TotalInterest: wireMoney(schedule.Interest), TotalFees: wireMoney(schedule.Fee),
		TotalPayable: wireMoney(schedule.Total), AprPercent: rate, AnnualRatePercent: p.terms.GetAnnualRatePercent(),
		Instalments: make([]*loansv1.Instalment, len(schedule.Instalments)),
	}
	// Explicit zeros with their currency: a plan has no penalty and nothing paid, and an app need not tell unset from none.
	zero := schedule.Principal.Of(0)
	for i, row := range schedule.Instalments {
		out.Instalments[i] = &loansv1.Instalment{
			Number: int32(row.Number), DueDate: wireDate(row.Due), Principal: wireMoney(row.Principal), Interest: wireMoney(row.Interest),
			Fee: wireMoney(row.Fee), Penalty: wireMoney(zero), Total: wireMoney(row.Total), Paid: wireMoney(zero), BalanceAfter: wireMoney(row.Balance),
		}
	}
	return out, nil
}

// applicationMessage shows an application; what it does not have yet is empty.
func applicationMessage(row loansdb.Application) *loansv1.Application {
	return &loansv1.Application{
		Id: id.Format(id.Application, row.ID), PersonId: id.Format(id.Person, row.PersonID), ProductCode: row.ProductCode,
		Principal: minor(row.PrincipalMinor, row.Currency), Instalments: row.Instalments, State: applicationState(row.State),
		DecisionId: id.FormatPtr(id.Decision, row.DecisionID), ReasonCodes: row.ReasonCodes,
		OfferId: id.FormatPtr(id.Offer, row.OfferID), AgreementId: id.FormatPtr(id.Agreement, row.AgreementID),
		LoanId: id.FormatPtr(id.Loan, row.LoanID), CreateTime: timestamppb.New(row.CreateTime), UpdateTime: timestamppb.New(row.UpdateTime),
	}
}

// offerMessage shows an offer with its schedule as if paid out on a day. The schedule is computed and not stored, so it is always of the
// day on which it is shown.
func offerMessage(row loansdb.Offer, p product, today civil.Date) (*loansv1.Offer, error) {
	schedule, err := p.plan(money.Money{MinorUnits: row.PrincipalMinor, Currency: row.Currency}, int(row.Instalments), today)
	if err != nil {
		return nil, scheduleImpossible(err)
	}
	planned, err := p.planned(schedule)
	if err != nil {
		return nil, err
	}
	return &loansv1.Offer{
		Id: id.Format(id.Offer, row.ID), ApplicationId: id.Format(id.Application, row.ApplicationID), ProductId: id.Format(id.Product, row.ProductID),
		Principal: minor(row.PrincipalMinor, row.Currency), Instalments: row.Instalments, Schedule: planned,
		ExpireTime: timestamppb.New(row.ExpireTime),
	}, nil
}

// agreementMessage shows an agreement without its document. The hash goes along, so that an app can hold the document that it fetches
// against it.
func agreementMessage(row loansdb.Agreement) *loansv1.Agreement {
	return &loansv1.Agreement{
		Id: id.Format(id.Agreement, row.ID), Number: row.Number, ApplicationId: id.Format(id.Application, row.ApplicationID),
		State: agreementState(row.State), DocumentSha256: row.DocumentSha256, Locale: row.Locale, TemplateVersion: row.TemplateVersion,
		SignTime: wireTimePtr(row.SignTime), CreateTime: timestamppb.New(row.CreateTime),
	}
}

// transactionMessage shows a movement. Its type decides what its own id and its payment's id are called on the wire.
func transactionMessage(row loansdb.Transaction) *loansv1.Transaction {
	prefix, payment := id.Repayment, id.Collection
	kind := loansv1.Transaction_TYPE_REPAYMENT
	if row.Type == typeDisbursement {
		prefix, payment, kind = id.Disbursement, id.Payout, loansv1.Transaction_TYPE_DISBURSEMENT
	}
	return &loansv1.Transaction{
		Id: id.Format(prefix, row.ID), Type: kind, ValueDate: wireDate(row.ValueDate), Amount: minor(row.AmountMinor, row.Currency),
		Principal: minor(row.PrincipalMinor, row.Currency), Interest: minor(row.InterestMinor, row.Currency),
		Fee: minor(row.FeeMinor, row.Currency), Penalty: minor(row.PenaltyMinor, row.Currency),
		Overpaid: minor(row.OverpaidMinor, row.Currency), PaymentId: id.Format(payment, row.PaymentID),
		CreateTime: timestamppb.New(row.CreateTime),
	}
}
