package payments

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	paymentsv1 "github.com/lendgate/lendgate/gen/go/lendgate/payments/v1"
	"github.com/lendgate/lendgate/gen/go/lendgate/payments/v1/paymentsv1connect"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/idempotency"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/internal/pagetoken"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/payments/posting"
)

// PostTransaction implements LedgerService. The request is remembered twice: by its answer for the caller, and by its source in the books,
// which outlives the answer and does not ask who calls. It is for operators and other systems' bookings; payouts, collections and loans are
// booked by their own facts.
func (s *Service) PostTransaction(ctx context.Context, req *paymentsv1.PostTransactionRequest) (*paymentsv1.PostTransactionResponse, error) {
	b, err := s.readBooking(ctx, req)
	if err != nil {
		return nil, err
	}
	return idempotency.Do(ctx, s.keeper, paymentsv1connect.LedgerServicePostTransactionProcedure, req, &paymentsv1.PostTransactionResponse{},
		func(tx pgx.Tx) (*paymentsv1.PostTransactionResponse, error) {
			done, err := s.book(ctx, tx, b)
			if err != nil {
				return nil, err
			}
			if !done.again {
				// As it was written; the accounts are locked until the commit, so nothing is read back.
				return &paymentsv1.PostTransactionResponse{Transaction: bookedProto(done, b)}, nil
			}
			transaction, err := s.loadTransaction(ctx, tx, done.id)
			if err != nil {
				return nil, err
			}
			// Another caller's transaction under the same request id: the books are asked, since they forget nothing.
			if !sameContent(req, transaction) {
				return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_TRANSACTION_MISMATCH,
					"a transaction with this request_id exists with other content")
			}
			return &paymentsv1.PostTransactionResponse{Transaction: transaction}, nil
		})
}

// requestSource begins the source of what PostTransaction booked. Payments book under names of their own.
const requestSource = "request/"

// readBooking checks what can be checked without the database, so that a wrong request costs no transaction. The source bears the
// request_id and no caller: two callers that chose one id are told apart by content, not by booking twice.
func (s *Service) readBooking(ctx context.Context, req *paymentsv1.PostTransactionRequest) (booking, error) {
	b := booking{source: requestSource + req.GetRequestId(), kind: req.GetKind(), reference: req.GetReference(), pending: req.GetPending()}
	var err error
	if req.GetValueDate() == nil {
		b.valueDate, err = s.businessDate(ctx)
	} else {
		b.valueDate, err = readDate("value_date", req.GetValueDate())
	}
	if err != nil {
		return booking{}, err
	}
	for _, entry := range req.GetEntries() {
		// The currency is checked with the rest by posting.Check.
		amount := money.Money{MinorUnits: entry.GetAmount().GetMinorUnits(), Currency: entry.GetAmount().GetCurrencyCode()}
		b.entries = append(b.entries, posting.Entry{Account: entry.GetAccount(), Amount: amount})
	}
	if err := posting.Check(b.entries); err != nil {
		return booking{}, postingError(err)
	}
	return b, nil
}

// sameContent tells whether a transaction is what a request asks for. A day that the request left open is not compared: today changes. A
// transaction that was held and has been resolved since is still the same for a request that held it.
func sameContent(req *paymentsv1.PostTransactionRequest, t *paymentsv1.LedgerTransaction) bool {
	return req.GetKind() == t.GetKind() && req.GetReference() == t.GetReference() &&
		(req.GetValueDate() == nil || proto.Equal(req.GetValueDate(), t.GetValueDate())) &&
		(req.GetPending() || t.GetState() == paymentsv1.LedgerTransaction_STATE_POSTED) &&
		slices.EqualFunc(req.GetEntries(), t.GetEntries(), func(a, b *paymentsv1.Entry) bool { return proto.Equal(a, b) })
}

