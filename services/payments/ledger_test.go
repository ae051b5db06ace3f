package payments_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/servicetest"
)

func entry(account string, amount *typev1.Money) *paymentsv1.Entry {
	return &paymentsv1.Entry{Account: account, Amount: amount}
}

// transfer is a request to move an amount from one account to another.
func transfer(debit, credit string, minor int64) *paymentsv1.PostTransactionRequest {
	return &paymentsv1.PostTransactionRequest{
		RequestId: uuid.NewString(), Kind: "test.transfer", Reference: "loan_demo",
		Entries: []*paymentsv1.Entry{entry(debit, uah(minor)), entry(credit, uah(-minor))},
	}
}

func (h *house) post(t *testing.T, req *paymentsv1.PostTransactionRequest) *paymentsv1.LedgerTransaction {
	t.Helper()
	res, err := h.ledger.PostTransaction(books(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return res.GetTransaction()
}

func (h *house) end(t *testing.T, transactionID string, outcome paymentsv1.LedgerTransaction_State) error {
	t.Helper()
	_, err := h.ledger.ResolveTransaction(books(t), &paymentsv1.ResolveTransactionRequest{
		RequestId: uuid.NewString(), TransactionId: transactionID, Outcome: outcome,
	})
	return err
}

func TestPostTransaction(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	req := transfer("funds-bank", "owner-capital", 5000)
	first := h.post(t, req)
	t.Run("posts and defaults to the lender's today", func(t *testing.T) {
		want := &paymentsv1.LedgerTransaction{
			Id: first.GetId(), State: paymentsv1.LedgerTransaction_STATE_POSTED, Kind: "test.transfer", Reference: "loan_demo",
			ValueDate: &typev1.Date{Year: 2026, Month: 3, Day: 2}, Entries: req.GetEntries(), CreateTime: first.GetCreateTime(),
		}
		if diff := cmp.Diff(want, first, protocmp.Transform()); diff != "" {
			t.Errorf("transaction (-want +got):\n%s", diff)
		}
	})
	t.Run("a repeat posts nothing", func(t *testing.T) {
		if again := h.post(t, req); !proto.Equal(first, again) {
			t.Errorf("again %v", again)
		}
		if posted, _ := h.balance(t, "funds-bank"); posted != 5000 {
			t.Errorf("balance %d", posted)
		}
	})
	t.Run("the same request id with other content is refused", func(t *testing.T) {
		changed := proto.Clone(req).(*paymentsv1.PostTransactionRequest)
		changed.Kind = "test.other"
		_, err := h.ledger.PostTransaction(books(t), changed)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
	})
	t.Run("another caller with the same request id gets the transaction, or a mismatch", func(t *testing.T) {
		res, err := h.ledger.PostTransaction(flows(t), req)
		if err != nil || res.GetTransaction().GetId() != first.GetId() {
			t.Errorf("same content: %v, %v", res, err)
		}
		changed := proto.Clone(req).(*paymentsv1.PostTransactionRequest)
		changed.Kind = "test.other"
		_, err = h.ledger.PostTransaction(servicetest.AsService(t.Context(), "flows"), changed)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED)
		fresh := proto.Clone(changed).(*paymentsv1.PostTransactionRequest)
		_, err = h.ledger.PostTransaction(forPerson(t), fresh)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_TRANSACTION_MISMATCH)
	})
	h.checkBooks(t)
}

func TestPostTransactionRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.post(t, transfer("funds-bank", "owner-capital", 5000))
	refusals := []struct {
		name   string
		change func(*paymentsv1.PostTransactionRequest)
		want   typev1.ErrorReason
	}{
		{"unbalanced entries", func(r *paymentsv1.PostTransactionRequest) { r.Entries[0].Amount.MinorUnits++ }, typev1.ErrorReason_ERROR_REASON_TRANSACTION_UNBALANCED},
		{"two currencies that balance only together", func(r *paymentsv1.PostTransactionRequest) { r.Entries[0].Amount.CurrencyCode = "USD" }, typev1.ErrorReason_ERROR_REASON_TRANSACTION_UNBALANCED},
		{"an account outside of the chart", func(r *paymentsv1.PostTransactionRequest) { r.Entries[0].Account = "petty-cash" }, typev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND},
		{"a day that does not exist", func(r *paymentsv1.PostTransactionRequest) { r.ValueDate = &typev1.Date{Year: 2026, Month: 2, Day: 30} }, typev1.ErrorReason_ERROR_REASON_INVALID_DATE},
		{"an entry of nothing", func(r *paymentsv1.PostTransactionRequest) {
			r.Entries = append(r.Entries, entry("funds-bank", uah(0)))
		}, typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID},
		{"more principal repaid than lent", func(r *paymentsv1.PostTransactionRequest) {
			r.Entries[1].Account = "loan-principal:loan_demo"
		}, typev1.ErrorReason_ERROR_REASON_INSUFFICIENT_FUNDS},
	}
	for _, test := range refusals {
		t.Run(test.name+" is refused and leaves nothing", func(t *testing.T) {
			bad := transfer("funds-bank", "owner-capital", 700)
			test.change(bad)
			_, err := h.ledger.PostTransaction(books(t), bad)
			wantReason(t, err, test.want)
			if posted, _ := h.balance(t, "funds-bank"); posted != 5000 {
				t.Errorf("balance %d", posted)
			}
		})
	}
	t.Run("a borrower may neither post nor read", func(t *testing.T) {
		ctx := servicetest.AsPerson(t.Context(), servicetest.NewPerson())
		_, err := h.ledger.PostTransaction(ctx, transfer("funds-bank", "owner-capital", 1))
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
		_, err = h.ledger.GetTrialBalance(ctx, &paymentsv1.GetTrialBalanceRequest{})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED)
	})
	t.Run("another lender has other books", func(t *testing.T) {
		_, err := h.ledger.GetAccount(other(t, "operator"), &paymentsv1.GetAccountRequest{Code: "funds-bank"})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND)
		err = func() error {
			_, err := h.ledger.ResolveTransaction(other(t, "operator"), &paymentsv1.ResolveTransactionRequest{
				RequestId: uuid.NewString(), TransactionId: first.GetId(), Outcome: paymentsv1.LedgerTransaction_STATE_VOIDED,
			})
			return err
		}()
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_TRANSACTION_NOT_FOUND)
	})
	h.checkBooks(t)
}

// forPerson is a caller whose actor differs from that of flows itself.
func forPerson(t *testing.T) context.Context {
	return actorForPerson(t, "flows", servicetest.NewPerson())
}

