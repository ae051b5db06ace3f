package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/gen/db/paymentsdb"
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/rpcerr"
	"github.com/lendgate/lendgate/services/payments/posting"
)

// How a hold ends, in ledger_resolutions.outcome.
const (
	outcomePosted = "POSTED"
	outcomeVoided = "VOIDED"
)

// booking is a ledger transaction to be written. It is of the tenant and the actor of the context.
type booking struct {
	// source names what it is made of; the same source is booked once.
	source string
	kind   string
	// reference is the loan or payment it is about, by which lists find it. It may be shared by many.
	reference string
	valueDate civil.Date
	// pending holds the amounts instead of posting them.
	pending bool
	entries []posting.Entry
}

// booked is what became of a booking.
type booked struct {
	id uuid.UUID
	// again is true when the source had been booked before: then nothing was written, and id is that transaction.
	again bool
	at    time.Time
}

// book writes a transaction in tx: its row, its lines and the balances of its accounts, which are opened as they are named. Book at most one
// transaction in a database transaction: its accounts are locked in order, those of two would not be. The order is: source, accounts,
// lines, balances. The source decides who writes, so rivals wait before they hold any account.
func (s *Service) book(ctx context.Context, tx pgx.Tx, b booking) (booked, error) {
	if err := posting.Check(b.entries); err != nil {
		return booked{}, postingError(err)
	}
	who, now, transactionID := actor.Must(ctx), s.clock.Now(), id.New()
	rows, err := s.q.InsertLedgerTransaction(ctx, tx, paymentsdb.InsertLedgerTransactionParams{
		TenantID: who.TenantID, ID: transactionID, Source: b.source, Kind: b.kind, Reference: b.reference, ValueDate: b.valueDate,
		Pending: b.pending, Actor: who.String(), CreateTime: now,
	})
	if err != nil {
		return booked{}, fmt.Errorf("write ledger transaction: %w", err)
	}
	if rows == 0 {
		// The unique key made us wait for a rival of the same source, if there was one; by now it has committed.
		earlier, err := s.q.GetLedgerTransactionIDBySource(ctx, tx, paymentsdb.GetLedgerTransactionIDBySourceParams{
			TenantID: who.TenantID, Source: b.source,
		})
		return booked{id: earlier, again: true}, err
	}
	accounts, err := s.lockAccounts(ctx, tx, b.entries)
	if err != nil {
		return booked{}, err
	}
	// One statement for all lines and one for all balances: the accounts are locked meanwhile, and hot ones hold up others.
	lines := paymentsdb.InsertLedgerEntriesParams{TenantID: who.TenantID, TransactionID: transactionID}
	changes := make([]change, len(b.entries))
	for i, entry := range b.entries {
		account := accounts[accountKey{entry.Account, entry.Amount.Currency}]
		lines.Lines = append(lines.Lines, int32(i+1))
		lines.AccountIds = append(lines.AccountIds, account.ID)
		lines.AmountsMinor = append(lines.AmountsMinor, entry.Amount.MinorUnits)
		lines.Currencies = append(lines.Currencies, entry.Amount.Currency)
		changes[i] = change{account.ID, entry.Amount.MinorUnits}
	}
	if err := s.q.InsertLedgerEntries(ctx, tx, lines); err != nil {
		return booked{}, fmt.Errorf("write ledger entries: %w", err)
	}
	// Lines are the same either way; what a hold differs in is which of an account's sums they move.
	move := posting.Post
	if b.pending {
		move = posting.Hold
	}
	return booked{id: transactionID, at: now}, s.moveBalances(ctx, tx, rowsOf(accounts), move, changes)
}