// ResolveTransaction implements LedgerService. Of two callers at once the second waits for the first at the row of ledger_resolutions, whose
// key is the transaction. Posting keeps the amounts of the hold: what is to be posted in part is voided and booked anew.
func (s *Service) ResolveTransaction(ctx context.Context, req *paymentsv1.ResolveTransactionRequest) (*paymentsv1.ResolveTransactionResponse, error) {
	transactionID, err := id.Parse(id.LedgerTx, req.GetTransactionId())
	if err != nil {
		return nil, noTransaction()
	}
	outcome := outcomePosted
	if req.GetOutcome() == paymentsv1.LedgerTransaction_STATE_VOIDED {
		outcome = outcomeVoided
	}
	return idempotency.Do(ctx, s.keeper, paymentsv1connect.LedgerServiceResolveTransactionProcedure, req, &paymentsv1.ResolveTransactionResponse{},
		func(tx pgx.Tx) (*paymentsv1.ResolveTransactionResponse, error) {
			row, err := s.q.GetLedgerTransaction(ctx, tx, paymentsdb.GetLedgerTransactionParams{
				TenantID: actor.Must(ctx).TenantID, ID: transactionID,
			})
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				return nil, noTransaction()
			case err != nil:
				return nil, err
			// What was posted at once never was a hold; a correction of it is a transaction the other way round.
			case !row.Pending:
				return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_TRANSACTION_ALREADY_RESOLVED, "the transaction was posted at once")
			// The hold of a payout is the payout's: resolved by hand, the payout could never end.
			case !strings.HasPrefix(row.Source, requestSource):
				return nil, rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_PAYMENT_STATE_INVALID, "the hold belongs to a payment, which ends it by itself")
			}
			if err := s.resolve(ctx, tx, transactionID, outcome); err != nil {
				return nil, err
			}
			transaction, err := s.loadTransaction(ctx, tx, transactionID)
			if err != nil {
				return nil, err
			}
			return &paymentsv1.ResolveTransactionResponse{Transaction: transaction}, nil
		})
}

// noTransaction answers alike for an id of a wrong form and for one that is in no book of the lender.
func noTransaction() error {
	return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_TRANSACTION_NOT_FOUND, "no such transaction")
}

// loadTransaction reads a transaction that exists, with its lines. The lines come in the order in which they were given.
func (s *Service) loadTransaction(ctx context.Context, tx pgx.Tx, transactionID uuid.UUID) (*paymentsv1.LedgerTransaction, error) {
	tenantID := actor.Must(ctx).TenantID
	row, err := s.q.GetLedgerTransaction(ctx, tx, paymentsdb.GetLedgerTransactionParams{TenantID: tenantID, ID: transactionID})
	if err != nil {
		return nil, err
	}
	lines, err := s.q.ListLedgerEntries(ctx, tx, paymentsdb.ListLedgerEntriesParams{
		TenantID: tenantID, TransactionIds: []uuid.UUID{transactionID},
	})
	if err != nil {
		return nil, err
	}
	return ledgerTransactionProto(row, lines), nil
}

// GetAccount implements LedgerService. The running balances are read, not the entries: an account may have millions. A code has one account
// in each currency that it was ever posted in, so the answer is a list.
func (s *Service) GetAccount(ctx context.Context, req *paymentsv1.GetAccountRequest) (*paymentsv1.GetAccountResponse, error) {
	res := &paymentsv1.GetAccountResponse{}
	err := s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.ListLedgerAccountsByCode(ctx, tx, paymentsdb.ListLedgerAccountsByCodeParams{
			TenantID: actor.Must(ctx).TenantID, Code: req.GetCode(),
		})
		for _, row := range rows {
			res.Accounts = append(res.Accounts, accountProto(row))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(res.GetAccounts()) == 0 {
		return nil, rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND, "no such account")
	}
	return res, nil
}