func TestResolveTransaction(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.post(t, transfer("funds-bank", "unallocated-receipts", 5000))
	hold := func(t *testing.T) *paymentsv1.LedgerTransaction {
		req := transfer("unallocated-receipts", "funds-bank", 1000)
		req.Pending = true
		return h.post(t, req)
	}
	held := make([]*paymentsv1.LedgerTransaction, 5)
	for i := range held {
		held[i] = hold(t)
	}
	t.Run("six holds of 1000 on 5000 leave one refused", func(t *testing.T) {
		sixth := transfer("unallocated-receipts", "funds-bank", 1000)
		sixth.Pending = true
		_, err := h.ledger.PostTransaction(books(t), sixth)
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_INSUFFICIENT_FUNDS)
		if posted, pending := h.balance(t, "unallocated-receipts"); posted != -5000 || pending != 5000 {
			t.Errorf("posted %d, held %d", posted, pending)
		}
	})
	t.Run("a posted hold is in the books", func(t *testing.T) {
		if err := h.end(t, held[0].GetId(), paymentsv1.LedgerTransaction_STATE_POSTED); err != nil {
			t.Fatal(err)
		}
		if posted, pending := h.balance(t, "unallocated-receipts"); posted != -4000 || pending != 4000 {
			t.Errorf("posted %d, held %d", posted, pending)
		}
	})
	t.Run("a voided hold never was", func(t *testing.T) {
		if err := h.end(t, held[1].GetId(), paymentsv1.LedgerTransaction_STATE_VOIDED); err != nil {
			t.Fatal(err)
		}
		if posted, pending := h.balance(t, "unallocated-receipts"); posted != -4000 || pending != 3000 {
			t.Errorf("posted %d, held %d", posted, pending)
		}
	})
	t.Run("a hold ends once", func(t *testing.T) {
		for _, outcome := range []paymentsv1.LedgerTransaction_State{paymentsv1.LedgerTransaction_STATE_POSTED, paymentsv1.LedgerTransaction_STATE_VOIDED} {
			wantReason(t, h.end(t, held[0].GetId(), outcome), typev1.ErrorReason_ERROR_REASON_TRANSACTION_ALREADY_RESOLVED)
		}
	})
	t.Run("what was posted at once does not end again", func(t *testing.T) {
		posted := h.post(t, transfer("funds-bank", "owner-capital", 1))
		wantReason(t, h.end(t, posted.GetId(), paymentsv1.LedgerTransaction_STATE_VOIDED), typev1.ErrorReason_ERROR_REASON_TRANSACTION_ALREADY_RESOLVED)
	})
	t.Run("an absent one is not found", func(t *testing.T) {
		wantReason(t, h.end(t, newID(id.LedgerTx), paymentsv1.LedgerTransaction_STATE_POSTED), typev1.ErrorReason_ERROR_REASON_TRANSACTION_NOT_FOUND)
	})
	t.Run("a repeat gets the same answer", func(t *testing.T) {
		req := &paymentsv1.ResolveTransactionRequest{
			RequestId: uuid.NewString(), TransactionId: held[2].GetId(), Outcome: paymentsv1.LedgerTransaction_STATE_POSTED,
		}
		first, err := h.ledger.ResolveTransaction(books(t), req)
		if err != nil || first.GetTransaction().GetState() != paymentsv1.LedgerTransaction_STATE_POSTED {
			t.Fatalf("%v, %v", first, err)
		}
		again, err := h.ledger.ResolveTransaction(books(t), req)
		if err != nil || !proto.Equal(first, again) {
			t.Errorf("%v, %v", again, err)
		}
	})
	h.checkBooks(t)
}

func TestListLedgerTransactions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var want []*paymentsv1.LedgerTransaction
	for i := range 3 {
		req := transfer("funds-bank", "owner-capital", int64(i+1))
		req.Reference = "loan_x"
		want = append([]*paymentsv1.LedgerTransaction{h.post(t, req)}, want...)
		h.post(t, transfer("funds-bank", "owner-capital", 9))
	}
	var got []*paymentsv1.LedgerTransaction
	page := &typev1.PageRequest{PageSize: 2}
	for {
		res, err := h.ledger.ListLedgerTransactions(books(t), &paymentsv1.ListLedgerTransactionsRequest{Reference: "loan_x", Page: page})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, res.GetTransactions()...)
		if page.PageToken = res.GetPage().GetNextPageToken(); page.GetPageToken() == "" {
			break
		}
		_, err = h.ledger.ListLedgerTransactions(books(t), &paymentsv1.ListLedgerTransactionsRequest{Page: page})
		wantReason(t, err, typev1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
}

func TestTrialBalanceOfADay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for day := range int32(3) {
		req := transfer("funds-bank", "owner-capital", 100)
		req.ValueDate = &typev1.Date{Year: 2026, Month: 2, Day: day + 1}
		h.post(t, req)
	}
	res, err := h.ledger.GetTrialBalance(books(t), &paymentsv1.GetTrialBalanceRequest{Date: &typev1.Date{Year: 2026, Month: 2, Day: 2}})
	if err != nil || len(res.GetBalances()) != 1 || res.GetBalances()[0].GetTotalDebits().GetMinorUnits() != 200 {
		t.Errorf("%v, %v", res, err)
	}
	_, err = h.ledger.GetTrialBalance(books(t), &paymentsv1.GetTrialBalanceRequest{Date: &typev1.Date{Year: 2026, Month: 2, Day: 30}})
	wantReason(t, err, typev1.ErrorReason_ERROR_REASON_INVALID_DATE)
}

