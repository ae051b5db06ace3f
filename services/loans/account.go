package loans

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/loansdb"
	loansv1 "github.com/lendgate/lendgate/gen/go/lendgate/loans/v1"
	"github.com/lendgate/lendgate/internal/actor"
	"github.com/lendgate/lendgate/internal/civil"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/money"
	"github.com/lendgate/lendgate/services/loans/allocate"
	"github.com/lendgate/lendgate/services/loans/penalty"
)

// account is a loan with all that its figures are computed from. It is a value: verbs make a new one and keep the old to compare with.
type account struct {
	loan    loansdb.Loan
	product product
	// state is empty until the money has arrived.
	state allocate.State
}

// openAccounts reads the products and schedules of loans, in the order given, with two queries for all. To change an account, lock its loan
// first: the lock is what keeps the instalments still.
func (s *Service) openAccounts(ctx context.Context, tx pgx.Tx, loans ...loansdb.Loan) ([]account, error) {
	loanIDs, productIDs := make([]uuid.UUID, len(loans)), make([]uuid.UUID, len(loans))
	for i, loan := range loans {
		loanIDs[i], productIDs[i] = loan.ID, loan.ProductID
	}
	// Two queries whatever the number of loans, as a page of a hundred would otherwise cost two hundred.
	products, err := s.productVersions(ctx, tx, productIDs...)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries.ListInstalments(ctx, tx, loanIDs)
	if err != nil {
		return nil, fmt.Errorf("read instalments: %w", err)
	}
	schedules := make(map[uuid.UUID][]loansdb.Instalment, len(loans))
	for _, row := range rows {
		schedules[row.LoanID] = append(schedules[row.LoanID], row)
	}
	accounts := make([]account, len(loans))
	for i, loan := range loans {
		// A foreign key holds every loan to a product, so the map has it.
		accounts[i] = account{loan: loan, product: products[loan.ProductID]}
		if accounts[i].state, err = stateOf(loan, accounts[i].product, schedules[loan.ID]); err != nil {
			return nil, fmt.Errorf("loan %s: %w", loan.ID, err)
		}
	}
	return accounts, nil
}

// openAccount is openAccounts for one loan.
func (s *Service) openAccount(ctx context.Context, tx pgx.Tx, loan loansdb.Loan) (account, error) {
	accounts, err := s.openAccounts(ctx, tx, loan)
	if err != nil {
		return account{}, err
	}
	return accounts[0], nil
}

// stateOf is what payments depend on, from rows. The terms are those that the loan was made with, from the product version that it keeps; the
// instalments are as they stand, which early payments may have changed.
func stateOf(loan loansdb.Loan, p product, rows []loansdb.Instalment) (allocate.State, error) {
	if loan.DisburseDate == nil {
		return allocate.State{}, nil
	}
	principal := money.Money{MinorUnits: loan.PrincipalMinor, Currency: loan.Currency}
	// The number of instalments is the agreed one, though an early repayment may have left fewer: the terms are what the loan was made
	// with.
	terms, err := p.loan(principal, int(loan.Instalments), *loan.DisburseDate)
	if err != nil {
		return allocate.State{}, err
	}
	order, err := p.order()
	if err != nil {
		return allocate.State{}, err
	}
	state := allocate.State{
		// Level is kept and not computed again, since an early repayment may have lowered it.
		Terms: terms, Level: principal.Of(loan.LevelMinor), Order: order, Overpaid: principal.Of(loan.OverpaidMinor),
		Instalments: make([]allocate.Instalment, len(rows)),
	}
	for i, row := range rows {
		state.Instalments[i] = allocate.Instalment{
			Number: int(row.Number), From: row.FromDate, Due: row.DueDate,
			Owed: allocate.Amounts{Penalty: row.PenaltyMinor, Fee: row.FeeMinor, Interest: row.InterestMinor, Principal: row.PrincipalMinor},
			Paid: allocate.Amounts{
				Penalty: row.PenaltyPaidMinor, Fee: row.FeePaidMinor, Interest: row.InterestPaidMinor, Principal: row.PrincipalPaidMinor,
			},
		}
	}
	return state, nil
}

// asOf is the account with the penalties that have grown up to a day, and that day: the day of the last booking when the one asked for
// lies before it, since the past is booked.
func (a account) asOf(on civil.Date) (account, civil.Date, error) {
	if a.loan.ValueDate == nil {
		return a, on, nil // No money has arrived, so nothing can be late.
	}
	if on.Before(*a.loan.ValueDate) {
		on = *a.loan.ValueDate
	}
	// Penalties are booked with every movement, so those up to the last one stand in the rows, and only the stretch since then grows here.
	state, err := penalty.Accrue(a.state, a.product.terms.GetDailyPenaltyPercent(), *a.loan.ValueDate, on)
	a.state = state
	return a, on, err
}