// ListLedgerTransactions implements LedgerService. Ids are UUIDs version 7, so their order is that of recording within a process; value dates
// may lie otherwise.
func (s *Service) ListLedgerTransactions(ctx context.Context, req *paymentsv1.ListLedgerTransactionsRequest) (*paymentsv1.ListLedgerTransactionsResponse, error) {
	who, list := actor.Must(ctx), "payments.ledger/"+req.GetReference()
	page, err := s.tokens.Read(who, list, req.GetPage())
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.ListLedgerTransactionsResponse{}
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.ListLedgerTransactions(ctx, tx, paymentsdb.ListLedgerTransactionsParams{
			TenantID: who.TenantID, Reference: req.GetReference(), Before: before(page), PageSize: page.Limit(),
		})
		if err != nil {
			return err
		}
		rows, res.Page = pagetoken.Cut(s.tokens, who, list, page, rows, func(r paymentsdb.ListLedgerTransactionsRow) uuid.UUID { return r.ID })
		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = row.ID
		}
		lines, err := s.q.ListLedgerEntries(ctx, tx, paymentsdb.ListLedgerEntriesParams{TenantID: who.TenantID, TransactionIds: ids})
		if err != nil {
			return err
		}
		// One query for the lines of the whole page.
		byTransaction := map[uuid.UUID][]paymentsdb.ListLedgerEntriesRow{}
		for _, line := range lines {
			byTransaction[line.TransactionID] = append(byTransaction[line.TransactionID], line)
		}
		for _, row := range rows {
			res.Transactions = append(res.Transactions, ledgerTransactionProto(paymentsdb.GetLedgerTransactionRow(row), byTransaction[row.ID]))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// before is the key below which a newest-first page begins. Ids fall along the list; the greatest UUID stands above all of them.
func before(page pagetoken.Page) uuid.UUID {
	if page.After == uuid.Nil {
		return uuid.Max
	}
	return page.After
}

// GetTrialBalance implements LedgerService: without a date from the running balances, with one from the entries themselves. Running
// balances cost a row an account, but are of now; a day of the past is summed from its entries, which takes as long as there are entries. A
// balance that does not come to zero is shown as it is: hiding it would be the worse fault.
func (s *Service) GetTrialBalance(ctx context.Context, req *paymentsv1.GetTrialBalanceRequest) (*paymentsv1.GetTrialBalanceResponse, error) {
	res := &paymentsv1.GetTrialBalanceResponse{}
	tenantID := actor.Must(ctx).TenantID
	if req.GetDate() == nil {
		err := s.db.Read(ctx, func(tx pgx.Tx) error {
			rows, err := s.q.SumLedgerGroups(ctx, tx, tenantID)
			for _, row := range rows {
				addGroup(res, row)
			}
			return err
		})
		return res, err
	}
	date, err := readDate("date", req.GetDate())
	if err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx pgx.Tx) error {
		rows, err := s.q.SumLedgerGroupsUntil(ctx, tx, paymentsdb.SumLedgerGroupsUntilParams{TenantID: tenantID, ValueDate: date})
		for _, row := range rows {
			addGroup(res, paymentsdb.SumLedgerGroupsRow(row))
		}
		return err
	})
	return res, err
}

// addGroup adds a group to the balance of its currency; groups come ordered by currency.
func addGroup(res *paymentsv1.GetTrialBalanceResponse, row paymentsdb.SumLedgerGroupsRow) {
	last := len(res.GetBalances()) - 1
	if last < 0 || res.GetBalances()[last].GetCurrencyCode() != row.Currency {
		res.Balances = append(res.Balances, &paymentsv1.TrialBalance{
			CurrencyCode: row.Currency, TotalDebits: moneyProto(0, row.Currency), TotalCredits: moneyProto(0, row.Currency),
		})
		last++
	}
	balance := res.GetBalances()[last]
	balance.Accounts = append(balance.Accounts, &paymentsv1.Account{
		Code: row.GroupCode, NormalSide: sideProto(row.NormalSide),
		DebitsPosted: moneyProto(row.DebitsPosted, row.Currency), CreditsPosted: moneyProto(row.CreditsPosted, row.Currency),
		DebitsPending: moneyProto(row.DebitsPending, row.Currency), CreditsPending: moneyProto(row.CreditsPending, row.Currency),
	})
	// Holds are shown with their accounts and are not in the books, so the totals leave them out.
	balance.TotalDebits.MinorUnits += row.DebitsPosted
	balance.TotalCredits.MinorUnits += row.CreditsPosted
}