// Random postings, holds, posts and voids, good and bad: what is refused leaves nothing, the books stay even, and the running balances are
// the sums of the entries.
func TestLedgerLaws(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	accounts := []string{"funds-bank", "funds-psp", "owner-capital", "unallocated-receipts", "overpayment:loan_a", "loan-principal:loan_a", "loan-principal:loan_b"}
	var open []string
	rapid.Check(t, func(r *rapid.T) {
		if len(open) > 0 && rapid.IntRange(0, 2).Draw(r, "what") == 0 {
			i := rapid.IntRange(0, len(open)-1).Draw(r, "which hold")
			outcome := rapid.SampledFrom([]paymentsv1.LedgerTransaction_State{
				paymentsv1.LedgerTransaction_STATE_POSTED, paymentsv1.LedgerTransaction_STATE_VOIDED,
			}).Draw(r, "outcome")
			if err := h.end(t, open[i], outcome); err != nil {
				r.Fatal(err)
			}
			open = append(open[:i], open[i+1:]...)
			return
		}
		req := &paymentsv1.PostTransactionRequest{
			RequestId: uuid.NewString(), Kind: "test.random", Reference: "loan_a", Pending: rapid.Bool().Draw(r, "pending"),
		}
		for _, currency := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"UAH", "USD", "JPY"}), 1, 2, rapid.ID[string]).Draw(r, "currencies") {
			var sum int64
			for range rapid.IntRange(1, 4).Draw(r, "entries") {
				amount := rapid.Int64Range(-1000, 1000).Draw(r, "amount")
				sum += amount
				account := rapid.SampledFrom(accounts).Draw(r, "account")
				req.Entries = append(req.Entries, entry(account, &typev1.Money{MinorUnits: amount, CurrencyCode: currency}))
			}
			rest := entry(rapid.SampledFrom(accounts).Draw(r, "last account"), &typev1.Money{MinorUnits: -sum, CurrencyCode: currency})
			req.Entries = append(req.Entries, rest)
		}
		res, err := h.ledger.PostTransaction(books(t), req)
		if err == nil && req.GetPending() {
			open = append(open, res.GetTransaction().GetId())
		}
	})
	h.checkBooks(t)
	broken := adminColumn[string](t, h, `
		SELECT a.code || ' ' || a.currency FROM payments.ledger_accounts a
		LEFT JOIN payments.ledger_entries e ON e.account_id = a.id
		LEFT JOIN payments.ledger_transactions t ON t.id = e.transaction_id
		LEFT JOIN payments.ledger_resolutions r ON r.transaction_id = t.id
		GROUP BY a.id, a.code, a.currency, a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending
		HAVING a.debits_posted - a.credits_posted <> coalesce(sum(e.amount_minor) FILTER (WHERE NOT t.pending OR r.outcome = 'POSTED'), 0)
			OR a.debits_pending - a.credits_pending <> coalesce(sum(e.amount_minor) FILTER (WHERE t.pending AND r.outcome IS NULL), 0)`)
	if len(broken) > 0 {
		t.Errorf("balances that are not the sums of their entries: %v", broken)
	}
}