// save writes a booked account back: the schedule as it now stands, and the loan's own columns. Closing is noticed here. It belongs under
// the loan's lock. The order within the transaction is free: nobody sees it before the commit.
func (s *Service) save(ctx context.Context, tx pgx.Tx, a account, on civil.Date) (account, error) {
	params := make([]loansdb.SetInstalmentParams, len(a.state.Instalments))
	for i, row := range a.state.Instalments {
		params[i] = loansdb.SetInstalmentParams{
			TenantID: a.loan.TenantID, LoanID: a.loan.ID, Number: int32(row.Number), FromDate: row.From, DueDate: row.Due,
			PrincipalMinor: row.Owed.Principal, InterestMinor: row.Owed.Interest, FeeMinor: row.Owed.Fee, PenaltyMinor: row.Owed.Penalty,
			PrincipalPaidMinor: row.Paid.Principal, InterestPaidMinor: row.Paid.Interest, FeePaidMinor: row.Paid.Fee,
			PenaltyPaidMinor: row.Paid.Penalty,
		}
	}
	// One round trip for all rows. Exec reports each; the first failure aborts the transaction and so explains the others.
	var failure error
	s.queries.SetInstalment(ctx, tx, params).Exec(func(_ int, err error) {
		if failure == nil {
			failure = err
		}
	})
	if failure != nil {
		return a, fmt.Errorf("write instalments: %w", failure)
	}
	last := a.state.Instalments[len(a.state.Instalments)-1]
	// A shorter schedule leaves rows behind that are owed by nobody any more.
	err := s.queries.DropInstalmentsAfter(ctx, tx, loansdb.DropInstalmentsAfterParams{LoanID: a.loan.ID, Number: int32(last.Number)})
	if err != nil {
		return a, fmt.Errorf("drop instalments: %w", err)
	}
	// The last due day moves when an early payment shortens the loan, and is the day of closing once a payoff has settled it.
	a.loan.ValueDate, a.loan.MaturityDate = &on, &last.Due
	a.loan.LevelMinor, a.loan.OverpaidMinor = a.state.Level.MinorUnits, a.state.Overpaid.MinorUnits
	// Closed once: money that comes later is overpaid and keeps the first time of closing.
	if now := s.keeper.Clock.Now(); a.state.Closed() && a.loan.CloseTime == nil {
		a.loan.State, a.loan.CloseTime = stateName(loanClosed), &now
	}
	a.loan, err = s.updateLoan(ctx, tx, a.loan)
	return a, err
}

// updateLoan writes the columns of a locked loan and answers the row as it now is. The version is a second belt beside the lock: whoever
// forgets to lock changes no row and gets an error.
func (s *Service) updateLoan(ctx context.Context, tx pgx.Tx, loan loansdb.Loan) (loansdb.Loan, error) {
	loan.Actor, loan.UpdateTime = actor.Must(ctx).String(), s.keeper.Clock.Now()
	err := changed(s.queries.UpdateLoan(ctx, tx, loansdb.UpdateLoanParams{
		State: loan.State, LevelMinor: loan.LevelMinor, OverpaidMinor: loan.OverpaidMinor, DisburseDate: loan.DisburseDate,
		MaturityDate: loan.MaturityDate, ValueDate: loan.ValueDate, CloseTime: loan.CloseTime, Actor: loan.Actor, Now: loan.UpdateTime,
		ID: loan.ID, Version: loan.Version,
	}))
	if err != nil {
		return loan, fmt.Errorf("update loan: %w", err)
	}
	loan.Version++
	return loan, nil
}

