package payments

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/rpcerr"
)

// moneyProto is an amount on the wire. Columns hold only currencies that were checked on the way in.
func moneyProto(minor int64, currency string) *typev1.Money {
	return &typev1.Money{MinorUnits: minor, CurrencyCode: currency}
}

// readAmount reads an amount that is to be moved: more than zero, in a currency that exists. The contract's rules bound the number and the
// form of the code; whether such a currency exists is looked up here.
func readAmount(field string, m *typev1.Money) (money.Money, error) {
	amount, err := money.New(m.GetMinorUnits(), m.GetCurrencyCode())
	if err != nil || !amount.IsPositive() {
		return money.Money{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, "not an amount that can be moved",
			rpcerr.Field(field, "must be more than zero in an active currency"))
	}
	return amount, nil
}

// readID reads a wire id whose form the contract's rules checked only roughly. The field is named, so that a form can show where the
// mistake is.
func readID(field, prefix, wire string) (uuid.UUID, error) {
	parsed, err := id.Parse(prefix, wire)
	if err != nil {
		return uuid.UUID{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "not an identifier",
			rpcerr.Field(field, err.Error()))
	}
	return parsed, nil
}

// dateProto is a civil date on the wire. Days are the lender's own, so no zone goes along.
func dateProto(d civil.Date) *typev1.Date {
	return &typev1.Date{Year: int32(d.Year), Month: int32(d.Month), Day: int32(d.Day)}
}

// readDate reads a day whose numbers the contract's rules checked one by one: 30 February passes those.
func readDate(field string, d *typev1.Date) (civil.Date, error) {
	date, err := civil.New(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()))
	if err != nil {
		return civil.Date{}, rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_INVALID_DATE, "no day of the calendar",
			rpcerr.Field(field, "is no day of the calendar"))
	}
	return date, nil
}

// timeProto is a time on the wire; null is unset.
func timeProto(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

// text reads a column that may be null; null is the empty string.
func text(column *string) string {
	if column == nil {
		return ""
	}
	return *column
}

// nullable is the reverse of text. Columns are null and never empty, so that "not told" has one form.
func nullable(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// payoutProto is a payout on the wire. States in rows are the names of the contract without their prefix, which the CHECKs of the tables hold.
func payoutProto(row paymentsdb.Payout) *paymentsv1.Payout {
	return &paymentsv1.Payout{
		Id: id.Format(id.Payout, row.ID), LoanId: id.Format(id.Loan, row.LoanID), PersonId: id.Format(id.Person, row.PersonID),
		Amount:   moneyProto(row.AmountMinor, row.Currency),
		State:    paymentsv1.Payout_State(paymentsv1.Payout_State_value["STATE_"+row.State]),
		Provider: row.Provider, ProviderPaymentId: text(row.ProviderPaymentID), ProviderCode: text(row.ProviderCode),
		CreateTime: timestamppb.New(row.CreateTime), FinishTime: timeProto(row.FinishTime),
	}
}

// collectionProto is a collection on the wire. The page is shown only while it can be paid.
func collectionProto(row paymentsdb.Collection) *paymentsv1.Collection {
	c := &paymentsv1.Collection{
		Id: id.Format(id.Collection, row.ID), LoanId: id.Format(id.Loan, row.LoanID), PersonId: id.Format(id.Person, row.PersonID),
		Amount:   moneyProto(row.AmountMinor, row.Currency),
		Purpose:  paymentsv1.Collection_Purpose(paymentsv1.Collection_Purpose_value["PURPOSE_"+row.Purpose]),
		State:    paymentsv1.Collection_State(paymentsv1.Collection_State_value["STATE_"+row.State]),
		Provider: row.Provider, ProviderPaymentId: text(row.ProviderPaymentID), ProviderCode: text(row.ProviderCode),
		CreateTime: timestamppb.New(row.CreateTime), FinishTime: timeProto(row.FinishTime),
	}
	if collectionState(row.State) == collectionAwaiting {
		c.PaymentUrl = text(row.PaymentURL)
	}
	return c
}

// accountProto is an account on the wire.
func accountProto(row paymentsdb.LedgerAccount) *paymentsv1.Account {
	return &paymentsv1.Account{
		Code: row.Code, NormalSide: sideProto(row.NormalSide),
		DebitsPosted: moneyProto(row.DebitsPosted, row.Currency), CreditsPosted: moneyProto(row.CreditsPosted, row.Currency),
		DebitsPending: moneyProto(row.DebitsPending, row.Currency), CreditsPending: moneyProto(row.CreditsPending, row.Currency),
	}
}

// sideProto is the side of an account on the wire. It is the word of the column, which a CHECK keeps to the enum's names.
func sideProto(side string) paymentsv1.Account_NormalSide {
	return paymentsv1.Account_NormalSide(paymentsv1.Account_NormalSide_value["NORMAL_SIDE_"+side])
}

// ledgerTransactionProto joins a transaction with its lines, which are those of the transaction alone and in order.
func ledgerTransactionProto(row paymentsdb.GetLedgerTransactionRow, lines []paymentsdb.ListLedgerEntriesRow) *paymentsv1.LedgerTransaction {
	// The outcome of a hold is a row of its own, since rows of the ledger are never changed.
	state := row.Outcome
	switch {
	case !row.Pending:
		state = outcomePosted
	case state == "":
		state = "PENDING"
	}
	t := &paymentsv1.LedgerTransaction{
		Id:    id.Format(id.LedgerTx, row.ID),
		State: paymentsv1.LedgerTransaction_State(paymentsv1.LedgerTransaction_State_value["STATE_"+state]),
		Kind:  row.Kind, Reference: row.Reference, ValueDate: dateProto(row.ValueDate), CreateTime: timestamppb.New(row.CreateTime),
	}
	for _, line := range lines {
		t.Entries = append(t.Entries, &paymentsv1.Entry{Account: line.Code, Amount: moneyProto(line.AmountMinor, line.Currency)})
	}
	return t
}

// bookedProto is a transaction that was written a moment ago. It must look as ledgerTransactionProto would show it when it is read back.
func bookedProto(done booked, b booking) *paymentsv1.LedgerTransaction {
	t := &paymentsv1.LedgerTransaction{
		Id: id.Format(id.LedgerTx, done.id), State: paymentsv1.LedgerTransaction_STATE_POSTED, Kind: b.kind, Reference: b.reference,
		ValueDate: dateProto(b.valueDate), CreateTime: timestamppb.New(done.at),
	}
	if b.pending {
		t.State = paymentsv1.LedgerTransaction_STATE_PENDING
	}
	for _, entry := range b.entries {
		t.Entries = append(t.Entries, &paymentsv1.Entry{Account: entry.Account, Amount: moneyProto(entry.Amount.MinorUnits, entry.Amount.Currency)})
	}
	return t
}