// Writers of the same few accounts in every order neither block each other for good nor lose an amount.
func TestManyWritersAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pairs := [][2]string{
		{"funds-bank", "owner-capital"}, {"owner-capital", "funds-bank"}, {"funds-psp", "funds-bank"}, {"funds-bank", "funds-psp"},
		{"funds-psp", "owner-capital"}, {"loan-principal:loan_a", "funds-psp"}, {"loan-principal:loan_b", "funds-bank"},
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 14 {
				pair := pairs[(worker+i)%len(pairs)]
				if _, err := h.ledger.PostTransaction(books(t), transfer(pair[0], pair[1], 10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if posted, _ := h.balance(t, "loan-principal:loan_a"); posted != 8*2*10 {
		t.Errorf("balance %d", posted)
	}
	h.checkBooks(t)
}

// What the database holds by itself, against the service's own role.
func TestDatabaseGuardsTheLedger(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	posted := h.post(t, transfer("funds-bank", "owner-capital", 100))
	old, err := id.Parse(id.LedgerTx, posted.GetId())
	if err != nil {
		t.Fatal(err)
	}
	accounts := adminColumn[uuid.UUID](t, h, "SELECT id FROM payments.ledger_accounts ORDER BY code")
	exec := func(sql string) func(context.Context, pgx.Tx) error {
		return func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		}
	}
	const denied, check = "42501", "23514"
	tests := []struct {
		name string
		do   func(context.Context, pgx.Tx) error
		code string
	}{
		{"updating entries", exec("UPDATE ledger_entries SET amount_minor = amount_minor * 2"), denied},
		{"deleting entries", exec("DELETE FROM ledger_entries"), denied},
		{"updating transactions", exec("UPDATE ledger_transactions SET reference = 'else'"), denied},
		{"deleting transactions", exec("DELETE FROM ledger_transactions"), denied},
		{"updating resolutions", exec("UPDATE ledger_resolutions SET outcome = 'VOIDED'"), denied},
		{"truncating entries", exec("TRUNCATE ledger_entries"), denied},
		{"deleting accounts", exec("DELETE FROM ledger_accounts"), denied},
		{"one-sided transaction", func(ctx context.Context, tx pgx.Tx) error {
			return errors.Join(insertTransaction(ctx, tx, rowID(1)), insertEntry(ctx, tx, rowID(1), 1, accounts[0], 1, "UAH"))
		}, check},
		{"unbalanced transaction", func(ctx context.Context, tx pgx.Tx) error {
			return errors.Join(insertTransaction(ctx, tx, rowID(2)), insertEntry(ctx, tx, rowID(2), 1, accounts[0], 5, "UAH"),
				insertEntry(ctx, tx, rowID(2), 2, accounts[1], -4, "UAH"))
		}, check},
		{"entries in a currency that is not the account's", func(ctx context.Context, tx pgx.Tx) error {
			return errors.Join(insertTransaction(ctx, tx, rowID(3)), insertEntry(ctx, tx, rowID(3), 1, accounts[0], 5, "USD"))
		}, check},
		{"more entries of an old transaction", func(ctx context.Context, tx pgx.Tx) error {
			return insertEntry(ctx, tx, old, 3, accounts[0], 5, "UAH")
		}, check},
		{"the end of what was no hold", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO ledger_resolutions (tenant_id, transaction_id, outcome, actor, create_time)
				VALUES ('demo', $1, 'VOIDED', 'test', now())`, old)
			return err
		}, check},
	}
	for _, test := range tests {
		t.Run(test.name+" is refused", func(t *testing.T) {
			err := h.DB.InTx(books(t), func(tx pgx.Tx) error { return test.do(t.Context(), tx) })
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != test.code {
				t.Errorf("error %v, want SQLSTATE %s", err, test.code)
			}
		})
	}
	t.Run("even the administrator cannot rewrite the books", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), h.AdminURL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		for _, statement := range []string{
			"UPDATE payments.ledger_entries SET amount_minor = 1", "DELETE FROM payments.ledger_transactions", "TRUNCATE payments.ledger_entries",
		} {
			if _, err := conn.Exec(t.Context(), statement); err == nil {
				t.Errorf("%s went through", statement)
			}
		}
	})
	h.checkBooks(t)
}

// insertTransaction and insertEntry write rows past the service.
func insertTransaction(ctx context.Context, tx pgx.Tx, transactionID uuid.UUID) error {
	_, err := tx.Exec(ctx, `INSERT INTO ledger_transactions (tenant_id, id, source, kind, reference, value_date, pending, actor, create_time)
		VALUES ('demo', $1, $2, 'test', 'x', '2026-03-02', false, 'test', now())`, transactionID, transactionID.String())
	return err
}

func insertEntry(ctx context.Context, tx pgx.Tx, transactionID uuid.UUID, line int, account uuid.UUID, amount int64, currency string) error {
	_, err := tx.Exec(ctx, `INSERT INTO ledger_entries (tenant_id, transaction_id, line, account_id, amount_minor, currency)
		VALUES ('demo', $1, $2, $3, $4, $5)`, transactionID, line, account, amount, currency)
	return err
}

// rowID is a fixed id for a row that is never written.
func rowID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-7000-8000-%012d", n))
}