// message shows a loan with its figures as of a day. Until the money has arrived, and after a cancellation, nothing is owed.
func (a account) message(today civil.Date) (*loansv1.Loan, error) {
	loan, currency := a.loan, a.loan.Currency
	out := &loansv1.Loan{
		Id: id.Format(id.Loan, loan.ID), PersonId: id.Format(id.Person, loan.PersonID), AgreementId: id.Format(id.Agreement, loan.AgreementID),
		ApplicationId: id.Format(id.Application, loan.ApplicationID), ProductId: id.Format(id.Product, loan.ProductID), Number: loan.Number,
		State: loanState(loan.State), Principal: minor(loan.PrincipalMinor, currency), Overpaid: minor(loan.OverpaidMinor, currency),
		DisburseDate: wireDatePtr(loan.DisburseDate), MaturityDate: wireDatePtr(loan.MaturityDate), BusinessDate: wireDate(today),
		CloseTime: wireTimePtr(loan.CloseTime), CreateTime: timestamppb.New(loan.CreateTime),
	}
	accrued, on, err := a.asOf(today)
	if err != nil {
		return nil, err
	}
	// What is outstanding counts interest of all instalments to come, as scheduled. What it takes to end the loan today is QuotePayoff's
	// answer.
	open := accrued.state.Outstanding()
	out.PrincipalOutstanding, out.TotalOutstanding = minor(open.Principal, currency), minor(open.Total(), currency)
	out.Overdue = minor(accrued.state.PastDue(on).Total(), currency)
	// Days since the oldest due day that is not fully paid; 0 on the due day itself.
	out.DaysPastDue = int32(accrued.state.DaysPastDue(on))
	nextDate, nextDue := next(accrued.state, on)
	out.NextDue = minor(nextDue, currency)
	if nextDue > 0 {
		out.NextDueDate = wireDate(nextDate)
	}
	return out, nil
}

// next is the next due day that is not fully paid and what is to be paid by then, overdue amounts included. When all that is left is
// overdue, it is due on the day itself.
func next(s allocate.State, on civil.Date) (civil.Date, int64) {
	sum := int64(0)
	for _, i := range s.Instalments {
		open := i.Open().Total()
		sum += open
		if open > 0 && !i.Due.Before(on) {
			return i.Due, sum
		}
	}
	return on, sum
}

// schedule is the account's schedule with what is paid on it, penalties as of a day. Before the money has arrived it is the plan as if it
// arrived on that day. The APR is that of the loan as it was made.
func (a account) schedule(today civil.Date) (*loansv1.Schedule, error) {
	principal := money.Money{MinorUnits: a.loan.PrincipalMinor, Currency: a.loan.Currency}
	start := today
	if a.loan.DisburseDate != nil {
		start = *a.loan.DisburseDate
	}
	plan, err := a.product.plan(principal, int(a.loan.Instalments), start)
	if err != nil {
		return nil, err
	}
	// Totals and APR of the plan come first: the APR is that of the agreement and is not computed anew from what became of it.
	out, err := a.product.planned(plan)
	if err != nil || a.loan.DisburseDate == nil {
		return out, err
	}
	accrued, _, err := a.asOf(today)
	if err != nil {
		return nil, err
	}
	return fillSchedule(out, accrued.state, principal), nil
}

// fillSchedule replaces the planned rows of a schedule by those of a state. Penalties stand on their instalments but not in the total, which
// is what the loan costs by agreement.
func fillSchedule(out *loansv1.Schedule, state allocate.State, principal money.Money) *loansv1.Schedule {
	out.Instalments = make([]*loansv1.Instalment, len(state.Instalments))
	var sum amounts
	balance, currency := principal.MinorUnits, principal.Currency
	for i, row := range state.Instalments {
		// The balance is as scheduled: it falls by what is owed each time, not by what was paid.
		balance -= row.Owed.Principal
		sum = sum.plus(row.Owed)
		out.Instalments[i] = &loansv1.Instalment{
			Number: int32(row.Number), DueDate: wireDate(row.Due), Principal: minor(row.Owed.Principal, currency),
			Interest: minor(row.Owed.Interest, currency), Fee: minor(row.Owed.Fee, currency), Penalty: minor(row.Owed.Penalty, currency),
			Total: minor(row.Owed.Total(), currency), Paid: minor(row.Paid.Total(), currency), BalanceAfter: minor(balance, currency),
		}
	}
	out.TotalInterest, out.TotalFees = minor(sum.Interest, currency), minor(sum.Fee, currency)
	out.TotalPayable = minor(sum.Principal+sum.Interest+sum.Fee, currency)
	return out
}

// amounts sums the components of instalments, in minor units of one currency. The bounds of a schedule keep the sums within int64.
type amounts allocate.Amounts

func (a amounts) plus(b allocate.Amounts) amounts {
	return amounts{Penalty: a.Penalty + b.Penalty, Fee: a.Fee + b.Fee, Interest: a.Interest + b.Interest, Principal: a.Principal + b.Principal}
}

// paid is everything that has been paid on a state, by component.
func paid(s allocate.State) (sum amounts) {
	for _, i := range s.Instalments {
		sum = sum.plus(i.Paid)
	}
	return sum
}