// resolve ends a hold in tx, once: TRANSACTION_ALREADY_RESOLVED otherwise. The lines are those of the hold: it is posted or voided as a
// whole, never in part.
func (s *Service) resolve(ctx context.Context, tx pgx.Tx, transactionID uuid.UUID, outcome string) error {
	who, now := actor.Must(ctx), s.clock.Now()
	// The row comes first: whoever wrote it ends the hold, and nobody else touches the balances for it.
	rows, err := s.q.InsertLedgerResolution(ctx, tx, paymentsdb.InsertLedgerResolutionParams{
		TenantID: who.TenantID, TransactionID: transactionID, Outcome: outcome, Actor: who.String(), CreateTime: now,
	})
	if err != nil {
		return fmt.Errorf("write ledger resolution: %w", err)
	}
	if rows == 0 {
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_TRANSACTION_ALREADY_RESOLVED, "the transaction has been posted or voided")
	}
	accounts, err := s.q.LockLedgerAccountsOfTransaction(ctx, tx, paymentsdb.LockLedgerAccountsOfTransactionParams{
		TenantID: who.TenantID, TransactionID: transactionID,
	})
	if err != nil {
		return fmt.Errorf("lock accounts: %w", err)
	}
	lines, err := s.q.ListLedgerEntries(ctx, tx, paymentsdb.ListLedgerEntriesParams{
		TenantID: who.TenantID, TransactionIds: []uuid.UUID{transactionID},
	})
	if err != nil {
		return fmt.Errorf("read ledger entries: %w", err)
	}
	changes := make([]change, len(lines))
	for i, line := range lines {
		changes[i] = change{line.AccountID, line.AmountMinor}
	}
	move := posting.Settle
	if outcome == outcomeVoided {
		move = posting.Release
	}
	return s.moveBalances(ctx, tx, accounts, move, changes)
}

// accountKey finds an account: a code has one account in each currency.
type accountKey struct{ code, currency string }

// lockAccounts locks the accounts that entries name, opening those that do not exist. Nearly always all exist, so locking is tried first; after
// opening it is done again, since a rival may have opened the same account. Ids are in no order of codes, which is why two bookings in one
// transaction could lock crosswise.
func (s *Service) lockAccounts(ctx context.Context, tx pgx.Tx, entries []posting.Entry) (map[accountKey]paymentsdb.LedgerAccount, error) {
	wanted := map[accountKey]bool{}
	for _, entry := range entries {
		wanted[accountKey{entry.Account, entry.Amount.Currency}] = true
	}
	found, err := s.lockKnown(ctx, tx, wanted)
	if err != nil || len(found) == len(wanted) {
		return found, err
	}
	if err := s.openAccounts(ctx, tx, wanted, found); err != nil {
		return nil, err
	}
	found, err = s.lockKnown(ctx, tx, wanted)
	if err == nil && len(found) != len(wanted) {
		err = errors.New("accounts were opened and are not there")
	}
	return found, err
}

// lockKnown locks those of the wanted accounts that exist, in the order of their ids.
func (s *Service) lockKnown(ctx context.Context, tx pgx.Tx, wanted map[accountKey]bool) (map[accountKey]paymentsdb.LedgerAccount, error) {
	codes := make([]string, 0, len(wanted))
	for key := range wanted {
		codes = append(codes, key.code)
	}
	rows, err := s.q.LockLedgerAccounts(ctx, tx, paymentsdb.LockLedgerAccountsParams{TenantID: actor.Must(ctx).TenantID, Codes: codes})
	if err != nil {
		return nil, fmt.Errorf("lock accounts: %w", err)
	}
	found := map[accountKey]paymentsdb.LedgerAccount{}
	for _, row := range rows {
		// The query goes by code alone; accounts of the same code in other currencies are locked with it, which harms nobody.
		if key := (accountKey{row.Code, row.Currency}); wanted[key] {
			found[key] = row
		}
	}
	return found, nil
}

// openAccounts makes the accounts that were not found. Side and limit are copied from the chart, so that the database can hold the limit, and
// an account keeps the rules that it was opened with. One statement opens all, in whatever order the map gives them: the rows are new, so
// nobody waits for them but a rival opener.
func (s *Service) openAccounts(ctx context.Context, tx pgx.Tx, wanted map[accountKey]bool, found map[accountKey]paymentsdb.LedgerAccount) error {
	who := actor.Must(ctx)
	open := paymentsdb.OpenLedgerAccountsParams{TenantID: who.TenantID, Actor: who.String(), CreateTime: s.clock.Now()}
	for key := range wanted {
		if _, ok := found[key]; ok {
			continue
		}
		group, err := posting.GroupOf(key.code)
		if err != nil {
			return postingError(err)
		}
		open.Ids = append(open.Ids, id.New())
		open.Codes = append(open.Codes, key.code)
		open.GroupCodes = append(open.GroupCodes, group.Code)
		open.Currencies = append(open.Currencies, key.currency)
		open.NormalSides = append(open.NormalSides, string(group.Side))
		open.MayGoNegatives = append(open.MayGoNegatives, group.MayGoNegative)
	}
	if err := s.q.OpenLedgerAccounts(ctx, tx, open); err != nil {
		return fmt.Errorf("open accounts: %w", err)
	}
	return nil
}

// change is what one entry does to one account.
type change struct {
	accountID uuid.UUID
	amount    int64
}

// moveBalances applies entries to locked accounts and writes the new balances, refusing to pass a limit.
func (s *Service) moveBalances(ctx context.Context, tx pgx.Tx, accounts []paymentsdb.LedgerAccount, move posting.Move, changes []change) error {
	balances := make(map[uuid.UUID]posting.Balance, len(accounts))
	for _, a := range accounts {
		balances[a.ID] = posting.Balance{
			Side: posting.Side(a.NormalSide), MayGoNegative: a.MayGoNegative, DebitsPosted: a.DebitsPosted, CreditsPosted: a.CreditsPosted,
			DebitsPending: a.DebitsPending, CreditsPending: a.CreditsPending,
		}
	}
	for _, c := range changes {
		moved, err := balances[c.accountID].Apply(move, c.amount)
		if err != nil {
			return postingError(err)
		}
		balances[c.accountID] = moved
	}
	// Limits are looked at when all entries are applied: a transaction may take from an account and give it back.
	update := paymentsdb.UpdateLedgerBalancesParams{TenantID: actor.Must(ctx).TenantID, UpdateTime: s.clock.Now()}
	for accountID, b := range balances {
		// The database holds the same limit by a CHECK; here it gets the contract's reason.
		if err := b.WithinLimit(); err != nil {
			return postingError(err)
		}
		update.Ids = append(update.Ids, accountID)
		update.DebitsPosted = append(update.DebitsPosted, b.DebitsPosted)
		update.CreditsPosted = append(update.CreditsPosted, b.CreditsPosted)
		update.DebitsPending = append(update.DebitsPending, b.DebitsPending)
		update.CreditsPending = append(update.CreditsPending, b.CreditsPending)
	}
	if _, err := s.q.UpdateLedgerBalances(ctx, tx, update); err != nil {
		return fmt.Errorf("write balances: %w", err)
	}
	return nil
}

// rowsOf drops the keys.
func rowsOf(accounts map[accountKey]paymentsdb.LedgerAccount) []paymentsdb.LedgerAccount {
	rows := make([]paymentsdb.LedgerAccount, 0, len(accounts))
	for _, account := range accounts {
		rows = append(rows, account)
	}
	return rows
}

// postingError gives the errors of package posting the contract's reasons. They hold codes and amounts and nothing personal, so their texts
// may pass.
func postingError(err error) error {
	switch {
	case errors.Is(err, posting.ErrNoAccount):
		return rpcerr.NotFound(typev1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND, err.Error())
	case errors.Is(err, posting.ErrUnbalanced):
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_TRANSACTION_UNBALANCED, err.Error())
	case errors.Is(err, posting.ErrBadAmount):
		return rpcerr.Invalid(typev1.ErrorReason_ERROR_REASON_AMOUNT_INVALID, err.Error())
	case errors.Is(err, posting.ErrLimit):
		return rpcerr.Precondition(typev1.ErrorReason_ERROR_REASON_INSUFFICIENT_FUNDS, err.Error())
	default:
		return err
	}
}

// businessDate is today where the lender is: the day for which money counts that moves now. It follows the clock alone. A date that an
// operator set is known to loans, which brings a payment's day to its own books.
func (s *Service) businessDate(ctx context.Context) (civil.Date, error) {
	lender, ok := s.tenants.Get(actor.Must(ctx).TenantID)
	if !ok {
		return civil.Date{}, fmt.Errorf("no such lender: %s", actor.Must(ctx).TenantID)
	}
	return civil.Of(s.clock.Now().In(lender.Zone())), nil
}
